//! Two cores on a thousand networks that lose, delay, reorder and repeat, and on which paths break: what is reliable arrives
//! once and in order, what is not keeps its promise, memory is bounded, and both ends reach a final state.
//!
//! A failure names its seed: `IEUM_SEED=17 cargo test -p ieum-peer --test networks` runs that one alone. (The network and ICE are the
//! same again; DTLS and SCTP draw randomness of their own.)

mod side;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ieum_netsim::{Link, Network, NodeId, Wire};
use ieum_peer::DataChannelInit;
use ieum_peer::core::ConnectionState;

use side::Side;

/// What goes wrong besides, in mid-transfer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Story {
    Nothing,
    /// No packet arrives for a while.
    Silence,
    /// The address of `a` is gone, and another one is there: ICE is restarted on it.
    PathChange,
    /// `a` closes the connection.
    Close,
    /// No packet arrives ever again.
    Killed,
}

const STORIES: [Story; 5] = [
    Story::Nothing,
    Story::Silence,
    Story::PathChange,
    Story::Close,
    Story::Killed,
];

#[test]
fn on_a_thousand_networks_every_channel_keeps_its_promise_and_both_ends_end() {
    if let Ok(seed) = std::env::var("IEUM_SEED") {
        return run(seed.parse().expect("IEUM_SEED is a number"));
    }
    // The first ones fill what is kept for all.
    run_all(0..SEEDS / 5);
    let before = memory();
    run_all(SEEDS / 5..SEEDS);
    if let (Some(before), Some(after)) = (before, memory()) {
        let grown = after.saturating_sub(before);
        println!("memory: {before} kB, and {grown} kB more at the end");
        assert!(grown < 16_000, "{grown} kB");
    }
}

const SEEDS: u64 = 1000;

fn run_all(seeds: std::ops::Range<u64>) {
    let next = AtomicU64::new(seeds.start);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let ran = std::panic::catch_unwind(|| run(seed));
                    assert!(ran.is_ok(), "the seed that failed: IEUM_SEED={seed}");
                }
            });
        }
    });
}

fn run(seed: u64) {
    let story = STORIES[(seed % 5) as usize];
    let mut pair = Pair::new(seed);
    pair.connect();
    for round in 0..ROUNDS {
        if round == ROUNDS / 2 {
            pair.happens(story);
        }
        if matches!(story, Story::Close | Story::Killed) && round >= ROUNDS / 2 {
            break;
        }
        pair.send(round);
        pair.network.run_for(EVERY);
    }
    match story {
        Story::Killed => {}
        // Ten seconds is all that closing waits for.
        Story::Close => pair.closes(),
        _ => pair.everything_arrives(),
    }
    pair.keeps_its_promises();
    pair.ends();
    pair.is_bounded();
}

/// Rounds of messages, and how far apart.
const ROUNDS: u32 = 10;
const EVERY: Duration = Duration::from_millis(20);

/// How a message is tried to be delivered: the label of its channel, which both sides send on.
const ORDERED: &str = "reliable, ordered";
const UNORDERED: &str = "reliable, unordered";
const ONCE: &str = "sent once, ordered";
const TIMED: &str = "for 100 ms, unordered";
const LIFE_TIME: Duration = Duration::from_millis(100);

