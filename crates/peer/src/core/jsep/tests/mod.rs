//! Each test is a rule, with the section that has it.

mod bundle;
mod codecs;
mod data;
mod needed;
mod sections;
mod simulcast;
mod states;
mod transceivers;

use ieum_ice::{Credentials, Options};
use ieum_sdp::webrtc::{Codec, Description, RtpMap};

use super::*;
use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};

fn codec(payload_type: u8, name: &'static str, clock_rate: u32) -> Codec<'static> {
    Codec {
        rtpmap: Some(RtpMap {
            name: name.into(),
            clock_rate,
            channels: (name == "opus").then_some(2),
        }),
        ..Codec::new(payload_type)
    }
}

fn repair(payload_type: u8, repaired: u8) -> Codec<'static> {
    Codec {
        parameters: Some(format!("apt={repaired}").into()),
        ..codec(payload_type, "rtx", 90_000)
    }
}

fn capabilities() -> Capabilities {
    let mut vp8 = codec(96, "VP8", 90_000);
    vp8.feedback = vec!["nack".into(), "nack pli".into()];
    let extension = |uri: &str| format!("urn:ietf:params:rtp-hdrext:{uri}");
    Capabilities {
        audio: MediaCapabilities {
            codecs: vec![codec(111, "opus", 48_000), codec(0, "PCMU", 8_000)],
            header_extensions: vec![extension("sdes:mid"), extension("ssrc-audio-level")],
        },
        video: MediaCapabilities {
            codecs: vec![
                vp8,
                repair(97, 96),
                codec(98, "VP9", 90_000),
                repair(99, 98),
            ],
            header_extensions: vec![extension("sdes:mid"), extension("toffset")],
        },
    }
}

fn peer() -> Negotiator {
    Negotiator::new(1, capabilities())
}

fn with_ufrag<T>(ufrag: &str, run: impl FnOnce(&Local<'_>) -> T) -> T {
    let (ufrag, pwd) = (ufrag.to_owned(), "asd88fgpdd777uzjYhagZg".to_owned());
    run(&Local {
        credentials: &Credentials { ufrag, pwd },
        ice: Options::default(),
        fingerprint: &[7; 32],
        max_message_size: 262_144,
        candidates: Vec::new(),
        end_of_candidates: false,
    })
}

fn with_local<T>(run: impl FnOnce(&Local<'_>) -> T) -> T {
    with_ufrag("8hhY", run)
}

/// Creates an offer and sets it.
fn offer(peer: &mut Negotiator) -> SessionDescription {
    let offer = with_local(|local| peer.create_offer(local)).unwrap();
    peer.set_local(offer.clone()).unwrap();
    offer
}

/// Answers the offer that is set, and sets the answer.
fn answer(peer: &mut Negotiator) -> SessionDescription {
    let answer = with_local(|local| peer.create_answer(local, None)).unwrap();
    peer.set_local(answer.clone()).unwrap();
    answer
}

/// A whole negotiation: what was offered, and what was answered.
fn negotiate(
    a: &mut Negotiator,
    b: &mut Negotiator,
) -> (Description<'static>, Description<'static>) {
    let offer = offer(a);
    b.set_remote(offer.clone()).unwrap();
    let answer = answer(b);
    a.set_remote(answer.clone()).unwrap();
    (read(&offer), read(&answer))
}

fn read(description: &SessionDescription) -> Description<'static> {
    Description::parse(&description.sdp).unwrap().into_owned()
}

fn init(direction: Direction) -> TransceiverInit {
    TransceiverInit {
        direction,
        ..TransceiverInit::default()
    }
}

fn add(peer: &mut Negotiator, kind: TrackKind, direction: Direction) -> TransceiverId {
    peer.add_transceiver(kind, init(direction)).unwrap()
}

fn mids(description: &Description<'_>) -> Vec<String> {
    let mids = description.media.iter().map(|it| it.mid.as_deref());
    mids.map(|mid| mid.unwrap_or_default().to_owned()).collect()
}

fn formats(media: &Media<'_>) -> Vec<String> {
    media.formats.iter().map(ToString::to_string).collect()
}

fn directions(peer: &Negotiator) -> Vec<Option<Direction>> {
    peer.transceivers()
        .iter()
        .map(Transceiver::current_direction)
        .collect()
}

use TrackKind::{Audio, Video};
