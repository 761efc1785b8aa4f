//! What the peer's description says of its data section.

use ieum_ice::Credentials;
use ieum_sdp::Candidate;
use ieum_sdp::webrtc::{Description, Media, Setup};

use super::is_data;
use crate::core::RemoteError;
use crate::core::dtls::Fingerprint;

/// The peer's data section.
#[derive(Debug, Clone)]
pub(in crate::core) struct RemoteData {
    pub(in crate::core) index: usize,
    pub(in crate::core) credentials: Credentials,
    pub(in crate::core) fingerprints: Vec<Fingerprint>,
    pub(in crate::core) setup: Option<Setup>,
    /// The largest message that the peer takes, in bytes.
    pub(in crate::core) max_message_size: usize,
    pub(in crate::core) candidates: Vec<Candidate>,
    pub(in crate::core) end_of_candidates: bool,
    pub(in crate::core) ice_lite: bool,
}

impl RemoteData {
    /// `None`: no data section, or a rejected one.
    pub(super) fn read(description: &Description) -> Result<Option<Self>, RemoteError> {
        let found = description.media.iter().enumerate();
        let Some((index, media)) = found
            .into_iter()
            .find(|(_, media)| is_data(media) && !media.is_rejected())
        else {
            return Ok(None);
        };
        let ice = media.ice.as_ref().ok_or(RemoteError::NoIceCredentials)?;
        Ok(Some(Self {
            index,
            credentials: Credentials {
                ufrag: ice.ufrag.clone(),
                pwd: ice.pwd.clone(),
            },
            fingerprints: fingerprints(media)?,
            setup: media.setup,
            max_message_size: max_message_size(media),
            candidates: media.candidates.clone(),
            end_of_candidates: media.end_of_candidates,
            ice_lite: description.ice_lite,
        }))
    }

    /// Whether a candidate of this section is for the data section's transport: it is the section itself, or one that
    /// is bundled with it and shares its credentials.
    pub(in crate::core) fn shares_transport(
        &self,
        description: &Description,
        index: usize,
    ) -> bool {
        if index == self.index {
            return true;
        }
        let Some(media) = description.media.get(index) else {
            return false;
        };
        let bundled = |media: &Media| {
            media
                .mid
                .as_ref()
                .is_some_and(|mid| description.bundle.contains(mid))
        };
        let same = media
            .ice
            .as_ref()
            .is_some_and(|ice| ice.ufrag == self.credentials.ufrag);
        same && bundled(media) && bundled(&description.media[self.index])
    }
}

fn fingerprints(media: &Media) -> Result<Vec<Fingerprint>, RemoteError> {
    let usable: Vec<_> = media
        .fingerprints
        .iter()
        .filter_map(|fingerprint| Fingerprint::new(fingerprint.hash.as_str(), &fingerprint.bytes))
        .collect();
    if usable.is_empty() {
        Err(RemoteError::NoFingerprint)
    } else {
        Ok(usable)
    }
}

/// RFC 8841 §6.1: 0 stands for any size, and 64 KiB is meant where nothing is said.
fn max_message_size(media: &Media) -> usize {
    match media.max_message_size {
        None => 65_536,
        Some(0) => usize::MAX,
        Some(size) => usize::try_from(size).unwrap_or(usize::MAX),
    }
}
