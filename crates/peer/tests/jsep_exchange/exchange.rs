//! Two negotiators over an ordered channel each way, both by the rules of perfect negotiation, driven by bytes: each byte
//! is an operation of one side. In the end both are left to finish, and must agree.

use std::collections::VecDeque;

use ieum_ice::{Credentials, Options};
use ieum_peer::core::jsep::{
    Capabilities, Direction, Local, Negotiator, TrackKind, TransceiverId, TransceiverInit,
};
use ieum_peer::core::{SdpType, SessionDescription, SignalingState};
use ieum_sdp::webrtc::{Codec, Description, RtpMap};

/// Runs the operations, and lets both sides finish.
///
/// # Panics
/// When an operation fails that its state allows, or when the two do not agree in the end.
pub(crate) fn run(operations: &[u8]) {
    let mut sides = [Side::new(true), Side::new(false)];
    for operation in operations {
        let me = usize::from(operation & 1);
        let [a, b] = &mut sides;
        let (own, other) = if me == 0 { (a, b) } else { (b, a) };
        own.operate(operation >> 1, other);
    }
    finish(&mut sides);
    agree(&sides);
}

/// One peer.
struct Side {
    negotiator: Negotiator,
    is_polite: bool,
    ignores_offer: bool,
    /// What has been sent to it and not been read yet.
    inbox: VecDeque<SessionDescription>,
    generation: u32,
}

impl Side {
    fn new(is_polite: bool) -> Self {
        Self {
            negotiator: Negotiator::new(u64::from(is_polite), capabilities()),
            is_polite,
            ignores_offer: false,
            inbox: VecDeque::new(),
            generation: 0,
        }
    }

    fn operate(&mut self, operation: u8, other: &mut Self) {
        let argument = usize::from(operation >> 4);
        match operation & 15 {
            0 => self.add(TrackKind::Audio, argument),
            1 => self.add(TrackKind::Video, argument),
            2 => self.add_track(argument),
            3 => self.with_transceiver(argument, |it, id| it.remove_track(id)),
            4 => self.with_transceiver(argument, |it, id| it.stop(id)),
            5 => self.with_transceiver(argument, |it, id| {
                it.set_direction(id, DIRECTIONS[argument % 4])
            }),
            6 => self.negotiator.want_data(),
            7 => {
                self.negotiator.restart_ice();
                self.generation += 1;
            }
            8 => self.offer_and_take_back(),
            9 => self.misuse(),
            10 => self.provisional(other),
            11 | 12 => self.offer(other),
            _ => self.receive(other),
        }
    }

    fn add(&mut self, kind: TrackKind, argument: usize) {
        if self.negotiator.transceivers().len() < MOST {
            let init = TransceiverInit {
                direction: DIRECTIONS[argument % 4],
                streams: vec![format!("stream{argument}")],
                send_encodings: vec!["h".into(), "l".into()],
            };
            self.negotiator.add_transceiver(kind, init).unwrap();
        }
    }

    fn add_track(&mut self, argument: usize) {
        let kind = [TrackKind::Audio, TrackKind::Video][argument % 2];
        if self.negotiator.transceivers().len() < MOST {
            self.negotiator.add_track(kind, Vec::new()).unwrap();
        }
    }

    fn with_transceiver(
        &mut self,
        argument: usize,
        change: impl FnOnce(&mut Negotiator, TransceiverId) -> Result<(), ieum_peer::core::Error>,
    ) {
        let transceivers = self.negotiator.transceivers();
        let mut live = transceivers.iter().filter(|it| !it.is_stopping()).cycle();
        if let Some(id) = live.nth(argument).map(|it| it.id()) {
            change(&mut self.negotiator, id).unwrap();
        }
    }

    /// W3C perfect negotiation: offers in `stable`.
    fn offer(&mut self, other: &mut Self) {
        if self.negotiator.signaling_state() == SignalingState::Stable {
            let offer = self.with_local(|negotiator, local| negotiator.create_offer(local));
            self.negotiator.set_local(offer.clone()).unwrap();
            other.inbox.push_back(offer);
        }
    }

    /// An explicit rollback, of an offer that nobody has seen.
    fn offer_and_take_back(&mut self) {
        if self.negotiator.signaling_state() == SignalingState::Stable {
            let before = format!("{:?}", self.negotiator.transceivers());
            let offer = self.with_local(|negotiator, local| negotiator.create_offer(local));
            self.negotiator.set_local(offer).unwrap();
            self.negotiator
                .set_local(SessionDescription::rollback())
                .unwrap();
            assert_eq!(before, format!("{:?}", self.negotiator.transceivers()));
        }
    }

    /// What the state does not allow changes nothing.
    fn misuse(&mut self) {
        let before = self.negotiator.signaling_state();
        if before == SignalingState::Stable {
            let answer = SessionDescription::answer("");
            assert!(self.negotiator.set_local(answer.clone()).is_err());
            assert!(self.negotiator.set_remote(answer).is_err());
            assert!(
                self.negotiator
                    .set_local(SessionDescription::rollback())
                    .is_err()
            );
        }
        let broken = SessionDescription::offer("v=0\r\nm=\r\n");
        assert!(self.negotiator.set_remote(broken).is_err());
        assert_eq!(before, self.negotiator.signaling_state());
    }

    /// Answers the offer that waits provisionally.
    fn provisional(&mut self, other: &mut Self) {
        if self.negotiator.signaling_state() == SignalingState::HaveLocalPranswer {
            self.answer(other);
        } else if self.takes_offer() {
            let answer = self.with_local(|negotiator, local| negotiator.create_answer(local, None));
            let provisional = SessionDescription {
                kind: SdpType::Pranswer,
                ..answer
            };
            self.negotiator.set_local(provisional.clone()).unwrap();
            other.inbox.push_back(provisional);
        }
    }

