//! What is on its way out: written once into one arena, sent in as few system calls as the system allows.
//!
//! Equal datagrams in a row to one destination leave as one (GSO). Datagrams to several clients leave together
//! (`sendmmsg`, on Linux). What a socket does not take is dropped, as a router would.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use ieum_turn::FiveTuple;
use ieum_turn::server::Side;
use quinn_udp::{Transmit, UdpSocketState};

use super::many::Many;
use super::offload;
use super::socket::{Udp, to_family_of};

/// Datagrams that wait for the end of a batch.
pub(super) struct Outgoing {
    arena: Vec<u8>,
    runs: Vec<Run>,
    many: Many,
    /// When segmentation failed: a path whose MTU is smaller than the segments refuses it, and with it the state turns
    /// it off for all.
    failed: Option<Instant>,
    dropped: u64,
}

/// Equal datagrams (the last may be shorter) from one socket to one destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    from: Side,
    pub(super) five_tuple: FiveTuple,
    start: usize,
    len: usize,
    segment: usize,
}

impl Run {
    pub(super) fn bytes(self, arena: &[u8]) -> &[u8] {
        &arena[self.start..self.start + self.len]
    }

    fn is_one(self) -> bool {
        self.len <= self.segment
    }

    /// Whether a datagram of `len` bytes may be one more segment.
    fn takes(self, len: usize, segments: usize) -> bool {
        len != 0
            && len <= self.segment
            && self.segment <= MAX_SEGMENT
            && self.len.is_multiple_of(self.segment)
            && self.len / self.segment < segments
            && self.len + len <= MAX_BATCH
    }
}

/// The sockets that things leave from.
pub(super) trait Sockets {
    /// The socket of a side, and the wildcard address that it is bound to.
    fn socket(&self, from: Side, five_tuple: FiveTuple) -> Option<(&Udp, Option<IpAddr>)>;
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self {
            arena: Vec::with_capacity(ARENA),
            runs: Vec::with_capacity(RUNS),
            many: Many::new(),
            failed: None,
            dropped: 0,
        }
    }

    /// Datagrams that a socket did not take.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes what `write` appends as one datagram.
    pub(super) fn push(
        &mut self,
        state: &UdpSocketState,
        from: Side,
        five_tuple: FiveTuple,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.arena.len();
        write(&mut self.arena);
        let len = self.arena.len() - start;
        if let Some(last) = self.runs.last_mut()
            && last.five_tuple == five_tuple
            && last.from == from
            && last.takes(len, state.max_gso_segments())
        {
            last.len += len;
            return;
        }
        self.runs.push(Run {
            from,
            five_tuple,
            start,
            len,
            segment: len.max(1),
        });
    }

    /// Whether it is time to send.
    pub(super) fn is_full(&self) -> bool {
        self.runs.len() >= RUNS || self.arena.len() >= ARENA
    }

    /// Sends everything.
    pub(super) fn flush(&mut self, state: &mut UdpSocketState, sockets: &impl Sockets) {
        let mut rest = &self.runs[..];
        while let Some(first) = rest.first() {
            let (group, after) = rest.split_at(together(rest));
            rest = after;
            let Some((socket, wildcard)) = sockets.socket(first.from, first.five_tuple) else {
                continue;
            };
            self.dropped += match wildcard {
                None if first.is_one() => self.many.send(socket, group, &self.arena),
                wildcard => {
                    let sent = group
                        .iter()
                        .map(|run| send_run(state, socket, wildcard, run, &self.arena));
                    sent.sum()
                }
            };
        }
        self.runs.clear();
        self.arena.clear();
        self.restore(state);
    }

    /// Turns segmentation on again some time after it failed.
    fn restore(&mut self, state: &mut UdpSocketState) {
        if state.max_gso_segments() > 1 || cfg!(not(target_os = "linux")) {
            return;
        }
        let now = Instant::now();
        match self.failed {
            None => self.failed = Some(now),
            Some(at) if now.duration_since(at) >= GSO_PAUSE => {
                self.failed = None;
                if let Ok(fresh) = offload::state() {
                    *state = fresh;
                }
            }
            Some(_) => {}
        }
    }
}

/// How many runs from the first on leave one socket as single datagrams; at least 1.
fn together(runs: &[Run]) -> usize {
    let Some(first) = runs.first().filter(|run| run.is_one()) else {
        return 1;
    };
    let alike = |run: &&Run| {
        run.is_one() && run.from == first.from && run.five_tuple.local == first.five_tuple.local
    };
    runs.iter().take_while(alike).count()
}

/// Sends a run with what the system has for it; gives how many datagrams were dropped.
fn send_run(
    state: &UdpSocketState,
    socket: &Udp,
    wildcard: Option<IpAddr>,
    run: &Run,
    arena: &[u8],
) -> u64 {
    let bytes = run.bytes(arena);
    let source = run.five_tuple.local.ip();
    let remote = run.five_tuple.remote;
    let transmit = |contents, segment_size| Transmit {
        destination: wildcard.map_or(remote, |socket| to_family_of(socket, remote)),
        ecn: None,
        contents,
        segment_size,
        src_ip: wildcard.and_then(|_| (!source.is_unspecified()).then_some(source)),
    };
    let segments = state.max_gso_segments() > 1 && !run.is_one();
    let whole = transmit(bytes, Some(run.segment));
    if segments && socket.send_with(state, &whole).is_ok() {
        return 0;
    }
    let mut dropped = 0;
    for datagram in bytes.chunks(run.segment) {
        if let Err(error) = socket.send_with(state, &transmit(datagram, None)) {
            dropped += 1;
            tracing::debug!(to = %remote, %error, "a datagram was dropped");
        }
    }
    dropped
}

/// Bytes that are gathered before they are sent.
const ARENA: usize = 256 << 10;
/// Datagrams, or batches of them, that are gathered before they are sent.
const RUNS: usize = 64;
/// A segment larger than what a path takes makes the system refuse the whole batch.
const MAX_SEGMENT: usize = 1452;
/// What one batch may have: the most of one datagram.
const MAX_BATCH: usize = 65_000;
/// How long datagrams leave one by one after the system has refused a batch.
const GSO_PAUSE: Duration = Duration::from_secs(1);
