//! Every call in every signaling state (WebRTC 1.0 §4.4.1): which are refused, and by the W3C's name of the error.

use super::*;
use crate::core::{Error, IceCandidateInit, SdpType};
use SignalingState::{
    Closed, HaveLocalOffer, HaveLocalPranswer, HaveRemoteOffer, HaveRemotePranswer, Stable,
};

/// A connection in a state, and what the other side would say to it.
struct Subject {
    core: Connection,
    their_offer: SessionDescription,
    their_answer: Option<SessionDescription>,
}

fn peer(seed: u8, now: Instant) -> Connection {
    let mut core = Side::new(seed, "192.0.2.1:5000").core;
    let init = DataChannelInit::default();
    core.create_data_channel(now, "x".into(), init).unwrap();
    core
}

fn in_state(state: SignalingState, now: Instant) -> Subject {
    let (mut core, mut other) = (peer(1, now), peer(2, now));
    let mut their_answer = None;
    let their_offer = peer(3, now).create_offer(now).unwrap();
    let provisional = |answer: SessionDescription| SessionDescription {
        kind: SdpType::Pranswer,
        ..answer
    };
    match state {
        Stable => {}
        HaveLocalOffer | HaveRemotePranswer => {
            core.set_local_description(now, None).unwrap();
            let offer = core.local_description().unwrap();
            other.set_remote_description(now, offer).unwrap();
            let answer = other.create_answer(now).unwrap();
            if state == HaveRemotePranswer {
                let pranswer = provisional(answer.clone());
                core.set_remote_description(now, pranswer).unwrap();
            }
            their_answer = Some(answer);
        }
        HaveRemoteOffer | HaveLocalPranswer => {
            let offer = other.create_offer(now).unwrap();
            core.set_remote_description(now, offer).unwrap();
            if state == HaveLocalPranswer {
                let pranswer = provisional(core.create_answer(now).unwrap());
                core.set_local_description(now, Some(pranswer)).unwrap();
            }
        }
        Closed => core.close_now(now),
    }
    assert_eq!(core.signaling_state(), state);
    Subject {
        core,
        their_offer,
        their_answer,
    }
}

type Call = fn(&mut Subject, Instant) -> Result<(), Error>;

/// A description of ours of this kind, made where the state lets it be made.
fn local(subject: &mut Subject, now: Instant, kind: SdpType) -> Result<(), Error> {
    let core = &mut subject.core;
    let made = match kind {
        SdpType::Offer => core.create_offer(now),
        _ => core.create_answer(now),
    };
    let sdp = made.map(|made| made.sdp).unwrap_or_default();
    core.set_local_description(now, Some(SessionDescription { kind, sdp }))
}

fn remote(subject: &mut Subject, now: Instant, kind: SdpType) -> Result<(), Error> {
    let sdp = match kind {
        SdpType::Offer => subject.their_offer.sdp.clone(),
        _ => subject
            .their_answer
            .as_ref()
            .unwrap_or(&subject.their_offer)
            .sdp
            .clone(),
    };
    let description = SessionDescription { kind, sdp };
    subject.core.set_remote_description(now, description)
}

fn candidate(subject: &mut Subject, now: Instant) -> Result<(), Error> {
    let line = "candidate:1 1 udp 2130706431 192.0.2.9 9 typ host";
    let init = IceCandidateInit {
        candidate: line.into(),
        sdp_m_line_index: Some(0),
        ..IceCandidateInit::default()
    };
    subject.core.add_ice_candidate(now, &init)
}

fn data_channel(subject: &mut Subject, now: Instant) -> Result<(), Error> {
    let init = DataChannelInit::default();
    let created = subject.core.create_data_channel(now, "y".into(), init);
    created.map(|_| ())
}

/// Each call, and the states that allow it.
const CALLS: &[(&str, Call, &[SignalingState])] = &[
    (
        "create_offer",
        |subject, now| subject.core.create_offer(now).map(|_| ()),
        &[Stable, HaveLocalOffer],
    ),
    (
        "create_answer",
        |subject, now| subject.core.create_answer(now).map(|_| ()),
        &[HaveRemoteOffer, HaveLocalPranswer],
    ),
    (
        "set_local_description, implicit",
        |subject, now| subject.core.set_local_description(now, None),
        &[Stable, HaveLocalOffer, HaveRemoteOffer, HaveLocalPranswer],
    ),
    (
        "set_local_description, offer",
        |subject, now| local(subject, now, SdpType::Offer),
        &[Stable, HaveLocalOffer],
    ),
    (
        "set_local_description, pranswer",
        |subject, now| local(subject, now, SdpType::Pranswer),
        &[HaveRemoteOffer, HaveLocalPranswer],
    ),
    (
        "set_local_description, answer",
        |subject, now| local(subject, now, SdpType::Answer),
        &[HaveRemoteOffer, HaveLocalPranswer],
    ),
    (
        "set_local_description, rollback",
        |subject, now| local(subject, now, SdpType::Rollback),
        &[HaveLocalOffer, HaveRemoteOffer],
    ),
    (
        "set_remote_description, offer",
        |subject, now| remote(subject, now, SdpType::Offer),
        &[Stable, HaveLocalOffer, HaveRemoteOffer],
    ),
    (
        "set_remote_description, pranswer",
        |subject, now| remote(subject, now, SdpType::Pranswer),
        &[HaveLocalOffer, HaveRemotePranswer],
    ),
    (
        "set_remote_description, answer",
        |subject, now| remote(subject, now, SdpType::Answer),
        &[HaveLocalOffer, HaveRemotePranswer],
    ),
    (
        "set_remote_description, rollback",
        |subject, now| remote(subject, now, SdpType::Rollback),
        &[HaveLocalOffer, HaveRemoteOffer],
    ),
    // Where there is a remote description.
    (
        "add_ice_candidate",
        candidate,
        &[HaveRemoteOffer, HaveLocalPranswer, HaveRemotePranswer],
    ),
    (
        "create_data_channel",
        data_channel,
        &[
            Stable,
            HaveLocalOffer,
            HaveRemoteOffer,
            HaveLocalPranswer,
            HaveRemotePranswer,
        ],
    ),
];

#[test]
fn every_call_that_a_state_does_not_allow_is_an_invalid_state_error_and_changes_nothing() {
    let now = Instant::now();
    for (name, call, allowed) in CALLS {
        for state in SignalingState::ALL {
            let mut subject = in_state(state, now);
            let of = |core: &Connection| {
                let described = (core.local_description(), core.remote_description());
                (
                    core.signaling_state(),
                    core.descriptions_version(),
                    described,
                )
            };
            let before = of(&subject.core);
            let result = call(&mut subject, now);
            if allowed.contains(&state) {
                assert_eq!(result, Ok(()), "{name} in {state}");
                continue;
            }
            let error = result.expect_err(&format!("{name} in {state}")).to_string();
            assert!(
                error.starts_with("InvalidStateError: "),
                "{name} in {state}: {error}"
            );
            assert_eq!(of(&subject.core), before, "{name} in {state}");
        }
    }
}
