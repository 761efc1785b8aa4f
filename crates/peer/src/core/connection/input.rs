//! What comes in, and what follows from it.

use std::net::SocketAddr;
use std::time::Instant;

use ieum_ice::{FiveTuple, GatheringState, Incoming};

use super::{Connection, Ending, Event, ice_state};
use crate::core::demux::{Protocol, protocol};
use crate::core::mdns::Mdns;
use crate::core::sctp::SctpEvent;
use crate::core::transport::Signal;
use crate::core::{
    ChannelError, ConnectionState, IceCandidateInit, IceConnectionState, IceGatheringState,
    Ignored, Occurrence, SignalingState,
};

impl Connection {
    /// Takes a datagram: `from` says on which of our addresses (as it was given to [`gather`](Self::gather)) and from where.
    pub fn handle_datagram(&mut self, now: Instant, from: FiveTuple, datagram: &[u8]) {
        self.take_datagram(now, from, datagram);
        self.pump(now);
    }

    /// The same for datagrams of one sender that came together (UDP GRO), for less: each of them is `segment` bytes long,
    /// at least 1, but for the last, which may be shorter.
    pub fn handle_datagrams(
        &mut self,
        now: Instant,
        from: FiveTuple,
        datagrams: &[u8],
        segment: usize,
    ) {
        for datagram in datagrams.chunks(segment.max(1)) {
            self.take_datagram(now, from, datagram);
        }
        self.pump(now);
    }

