//! What our descriptions say.

use ieum_ice::{Candidate, Credentials};
use ieum_sdp::webrtc::{self, Description, Fingerprint, HashFunction, Media, Origin, Setup};

use super::{is_data, is_legacy_data};
use crate::core::RemoteError;
use crate::core::dtls::DtlsRole;

/// What this side is, for its descriptions.
#[derive(Debug)]
pub(in crate::core) struct Local<'a> {
    pub(in crate::core) credentials: &'a Credentials,
    /// SHA-256.
    pub(in crate::core) fingerprint: &'a [u8],
    pub(in crate::core) max_message_size: u32,
    /// What was gathered already.
    pub(in crate::core) candidates: Vec<Candidate>,
    pub(in crate::core) end_of_candidates: bool,
}

impl Local<'_> {
    /// RFC 9429 §5.2: the sections of the last negotiation, in order; at first one data section.
    pub(super) fn offer(&self, id: u64, version: u64, last: Option<&Description>) -> Description {
        let mut offer = self.begin(id, version);
        match last {
            None => offer
                .media
                .push(Media::data_channel(FIRST_MID, self.max_message_size.into())),
            Some(last) => {
                for media in &last.media {
                    let in_use = is_data(media) && !media.is_rejected();
                    offer.media.push(if in_use {
                        self.like(media)
                    } else {
                        media.rejected()
                    });
                }
            }
        }
        // An offer that only has rejected sections cannot open a channel: it gets a new one.
        if !offer
            .media
            .iter()
            .any(|media| is_data(media) && !media.is_rejected())
        {
            let mid = format!("data{}", offer.media.len());
            offer
                .media
                .push(Media::data_channel(&mid, self.max_message_size.into()));
        }
        for media in offer.media.iter_mut().filter(|media| !media.is_rejected()) {
            // RFC 8842 §5.2.
            self.say(media, Setup::ActPass);
            offer.bundle.extend(media.mid.clone());
        }
        offer
    }

    /// RFC 9429 §5.3: the first data section is accepted, every other section rejected.
    pub(super) fn answer(
        &self,
        id: u64,
        version: u64,
        offer: &Description,
        role: Option<DtlsRole>,
    ) -> Result<Description, RemoteError> {
        let mut answer = self.begin(id, version);
        let accepted = offer
            .media
            .iter()
            .position(|media| is_data(media) && !media.is_rejected());
        for (index, offered) in offer.media.iter().enumerate() {
            if accepted != Some(index) {
                answer.media.push(offered.rejected());
                continue;
            }
            let mut media = self.like(offered);
            self.say(&mut media, setup(offered.setup, role)?);
            // RFC 9143 §7.3: only what the offer bundled.
            let bundled = media.mid.clone().filter(|mid| offer.bundle.contains(mid));
            answer.bundle.extend(bundled);
            answer.media.push(media);
        }
        Ok(answer)
    }

    fn begin(&self, id: u64, version: u64) -> Description {
        let mut description = Description::new(Origin::new(id, version));
        // RFC 8840 §4.1.1, and RFC 8445 §10 as RFC 8839 §5.6 writes it.
        description.ice_options = vec!["trickle".to_owned(), "ice2".to_owned()];
        description
    }

    /// A data section in the form of another.
    fn like(&self, other: &Media) -> Media {
        let mut media = Media::data_channel("", self.max_message_size.into());
        media.mid.clone_from(&other.mid);
        media.protocol.clone_from(&other.protocol);
        if is_legacy_data(other) {
            media.formats.clone_from(&other.formats);
            media.sctp_port = None;
            media.other = vec![("sctpmap".to_owned(), Some(SCTP_MAP.to_owned()))];
        }
        media
    }

    fn say(&self, media: &mut Media, setup: Setup) {
        let Credentials { ufrag, pwd } = self.credentials.clone();
        media.ice = Some(webrtc::Credentials { ufrag, pwd });
        let bytes = self.fingerprint.to_vec();
        media.fingerprints = vec![Fingerprint {
            hash: HashFunction::Sha256,
            bytes,
        }];
        media.setup = Some(setup);
        media.candidates.clone_from(&self.candidates);
        media.end_of_candidates = self.end_of_candidates;
    }
}

/// What we answer to `a=setup` (RFC 8842 §5.3): active where we may choose, so that DTLS begins a trip earlier; the role that
/// we have, where there is an association.
fn setup(offered: Option<Setup>, role: Option<DtlsRole>) -> Result<Setup, RemoteError> {
    match (offered, role) {
        (Some(Setup::HoldConn), _) => Err(RemoteError::Setup("holdconn")),
        (Some(Setup::Active), _) => Ok(Setup::Passive),
        (Some(Setup::Passive), _) => Ok(Setup::Active),
        (_, Some(DtlsRole::Server)) => Ok(Setup::Passive),
        (_, _) => Ok(Setup::Active),
    }
}

/// As browsers number them.
const FIRST_MID: &str = "0";
/// draft-ietf-mmusic-sctp-sdp-07, which older peers follow.
const SCTP_MAP: &str = "5000 webrtc-datachannel 65535";
