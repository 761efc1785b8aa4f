//! The steps of a call in every order that they may have, and every call in every state.

use super::*;
use crate::core::SdpType;

/// A step, at the side that offers (`A`) or the one that answers (`B`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// `A` takes its offer back.
    TakeBack,
    /// `B` offers too, and is the one to give way; `A` ignores its offer.
    Glare,
    /// `A` offers.
    Offer,
    /// The offer arrives at `B`.
    OfferArrives,
    /// `A` finds its candidates.
    GatherA,
    /// They arrive at `B`, one by one, and their end.
    CandidatesOfA,
    /// `B` answers, not for good.
    Pranswer,
    PranswerArrives,
    /// `B` answers.
    Answer,
    AnswerArrives,
    GatherB,
    CandidatesOfB,
}

use Step::*;

/// What must come before what, and no more: the W3C takes a candidate where there is a remote description, and a description
/// comes after it was made, and in order.
const BEFORE: &[(Step, Step)] = &[
    (TakeBack, Offer),
    (Glare, OfferArrives),
    (Offer, OfferArrives),
    (Offer, GatherA),
    (GatherA, CandidatesOfA),
    (OfferArrives, CandidatesOfA),
    (OfferArrives, Pranswer),
    (OfferArrives, Answer),
    (Pranswer, Answer),
    (Pranswer, PranswerArrives),
    (PranswerArrives, AnswerArrives),
    (Answer, AnswerArrives),
    (GatherB, CandidatesOfB),
];

/// Every order of these steps.
fn orders(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut all = Vec::new();
    extend(&mut Vec::new(), steps, &mut all);
    all
}

fn extend(done: &mut Vec<Step>, left: &[Step], all: &mut Vec<Vec<Step>>) {
    if left.is_empty() {
        all.push(done.clone());
    }
    for (at, step) in left.iter().enumerate() {
        let waits = |other: &Step| BEFORE.contains(&(*other, *step));
        let one_of = |some: &[Step]| some.iter().any(|step| done.contains(step));
        // For these the first of several is enough.
        let is_early = match step {
            GatherB => !one_of(&[Glare, Pranswer, Answer]),
            CandidatesOfB => !one_of(&[PranswerArrives, AnswerArrives]),
            _ => false,
        };
        if left.iter().any(waits) || is_early {
            continue;
        }
        let mut rest = left.to_vec();
        done.push(rest.remove(at));
        extend(done, &rest, all);
        done.pop();
    }
}

const PLAIN: &[Step] = &[
    Offer,
    OfferArrives,
    GatherA,
    CandidatesOfA,
    Answer,
    AnswerArrives,
    GatherB,
    CandidatesOfB,
];

/// A call of which the descriptions are on their way.
struct Call {
    pair: Pair,
    offer: Option<SessionDescription>,
    pranswer: Option<SessionDescription>,
    answer: Option<SessionDescription>,
}

impl Call {
    fn new() -> Self {
        let mut network = Network::new(1, LAN);
        let mut a = Side::new(1, "192.0.2.1:5000");
        let (init, now) = (DataChannelInit::default(), network.now());
        let channel = a.core.create_data_channel(now, "x".into(), init).unwrap();
        let b = network.add(Side::new(2, "192.0.2.2:5000"));
        let a = network.add(a);
        let pair = Pair {
            network,
            a,
            b,
            channel,
        };
        let (offer, pranswer, answer) = (None, None, None);
        Self {
            pair,
            offer,
            pranswer,
            answer,
        }
    }

    fn step(&mut self, step: Step) {
        let now = self.pair.network.now();
        let (a, b) = (self.pair.a, self.pair.b);
        match step {
            TakeBack => {
                let core = &mut self.pair.a().core;
                core.set_local_description(now, None).unwrap();
                let rollback = SessionDescription::rollback();
                core.set_local_description(now, Some(rollback)).unwrap();
            }
            Glare => {
                let (core, init) = (&mut self.pair.b().core, DataChannelInit::default());
                core.create_data_channel(now, "y".into(), init).unwrap();
                core.set_local_description(now, None).unwrap();
            }
            Offer => self.offer = Some(described(self.pair.a(), now)),
            OfferArrives => arrives(self.pair.b(), now, self.offer.take()),
            GatherA => gather(self.pair.a(), now),
            CandidatesOfA => self.candidates(a, b),
            Pranswer => {
                let core = &mut self.pair.b().core;
                let answer = core.create_answer(now).unwrap();
                let kind = SdpType::Pranswer;
                let pranswer = SessionDescription { kind, ..answer };
                let set = core.set_local_description(now, Some(pranswer.clone()));
                set.unwrap();
                self.pranswer = Some(pranswer);
            }
            PranswerArrives => arrives(self.pair.a(), now, self.pranswer.take()),
            Answer => self.answer = Some(described(self.pair.b(), now)),
            AnswerArrives => arrives(self.pair.a(), now, self.answer.take()),
            GatherB => gather(self.pair.b(), now),
            CandidatesOfB => self.candidates(b, a),
        }
    }

    fn candidates(&mut self, from: NodeId, to: NodeId) {
        let now = self.pair.network.now();
        let core = &self.pair.network.node(from).core;
        let lines = core.local_candidates().map(ToString::to_string);
        let mut all: Vec<_> = lines.map(|line| core.candidate_init(line)).collect();
        assert!(!all.is_empty());
        all.push(core.candidate_init(String::new()));
        for init in all {
            let core = &mut self.pair.network.node_mut(to).core;
            core.add_ice_candidate(now, &init).unwrap();
        }
    }

    fn ends_connected(mut self) {
        self.pair.connect();
        self.pair.exchange();
        for node in [self.pair.a, self.pair.b] {
            let core = &self.pair.network.node(node).core;
            assert_eq!(core.signaling_state(), SignalingState::Stable);
            assert_eq!(core.connection_state(), ConnectionState::Connected);
        }
    }
}

fn described(side: &mut Side, now: Instant) -> SessionDescription {
    side.core.set_local_description(now, None).unwrap();
    side.core.local_description().unwrap()
}

fn arrives(side: &mut Side, now: Instant, description: Option<SessionDescription>) {
    let description = description.expect("it was made");
    side.core.set_remote_description(now, description).unwrap();
}

fn gather(side: &mut Side, now: Instant) {
    side.core.gather(now, &[side.address], &[], false);
}

/// Each order at once, and with time for what each step sets in motion. The longest makes a late answer: the other side
/// checks all the time.
fn all_connect(steps: &[Step], count: usize) {
    let all = orders(steps);
    assert_eq!(all.len(), count);
    for (number, order) in all.iter().enumerate() {
        let gap = [0, 35, 1000][number % 3];
        let ran = std::panic::catch_unwind(|| {
            let mut call = Call::new();
            for step in order {
                call.step(*step);
                call.pair.network.run_for(Duration::from_millis(gap));
            }
            call.ends_connected();
        });
        assert!(ran.is_ok(), "{gap} ms apart: {order:?}");
    }
}

#[test]
fn every_order_of_offer_answer_and_candidates_ends_connected() {
    all_connect(PLAIN, 40);
}

#[test]
fn every_order_with_a_provisional_answer_ends_connected() {
    all_connect(&[PLAIN, &[Pranswer, PranswerArrives]].concat(), 560);
}

#[test]
fn every_order_after_an_offer_that_was_taken_back_ends_connected() {
    all_connect(&[PLAIN, &[TakeBack]].concat(), 40);
}

#[test]
fn every_order_in_which_the_answering_side_had_offered_too_ends_connected() {
    all_connect(&[PLAIN, &[Glare]].concat(), 189);
}