    fn take_datagram(&mut self, now: Instant, from: FiveTuple, datagram: &[u8]) {
        if let Incoming::Application(datagram) = self.agent.handle_datagram(now, from, datagram) {
            self.traffic.packets_received += 1;
            self.traffic.bytes_received += datagram.len() as u64;
            match protocol(datagram) {
                Protocol::Dtls => {
                    let role = self.agent.role();
                    self.transport
                        .handle_datagram(now, role, datagram, &mut self.counters);
                }
                Protocol::Media => self.counters.ignore(Ignored::Media),
                Protocol::Unknown => self.counters.ignore(Ignored::UnknownProtocol),
            }
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.agent.handle_timeout(now);
        let role = self.agent.role();
        self.transport.handle_timeout(now, role, &mut self.counters);
        self.pump(now);
    }

    /// Takes what every layer has to tell, until none has anything left.
    pub(super) fn pump(&mut self, now: Instant) {
        self.pump_agent(now);
        // DTLS begins when there is a pair to send over: its timers run from its first message.
        if self.agent.headroom().is_some() {
            let role = self.agent.role();
            self.transport.drain(now, role, &mut self.counters);
        }
        while let Some(signal) = self.transport.poll_signal() {
            self.take_signal(now, signal);
        }
        self.transport.rest();
        self.update_state(now);
        self.pump_ending(now);
    }

    pub(super) fn pump_agent(&mut self, now: Instant) {
        while let Some(event) = self.agent.poll_event() {
            match event {
                ieum_ice::Event::Candidate(candidate) => {
                    self.descriptions += 1;
                    // Without a section to name it waits for the next description, which says it.
                    if self.negotiation.data_section().is_some() {
                        let init = self.candidate_init(candidate.to_string());
                        self.event(Event::IceCandidate(Some(init)));
                    }
                    self.observe(now, &Occurrence::LocalCandidate(candidate));
                }
                ieum_ice::Event::CandidateRedundant { kind, url } => {
                    let server = url;
                    self.observe(now, &Occurrence::LocalCandidateRedundant { kind, server });
                }
                ieum_ice::Event::CandidateError(error) => {
                    let reason = error.reason.into_owned();
                    self.candidate_error(now, error.url, Some(error.local), error.code, reason);
                }
                ieum_ice::Event::GatheringState(state) => {
                    self.agent_gathering = state;
                    self.update_gathering(now);
                }
                ieum_ice::Event::StateChange(state) => {
                    self.event(Event::IceConnectionStateChange(ice_state(state)));
                    self.observe(now, &Occurrence::IceState(ice_state(state)));
                }
                ieum_ice::Event::RegisterName { name, ip } => {
                    self.event(Event::RegisterName { name, ip });
                }
                ieum_ice::Event::ResolveName(name) if Mdns::is_candidate_name(&name) => {
                    self.event(Event::ResolveName(name));
                }
                ieum_ice::Event::ResolveName(_) => self.counters.ignore(Ignored::NamedCandidate),
                ieum_ice::Event::SelectedPair(pair) => {
                    self.traffic.pair_changes += 1;
                    if let Some(sctp) = self.transport.sctp() {
                        sctp.path_changed(now);
                    }
                    let (local, remote) = (pair.local, pair.remote);
                    self.observe(now, &Occurrence::PairSelected { local, remote });
                }
                _ => {}
            }
        }
    }

    /// Gathering is complete when the agent says so and no servers are to come.
    pub(super) fn update_gathering(&mut self, now: Instant) {
        let state = match self.agent_gathering {
            GatheringState::New => IceGatheringState::New,
            GatheringState::Complete if !self.more_servers => IceGatheringState::Complete,
            _ => IceGatheringState::Gathering,
        };
        // What is pooled belongs to no description yet.
        if state != self.gathering && !self.pools {
            self.change_gathering(now, state);
        }
    }

    pub(super) fn change_gathering(&mut self, now: Instant, state: IceGatheringState) {
        self.gathering = state;
        self.descriptions += 1;
        if state == IceGatheringState::Complete {
            self.event(Event::IceCandidate(None));
        }
        self.event(Event::IceGatheringStateChange(state));
        self.observe(now, &Occurrence::GatheringState(state));
    }

    pub(super) fn candidate_init(&self, candidate: String) -> IceCandidateInit {
        let section = self.negotiation.data_section();
        IceCandidateInit {
            candidate,
            sdp_mid: section.and_then(|(_, mid)| mid.map(str::to_owned)),
            sdp_m_line_index: section.and_then(|(index, _)| u16::try_from(index).ok()),
            username_fragment: Some(self.agent.signaled_credentials().ufrag.clone()),
        }
    }

    pub(super) fn candidate_error(
        &mut self,
        now: Instant,
        url: String,
        local: Option<SocketAddr>,
        code: Option<u16>,
        reason: String,
    ) {
        self.event(Event::IceCandidateError {
            url: url.clone(),
            local,
            code,
            reason: reason.clone(),
        });
        self.observe(
            now,
            &Occurrence::CandidateError {
                url,
                local,
                code,
                reason,
            },
        );
    }

    pub(super) fn take_signal(&mut self, now: Instant, signal: Signal) {
        match signal {
            Signal::Secured(version) => self.observe(now, &Occurrence::DtlsConnected { version }),
            Signal::Failed(error) => {
                self.dtls_failed = true;
                self.channels_lost(now, Some(ChannelError::Dtls(error)));
                let reason = error.to_string();
                self.observe(now, &Occurrence::DtlsFailed { reason });
            }
            Signal::Ended => self.close_now(now),
            Signal::Sctp(SctpEvent::Connected) => {
                self.observe(now, &Occurrence::SctpConnected);
                self.open_waiting(now);
            }
            Signal::Sctp(SctpEvent::Readable(stream)) => self.stream_readable(now, stream),
            Signal::Sctp(SctpEvent::Released { stream, bytes }) => {
                self.stream_released(stream, bytes);
            }
            Signal::Sctp(SctpEvent::Reset(stream)) => {
                if let Some(channel) = self.channels.by_stream(stream) {
                    self.channel_closed(now, channel);
                }
            }
            Signal::Sctp(SctpEvent::Closing(stream)) => self.stream_closing(stream),
            Signal::Sctp(SctpEvent::Lost) => self.channels_lost(now, Some(ChannelError::Sctp)),
        }
    }

    fn update_state(&mut self, now: Instant) {
        let state = self.current_state();
        if state != self.state {
            self.state = state;
            self.event(Event::ConnectionStateChange(state));
            self.observe(now, &Occurrence::ConnectionState(state));
        }
    }

    /// WebRTC 1.0 §4.3.3, with one difference: a peer's goodbye closes the connection.
    fn current_state(&self) -> ConnectionState {
        let secured = self.transport.version().is_some();
        match self.ice_connection_state() {
            _ if matches!(self.ending, Ending::Leaving | Ending::Closed) => ConnectionState::Closed,
            _ if self.dtls_failed => ConnectionState::Failed,
            IceConnectionState::Failed => ConnectionState::Failed,
            IceConnectionState::Disconnected => ConnectionState::Disconnected,
            IceConnectionState::New if !secured => ConnectionState::New,
            IceConnectionState::Connected | IceConnectionState::Completed if secured => {
                ConnectionState::Connected
            }
            IceConnectionState::Closed => ConnectionState::Closed,
            _ => ConnectionState::Connecting,
        }
    }

    fn pump_ending(&mut self, now: Instant) {
        let Ending::Flushing(deadline) = self.ending else {
            return;
        };
        let hopeless = self.agent.headroom().is_none() || self.transport.version().is_none();
        if self.channels.is_empty() || hopeless || now >= deadline {
            self.leave(now);
            self.update_state(now);
        }
    }

    /// The last words were sent, or cannot be.
    pub(super) fn finish(&mut self, now: Instant) {
        self.ending = Ending::Closed;
        self.transport.stop();
        self.agent.close(now);
        self.pump_agent(now);
        self.update_state(now);
        self.observe(now, &Occurrence::Closed);
        self.observer = None;
        debug_assert_eq!(self.signaling_state(), SignalingState::Closed);
    }
}