    fn receive(&mut self, other: &mut Self) {
        if self.negotiator.signaling_state() == SignalingState::HaveLocalPranswer {
            return self.answer(other);
        }
        let next = self.inbox.front().map(|it| it.kind);
        if next == Some(SdpType::Offer) {
            if self.takes_offer() {
                self.answer(other);
            }
        } else if let Some(answer) = self.inbox.pop_front() {
            self.negotiator.set_remote(answer).unwrap();
        }
    }

    fn answer(&mut self, other: &mut Self) {
        let answer = self.with_local(|negotiator, local| negotiator.create_answer(local, None));
        self.negotiator.set_local(answer.clone()).unwrap();
        other.inbox.push_back(answer);
    }

    /// Takes the offer that is next, or ignores it as the impolite side does where it collides with its own.
    fn takes_offer(&mut self) -> bool {
        if self
            .inbox
            .front()
            .is_none_or(|next| next.kind != SdpType::Offer)
        {
            return false;
        }
        let offer = self.inbox.pop_front().unwrap();
        let collides = self.negotiator.collides(offer.kind);
        self.ignores_offer = collides && !self.is_polite;
        if self.ignores_offer {
            return false;
        }
        let outcome = self.negotiator.set_remote(offer).unwrap();
        assert_eq!(outcome.rolled_back, collides);
        true
    }

    fn with_local<T>(
        &mut self,
        run: impl FnOnce(&mut Negotiator, &Local<'_>) -> Result<T, ieum_peer::core::Error>,
    ) -> T {
        let credentials = Credentials {
            ufrag: format!("u{}{:03}", u8::from(self.is_polite), self.generation % 1000),
            pwd: "asd88fgpdd777uzjYhagZg".to_owned(),
        };
        let local = Local {
            credentials: &credentials,
            ice: Options::default(),
            fingerprint: &[7; 32],
            max_message_size: 262_144,
            candidates: Vec::new(),
            end_of_candidates: false,
        };
        run(&mut self.negotiator, &local).unwrap()
    }
}

/// Delivers and negotiates until nobody has anything to say.
fn finish(sides: &mut [Side; 2]) {
    for _ in 0..ROUNDS {
        for me in [0, 1] {
            let [a, b] = &mut *sides;
            let (own, other) = if me == 0 { (a, b) } else { (b, a) };
            while !own.inbox.is_empty()
                || own.negotiator.signaling_state() == SignalingState::HaveLocalPranswer
            {
                own.receive(other);
            }
        }
        let quiet = |side: &Side| {
            side.inbox.is_empty() && side.negotiator.signaling_state() == SignalingState::Stable
        };
        if !sides.iter().all(quiet) {
            continue;
        }
        let [a, b] = &mut *sides;
        if a.negotiator.negotiation_needed() {
            a.offer(b);
        } else if b.negotiator.negotiation_needed() {
            b.offer(a);
        } else {
            return;
        }
    }
    let states = sides.each_ref().map(|it| it.negotiator.signaling_state());
    panic!("the two never come to rest: {states:?}");
}

/// Both say the same of every section and every transceiver.
fn agree(sides: &[Side; 2]) {
    let [a, b] = sides.each_ref().map(|side| &side.negotiator);
    assert_eq!(
        [a.signaling_state(), b.signaling_state()],
        [SignalingState::Stable; 2]
    );
    assert_eq!(a.local_description(), b.remote_description());
    assert_eq!(b.local_description(), a.remote_description());
    let Some(description) = a.local_description() else {
        return;
    };
    let description = Description::parse(&description.sdp).unwrap();
    for (line, media) in description.media.iter().enumerate() {
        let [ours, theirs] = [a, b].map(|it| {
            let mut all = it.transceivers().iter();
            all.find(|it| it.section() == Some(line))
        });
        assert_eq!(ours.is_some(), theirs.is_some(), "section {line}");
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            assert_eq!(ours.mid(), media.mid.as_deref());
            assert_eq!(ours.mid(), theirs.mid());
            assert_eq!(ours.kind(), theirs.kind());
            let theirs = theirs.current_direction().map(Direction::reversed);
            assert!(ours.current_direction().is_some());
            assert_eq!(ours.current_direction(), theirs, "section {line}");
        }
    }
    for side in [a, b] {
        let sections = side.transceivers().iter().map(|it| it.section());
        assert!(sections.clone().all(|it| it.is_some()));
        let mut lines: Vec<_> = sections.collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), side.transceivers().len());
    }
}

fn capabilities() -> Capabilities {
    let codec = |payload_type, name: &'static str, clock_rate| Codec {
        rtpmap: Some(RtpMap {
            name: name.into(),
            clock_rate,
            channels: None,
        }),
        ..Codec::new(payload_type)
    };
    let mut capabilities = Capabilities::default();
    capabilities.audio.codecs = vec![codec(111, "opus", 48_000), codec(0, "PCMU", 8_000)];
    capabilities.video.codecs = vec![codec(96, "VP8", 90_000)];
    capabilities
}

const DIRECTIONS: [Direction; 4] = [
    Direction::SendRecv,
    Direction::SendOnly,
    Direction::RecvOnly,
    Direction::Inactive,
];
/// More transceivers than this show nothing new.
const MOST: usize = 6;
/// More than two sides that agree can need.
const ROUNDS: usize = 50;
