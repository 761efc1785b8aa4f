//! What a server did, and what there is: counted by each worker, added up when somebody asks.

use ieum_turn::server::{Counters, Gauges};

use super::{dtls, streams};

/// What one worker tells.
pub(super) struct WorkerReport {
    pub(super) counters: Counters,
    pub(super) gauges: Gauges,
    pub(super) streams: streams::Counters,
    pub(super) open_streams: usize,
    pub(super) dtls: dtls::Counters,
    pub(super) open_dtls: usize,
    pub(super) dropped: u64,
}

/// What a server did since it began, and what there is now, over all its threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    values: Vec<Value>,
}

/// One number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Value {
    metric: &'static str,
    help: &'static str,
    /// A gauge may go down again.
    gauge: bool,
    label: Option<(&'static str, &'static str)>,
    value: u64,
}

impl Report {
    pub(super) fn add(&mut self, worker: &WorkerReport) {
        let values = worker.values();
        if self.values.is_empty() {
            self.values = values;
            return;
        }
        // Every worker tells the same in the same order.
        for (sum, value) in self.values.iter_mut().zip(values) {
            sum.value += value.value;
        }
    }

    /// The text that Prometheus reads (exposition format 0.0.4). The labels are fixed: they do not grow with clients.
    #[must_use]
    pub fn to_prometheus(&self) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        let mut before = "";
        for value in &self.values {
            let (name, kind) = (value.metric, if value.gauge { "gauge" } else { "counter" });
            if name != before {
                let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", value.help);
                before = name;
            }
            let _ = match value.label {
                Some((label, is)) => writeln!(text, "{name}{{{label}=\"{is}\"}} {}", value.value),
                None => writeln!(text, "{name} {}", value.value),
            };
        }
        text
    }

    /// The sum of a metric over all its labels; `None` where there is no such metric.
    #[must_use]
    pub fn total(&self, metric: &str) -> Option<u64> {
        let of_metric = self.values.iter().filter(|value| value.metric == metric);
        of_metric
            .map(|value| value.value)
            .reduce(|sum, value| sum + value)
    }

    /// Allocations that there are now.
    #[must_use]
    pub fn allocations(&self) -> u64 {
        self.total(ALLOCATIONS).unwrap_or_default()
    }
}

impl WorkerReport {
    fn values(&self) -> Vec<Value> {
        let mut values = Vec::with_capacity(96);
        self.add_gauges(&mut values);
        self.add_requests(&mut values);
        self.add_refusals(&mut values);
        self.add_ignored(&mut values);
        self.add_traffic(&mut values);
        self.add_connections(&mut values);
        values
    }

    fn add_gauges(&self, values: &mut Vec<Value>) {
        let gauges = &self.gauges;
        gauge(
            values,
            ALLOCATIONS,
            "Allocations, by the client's transport",
            Some("transport"),
            &[
                ("udp", gauges.udp),
                ("tcp", gauges.tcp),
                ("tls", gauges.tls),
                ("dtls", gauges.dtls),
            ],
        );
        let one = |values: &mut Vec<Value>, metric, help, value| {
            gauge(values, metric, help, None, &[("", value)]);
        };
        one(
            values,
            "ieum_turn_relays",
            "Relayed addresses and reserved ports",
            gauges.relays,
        );
        one(
            values,
            "ieum_turn_users",
            "Users with a relay",
            gauges.users,
        );
        one(
            values,
            "ieum_turn_peer_connections",
            "TCP connections with peers (RFC 6062)",
            gauges.connections,
        );
        gauge(
            values,
            "ieum_turn_sessions",
            "Open client sessions that are not plain UDP",
            Some("kind"),
            &[("stream", self.open_streams), ("dtls", self.open_dtls)],
        );
    }

    fn add_requests(&self, values: &mut Vec<Value>) {
        let c = &self.counters;
        counter(
            values,
            "ieum_turn_done_total",
            "What was done for clients",
            Some("what"),
            &[
                ("binding", c.bindings),
                ("classic_binding", c.classic_bindings),
                ("allocated", c.allocated),
                ("second_address", c.second_addresses),
                ("repeated", c.repeated),
                ("refreshed", c.refreshed),
                ("permission", c.permissions),
                ("channel", c.channels),
                ("moved", c.moved),
                ("steered", c.steered),
                ("spliced", c.spliced),
                ("icmp", c.icmp),
            ],
        );
        counter(
            values,
            "ieum_turn_ended_total",
            "Allocations that ended, by reason",
            Some("reason"),
            &[
                ("released", c.released),
                ("expired", c.expired),
                ("disconnected", c.disconnected),
                ("drained", c.drained),
            ],
        );
    }

