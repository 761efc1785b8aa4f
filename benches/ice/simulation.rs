//! Two agents, a clock and the packets between them: as little as will do, so that the agents are what is measured.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// A datagram: from, to, bytes.
pub(crate) type Packet = (SocketAddr, SocketAddr, Vec<u8>);

/// One agent. Time is what has passed since the beginning.
pub(crate) trait Side {
    fn handle(&mut self, now: Duration, packet: &Packet);
    fn tick(&mut self, now: Duration);
    fn next(&mut self) -> Option<Duration>;
    fn drain(&mut self, now: Duration, out: &mut Vec<Packet>);
    /// Has a nominated pair.
    fn is_ready(&self) -> bool;
}

/// An agent that can be described to another one.
pub(crate) trait Peer: Side {
    /// On side 1 or 2, with so many host candidates.
    fn new(side: u8, count: u16, controlling: bool) -> Self
    where
        Self: Sized;
    /// Ufrag and password.
    fn credentials(&self) -> (String, String);
    /// The candidates, as `candidate:...`.
    fn lines(&mut self) -> Vec<String>;
    fn set_remote(&mut self, ufrag: &str, pwd: &str);
    fn add_remote(&mut self, now: Duration, line: &str);
    fn end_remote(&mut self, now: Duration);
}

impl Side for Box<dyn Peer> {
    fn handle(&mut self, now: Duration, packet: &Packet) {
        (**self).handle(now, packet);
    }

    fn tick(&mut self, now: Duration) {
        (**self).tick(now);
    }

    fn next(&mut self) -> Option<Duration> {
        (**self).next()
    }

    fn drain(&mut self, now: Duration, out: &mut Vec<Packet>) {
        (**self).drain(now, out);
    }

    fn is_ready(&self) -> bool {
        (**self).is_ready()
    }
}

/// Tells each the other's credentials.
pub(crate) fn introduce(a: &mut dyn Peer, b: &mut dyn Peer) {
    let (ours, theirs) = (a.credentials(), b.credentials());
    a.set_remote(&theirs.0, &theirs.1);
    b.set_remote(&ours.0, &ours.1);
}

/// Tells all candidates of the one to the other.
pub(crate) fn tell_all(from: &mut dyn Peer, to: &mut dyn Peer) {
    for line in from.lines() {
        to.add_remote(Duration::ZERO, &line);
    }
    to.end_remote(Duration::ZERO);
}

/// Two of a kind that know each other.
pub(crate) fn pair<P: Peer>(count: u16) -> [P; 2] {
    let (mut a, mut b) = (P::new(1, count, true), P::new(2, count, false));
    introduce(&mut a, &mut b);
    tell_all(&mut a, &mut b);
    tell_all(&mut b, &mut a);
    [a, b]
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) time: Option<Duration>,
    pub(crate) packets: usize,
}

/// Candidate `n` of side 1 or 2.
pub(crate) fn address(side: u8, n: u16) -> SocketAddr {
    SocketAddr::new([10, side, 0, n as u8 + 1].into(), 10000 + n)
}

/// Which packets arrive.
pub(crate) fn reachable(count: u16, only_last: bool) -> impl Fn(SocketAddr, SocketAddr) -> bool {
    let last = [address(1, count - 1), address(2, count - 1)];
    move |from, to| !only_last || (last.contains(&from) && last.contains(&to))
}

pub(crate) fn run<S: Side>(
    mut sides: [S; 2],
    reach: &impl Fn(SocketAddr, SocketAddr) -> bool,
) -> Outcome {
    run_in_place(&mut sides, reach)
}

pub(crate) fn run_in_place<S: Side>(
    sides: &mut [S; 2],
    reach: &impl Fn(SocketAddr, SocketAddr) -> bool,
) -> Outcome {
    let mut simulation = Simulation::default();
    let ready = simulation.until(
        sides,
        reach,
        |sides| sides.iter().all(Side::is_ready),
        LIMIT,
    );
    Outcome {
        time: ready.then_some(simulation.now),
        packets: simulation.packets,
    }
}

/// Goes on for so long after the connection.
pub(crate) fn idle<S: Side>(
    sides: &mut [S; 2],
    reach: &impl Fn(SocketAddr, SocketAddr) -> bool,
    duration: Duration,
) {
    let now = sides
        .iter_mut()
        .filter_map(Side::next)
        .min()
        .unwrap_or_default();
    let mut simulation = Simulation {
        now,
        ..Simulation::default()
    };
    simulation.until(sides, reach, |_| false, now + duration);
}

/// The clock, and the packets on their way.
#[derive(Default)]
pub(crate) struct Simulation {
    pub(crate) now: Duration,
    /// All links are alike, so packets arrive in the order in which they were sent.
    in_flight: VecDeque<(Duration, usize, Packet)>,
    packets: usize,
    /// Steps in a row for which the clock did not move.
    still: u32,
}

impl Simulation {
    /// Runs until it is so, or until `limit`.
    pub(crate) fn until<S: Side>(
        &mut self,
        sides: &mut [S; 2],
        reach: &impl Fn(SocketAddr, SocketAddr) -> bool,
        done: impl Fn(&[S; 2]) -> bool,
        limit: Duration,
    ) -> bool {
        sides.iter_mut().for_each(|side| side.tick(self.now));
        let mut out = Vec::new();
        for _ in 0..STEPS {
            for (from, side) in sides.iter_mut().enumerate() {
                side.drain(self.now, &mut out);
                self.packets += out.len();
                let arriving = out.drain(..).filter(|(from, to, _)| reach(*from, *to));
                let at = self.now + ONE_WAY;
                self.in_flight
                    .extend(arriving.map(|packet| (at, 1 - from, packet)));
            }
            if done(sides) {
                return true;
            }
            let timer = sides.iter_mut().filter_map(Side::next).min();
            let arrival = self.in_flight.front().map(|(at, ..)| *at);
            let Some(next) = timer
                .into_iter()
                .chain(arrival)
                .min()
                .filter(|at| *at <= limit)
            else {
                return false;
            };
            self.still = if next > self.now { 0 } else { self.still + 1 };
            self.now = self.now.max(next);
            // One of the rivals asks to be woken in the past, again and again: it gets a millisecond.
            if self.still > 100 {
                self.now += Duration::from_millis(1);
            }
            while self
                .in_flight
                .front()
                .is_some_and(|(at, ..)| *at <= self.now)
            {
                if let Some((_, to, packet)) = self.in_flight.pop_front() {
                    sides[to].handle(self.now, &packet);
                }
            }
            for side in sides.iter_mut() {
                if side.next().is_some_and(|at| at <= self.now) {
                    side.tick(self.now);
                }
            }
        }
        false
    }
}

const ONE_WAY: Duration = Duration::from_millis(10);
const LIMIT: Duration = Duration::from_secs(60);
const STEPS: usize = 200_000;
