//! What clients have been granted: read from the answers that they got, and held against what the server lets through.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ieum_stun::{Class, Message, Method};
use ieum_turn::FiveTuple;
use ieum_turn::server::{PeerPolicy, RelayId};

/// All grants, by allocation.
#[derive(Default)]
pub struct Grants {
    allocations: Vec<HashMap<IpAddr, Instant>>,
    of_client: HashMap<FiveTuple, usize>,
    of_ticket: HashMap<Vec<u8>, usize>,
    of_relay: HashMap<RelayId, usize>,
}

impl Grants {
    /// A client's request was answered; `relay` knows an open relay by its address.
    pub fn learn(
        &mut self,
        now: Instant,
        client: FiveTuple,
        request: &Message<'_>,
        answer: &Message<'_>,
        relay: impl Fn(SocketAddr) -> Option<RelayId>,
    ) {
        if answer.class() != Class::Success {
            return;
        }
        match answer.method() {
            Method::ALLOCATE => {
                let relays: Vec<_> = answer
                    .xor_relayed_addresses()
                    .flatten()
                    .filter_map(relay)
                    .collect();
                // The same Allocate again is the same allocation.
                let known = relays.iter().find_map(|id| self.of_relay.get(id).copied());
                let allocation = known.unwrap_or_else(|| {
                    self.allocations.push(HashMap::new());
                    self.allocations.len() - 1
                });
                self.of_client.insert(client, allocation);
                self.of_relay
                    .extend(relays.into_iter().map(|id| (id, allocation)));
                self.keep_ticket(answer, allocation);
            }
            Method::REFRESH => {
                let ticket = request.mobility_ticket().unwrap_or_default();
                if answer.mobility_ticket().is_some() {
                    if let Some(allocation) = self.of_ticket.get(ticket).copied() {
                        self.of_client.retain(|_, of| *of != allocation);
                        self.of_client.insert(client, allocation);
                        self.keep_ticket(answer, allocation);
                    }
                }
            }
            Method::CREATE_PERMISSION | Method::CHANNEL_BIND => {
                let allocation = self
                    .of_client
                    .get(&client)
                    .expect("only who has an allocation");
                for peer in request.xor_peer_addresses().flatten() {
                    self.allocations[*allocation].insert(peer.ip(), now);
                }
            }
            _ => {}
        }
    }

    fn keep_ticket(&mut self, answer: &Message<'_>, allocation: usize) {
        if let Some(ticket) = answer.mobility_ticket() {
            self.of_ticket.insert(ticket.to_vec(), allocation);
        }
    }

    /// A policy that refuses more ends what it refuses.
    pub fn retain(&mut self, policy: &PeerPolicy) {
        for peers in &mut self.allocations {
            peers.retain(|ip, _| policy.allows(*ip));
        }
    }

    /// Something passed between this relay and this peer: it was granted so recently.
    pub fn check(&self, now: Instant, relay: RelayId, peer: IpAddr, within: Duration) {
        let allocation = self
            .of_relay
            .get(&relay)
            .expect("a relay that its client knows");
        let granted = self.allocations[*allocation].get(&peer);
        assert!(
            granted.is_some_and(|at| now < *at + within),
            "{peer} was not granted"
        );
    }
}

/// RFC 8656 §9.
pub const PERMISSION: Duration = Duration::from_secs(300);
/// RFC 8656 §12.
pub const CHANNEL: Duration = Duration::from_secs(600);