    fn add_refusals(&self, values: &mut Vec<Value>) {
        let r = &self.counters.refused;
        counter(
            values,
            "ieum_turn_refused_total",
            "Requests answered with an error, by reason",
            Some("reason"),
            &[
                ("300_redirected", r.redirected),
                ("400_bad_request", r.bad_request),
                ("401_challenged", r.challenged),
                ("401_unauthenticated", r.unauthenticated),
                ("401_credentials_expired", r.credentials_expired),
                ("403_forbidden", r.forbidden),
                ("405_mobility", r.mobility),
                ("420_unknown_attribute", r.unknown_attribute),
                ("437_allocation_mismatch", r.allocation_mismatch),
                ("438_stale_nonce", r.stale_nonce),
                ("440_family", r.family),
                ("441_wrong_credentials", r.wrong_credentials),
                ("442_transport", r.transport),
                ("443_peer_family", r.peer_family),
                ("446_connection_exists", r.connection_exists),
                ("447_connection_failed", r.connection_failed),
                ("486_quota", r.quota),
                ("508_capacity", r.capacity),
            ],
        );
    }

    fn add_ignored(&self, values: &mut Vec<Value>) {
        let i = &self.counters.ignored;
        counter(
            values,
            "ieum_turn_ignored_total",
            "What came and was dropped without an answer, by reason",
            Some("reason"),
            &[
                ("malformed", i.malformed),
                ("fingerprint", i.fingerprint),
                ("unexpected", i.unexpected),
                ("rate_limited", i.rate_limited),
                ("amplification", i.amplification),
                ("opening", i.opening),
                ("no_allocation", i.no_allocation),
                ("no_channel", i.no_channel),
                ("no_permission", i.no_permission),
                ("own_port", i.own_port),
                ("bad_indication", i.bad_indication),
                ("no_relay", i.no_relay),
                ("too_long", i.too_long),
            ],
        );
    }

    fn add_traffic(&self, values: &mut Vec<Value>) {
        let c = &self.counters;
        let directions =
            |to_peers, to_clients| [("to_peers", to_peers), ("to_clients", to_clients)];
        let mut add = |metric, help, both: [(&'static str, u64); 2]| {
            counter(values, metric, help, Some("direction"), &both);
        };
        add(
            "ieum_turn_relayed_packets_total",
            "Relayed datagrams",
            directions(c.to_peers.packets, c.to_clients.packets),
        );
        add(
            "ieum_turn_relayed_bytes_total",
            "Their payloads",
            directions(c.to_peers.bytes, c.to_clients.bytes),
        );
        add(
            "ieum_turn_over_bandwidth_packets_total",
            "Datagrams dropped because they were over the bandwidth",
            directions(c.to_peers_dropped.packets, c.to_clients_dropped.packets),
        );
        counter(
            values,
            "ieum_turn_dropped_total",
            "What could not be sent, by reason",
            Some("reason"),
            &[
                ("socket_full", self.dropped),
                ("slow_client", self.streams.dropped),
                ("answers_overrun", c.overrun),
            ],
        );
    }

    fn add_connections(&self, values: &mut Vec<Value>) {
        let (s, d) = (&self.streams, &self.dtls);
        counter(
            values,
            "ieum_turn_connections_total",
            "TCP and TLS connections of clients, by what became of them",
            Some("outcome"),
            &[
                ("accepted", s.accepted),
                ("refused", s.refused),
                ("failed", s.failed),
            ],
        );
        counter(
            values,
            "ieum_turn_dtls_total",
            "DTLS sessions of clients, by what became of them",
            Some("outcome"),
            &[
                ("connected", d.connected),
                ("refused", d.refused),
                ("failed", d.failed),
            ],
        );
    }
}

fn counter(
    values: &mut Vec<Value>,
    metric: &'static str,
    help: &'static str,
    label: Option<&'static str>,
    each: &[(&'static str, u64)],
) {
    values.extend(each.iter().map(|(is, value)| Value {
        metric,
        help,
        gauge: false,
        label: label.map(|label| (label, *is)),
        value: *value,
    }));
}

fn gauge(
    values: &mut Vec<Value>,
    metric: &'static str,
    help: &'static str,
    label: Option<&'static str>,
    each: &[(&'static str, usize)],
) {
    values.extend(each.iter().map(|(is, value)| Value {
        metric,
        help,
        gauge: true,
        label: label.map(|label| (label, *is)),
        value: *value as u64,
    }));
}

/// The metric of what there is of allocations.
const ALLOCATIONS: &str = "ieum_turn_allocations";
