//! What the peer's description says of its transport.

use std::time::Duration;

use ieum_ice::{Credentials, Options};
use ieum_sdp::Candidate;
use ieum_sdp::webrtc::{Description, Media, MediaCandidate, Setup};

use crate::core::RemoteError;
use crate::core::dtls::Fingerprint;

/// The peer's transport, as a section says it: the data section's, where there is one.
#[derive(Debug, Clone)]
pub(in crate::core) struct RemoteTransport {
    pub(in crate::core) index: usize,
    pub(in crate::core) credentials: Credentials,
    pub(in crate::core) fingerprints: Vec<Fingerprint>,
    pub(in crate::core) setup: Option<Setup>,
    /// The largest message that the peer takes, in bytes.
    pub(in crate::core) max_message_size: usize,
    pub(in crate::core) candidates: Vec<Candidate>,
    pub(in crate::core) end_of_candidates: bool,
    /// How the peer does ICE.
    pub(in crate::core) ice: Options,
}

impl RemoteTransport {
    /// Of the section of this number: what it says itself, and where it says nothing, what the section says whose transport
    /// it shares (RFC 9143 §7.1.3: the first of the bundle).
    pub(super) fn read(description: &Description<'_>, index: usize) -> Result<Self, RemoteError> {
        let media = &description.media[index];
        let tagged = tagged(description, media).unwrap_or(media);
        let said = if media.ice.is_some() { media } else { tagged };
        let ice = said.ice.as_ref().ok_or(RemoteError::NoIceCredentials)?;
        let own = !media.candidates.is_empty() || media.end_of_candidates || tagged.ice != said.ice;
        let found = if own { media } else { tagged };
        Ok(Self {
            index,
            credentials: Credentials {
                ufrag: ice.ufrag.to_string(),
                pwd: ice.pwd.to_string(),
            },
            fingerprints: fingerprints(if media.fingerprints.is_empty() {
                tagged
            } else {
                media
            })?,
            setup: media.setup.or(tagged.setup),
            max_message_size: max_message_size(media),
            candidates: found
                .candidates
                .iter()
                .map(MediaCandidate::to_candidate)
                .collect(),
            end_of_candidates: found.end_of_candidates,
            ice: options(description),
        })
    }

    /// Whether a candidate of this section is for this transport: it is the section itself, or one that
    /// is bundled with it and shares its credentials.
    pub(in crate::core) fn shares_transport(
        &self,
        description: &Description<'_>,
        index: usize,
    ) -> bool {
        if index == self.index {
            return true;
        }
        let Some(media) = description.media.get(index) else {
            return false;
        };
        let bundled = |media: &Media<'_>| {
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

/// The section whose transport this one shares.
fn tagged<'d>(description: &'d Description<'_>, media: &Media<'_>) -> Option<&'d Media<'d>> {
    let mid = media.mid.as_ref()?;
    description.bundle.contains(mid).then_some(())?;
    let mut bundled = description.bundle.iter();
    bundled.find_map(|mid| {
        description
            .media_of(mid)
            .filter(|media| !media.is_rejected())
    })
}

fn options(description: &Description<'_>) -> Options {
    let says = |option: &str| description.ice_options.iter().any(|said| said == option);
    let pacing = description.ice_pacing.map(u64::from);
    Options {
        lite: description.ice_lite,
        pacing: pacing.map(Duration::from_millis),
        ice2: says("ice2"),
        renomination: says("renomination"),
    }
}

fn fingerprints(media: &Media<'_>) -> Result<Vec<Fingerprint>, RemoteError> {
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
fn max_message_size(media: &Media<'_>) -> usize {
    match media.max_message_size {
        None => 65_536,
        Some(0) => usize::MAX,
        Some(size) => usize::try_from(size).unwrap_or(usize::MAX),
    }
}
