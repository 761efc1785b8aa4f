//! What the server has counted, and how Prometheus reads it.
//!
//! Labels are bounded: carriers, error names, ways of relaying. No peer, room or address is one.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use super::state::Outcome;
use crate::protocol::{Code, Delivery};

/// What the server has counted since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Ids registered.
    pub registered: u64,
    /// Sessions taken over by their owner.
    pub resumed: u64,
    /// Messages relayed to one peer, at once.
    pub relayed_to_one: u64,
    /// Messages kept for one peer that is away.
    pub queued: u64,
    /// Messages relayed to everybody else in a room.
    pub relayed_to_all: u64,
    /// Messages that came again under an id that was accepted before.
    pub repeated: u64,
    /// Messages dropped because the receiver's queue was full; counted once for each receiver.
    pub overflowed: u64,
    /// Connections to the broker that the bridge has made.
    pub broker_connections: u64,
    refused: Vec<u64>,
}

/// How a client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    SocketIo,
    WebSocket,
    Http,
    /// A peer of the broker, through the bridge.
    #[cfg_attr(not(feature = "bridge"), allow(dead_code, reason = "the bridge's"))]
    Mqtt,
}

/// The counters while they count. Shared by everything that runs; each is a number of its own.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    registered: AtomicU64,
    resumed: AtomicU64,
    relayed_to_one: AtomicU64,
    queued: AtomicU64,
    relayed_to_all: AtomicU64,
    repeated: AtomicU64,
    overflowed: AtomicU64,
    refused: [AtomicU64; Code::ALL.len()],
    connected: [AtomicI64; Carrier::ALL.len()],
    bridged: AtomicBool,
    broker_connections: AtomicU64,
}

impl Counters {
    /// How often the server has said this code: messages not relayed, clients not let in, connections closed.
    #[must_use]
    pub fn refused(&self, code: Code) -> u64 {
        self.refused.get(code as usize).copied().unwrap_or_default()
    }
}

impl Metrics {
    pub(super) fn refused(&self, code: Code) {
        self.refused[code as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self, outcome: Outcome, missed: u64) {
        let add = |counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        match outcome {
            Outcome::Nothing => {}
            Outcome::Registered => add(&self.registered),
            Outcome::Resumed => add(&self.resumed),
            Outcome::ToOne(Delivery::Delivered) => add(&self.relayed_to_one),
            Outcome::ToOne(Delivery::Queued) => add(&self.queued),
            Outcome::ToAll => add(&self.relayed_to_all),
            Outcome::Repeated => add(&self.repeated),
            Outcome::Refused(code) => self.refused(code),
        }
        self.missed(missed);
    }

    pub(super) fn missed(&self, missed: u64) {
        if missed > 0 {
            self.overflowed.fetch_add(missed, Ordering::Relaxed);
        }
    }

    pub(super) fn connected(&self, carrier: Carrier, change: i64) {
        self.connected[carrier as usize].fetch_add(change, Ordering::Relaxed);
    }

    /// The bridge has a connection to its broker, or has none any more.
    #[cfg(feature = "bridge")]
    pub(super) fn bridged(&self, bridged: bool) {
        self.bridged.store(bridged, Ordering::Relaxed);
        if bridged {
            self.broker_connections.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            registered: read(&self.registered),
            resumed: read(&self.resumed),
            relayed_to_one: read(&self.relayed_to_one),
            queued: read(&self.queued),
            relayed_to_all: read(&self.relayed_to_all),
            repeated: read(&self.repeated),
            overflowed: read(&self.overflowed),
            broker_connections: read(&self.broker_connections),
            refused: self.refused.iter().map(read).collect(),
        }
    }

    /// The text format of Prometheus. `sizes`: rooms, sessions, and those of them that are away.
    pub(super) fn text(&self, sizes: (usize, usize, usize), ready: bool) -> String {
        let counters = self.counters();
        let mut text = String::with_capacity(4096);
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, i128)]| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let one = |value: i128| [(String::new(), value)];
        let label = |name: &str, value: &str| format!("{{{name}=\"{value}\"}}");
        let connected = Carrier::ALL.map(|carrier| {
            let now = self.connected[carrier as usize].load(Ordering::Relaxed);
            (label("carrier", carrier.name()), now.into())
        });
        let relayed = [
            ("one", counters.relayed_to_one),
            ("all", counters.relayed_to_all),
            ("queued", counters.queued),
            ("repeated", counters.repeated),
        ]
        .map(|(to, count)| (label("to", to), count.into()));
        let refused: Vec<_> = Code::ALL
            .into_iter()
            .map(|code| (label("code", code.as_str()), counters.refused(code).into()))
            .collect();
        let (rooms, sessions, away) = sizes;
        family(
            "ieum_signaling_connections",
            "gauge",
            "Connections by carrier.",
            &connected,
        );
        family(
            "ieum_signaling_rooms",
            "gauge",
            "Rooms with somebody in them.",
            &one(rooms as i128),
        );
        family(
            "ieum_signaling_sessions",
            "gauge",
            "Sessions, on all nodes.",
            &one(sessions as i128),
        );
        family(
            "ieum_signaling_sessions_away",
            "gauge",
            "Sessions whose client may still come back.",
            &one(away as i128),
        );
        family(
            "ieum_signaling_ready",
            "gauge",
            "Whether clients are let in.",
            &one(ready.into()),
        );
        family(
            "ieum_signaling_broker_connected",
            "gauge",
            "Whether the bridge has a connection to its broker.",
            &one(self.bridged.load(Ordering::Relaxed).into()),
        );
        family(
            "ieum_signaling_broker_connections_total",
            "counter",
            "Connections to the broker that the bridge has made.",
            &one(counters.broker_connections.into()),
        );
        family(
            "ieum_signaling_registered_total",
            "counter",
            "Peer ids registered.",
            &one(counters.registered.into()),
        );
        family(
            "ieum_signaling_resumed_total",
            "counter",
            "Sessions taken over by their owner.",
            &one(counters.resumed.into()),
        );
        family(
            "ieum_signaling_messages_total",
            "counter",
            "Messages accepted, by where they went.",
            &relayed,
        );
        family(
            "ieum_signaling_overflowed_total",
            "counter",
            "Messages dropped at a receiver's full queue.",
            &one(counters.overflowed.into()),
        );
        family(
            "ieum_signaling_refused_total",
            "counter",
            "What was refused, dropped or closed, by its error name.",
            &refused,
        );
        text
    }
}

impl Carrier {
    const ALL: [Self; 4] = [Self::SocketIo, Self::WebSocket, Self::Http, Self::Mqtt];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SocketIo => "socket.io",
            Self::WebSocket => "websocket",
            Self::Http => "http",
            Self::Mqtt => "mqtt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_that_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.refused(Code::TooFast);
        metrics.count(Outcome::ToOne(Delivery::Delivered), 2);
        let text = metrics.text((1, 2, 3), true);
        assert!(text.contains("ieum_signaling_refused_total{code=\"too-fast\"} 1\n"));
        assert!(text.contains("ieum_signaling_messages_total{to=\"one\"} 1\n"));
        assert!(text.contains("ieum_signaling_overflowed_total 2\n"));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.split_once(' ').unwrap();
            assert!(name.starts_with("ieum_signaling_"), "{line}");
            value.parse::<u64>().unwrap();
        }
    }
}
