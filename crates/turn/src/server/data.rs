//! The data path: what clients and peers send each other (RFC 8656 §11, §12.5 to §12.7). Nothing here allocates.

use std::net::SocketAddr;
use std::time::Instant;

use ieum_stun::{Class, Family, FiveTuple, Icmp, Message, MessageBuilder, Method, TransactionId};
use rand_core::Rng;

use super::allocation::Protocol;
use super::rates::Rate;
use super::users::UserIndex;
use super::{Forward, RelayId, Server, Side};
use crate::channel_data;

impl Server {
    /// ChannelData from a client.
    pub(super) fn channel_to_peer<'a>(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        datagram: &'a [u8],
    ) -> Option<Forward<'a>> {
        let ignored = &mut self.counters.ignored;
        let Some((number, payload)) = channel_data::parse(datagram) else {
            ignored.malformed += 1;
            return None;
        };
        let Some((id, allocation)) = self.table.find(&five_tuple) else {
            ignored.no_allocation += 1;
            return None;
        };
        let peer = allocation.channels.peer(now, number);
        let relay = peer.and_then(|peer| allocation.relay(Family::of(peer.ip())));
        let (Some(peer), Some((relay, local))) = (peer, relay) else {
            ignored.no_channel += 1;
            return None;
        };
        let (user, moved) = (allocation.identity.user, allocation.has_moved());
        if moved {
            self.table.settle_ticket(id);
        }
        self.pass_on(now, user, (relay, FiveTuple::udp(local, peer)), payload)
    }

    /// A Send indication from a client.
    pub(super) fn send_to_peer<'a>(
        &mut self,
        now: Instant,
        five_tuple: FiveTuple,
        message: &Message<'a>,
    ) -> Option<Forward<'a>> {
        let ignored = &mut self.counters.ignored;
        // RFC 8656 §11.2: without a way to set DF, DONT-FRAGMENT is an attribute that we do not know.
        let dont_fragment = message.dont_fragment();
        let unknown = message.unknown_comprehension_required().next().is_some()
            || dont_fragment && !self.settings.abilities.dont_fragment;
        let (Some(peer), Some(payload), false) =
            (message.xor_peer_address(), message.data(), unknown)
        else {
            ignored.bad_indication += 1;
            return None;
        };
        let Some((_, allocation)) = self.table.find(&five_tuple) else {
            ignored.no_allocation += 1;
            return None;
        };
        // RFC 6062 §4: a TCP relay carries connections, and no datagrams.
        if allocation.protocol == Protocol::Tcp {
            ignored.bad_indication += 1;
            return None;
        }
        let relay = allocation.relay(Family::of(peer.ip()));
        let (Some((relay, local)), true) = (relay, allocation.permissions.has(now, peer.ip()))
        else {
            ignored.no_permission += 1;
            return None;
        };
        if !self.settings.peers.allows_port(peer) {
            ignored.own_port += 1;
            return None;
        }
        let user = allocation.identity.user;
        let way = (relay, FiveTuple::udp(local, peer));
        let mut forward = self.pass_on(now, user, way, payload)?;
        forward.dont_fragment = dont_fragment;
        Some(forward)
    }

    fn pass_on<'a>(
        &mut self,
        now: Instant,
        user: UserIndex,
        (relay, onward): (RelayId, FiveTuple),
        payload: &'a [u8],
    ) -> Option<Forward<'a>> {
        if !self.has_bandwidth(now, user, payload) {
            self.counters.to_peers_dropped.add(payload);
            return None;
        }
        self.counters.to_peers.add(payload);
        Some(Forward::new(Side::Relay(relay), onward, &[], payload))
    }

    /// A peer's datagram: on its channel, else in a Data indication.
    pub(super) fn peer_to_client<'a>(
        &mut self,
        now: Instant,
        relay: RelayId,
        peer: SocketAddr,
        datagram: &'a [u8],
    ) -> Option<Forward<'a>> {
        let ignored = &mut self.counters.ignored;
        let Some((_, allocation)) = self.table.owner(relay).filter(|(_, a)| !a.doomed) else {
            ignored.no_relay += 1;
            return None;
        };
        if !allocation.permissions.has(now, peer.ip()) {
            ignored.no_permission += 1;
            return None;
        }
        let (client, user) = (allocation.five_tuple, allocation.identity.user);
        let forward = match allocation.channels.number(now, peer) {
            Some(number) => channel_data::header(number, datagram.len())
                .map(|header| Forward::new(Side::Listener, client, &header, datagram)),
            None => {
                let mut id = TransactionId([0; 12]);
                self.rng.fill_bytes(&mut id.0);
                self.scratch.clear();
                MessageBuilder::new(&mut self.scratch, Class::Indication, Method::DATA, id)
                    .xor_peer_address(peer)
                    .data_header(datagram.len());
                (!self.scratch.is_empty())
                    .then(|| Forward::new(Side::Listener, client, &self.scratch, datagram))
            }
        };
        let Some(forward) = forward.filter(|forward| forward.len() <= MAX_DATAGRAM) else {
            ignored.too_long += 1;
            return None;
        };
        if !self.has_bandwidth(now, user, datagram) {
            self.counters.to_clients_dropped.add(datagram);
            return None;
        }
        self.counters.to_clients.add(datagram);
        Some(forward)
    }

    /// Whether a datagram fits into what the user, and all together, may send now; it is taken off then.
    fn has_bandwidth(&mut self, now: Instant, user: UserIndex, payload: &[u8]) -> bool {
        let limits = &self.settings.limits;
        let len = payload.len() as u64;
        if let Some(all) = limits.bandwidth {
            if !self.bandwidth.has(now, Rate::bandwidth(all), len) {
                return false;
            }
        }
        if let Some(each) = limits.bandwidth_per_user {
            let bucket = self.table.users.bucket(user);
            if !bucket.take(now, Rate::bandwidth(each), len) {
                return false;
            }
        }
        if let Some(all) = limits.bandwidth {
            self.bandwidth.take(now, Rate::bandwidth(all), len);
        }
        true
    }

    /// RFC 8656 §11.5: a Data indication without data.
    pub(super) fn tell_icmp(&mut self, now: Instant, relay: RelayId, peer: SocketAddr, icmp: Icmp) {
        let Some((_, allocation)) = self.table.owner(relay).filter(|(_, a)| !a.doomed) else {
            self.counters.ignored.no_relay += 1;
            return;
        };
        if !allocation.permissions.has(now, peer.ip()) {
            self.counters.ignored.no_permission += 1;
            return;
        }
        let client = allocation.five_tuple;
        let mut id = TransactionId([0; 12]);
        self.rng.fill_bytes(&mut id.0);
        self.send(client, Class::Indication, Method::DATA, id, |m| {
            m.xor_peer_address(peer).icmp(icmp);
        });
        self.counters.icmp += 1;
    }
}

/// What UDP over IPv4 carries: 65,535 bytes less the two headers.
const MAX_DATAGRAM: usize = 65_507;
