//! Relays: what the agent does as the TURN clients have their addresses, lose them, or are sent to another server.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Instant;

use ieum_candidate::{Candidate, Transport};
use ieum_pairing::PairId;
use ieum_stun::{FiveTuple, code};
use ieum_turn::client;

use super::Agent;
use super::gather::NO_ANSWER;
use crate::candidates::{COMPONENT, Path};
use crate::disguise::nowhere;
use crate::relays::Source;
use crate::{PairError, State, StreamError, TransportPolicy};

impl Agent {
    /// Does what the TURN clients' events ask for.
    pub(super) fn take_relay_events(&mut self, now: Instant) {
        for id in self.relays.ids() {
            while let Some(event) = self.relays.poll_event(id) {
                self.take_relay_event(now, id, event);
            }
            let closed =
                |relay: &crate::relays::Relay| relay.client.state() == client::State::Closed;
            if self.relays.get(id).is_some_and(closed) {
                self.remove_relay(id);
            }
        }
        if self.state != State::Closed {
            self.finish_gathering();
        }
    }

    fn take_relay_event(&mut self, now: Instant, id: u32, event: client::Event) {
        match event {
            client::Event::Allocated { relayed, reflexive } => {
                self.relay_allocated(now, id, relayed, reflexive)
            }
            client::Event::Failed { code, reason } => {
                self.fail_relay(id, code, reason.to_string().into())
            }
            client::Event::Lost { code } => self.relay_lost(id, code),
            client::Event::ChannelBound { peer } => {
                if let Some(pair) = self.relayed_pair(id, peer) {
                    self.checks.list.form(pair);
                    if self
                        .checks
                        .facts(pair)
                        .is_some_and(|facts| facts.received > 0)
                    {
                        self.checks.list.trigger(pair);
                    }
                }
            }
            client::Event::ChannelFailed { peer, code } => {
                if let Some(pair) = self.relayed_pair(id, peer) {
                    self.fail_pair(now, pair, PairError::RelayRefused(code));
                }
            }
            client::Event::Redirected { server } => self.follow(id, server),
            // Of what an agent does not ask for.
            _ => {}
        }
    }

    /// A relay's server has sent it on to another one. Over TCP and TLS that is another connection.
    fn follow(&mut self, id: u32, server: FiveTuple) {
        let left = self.relays.redirect(id, server);
        if let Some(way) = left.filter(|_| server.transport.is_stream()) {
            self.streams.close_way(way);
            self.connect_relay(id);
        }
    }

    /// Connects to a relay's server. Where that is one that we were sent to and no other name was said, the certificate
    /// must have the same one (RFC 8489 §10).
    fn connect_relay(&mut self, id: u32) {
        if let Some(relay) = self.relays.get(id) {
            let name = relay.client.alternate_domain().map(str::to_owned);
            let name = name.or_else(|| relay.source.server_name.clone());
            let (server, base) = (relay.client.server(), relay.source.base);
            self.streams.open_for_relay(id, server, base, name);
        }
    }

    /// The connection to a relay's server is closed. With it an address is lost, and the next one takes another connection.
    pub(super) fn relay_disconnected(&mut self, now: Instant, id: u32) {
        let Some(relay) = self.relays.get_mut(id) else {
            return;
        };
        if relay.client.state() != client::State::Allocated {
            return self.fail_relay(id, None, CLOSED.into());
        }
        relay.client.disconnected(now);
        self.take_relay_events(now);
        self.connect_relay(id);
    }

    /// A relay's server cannot be connected to. One that had given us an address is tried again for a while.
    pub(super) fn relay_not_connected(
        &mut self,
        now: Instant,
        id: u32,
        to: SocketAddr,
        error: StreamError,
    ) {
        let pending = self.relays.get(id).is_some_and(|relay| relay.pending);
        if pending {
            let reason = format!("the server sends us to {to}: {error}");
            self.fail_relay(id, Some(code::TRY_ALTERNATE), reason.into());
        } else if !self.relays.retry(now, id) {
            self.fail_relay(id, None, error.to_string().into());
        }
    }

    /// Connects again where it is time for it.
    pub(super) fn reconnect_relays(&mut self, now: Instant) {
        while let Some(id) = self.relays.next_retry(now) {
            self.connect_relay(id);
        }
    }

    /// A relay has lost its address, and asks for another one: a candidate like any other when it comes. What goes over the
    /// lost one is cut, so that all other pairs are tried meanwhile.
    fn relay_lost(&mut self, id: u32, code: Option<u16>) {
        let Some(relay) = self.relays.get(id).filter(|_| self.state != State::Closed) else {
            return;
        };
        let (url, base) = (relay.source.url.clone(), relay.source.base);
        let reason = match relay.client.server().transport.is_stream() && code.is_none() {
            true => CLOSED,
            false => "the relayed address was lost",
        };
        self.tell_error(&url, base, code, reason.into());
        let path = Path::Relay(id);
        if let Some(selected) = &mut self.nomination.selected {
            if selected.path == path {
                selected.consent.cut();
                selected.described.nominated = false;
            }
        }
        self.forget_candidates(path);
    }

    fn relay_allocated(
        &mut self,
        now: Instant,
        id: u32,
        relayed: SocketAddr,
        reflexive: SocketAddr,
    ) {
        let Some(relay) = self.relays.get(id) else {
            return;
        };
        if self.state == State::Closed {
            return self.relays.close(now, id);
        }
        let Source {
            url, preference, ..
        } = relay.source.clone();
        let way = relay.client.server();
        self.add_reflexive(reflexive, way, preference, &url);
        // With only relayed candidates allowed, nobody is told where this host is.
        let mapped = match self.config.transport_policy {
            TransportPolicy::All => reflexive,
            TransportPolicy::Relay => nowhere(relayed.ip()),
        };
        let candidate = Candidate::relayed(
            relayed,
            mapped,
            way.remote.ip(),
            Transport::Udp,
            COMPONENT,
            preference,
        );
        self.add_local(candidate, relayed, Path::Relay(id), Some(&url));
        for peer in self.remotes.addresses().collect::<Vec<_>>() {
            self.relays.open(now, id, peer);
        }
    }

    fn relayed_pair(&self, relay: u32, peer: SocketAddr) -> Option<PairId> {
        let local = self.locals.on_path(Path::Relay(relay))?.id;
        Some(PairId {
            local,
            remote: self.remotes.at(Path::Relay(relay), peer)?,
        })
    }

    /// Tells that a relay gives no candidate (any more), and forgets it.
    pub(super) fn fail_relay(&mut self, id: u32, code: Option<u16>, reason: Cow<'static, str>) {
        if let Some(relay) = self.relays.get(id).filter(|_| self.state != State::Closed) {
            let (url, base) = (relay.source.url.clone(), relay.source.base);
            self.tell_error(&url, base, code, reason);
        }
        self.remove_relay(id);
    }

    /// Stops waiting for a relay. Should the server answer after all, the address is given back.
    pub(super) fn give_up_relay(&mut self, now: Instant, id: u32) {
        let Some(relay) = self.relays.get(id) else {
            return;
        };
        let (url, base) = (relay.source.url.clone(), relay.source.base);
        self.tell_error(&url, base, None, NO_ANSWER.into());
        self.relays.close(now, id);
    }

    pub(super) fn remove_relay(&mut self, id: u32) {
        if let Some(relay) = self.relays.get(id) {
            self.streams.close_way(relay.client.server());
        }
        self.streams.close_for_relay(id);
        self.relays.remove(id);
        self.remove_path(Path::Relay(id));
    }
}

const CLOSED: &str = "the server has closed the connection";
