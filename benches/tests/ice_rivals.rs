//! Our agent and each rival's find each other over a wire in memory: both roles, all candidates at once or one by one.
//!
//! `cargo test -p ieum-benches --features rivals-ice --test ice_rivals`
#![allow(dead_code, reason = "the simulation is shared with the benchmarks")]

#[path = "../ice/ours.rs"]
mod ours;
#[path = "../ice/rivals.rs"]
mod rivals;
#[path = "../ice/simulation.rs"]
mod simulation;

use std::net::SocketAddr;
use std::time::Duration;

use ours::Ours;
use rivals::{Is, Rice, Rtc};
use simulation::{Peer, Simulation, introduce, reachable, tell_all};

/// So long for the slowest of them, with 3 candidates each of which only the last pair works.
const LIMIT: Duration = Duration::from_secs(3);

/// Runs until both are ready; with `trickled` each tells the other a candidate every 50 ms. Says when.
fn meet(
    sides: &mut [Box<dyn Peer>; 2],
    reach: &impl Fn(SocketAddr, SocketAddr) -> bool,
    trickled: bool,
    limit: Duration,
) -> Option<Duration> {
    let mut simulation = Simulation::default();
    let mut left = [0, 1].map(|side: usize| match trickled {
        true => sides[side].lines(),
        false => Vec::new(),
    });
    let ready = |sides: &[Box<dyn Peer>; 2]| sides.iter().all(|side| side.is_ready());
    while simulation.now < limit {
        let next = simulation.now + Duration::from_millis(50);
        if simulation.until(sides, reach, ready, next) {
            return Some(simulation.now);
        }
        simulation.now = next;
        for from in [0, 1] {
            if let Some(line) = left[from].pop() {
                sides[1 - from].add_remote(next, &line);
            }
        }
    }
    None
}

fn connects<P: Peer + 'static>(we_control: bool, trickled: bool, only_last: bool) {
    let ours: Box<dyn Peer> = Box::new(Ours::new(1, 3, we_control));
    let theirs: Box<dyn Peer> = Box::new(P::new(2, 3, !we_control));
    let mut sides = [ours, theirs];
    let [a, b] = &mut sides;
    introduce(&mut **a, &mut **b);
    if !trickled {
        tell_all(&mut **a, &mut **b);
        tell_all(&mut **b, &mut **a);
    }
    let time = meet(&mut sides, &reachable(3, only_last), trickled, LIMIT);
    assert!(
        time.is_some(),
        "control: {we_control}, trickled: {trickled}, only the last: {only_last}"
    );
}

fn connects_always<P: Peer + 'static>() {
    for we_control in [true, false] {
        for trickled in [false, true] {
            for only_last in [false, true] {
                connects::<P>(we_control, trickled, only_last);
            }
        }
    }
}

#[test]
fn we_and_is_find_each_other() {
    connects_always::<Is>();
}

#[test]
fn we_and_rtc_ice_find_each_other() {
    connects_always::<Rtc>();
}

#[test]
fn we_and_rice_proto_find_each_other() {
    connects_always::<Rice>();
}
