//! What an answer says: RFC 9429 §5.3.

use ieum_sdp::webrtc::{Description, Extmap, Media, Setup};

use super::capabilities::{codecs, common};
use super::offer::say_streams;
use super::simulcast::{say_encodings, taken};
use super::transceiver::{Transceiver, intersection};
use super::{Local, Negotiator, is_data};
use crate::core::RemoteError;
use crate::core::dtls::DtlsRole;

impl Negotiator {
    /// RFC 9429 §5.3.1. Everything goes over one transport: of the sections that could be accepted, those are that are
    /// bundled with the first of them, and of the data sections the first.
    ///
    /// The peer's simulcast is answered as one layer: an answer without `a=simulcast:recv` says so (RFC 8853 §5.3.3).
    pub(super) fn answer(
        &self,
        local: &Local<'_>,
        offer: &Description<'static>,
        role: Option<DtlsRole>,
    ) -> Result<Description<'static>, RemoteError> {
        let mut answer = self.begin(local);
        let mut first: Option<&Media<'static>> = None;
        let mut has_data = false;
        for (line, offered) in offer.media.iter().enumerate() {
            let shares = |first: &Media<'_>| are_bundled(offer, first, offered);
            let accepted = if offered.is_rejected() || !first.is_none_or(shares) {
                None
            } else if is_data(offered) {
                let is_first = !std::mem::replace(&mut has_data, true);
                is_first.then(|| local.like(offered))
            } else {
                self.accepted(line, offered)
            };
            let Some(mut media) = accepted else {
                answer.media.push(offered.rejected());
                continue;
            };
            local.say(&mut media, setup(offered_setup(offer, offered), role)?);
            if first.is_some() {
                media.candidates.clear();
                media.end_of_candidates = false;
            }
            first = first.or(Some(offered));
            answer.media.push(media);
        }
        let live = |mid: &&ieum_sdp::webrtc::Text<'static>| {
            let media = answer.media_of(mid);
            media.is_some_and(|media| !media.is_rejected())
        };
        // RFC 9143 §7.3: only what the offer bundled, in its order.
        let bundle = offer.bundle.iter().filter(live).cloned().collect();
        answer.bundle = bundle;
        answer.extmap_allow_mixed = offer.extmap_allow_mixed && self.has_media(&answer);
        Ok(answer)
    }

    fn has_media(&self, answer: &Description<'_>) -> bool {
        let mut media = answer.media.iter();
        media.any(|media| !media.is_rejected() && !is_data(media))
    }

    /// An audio or video section's answer; `None`: it is rejected, because its transceiver is stopped, there is no codec in
    /// common, or RTCP would need a port of its own (RFC 9429 §5.3.1, §4.1.1 "require").
    fn accepted(&self, line: usize, offered: &Media<'static>) -> Option<Media<'static>> {
        let mut live = self.transceivers.iter().filter(|it| it.is_live());
        let transceiver = live.find(|it| it.line == Some(line))?;
        if !is_rtp(offered) || !(offered.rtcp_mux || offered.rtcp_mux_only) {
            return None;
        }
        let mut media = Media::new(offered.kind.clone(), offered.protocol.clone());
        let ours = self.capabilities.of(transceiver.kind);
        let wanted = transceiver.preferences.as_ref();
        let codecs = common(
            &codecs(offered),
            wanted.unwrap_or(&ours.codecs),
            wanted.is_some(),
        );
        if codecs.is_empty() {
            return None;
        }
        for codec in codecs {
            media.push_codec(codec);
        }
        media.mid.clone_from(&offered.mid);
        media.extmaps = extensions(offered, &ours.header_extensions);
        media.extmap_allow_mixed = offered.extmap_allow_mixed;
        media.direction = answered_direction(transceiver, offered);
        media.rtcp_mux = true;
        media.rtcp_rsize = offered.rtcp_rsize;
        say_streams(&mut media, transceiver);
        say_encodings(&mut media, &taken(&transceiver.send_encodings, offered));
        Some(media)
    }
}

/// RFC 9429 §5.3.1: what the peer leaves of what we want.
pub(super) fn answered_direction(
    transceiver: &Transceiver,
    offered: &Media<'_>,
) -> ieum_sdp::webrtc::Direction {
    intersection(transceiver.direction(), offered.direction.reversed())
}

fn extensions(offered: &Media<'static>, ours: &[String]) -> Vec<Extmap<'static>> {
    let known = offered
        .extmaps
        .iter()
        .filter(|it| ours.iter().any(|uri| *uri == it.uri));
    let answered = |it: &Extmap<'static>| Extmap {
        direction: it.direction.map(ieum_sdp::webrtc::Direction::reversed),
        ..it.clone()
    };
    known.map(answered).collect()
}

fn are_bundled(offer: &Description<'_>, one: &Media<'_>, other: &Media<'_>) -> bool {
    let is_in = |media: &Media<'_>| {
        let mid = media.mid.as_ref();
        mid.is_some_and(|mid| offer.bundle.contains(mid))
    };
    is_in(one) && is_in(other)
}

/// Of the section, or of the one whose transport it shares.
fn offered_setup(offer: &Description<'_>, offered: &Media<'_>) -> Option<Setup> {
    let tagged = || {
        let tagged = offer.media_of(offer.bundle.first()?)?;
        tagged.setup.filter(|_| are_bundled(offer, tagged, offered))
    };
    offered.setup.or_else(tagged)
}

/// RFC 9429 §5.1.2: the profiles of RTP over DTLS that are understood; the answer repeats what it was.
fn is_rtp(media: &Media<'_>) -> bool {
    matches!(
        media.protocol.as_ref(),
        "UDP/TLS/RTP/SAVPF"
            | "UDP/TLS/RTP/SAVP"
            | "TCP/DTLS/RTP/SAVPF"
            | "TCP/DTLS/RTP/SAVP"
            | "RTP/SAVPF"
            | "RTP/SAVP"
    )
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
