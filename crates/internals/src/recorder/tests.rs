use std::time::Duration;

use ieum_candidate::{Candidate, Kind};
use ieum_peer::{ConnectionState, DtlsVersion};

use super::*;
use crate::What;

fn candidate(line: &str) -> Candidate {
    line.parse().unwrap()
}

fn host(port: u16) -> Candidate {
    candidate(&format!(
        "candidate:1 1 udp 2130706431 10.0.0.2 {port} typ host"
    ))
}

fn relay() -> Candidate {
    candidate("candidate:2 1 udp 1000 203.0.113.9 50000 typ relay raddr 198.51.100.1 rport 4000")
}

/// What a caller's connection goes through, one occurrence each millisecond.
fn successful_call() -> Vec<Occurrence> {
    vec![
        Occurrence::LocalDescription {
            kind: SdpType::Offer,
        },
        Occurrence::LocalCandidate(host(1)),
        Occurrence::LocalCandidateRedundant {
            kind: Kind::ServerReflexive,
            server: "stun:203.0.113.9".into(),
        },
        Occurrence::RemoteDescription {
            kind: SdpType::Answer,
        },
        Occurrence::RemoteCandidate(host(2)),
        Occurrence::RemoteCandidate(relay()),
        Occurrence::PairSelected {
            local: host(1),
            remote: host(2),
        },
        Occurrence::DtlsConnected {
            version: DtlsVersion::V1_2,
        },
        Occurrence::ConnectionState(ConnectionState::Connected),
        Occurrence::ChannelOpen {
            label: "ieum".into(),
            id: 0,
        },
        Occurrence::GatheringState(IceGatheringState::Complete),
    ]
}

fn play(occurrences: &[Occurrence]) -> (Recorder, Recording) {
    let start = Instant::now();
    let (mut recorder, recording) = Recorder::new(start);
    for (i, occurrence) in (1..).zip(occurrences) {
        recorder.observe(start + Duration::from_millis(i), occurrence);
    }
    (recorder, recording)
}

#[test]
fn each_step_is_done_when_its_occurrence_comes_first() {
    let (_recorder, recording) = play(&successful_call());
    let timeline = recording.timeline();
    let at = |step| timeline.step(step).map(|at| at.as_millis());
    assert_eq!(at(Step::Offer), Some(1));
    assert_eq!(at(Step::Answer), Some(4));
    assert_eq!(at(Step::Exchanged), Some(5));
    assert_eq!(at(Step::Chosen), Some(7));
    assert_eq!(at(Step::Open), Some(10));
    assert_eq!(at(Step::Gathered), Some(11));
    assert_eq!(timeline.missing(), None);
}

#[test]
fn a_renegotiation_does_not_move_the_times_of_set_up() {
    let mut occurrences = successful_call();
    occurrences.push(Occurrence::LocalDescription {
        kind: SdpType::Offer,
    });
    occurrences.push(Occurrence::PairSelected {
        local: relay(),
        remote: host(2),
    });
    let (_recorder, recording) = play(&occurrences);
    let timeline = recording.timeline();
    assert_eq!(timeline.step(Step::Offer), Some(Duration::from_millis(1)));
    assert_eq!(timeline.step(Step::Chosen), Some(Duration::from_millis(7)));
    assert_eq!(
        timeline.chosen().map(|pair| pair.local.kind),
        Some(Kind::Relayed)
    );
}

#[test]
fn the_missing_step_is_the_first_that_did_not_happen() {
    for (count, missing) in [
        (0, Step::Gathered),
        (2, Step::Answer),
        (4, Step::Exchanged),
        (6, Step::Chosen),
        (9, Step::Open),
    ] {
        let (_recorder, recording) = play(&successful_call()[..count]);
        assert_eq!(
            recording.timeline().missing(),
            Some(missing),
            "after {count} occurrences"
        );
    }
}

