//! What this side is, as its descriptions say it.

use ieum_ice::{Candidate, Credentials};
use ieum_sdp::webrtc::{self, Fingerprint, HashFunction, Media, Setup};

use super::is_legacy_data;

/// What this side's transport is, for its descriptions.
#[derive(Debug, Clone)]
pub struct Local<'a> {
    /// Of the ICE agent. Others than in the last offer restart ICE.
    pub credentials: &'a Credentials,
    /// The SHA-256 of the DTLS certificate, 32 bytes.
    pub fingerprint: &'a [u8],
    /// The largest message that data channels take, in bytes.
    pub max_message_size: u32,
    /// What was gathered already.
    pub candidates: Vec<Candidate>,
    /// Whether that is all.
    pub end_of_candidates: bool,
}

impl Local<'_> {
    /// A data section in the form of another.
    pub(super) fn like(&self, other: &Media<'static>) -> Media<'static> {
        let mut media = Media::data_channel("", self.max_message_size.into());
        media.mid.clone_from(&other.mid);
        media.protocol.clone_from(&other.protocol);
        if is_legacy_data(other) {
            media.formats.clone_from(&other.formats);
            media.sctp_port = None;
            media.other = vec![("sctpmap".into(), Some(SCTP_MAP.into()))];
        }
        media
    }

    pub(super) fn say(&self, media: &mut Media<'static>, setup: Setup) {
        let Credentials { ufrag, pwd } = self.credentials.clone();
        media.ice = Some(webrtc::Credentials {
            ufrag: ufrag.into(),
            pwd: pwd.into(),
        });
        let bytes = self.fingerprint.to_vec();
        media.fingerprints = vec![Fingerprint {
            hash: HashFunction::Sha256,
            bytes,
        }];
        media.setup = Some(setup);
        media.candidates = self.candidates.iter().cloned().map(Into::into).collect();
        media.end_of_candidates = self.end_of_candidates;
    }
}

/// draft-ietf-mmusic-sctp-sdp-07, which older peers follow.
const SCTP_MAP: &str = "5000 webrtc-datachannel 65535";
