//! The rules of RFC 8445 §6.1.2, through the public API.

use std::net::SocketAddr;

use ieum_candidate::{TcpType, Transport};
use ieum_pairing::{Candidate, CheckList, Forming, PairId, PairState, Role};
use proptest::prelude::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn candidate(id: u32, address: SocketAddr, priority: u32, foundation: &str) -> Candidate<'_> {
    Candidate {
        id,
        address,
        priority,
        foundation,
        transport: Transport::Udp,
    }
}

/// Locals and remotes 0..n, of descending priority, each with a foundation of its own (or all with one).
fn list(role: Role, limit: usize, locals: u32, remotes: u32, one_foundation: bool) -> CheckList {
    let mut list = CheckList::new(role, limit);
    let foundation = |id: u32| {
        if one_foundation {
            "1".to_owned()
        } else {
            id.to_string()
        }
    };
    for id in 0..locals {
        let base = address(&format!("10.0.0.1:{}", 5000 + id));
        assert!(list.add_local(
            candidate(id, base, 1000 - id, &foundation(id)),
            Forming::Automatic
        ));
    }
    for id in 0..remotes {
        let remote = address(&format!("10.0.0.2:{}", 5000 + id));
        assert!(list.add_remote(candidate(id, remote, 2000 - id, &foundation(id))));
    }
    list
}

fn pair(local: u32, remote: u32) -> PairId {
    PairId { local, remote }
}

fn state(list: &CheckList, id: PairId) -> PairState {
    list.pair(id).unwrap().state()
}

#[test]
fn the_best_pair_is_checked_first() {
    let mut list = list(Role::Controlling, 100, 3, 3, false);
    let mut last = u64::MAX;
    for _ in 0..9 {
        let id = list.next_waiting().unwrap();
        let priority = list.pair(id).unwrap().priority();
        assert!(priority < last);
        last = priority;
    }
    assert_eq!(list.next_waiting(), None);
    assert!(!list.is_done());
}

#[test]
fn both_sides_check_in_the_same_order() {
    let mut controlling = list(Role::Controlling, 100, 2, 2, false);
    let mut controlled = CheckList::new(Role::Controlling, 100);
    for id in 0..2 {
        let local = address(&format!("10.0.0.2:{}", 5000 + id));
        controlled.add_local(
            candidate(id, local, 2000 - id, &id.to_string()),
            Forming::Automatic,
        );
        let remote = address(&format!("10.0.0.1:{}", 5000 + id));
        controlled.add_remote(candidate(id, remote, 1000 - id, &id.to_string()));
    }
    controlled.set_role(Role::Controlled);
    for _ in 0..4 {
        let (ours, theirs) = (
            controlling.next_waiting().unwrap(),
            controlled.next_waiting().unwrap(),
        );
        assert_eq!(ours, pair(theirs.remote, theirs.local));
    }
}

#[test]
fn a_second_candidate_with_the_same_base_is_redundant() {
    let mut list = list(Role::Controlling, 100, 1, 1, false);
    let again = candidate(9, address("10.0.0.1:5000"), 5, "srflx");
    assert!(!list.add_local(again, Forming::Automatic));
    assert_eq!(list.len(), 1);
}

#[test]
fn families_are_not_mixed() {
    let mut list = list(Role::Controlling, 100, 1, 0, false);
    assert!(list.add_remote(candidate(0, address("[2001:db8::1]:1"), 1, "1")));
    assert!(list.is_empty());
    assert!(!list.form(pair(0, 0)));
}

#[test]
fn one_pair_of_a_foundation_is_checked_before_the_others() {
    let mut list = list(Role::Controlling, 100, 2, 2, true);
    let first = list.next_waiting().unwrap();
    assert_eq!(list.next_waiting(), None, "the others are frozen");
    list.fail(first);
    let second = list
        .next_waiting()
        .expect("one thaws when the first has failed");
    assert_eq!(list.next_waiting(), None);
    list.succeed(second);
    assert!(
        list.next_waiting().is_some() && list.next_waiting().is_some(),
        "a success thaws all"
    );
    assert!(list.add_remote(candidate(7, address("10.0.0.3:1"), 1, "1")));
    assert_eq!(
        state(&list, pair(0, 7)),
        PairState::Waiting,
        "and all that come later"
    );
}