#[test]
fn a_pair_found_without_any_remote_candidate_counts_as_exchanged() {
    let (_recorder, recording) = play(&[Occurrence::PairSelected {
        local: host(1),
        remote: host(2),
    }]);
    assert!(recording.timeline().step(Step::Exchanged).is_some());
}

#[test]
fn the_display_tells_steps_counts_pair_and_failures() {
    let mut occurrences = successful_call();
    occurrences.push(Occurrence::CandidateError {
        url: "turn:203.0.113.9".into(),
        local: None,
        code: Some(401),
        reason: "Unauthorized".into(),
    });
    let (_recorder, recording) = play(&occurrences);
    assert_eq!(
        recording.timeline().to_string(),
        "\
step 1  candidates gathered  11.0 ms  1 host (redundant: 1 srflx)
step 2  offer  1.0 ms  made here
step 3  answer  4.0 ms  received
step 4  candidates exchanged  5.0 ms
step 5  pair chosen  7.0 ms
step 6  channel open  10.0 ms  DTLS 1.2
candidates  local  1 host (redundant: 1 srflx)
candidates  remote  1 host, 1 relay
pair  host 10.0.0.2:1 -> host 10.0.0.2:2 (udp)
failure  turn:203.0.113.9 (401): Unauthorized"
    );
}

#[test]
fn a_failure_says_whether_any_remote_candidate_was_known() {
    let failed = Occurrence::IceState(IceConnectionState::Failed);
    let told = |occurrences: &[Occurrence]| {
        let (_recorder, recording) = play(occurrences);
        recording.with(|timeline| timeline.failures().collect::<Vec<_>>().join("; "))
    };
    assert!(told(std::slice::from_ref(&failed)).contains("no candidate of the remote peer"));
    let both = [
        Occurrence::LocalCandidate(host(1)),
        Occurrence::RemoteCandidate(relay()),
        failed,
    ];
    assert!(told(&both).contains("1 host here, 1 relay there"));
}

#[test]
fn what_is_told_twice_counts_once() {
    let pair = Occurrence::PairSelected {
        local: host(1),
        remote: host(2),
    };
    let told = Occurrence::RemoteCandidate(host(2));
    let (_recorder, recording) = play(&[told.clone(), told, pair.clone(), pair]);
    let timeline = recording.timeline();
    assert_eq!(timeline.remote().host, 1);
    let pairs = timeline
        .entries(0)
        .filter(|(_, entry)| matches!(entry.what, What::Pair(_)));
    assert_eq!(pairs.count(), 0);
}

#[test]
fn memory_stays_bounded_and_numbers_go_on() {
    let (mut recorder, recording) = play(&[]);
    for i in 0..10_000_u16 {
        recorder.observe(Instant::now(), &Occurrence::RemoteCandidate(host(i)));
        recording.failure(Instant::now(), "it broke");
    }
    let timeline = recording.timeline();
    assert!(timeline.entries(0).count() <= 256);
    assert_eq!(timeline.failures().count(), 32);
    assert_eq!(timeline.failures_dropped(), 10_000 - 32);
    assert_eq!(timeline.remote().host, 10_000);
    let (last, _) = timeline.entries(0).last().unwrap();
    assert_eq!(last, 20_000 - 1);
    assert_eq!(timeline.entries(last).count(), 1);
    assert_eq!(timeline.entries(last + 1).count(), 0);
}

#[tokio::test]
async fn readers_see_changes_and_the_end() {
    let (mut recorder, recording) = play(&[]);
    let mut changes = recording.changes();
    recorder.observe(Instant::now(), &Occurrence::LocalCandidate(host(1)));
    changes.next().await;
    assert_eq!(recording.with(|timeline| timeline.local().total()), 1);
    drop(recorder);
    changes.next().await;
    assert!(recording.with(Timeline::ended));
    let last = recording.with(|timeline| {
        timeline
            .entries(0)
            .last()
            .map(|(_, entry)| entry.what.clone())
    });
    assert_eq!(last, Some(What::Ended));
}
