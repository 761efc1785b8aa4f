//! The agent: the facade over its parts, and the only writer of what goes out.

use std::net::SocketAddr;
use std::time::Instant;

use ieum_candidate::Candidate;
use ieum_pairing::Role;
use ieum_stun::{FiveTuple, Transmit};

use crate::{Config, Counters, Credentials, Event, GatheringState, Incoming, Reason, Report, SelectedPair, Server, State};

/// An ICE agent for one component. See the [crate](crate) for its contracts.
#[derive(Debug)]
pub struct Agent {
    config: Config,
    counters: Counters,
    credentials: Credentials,
}

impl Agent {
    /// An agent that has its credentials and does nothing yet.
    pub fn new(config: Config) -> Self {
        let credentials = Credentials { ufrag: String::new(), pwd: String::new() };
        Agent { config, counters: Counters::default(), credentials }
    }

    /// What the peer needs to check us: goes into the description.
    pub fn local_credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// What the peer gave us; `None` before it has, and after a [`restart`](Self::restart).
    pub fn remote_credentials(&self) -> Option<&Credentials> {
        None
    }

    /// Who nominates.
    pub fn role(&self) -> Role {
        self.config.role
    }

    /// The state of the connection.
    pub fn state(&self) -> State {
        State::New
    }

    /// How far gathering is.
    pub fn gathering_state(&self) -> GatheringState {
        GatheringState::New
    }

    /// The pair that application data goes over, if there is one.
    pub fn selected_pair(&self) -> Option<&SelectedPair> {
        None
    }

    /// The candidates found so far that the peer was (or is to be) told.
    pub fn local_candidates(&self) -> impl Iterator<Item = &Candidate> {
        std::iter::empty()
    }

    /// The peer's candidates: those we were told (names too) and those that its checks came from.
    pub fn remote_candidates(&self) -> impl Iterator<Item = &Candidate> {
        std::iter::empty()
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The pairs as they are now, best first.
    pub fn report(&self) -> Report {
        Report::default()
    }

    /// Takes a datagram that arrived on one of our bases.
    ///
    /// `from` is where it arrived (`local`: the base, as it was given to [`gather`](Self::gather)) and where it came
    /// from (`remote`). What came through a relay is unwrapped first; STUN is kept; the rest is given back.
    pub fn handle_datagram<'a>(&mut self, now: Instant, from: FiveTuple, datagram: &'a [u8]) -> Incoming<'a> {
        let _ = (now, from, datagram);
        Incoming::Ignored(Reason::Closed)
    }

    /// Does what is due at `now`. Calling it too early does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// Sets the role. The application knows it from the descriptions: the offerer controls, and so does whoever talks
    /// to an ICE-lite peer (RFC 8445 §6.1.1).
    pub fn set_role(&mut self, now: Instant, role: Role) {
        let _ = now;
        self.config.role = role;
    }

    /// Gathers candidates: `bases` are the addresses of sockets that the caller has bound, best first. May be called
    /// again with more of them; what is already known is skipped.
    pub fn gather(&mut self, now: Instant, bases: &[SocketAddr], servers: &[Server]) {
        let _ = (now, bases, servers);
    }

    /// Tells that nothing can be sent from this base any more (its interface is gone).
    pub fn fail_base(&mut self, now: Instant, local: SocketAddr) {
        let _ = (now, local);
    }

    /// Tells the peer's credentials, from its description. Other ones than before begin a new session.
    pub fn set_remote_credentials(&mut self, now: Instant, credentials: Credentials) {
        let _ = (now, credentials);
    }

    /// Tells a candidate of the peer; may come before its credentials.
    pub fn add_remote_candidate(&mut self, now: Instant, candidate: Candidate) {
        let _ = (now, candidate);
    }

    /// Tells that the peer has no more candidates (RFC 8838 §14).
    pub fn end_of_remote_candidates(&mut self, now: Instant) {
        let _ = now;
    }

    /// Restarts (RFC 8445 §9): new local credentials; the peer's are forgotten until it gives new ones. Data goes on
    /// over the old pair until there is a new one. The local candidates come again as events, to be signaled again.
    pub fn restart(&mut self, now: Instant) {
        let _ = now;
    }

    /// Closes: gives the relays back and stops. Poll what is to be sent once more after it.
    pub fn close(&mut self, now: Instant) {
        let _ = now;
    }

    /// How many bytes to leave free before each datagram given to [`send`](Self::send): 0 on a direct pair, 4 on a
    /// relayed one. `None` where there is no pair to send on.
    pub fn headroom(&self) -> Option<usize> {
        None
    }

    /// Addresses application data to the selected pair.
    ///
    /// `batch` is one datagram, or with `segment_size: Some(n)` several of `n` bytes each (the last may be shorter).
    /// Each begins with [`headroom`](Self::headroom) free bytes, which count in `n`: the relay's header is written
    /// there in place. The caller then sends `batch` as the transmit says. `None`: there is no pair, or the batch has no headroom.
    pub fn send(&mut self, batch: &mut [u8], segment_size: Option<usize>) -> Option<Transmit> {
        let _ = (batch, segment_size);
        None
    }

    /// The next message to send: appended to `buf`, and described by what is returned. `None`: nothing to send now.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        let _ = (now, buf);
        None
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` when there is nothing to wait for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