#[test]
fn a_triggered_check_goes_first_and_revives_a_failed_pair() {
    let mut list = list(Role::Controlling, 100, 1, 3, false);
    let best = list.next_waiting().unwrap();
    list.fail(best);
    assert!(list.trigger(pair(0, 2)));
    assert!(list.trigger(best));
    assert!(list.trigger(best));
    assert_eq!(list.next_triggered(), Some(pair(0, 2)));
    assert_eq!(list.next_triggered(), Some(best));
    assert_eq!(list.next_triggered(), None);
    list.succeed(best);
    assert!(!list.trigger(best), "what is valid is not checked again");
    assert!(!list.trigger(pair(5, 5)), "nor what nobody knows");
}

#[test]
fn a_full_list_drops_the_worst_pair_that_was_not_checked() {
    let mut list = list(Role::Controlling, 3, 1, 3, false);
    let best = list.next_waiting().unwrap();
    list.succeed(best);
    assert!(list.add_remote(candidate(8, address("10.0.0.3:1"), 5000, "new")));
    assert_eq!(list.len(), 3);
    assert!(list.pair(pair(0, 8)).is_some());
    assert!(list.pair(pair(0, 2)).is_none(), "the worst made room");
    assert!(list.add_remote(candidate(9, address("10.0.0.3:2"), 1, "bad")));
    assert!(
        list.pair(pair(0, 9)).is_none(),
        "nobody makes room for a worse one"
    );
    assert_eq!(state(&list, best), PairState::Succeeded);
}

#[test]
fn what_has_failed_makes_room_even_for_a_worse_pair() {
    let mut list = list(Role::Controlling, 1, 1, 1, false);
    let best = list.next_waiting().unwrap();
    list.fail(best);
    list.add_remote(candidate(9, address("10.0.0.3:2"), 1, "bad"));
    assert_eq!(list.next_waiting(), Some(pair(0, 9)));
}

#[test]
fn a_candidate_on_demand_is_paired_only_when_asked() {
    let mut list = list(Role::Controlling, 100, 0, 2, false);
    let relayed = candidate(0, address("198.51.100.1:49152"), 1, "relay");
    assert!(list.add_local(relayed, Forming::OnDemand));
    list.add_remote(candidate(2, address("10.0.0.3:1"), 1, "3"));
    assert!(list.is_empty());
    assert!(list.form(pair(0, 1)));
    assert_eq!(list.next_waiting(), Some(pair(0, 1)));
    list.remove_local(0);
    assert!(list.is_empty());
}

#[test]
fn nomination_discards_what_is_worse_and_unchecked() {
    let mut list = list(Role::Controlling, 100, 1, 4, false);
    let (best, second) = (list.next_waiting().unwrap(), list.next_waiting().unwrap());
    list.succeed(second);
    assert!(list.is_better_pending(second));
    list.discard_unchecked_below(second);
    assert_eq!(list.len(), 2);
    list.fail(best);
    assert!(list.is_done() && !list.is_better_pending(second));
}

#[derive(Debug, Clone)]
enum Operation {
    Local(u32, u8),
    Remote(u32, u8),
    Next,
    Trigger(usize),
    Succeed(usize),
    Fail(usize),
    Role(bool),
    RemoveLocal(u32),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (0..12_u32, 0..4_u8).prop_map(|(id, foundation)| Operation::Local(id, foundation)),
        (0..12_u32, 0..4_u8).prop_map(|(id, foundation)| Operation::Remote(id, foundation)),
        Just(Operation::Next),
        any::<usize>().prop_map(Operation::Trigger),
        any::<usize>().prop_map(Operation::Succeed),
        any::<usize>().prop_map(Operation::Fail),
        any::<bool>().prop_map(Operation::Role),
        (0..12_u32).prop_map(Operation::RemoveLocal),
    ]
}

