//! The data path: what clients and peers send each other (RFC 8656 §11, §12.5 to §12.7). Nothing here allocates.

use std::net::SocketAddr;
use std::time::Instant;

use ieum_stun::{Class, FiveTuple, Message, MessageBuilder, Method, TransactionId};
use rand_core::Rng;

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
        let (Some(relay), Some(peer)) = (allocation.relay, allocation.channels.peer(now, number))
        else {
            ignored.no_channel += 1;
            return None;
        };
        self.counters.to_peers.add(payload);
        let onward = FiveTuple::udp(relay, peer);
        Some(Forward::new(Side::Relay(id), onward, &[], payload))
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
        let unknown = message.unknown_comprehension_required().next().is_some();
        let (Some(peer), Some(payload), false) = (
            message.xor_peer_address(),
            message.data(),
            unknown || message.dont_fragment(),
        ) else {
            ignored.bad_indication += 1;
            return None;
        };
        let Some((id, allocation)) = self.table.find(&five_tuple) else {
            ignored.no_allocation += 1;
            return None;
        };
        let (Some(relay), true) = (allocation.relay, allocation.permissions.has(now, peer.ip()))
        else {
            ignored.no_permission += 1;
            return None;
        };
        self.counters.to_peers.add(payload);
        let onward = FiveTuple::udp(relay, peer);
        Some(Forward::new(Side::Relay(id), onward, &[], payload))
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
        let Some(allocation) = self.table.get(relay) else {
            ignored.no_relay += 1;
            return None;
        };
        if !allocation.permissions.has(now, peer.ip()) {
            ignored.no_permission += 1;
            return None;
        }
        let client = allocation.five_tuple;
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
        let forward = forward.filter(|forward| forward.len() <= MAX_DATAGRAM);
        match forward {
            Some(_) => self.counters.to_clients.add(datagram),
            None => ignored.too_long += 1,
        }
        forward
    }
}

/// What UDP over IPv4 carries: 65,535 bytes less the two headers.
const MAX_DATAGRAM: usize = 65_507;