fn channels() -> [(&'static str, DataChannelInit); 4] {
    let init = DataChannelInit::default;
    let unordered = DataChannelInit {
        ordered: false,
        ..init()
    };
    let once = DataChannelInit {
        max_retransmits: Some(0),
        ..init()
    };
    let timed = DataChannelInit {
        max_packet_life_time_ms: Some(LIFE_TIME.as_millis() as u16),
        ..unordered.clone()
    };
    [
        (ORDERED, init()),
        (UNORDERED, unordered),
        (ONCE, once),
        (TIMED, timed),
    ]
}

struct Pair {
    seed: u64,
    network: Network<Side>,
    sides: [NodeId; 2],
    wire: Wire,
    /// When each round's messages were sent.
    sent: Vec<Instant>,
    bytes: usize,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let delay = Duration::from_millis([0, 5, 20, 100, 200][(seed / 5 % 5) as usize]);
        let loss = (seed % 11) as f64 / 100.0;
        let wire = Wire {
            reordering: 0.05,
            duplication: 0.02,
            jitter: delay / 4,
            ..Wire::from(Link { delay, loss })
        };
        let mut network = Network::new(seed, wire);
        let mut a = Side::new(1, ["192.0.2.1:5000", "198.51.100.1:5000"]);
        let b = Side::new(2, ["192.0.2.2:5000", "198.51.100.2:5000"]);
        for (label, init) in channels() {
            let made = a
                .core
                .create_data_channel(network.now(), label.into(), init);
            made.unwrap();
        }
        let sides = [network.add(a), network.add(b)];
        let mut pair = Self {
            seed,
            network,
            sides,
            wire,
            sent: Vec::new(),
            bytes: 0,
        };
        pair.negotiate(0);
        pair
    }

    fn side(&mut self, index: usize) -> &mut Side {
        self.network.node_mut(self.sides[index])
    }

    /// An offer of `a`, which is on this address of its own, and the answer to it.
    fn negotiate(&mut self, address: usize) {
        let now = self.network.now();
        let a = self.side(0);
        a.core.set_local_description(now, None).unwrap();
        a.core.gather(now, &[a.addresses[address]], &[], false);
        let offer = a.core.local_description().unwrap();
        let b = self.side(1);
        b.core.set_remote_description(now, offer).unwrap();
        b.core.set_local_description(now, None).unwrap();
        b.core.gather(now, &[b.addresses[0]], &[], false);
        let answer = b.core.local_description().unwrap();
        let a = self.side(0);
        a.core.set_remote_description(now, answer).unwrap();
    }

    fn connect(&mut self) {
        let (sides, count) = (self.sides, channels().len());
        let open = |network: &mut Network<Side>| {
            let all = |side: &NodeId| network.node(*side).open.len() == count;
            sides.iter().all(all)
        };
        let connected = self.network.run_until(Duration::from_secs(120), open);
        let states = sides.map(|side| {
            let core = &self.network.node(side).core;
            (core.connection_state(), core.dtls_version())
        });
        assert!(connected, "seed {}: {states:?}", self.seed);
        // RFC 8832 §6: until the peer's answer to its OPEN is there, every channel is ordered.
        self.network.run_for(Duration::from_secs(5));
    }

    /// A message on each channel, each way.
    fn send(&mut self, round: u32) {
        let now = self.network.now();
        let len = [1, 100, 1200, 5000, 20_000][round as usize % 5];
        for index in 0..2 {
            let side = self.side(index);
            for label in [ORDERED, UNORDERED] {
                side.send(now, label, round, len);
            }
            for label in [ONCE, TIMED] {
                side.send(now, label, round, 1000);
            }
        }
        self.sent.push(now);
        self.bytes += 2 * len.max(4) + 2000;
    }

    fn happens(&mut self, story: Story) {
        let now = self.network.now();
        let nothing_arrives = Wire {
            link: Link {
                loss: 1.0,
                ..self.wire.link
            },
            ..self.wire
        };
        match story {
            Story::Nothing => {}
            Story::Silence => {
                self.network.set_link(nothing_arrives);
                self.network.run_for(Duration::from_secs(3));
                self.network.set_link(self.wire);
            }
            Story::PathChange => {
                let (a, gone) = (self.sides[0], self.side(0).addresses[0]);
                self.network.set_interface_up(a, gone.ip(), false);
                let core = &mut self.side(0).core;
                core.fail_base(now, gone);
                core.restart_ice();
                self.negotiate(1);
            }
            Story::Close => self.side(0).core.close(now),
            Story::Killed => self.network.set_link(nothing_arrives),
        }
    }

    /// All that is reliable is there, and nothing waits any more.
    fn everything_arrives(&mut self) {
        let sides = self.sides;
        let done = |network: &mut Network<Side>| {
            let all = |side: &NodeId| {
                let side = network.node(*side);
                let arrived = |label| side.numbers(label).len() == ROUNDS as usize;
                arrived(ORDERED) && arrived(UNORDERED) && side.core.buffered_amount() == 0
            };
            sides.iter().all(all)
        };
        let done = self.network.run_until(Duration::from_secs(600), done);
        assert!(
            done,
            "seed {}: {:?}",
            self.seed,
            self.network.node(sides[0]).arrived
        );
        // What still comes would be too much.
        self.network.run_for(Duration::from_secs(2));
    }

    /// What was sent before a close has arrived, where there was time for it.
    fn closes(&mut self) {
        let (a, began) = (self.sides[0], self.network.now());
        let closed = |network: &mut Network<Side>| network.node(a).core.is_closed();
        let closed = self.network.run_until(Duration::from_secs(11), closed);
        assert!(closed, "seed {}: closing is bounded in time", self.seed);
        if self.network.now() - began < Duration::from_secs(10) {
            let sent = self.sent.len();
            for label in [ORDERED, UNORDERED] {
                assert_eq!(
                    self.side(1).numbers(label).len(),
                    sent,
                    "seed {}",
                    self.seed
                );
            }
        }
    }

    fn keeps_its_promises(&mut self) {
        let seed = self.seed;
        // A packet that is held back takes its delay and the jitter twice.
        let longest = LIFE_TIME + self.wire.link.delay * 2 + self.wire.jitter * 2 + SLACK;
        let sent = self.sent.clone();
        for index in 0..2 {
            let side = self.side(index);
            let ordered = side.numbers(ORDERED);
            assert!(
                ordered.iter().copied().eq(0..ordered.len() as u32),
                "seed {seed}: {ordered:?}"
            );
            for label in [UNORDERED, TIMED] {
                let mut numbers = side.numbers(label);
                numbers.sort_unstable();
                let once = numbers.is_sorted_by(|a, b| a < b);
                assert!(once, "seed {seed}, {label}: {numbers:?}");
            }
            let once = side.numbers(ONCE);
            assert!(once.is_sorted_by(|a, b| a < b), "seed {seed}: {once:?}");
            for (number, arrived) in side.arrived.get(TIMED).into_iter().flatten() {
                let took = *arrived - sent[*number as usize];
                assert!(took <= longest, "seed {seed}, {number}: {took:?}");
            }
        }
    }

    /// Each side closes, or has failed; then nothing wakes it any more.
    fn ends(&mut self) {
        let now = self.network.now();
        let sides = self.sides;
        if !matches!(self.story(), Story::Killed) {
            self.side(0).core.close(now);
        }
        let is_final = |network: &mut Network<Side>| {
            let state = |side: &NodeId| network.node(*side).core.connection_state();
            let ended = [ConnectionState::Closed, ConnectionState::Failed];
            sides.iter().all(|side| ended.contains(&state(side)))
        };
        let ended = self.network.run_until(Duration::from_secs(90), is_final);
        assert!(
            ended,
            "seed {}: {:?}",
            self.seed,
            self.network.node(sides[1]).core
        );
        let now = self.network.now();
        for index in 0..2 {
            self.side(index).core.close_now(now);
        }
        self.network.run_for(Duration::from_secs(5));
        for index in 0..2 {
            let seed = self.seed;
            let core = &self.side(index).core;
            assert!(core.is_closed(), "seed {seed}");
            assert_eq!(core.poll_timeout(), None, "seed {seed}");
            assert_eq!(core.buffered_amount(), 0, "seed {seed}");
        }
    }

    fn story(&self) -> Story {
        STORIES[(self.seed % 5) as usize]
    }

    /// What waits is what was sent, and what is sent has a bound.
    fn is_bounded(&mut self) {
        let (seed, bytes) = (self.seed, self.bytes);
        for index in 0..2 {
            let peak = self.side(index).peak;
            assert!(peak <= bytes, "seed {seed}: {peak} of {bytes}");
        }
        let packets = self.network.statistics().sent;
        let needed = 2 * bytes as u64 / 1000 + 500;
        assert!(packets < 10 * needed, "seed {seed}: {packets} packets");
    }
}

/// Of timers and of waiting for an acknowledgement.
const SLACK: Duration = Duration::from_millis(20);

/// Memory in use, in kB; `None` where the system does not say.
fn memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
