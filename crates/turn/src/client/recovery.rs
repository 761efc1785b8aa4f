//! What a client does when something ends: its allocation, its connection, its server, its base.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{FiveTuple, Message, Transport, code};

use super::requests::Purpose;
use super::{Client, Event, Failure, State};

impl Client {
    /// The connection to [`server`](Self::server) is there, over TCP, TLS or DTLS: nothing was sent before. Over UDP
    /// it does nothing.
    pub fn connected(&mut self, now: Instant) {
        if self.connected {
            return;
        }
        self.connected = true;
        match self.state {
            State::Allocating if self.restart.is_none() => self.ask(now, Purpose::Allocate, 0),
            State::Allocated => {
                self.migrating = true;
                self.ask(now, Purpose::Migrate, 0);
            }
            _ => {}
        }
        self.rearm();
    }

    /// As [`connected`](Self::connected), on a connection that leaves from `local`: each has a port of its own. While
    /// there is a connection it does nothing.
    pub fn connected_from(&mut self, now: Instant, local: SocketAddr) {
        if !self.connected {
            self.config.server.local = local;
            self.connected(now);
        }
    }

    /// The connection broke, or could not be made. The server forgets an allocation with its connection: it is lost,
    /// unless there is a ticket (RFC 8016): then connect again, from wherever, and call [`migrate`](Self::migrate).
    pub fn disconnected(&mut self, now: Instant) {
        if !self.needs_connection() {
            return;
        }
        self.connected = false;
        self.requests.clear();
        match self.state {
            State::Allocating if self.restart.is_none() => {
                self.fail_allocate(None, Failure::Disconnected);
            }
            State::Allocated if self.ticket.is_none() => self.lose(now, None),
            State::Closing => self.end(None),
            State::Allocating | State::Allocated | State::Closed => {}
        }
        self.rearm();
    }

    /// Takes the allocation to another base or connection (RFC 8016): `server` is the new way to the same server.
    /// Over UDP the server is told at once, else after [`connected`](Self::connected). [`Event::Migrated`] follows,
    /// or [`Event::Lost`]. `false` where there is no ticket: the server has no mobility, or was not asked
    /// ([`Config::mobility`](super::Config::mobility)).
    pub fn migrate(&mut self, now: Instant, server: FiveTuple) -> bool {
        if self.state != State::Allocated || self.ticket.is_none() {
            return false;
        }
        self.config.server = server;
        self.migrating = true;
        self.requests.clear();
        self.channels.ask_again(now);
        self.permissions.ask_again(now);
        self.refresh = None;
        self.connected = !self.needs_connection();
        if self.connected {
            self.ask(now, Purpose::Migrate, 0);
        }
        self.rearm();
        true
    }

    /// Takes other credentials. An allocation goes on with those that made it, since many servers know it by its
    /// username; the new ones are for the next allocation, and for when the server refuses the old ones. Only a new
    /// password for the same username counts at once.
    pub fn set_credentials(&mut self, now: Instant, username: &str, password: &str) {
        let fresh = self.state == State::Allocating && self.requests.is_empty();
        self.credentials.replace(username, password, fresh);
        self.renew_key();
        let refused = self.state == State::Allocated
            && self.refresh.is_none()
            && !self
                .requests
                .any(|p| matches!(p, Purpose::Refresh | Purpose::Migrate));
        if refused && self.connected {
            self.credentials.advance();
            self.renew_key();
            self.ask(now, Purpose::Refresh, 0);
        }
        self.rearm();
    }

    /// Asks the server at once whether the allocation is still there: for when nothing comes through it any more, long
    /// before the next refresh is due. [`Event::Lost`] follows where it is not.
    pub fn verify(&mut self, now: Instant) {
        let alive = self.state == State::Allocated && self.connected && !self.migrating;
        if alive && !self.requests.any(|p| matches!(p, Purpose::Refresh)) {
            self.refresh = None;
            self.ask(now, Purpose::Refresh, 0);
            self.rearm();
        }
    }

    /// The allocation is gone.
    pub(super) fn lose(&mut self, now: Instant, code: Option<u16>) {
        if !self.config.reallocate {
            return self.end(Some(Event::Lost { code }));
        }
        self.end(Some(Event::Lost { code }));
        self.state = State::Allocating;
        self.channels.start_over();
        self.permissions.start_over();
        if self.credentials.advance() {
            self.auth = None;
        }
        (self.cleared, self.other_family) = (false, false);
        // A server that gives and takes is not asked without a pause.
        self.restart = Some(now.max(self.since + PAUSE));
        self.restart_if_due(now);
    }

    pub(super) fn restart_if_due(&mut self, now: Instant) {
        if self.restart.is_some_and(|at| at <= now) {
            self.restart = None;
            if self.connected {
                self.ask(now, Purpose::Allocate, 0);
            }
        }
    }

    /// RFC 8489 §10: to another server, once.
    pub(super) fn redirect(&mut self, now: Instant, message: &Message<'_>) {
        let FiveTuple { local, remote, .. } = self.config.server;
        let usable = message.alternate_server().filter(|to| {
            to.is_ipv4() == local.is_ipv4() && *to != remote && to.port() != 0 && !self.redirected
        });
        let Some(to) = usable else {
            return self.fail_allocate(Some(code::TRY_ALTERNATE), Failure::Refused);
        };
        self.redirected = true;
        self.config.server.remote = to;
        let domain = message.alternate_domain();
        self.alternate_domain = domain.filter(|d| d.len() <= MAX_DOMAIN).map(str::to_owned);
        // Its realm and nonces are its own.
        self.auth = None;
        let server = self.config.server;
        self.events.push_back(Event::Redirected { server });
        self.connected = !self.needs_connection();
        if self.connected {
            self.ask(now, Purpose::Allocate, 0);
        }
    }

    pub(super) fn needs_connection(&self) -> bool {
        self.config.server.transport != Transport::Udp
    }
}

/// RFC 8489 §14.16: ALTERNATE-DOMAIN has at most 255 bytes.
const MAX_DOMAIN: usize = 255;
/// How long an allocation must have lived for the next one to be asked for at once.
const PAUSE: Duration = Duration::from_secs(10);