fn apply(list: &mut CheckList, operation: &Operation) {
    let pairs = list.pairs();
    let nth = |n: usize| {
        pairs
            .get(n % pairs.len().max(1))
            .map_or(pair(99, 99), |pair| pair.id())
    };
    match *operation {
        Operation::Local(id, foundation) => {
            let base = address(&format!("10.0.0.1:{}", 5000 + id));
            list.add_local(
                candidate(id, base, id * 7, &foundation.to_string()),
                Forming::Automatic,
            );
        }
        Operation::Remote(id, foundation) => {
            let remote = address(&format!("10.0.0.2:{}", 5000 + id));
            list.add_remote(candidate(id, remote, id * 5, &foundation.to_string()));
        }
        Operation::Next => {
            let best = pairs
                .iter()
                .find(|pair| pair.state() == PairState::Waiting)
                .map(|pair| pair.id());
            assert_eq!(list.next_waiting(), best);
        }
        Operation::Trigger(n) => {
            list.trigger(nth(n));
        }
        Operation::Succeed(n) => list.succeed(nth(n)),
        Operation::Fail(n) => list.fail(nth(n)),
        Operation::Role(true) => list.set_role(Role::Controlling),
        Operation::Role(false) => list.set_role(Role::Controlled),
        Operation::RemoveLocal(id) => list.remove_local(id),
    }
}

proptest! {
    #[test]
    fn any_sequence_keeps_the_list_whole(operations in prop::collection::vec(operation(), 0..120)) {
        let mut list = CheckList::new(Role::Controlling, 20);
        for operation in &operations {
            apply(&mut list, operation);
            let pairs = list.pairs();
            prop_assert!(pairs.len() <= 20);
            let any = |state| pairs.iter().any(|pair| pair.state() == state);
            prop_assert_eq!(list.has_waiting(), any(PairState::Waiting));
            // Whatever is frozen waits for somebody who is being checked: nothing is forgotten.
            prop_assert!(!any(PairState::Frozen) || any(PairState::Waiting) || any(PairState::InProgress));
            let done = !any(PairState::Frozen) && !any(PairState::Waiting) && !any(PairState::InProgress);
            prop_assert_eq!(list.is_done(), done);
            let succeeded: Vec<PairId> = list.succeeded().collect();
            let expected: Vec<PairId> =
                pairs.iter().filter(|pair| pair.state() == PairState::Succeeded).map(|pair| pair.id()).collect();
            prop_assert_eq!(succeeded, expected);
        }
        while list.next_waiting().is_some() {}
        prop_assert!(!list.has_waiting());
    }
}

fn tcp(id: u32, text: &str, tcp_type: TcpType) -> Candidate<'static> {
    Candidate {
        transport: Transport::Tcp(tcp_type),
        ..candidate(id, address(text), 1000 + id, "t")
    }
}

/// RFC 6544 §6.2.
#[test]
fn of_tcp_candidates_only_active_and_passive_ones_are_paired_and_only_where_we_connect() {
    use TcpType::{Active, Passive, SimultaneousOpen};
    let mut list = CheckList::new(Role::Controlling, 100);
    let ours = [Active, Passive, SimultaneousOpen].into_iter().enumerate();
    for (id, tcp_type) in ours {
        let local = tcp(id as u32, &format!("10.0.0.1:{}", 9 + id), tcp_type);
        assert!(list.add_local(local, Forming::Automatic));
    }
    list.add_local(
        candidate(3, address("10.0.0.1:9"), 1, "u"),
        Forming::Automatic,
    );
    for (id, tcp_type) in [Active, Passive, SimultaneousOpen].into_iter().enumerate() {
        let remote = tcp(id as u32, &format!("10.0.0.2:{}", 9 + id), tcp_type);
        assert!(list.add_remote(remote));
    }
    assert!(list.add_remote(candidate(3, address("10.0.0.2:9"), 1, "u")));
    let pairs: Vec<PairId> = list.pairs().iter().map(|pair| pair.id()).collect();
    assert_eq!(pairs, [pair(0, 1), pair(3, 3)]);
    // The peer has connected.
    assert!(list.form(pair(1, 0)));
    assert!(!list.form(pair(0, 0)) && !list.form(pair(1, 1)) && !list.form(pair(3, 1)));
    // And is gone again.
    list.remove_remote(0);
    assert!(list.pair(pair(1, 0)).is_none());
    assert!(!list.form(pair(1, 0)));
}
