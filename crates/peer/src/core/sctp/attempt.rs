//! One association of `rtc-sctp`, from its first packet on.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rtc_sctp::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig, Event,
    Payload, ServerConfig, TransportConfig,
};
use rtc_shared::TransportProtocol;

/// One attempt at an association; the one that is up, too.
pub(super) struct Attempt {
    endpoint: Endpoint,
    handle: AssociationHandle,
    pub(super) association: Association,
    /// The peer has answered its INIT.
    pub(super) answered: bool,
    /// What it told before it was up: data can overtake the COOKIE ACK.
    early: VecDeque<Event>,
}

impl Attempt {
    pub(super) fn connect(
        now: Instant,
        transport: TransportConfig,
        max_packet: u16,
    ) -> Option<Self> {
        let mut endpoint = endpoint(None, max_packet);
        let (handle, association) = endpoint
            .connect(now, ClientConfig::new(transport), PEER)
            .ok()?;
        Some(Self {
            endpoint,
            handle,
            association,
            answered: false,
            early: VecDeque::new(),
        })
    }

    pub(super) fn accept(
        now: Instant,
        transport: TransportConfig,
        max_packet: u16,
        init: Bytes,
    ) -> Option<Self> {
        let mut endpoint = endpoint(Some(ServerConfig::new(transport)), max_packet);
        match endpoint.handle(now, PEER, None, init)? {
            (handle, DatagramEvent::NewAssociation(association)) => {
                endpoint.reject_new_associations();
                Some(Self {
                    endpoint,
                    handle,
                    association,
                    answered: false,
                    early: VecDeque::new(),
                })
            }
            _ => None,
        }
    }

    /// Whether the packet was for this attempt.
    pub(super) fn handle(&mut self, now: Instant, packet: Bytes) -> bool {
        match self.endpoint.handle(now, PEER, None, packet) {
            Some((handle, DatagramEvent::AssociationEvent(event))) if handle == self.handle => {
                self.association.handle_event(event);
                true
            }
            _ => false,
        }
    }

    pub(super) fn poll(&mut self) -> Option<Event> {
        self.early.pop_front().or_else(|| self.association.poll())
    }

    /// Whether it was given up before it was up.
    pub(super) fn has_failed(&mut self) -> bool {
        while let Some(event) = self.association.poll() {
            if matches!(event, Event::HandshakeFailed { .. }) {
                return true;
            }
            self.early.push_back(event);
        }
        false
    }

    pub(super) fn gather(&mut self, now: Instant, packets: &mut VecDeque<Bytes>) {
        while let Some(transmit) = self.association.poll_transmit(now) {
            if let Payload::RawEncode(encoded) = transmit.message {
                packets.extend(encoded);
            }
        }
    }
}

fn endpoint(server: Option<ServerConfig>, max_packet: u16) -> Endpoint {
    let mut config = EndpointConfig::new();
    config.max_payload_size(rtc_sctp::max_payload_size_for_mtu(max_packet.into()));
    let server = server.map(Arc::new);
    Endpoint::new(PEER, TransportProtocol::UDP, Arc::new(config), server)
}

/// `rtc-sctp` wants addresses; under DTLS there are none.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);
