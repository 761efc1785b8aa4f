//! What this side is, as its descriptions say it.

use std::time::Duration;

use ieum_ice::{Candidate, Credentials, Options};
use ieum_sdp::webrtc::{self, Description, Fingerprint, HashFunction, Media, Setup};

use super::is_legacy_data;

/// What this side's transport is, for its descriptions.
#[derive(Debug, Clone)]
pub struct Local<'a> {
    /// Of the ICE agent. Others than in the last offer restart ICE.
    pub credentials: &'a Credentials,
    /// How it does ICE.
    pub ice: Options,
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
    /// What holds for the whole description: RFC 8839 §5.3, §5.5 and §5.6.
    pub(super) fn say_ice(&self, description: &mut Description<'static>) {
        let Options {
            lite,
            pacing,
            ice2,
            renomination,
        } = self.ice;
        // RFC 8840 §4.1.1; RFC 8445 §10; draft-thatcher-ice-renomination §4.
        let options = [
            (true, "trickle"),
            (ice2, "ice2"),
            (renomination, "renomination"),
        ];
        let said = options.into_iter().filter(|(is_said, _)| *is_said);
        description.ice_options = said.map(|(_, option)| option.into()).collect();
        description.ice_lite = lite;
        description.ice_pacing = pacing.map(whole_ms);
    }

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

/// In milliseconds, as the attribute counts; never faster than asked for.
fn whole_ms(pacing: Duration) -> u32 {
    let ms = pacing.as_nanos().div_ceil(1_000_000);
    u32::try_from(ms).unwrap_or(u32::MAX)
}

/// draft-ietf-mmusic-sctp-sdp-07, which older peers follow.
const SCTP_MAP: &str = "5000 webrtc-datachannel 65535";
