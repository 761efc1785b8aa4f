//! What a client asks its server for (RFC 8656 §7.1, §8.1, §10.1, §12.1).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_stun::{Class, Family, MessageBuilder, Retransmission, TransactionId};
use rand_core::Rng;

use super::auth::Auth;
use super::requests::{Purpose, Request};
use super::{Client, Families, State};

impl Client {
    pub(super) fn ask_for_peers(&mut self, now: Instant) {
        if self.state != State::Allocated || !self.connected || self.migrating {
            return;
        }
        while let Some(ip) = self.permissions.next_due(now) {
            self.ask(now, Purpose::Permit(ip), 0);
        }
        while let Some(number) = self.channels.next_due(now) {
            self.ask(now, Purpose::Bind(number), 0);
        }
    }

    /// Makes a request and has it sent.
    pub(super) fn ask(&mut self, now: Instant, purpose: Purpose, stale: u8) {
        let id = self.transaction_id();
        let mut bytes = Vec::new();
        let mut message = MessageBuilder::new(&mut bytes, Class::Request, purpose.method(), id);
        self.write(purpose, &mut message);
        if let Some(Auth { challenge, key, .. }) = &self.auth {
            challenge.answer(self.credentials.username(), &mut message);
            message.integrity_as(challenge.integrity(), key);
        }
        message.fingerprint();
        let transport = self.config.server.transport;
        let timer = match purpose {
            Purpose::Release if !transport.is_stream() => {
                Retransmission::with_requests(now, Retransmission::RTO, RELEASES)
            }
            _ => Retransmission::over(now, transport, Retransmission::RTO),
        };
        self.requests.push(Request {
            purpose,
            id,
            bytes,
            timer,
            due: true,
            signed: self.auth.as_ref().map(|auth| auth.number),
            stale,
        });
    }

    /// The attributes of a request, without credentials.
    fn write(&self, purpose: Purpose, message: &mut MessageBuilder<'_>) {
        match purpose {
            Purpose::Allocate => self.write_allocate(message),
            Purpose::Refresh => self.write_lifetime(message),
            Purpose::Migrate => {
                self.write_lifetime(message);
                message.mobility_ticket(self.ticket.as_deref().unwrap_or_default());
            }
            Purpose::Release | Purpose::Clear => _ = message.lifetime(Duration::ZERO),
            // The port has no meaning (RFC 8656 §10.1).
            Purpose::Permit(ip) => _ = message.xor_peer_address(SocketAddr::new(ip, 0)),
            Purpose::Bind(number) => {
                message.channel_number(number);
                if let Some(peer) = self.channels.peer(number) {
                    message.xor_peer_address(peer);
                }
            }
        }
    }

    fn write_allocate(&self, message: &mut MessageBuilder<'_>) {
        let config = &self.config;
        message.requested_transport(UDP);
        self.write_lifetime(message);
        if let Some(token) = config.reservation {
            message.reservation_token(token);
        } else {
            let family = match (
                config.families.first(config.server.local),
                self.other_family,
            ) {
                (Family::V4, false) | (Family::V6, true) => Family::V4,
                (Family::V6, false) | (Family::V4, true) => Family::V6,
            };
            match (config.families, family) {
                (Families::Both, _) => _ = message.additional_address_family(Family::V6),
                // Servers of RFC 5766 alone do not know the attribute, and mean IPv4.
                (_, Family::V4) => {}
                (_, Family::V6) => _ = message.requested_address_family(Family::V6),
            }
            if let Some(reserve_next) = config.even_port {
                message.even_port(reserve_next && config.families != Families::Both);
            }
        }
        if config.mobility {
            message.mobility_ticket(&[]);
        }
    }

    fn write_lifetime(&self, message: &mut MessageBuilder<'_>) {
        if let Some(lifetime) = self.config.lifetime {
            message.lifetime(lifetime);
        }
    }

    pub(super) fn transaction_id(&mut self) -> TransactionId {
        let mut id = TransactionId([0; 12]);
        self.rng.fill_bytes(&mut id.0);
        id
    }
}

/// IP protocol number of UDP.
const UDP: u8 = 17;
/// How often a release is sent: the server forgets by itself in the end.
const RELEASES: u32 = 4;
