//! The rivals' agents in the same simulation.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_ice::candidate::CandidateConfig;
use rtc_ice::candidate::candidate_host::CandidateHostConfig;
use sansio::Protocol as _;

use crate::simulation::{Packet, Peer, Side, address};

pub(crate) struct Is {
    agent: is::IceAgent,
    origin: Instant,
    connected: bool,
    nominated: bool,
}

impl Peer for Is {
    fn new(side: u8, count: u16, controlling: bool) -> Self {
        let mut agent = is::IceAgent::new(is::IceCreds::new());
        agent.set_controlling(controlling);
        for n in 0..count {
            let host = is::Candidate::host(address(side, n), "udp").unwrap();
            agent.add_local_candidate(host).unwrap();
        }
        Is {
            agent,
            origin: Instant::now(),
            connected: false,
            nominated: false,
        }
    }

    fn credentials(&self) -> (String, String) {
        let own = self.agent.local_credentials();
        (own.ufrag.clone(), own.pass.clone())
    }

    fn lines(&mut self) -> Vec<String> {
        let all = self.agent.local_candidates();
        all.map(|it| it.to_sdp_string()).collect()
    }

    fn set_remote(&mut self, ufrag: &str, pwd: &str) {
        let (ufrag, pass) = (ufrag.to_owned(), pwd.to_owned());
        self.agent
            .set_remote_credentials(is::IceCreds { ufrag, pass });
    }

    fn add_remote(&mut self, _: Duration, line: &str) {
        let remote = is::Candidate::from_sdp_string(line).unwrap();
        self.agent.add_remote_candidate(remote);
    }

    fn end_remote(&mut self, _: Duration) {}
}

impl Side for Is {
    fn handle(&mut self, now: Duration, (from, to, bytes): &Packet) {
        let message = is::stun::StunMessage::parse(bytes).unwrap();
        let packet = is::stun::StunPacket {
            proto: is::Protocol::Udp,
            source: *from,
            destination: *to,
            message,
        };
        self.agent.handle_packet(self.origin + now, packet);
    }

    fn tick(&mut self, now: Duration) {
        self.agent.handle_timeout(self.origin + now);
    }

    fn next(&mut self) -> Option<Duration> {
        let at = self.agent.poll_timeout()?;
        Some(at.saturating_duration_since(self.origin))
    }

    fn drain(&mut self, _: Duration, out: &mut Vec<Packet>) {
        while let Some(transmit) = self.agent.poll_transmit() {
            out.push((
                transmit.source,
                transmit.destination,
                transmit.contents.into(),
            ));
        }
        while let Some(event) = self.agent.poll_event() {
            match event {
                is::IceAgentEvent::NominatedSend { .. } => self.nominated = true,
                is::IceAgentEvent::IceConnectionStateChange(state) => {
                    self.connected = state.is_connected();
                }
                _ => {}
            }
        }
    }

    fn is_ready(&self) -> bool {
        self.connected && self.nominated
    }
}

pub(crate) struct Rtc {
    agent: rtc_ice::Agent,
    origin: Instant,
    side: usize,
    count: u16,
    controlling: bool,
}

const RTC: [(&str, &str); 2] = [
    ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("bbbbbbbbbbbbbbbb", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
];

impl Peer for Rtc {
    fn new(side: u8, count: u16, controlling: bool) -> Self {
        let origin = Instant::now();
        let (ufrag, pwd) = RTC[usize::from(side - 1)];
        let config = rtc_ice::AgentConfig {
            local_ufrag: ufrag.into(),
            local_pwd: pwd.into(),
            is_controlling: controlling,
            ..Default::default()
        };
        let provider = rtc_crypto::default_provider().unwrap();
        let mut agent = rtc_ice::Agent::new(origin, Arc::new(config), provider).unwrap();
        for n in 0..count {
            agent
                .add_local_candidate(rtc_host(address(side, n)))
                .unwrap();
        }
        let side = usize::from(side - 1);
        Rtc {
            agent,
            origin,
            side,
            count,
            controlling,
        }
    }

    fn credentials(&self) -> (String, String) {
        let (ufrag, pwd) = RTC[self.side];
        (ufrag.into(), pwd.into())
    }

    fn lines(&mut self) -> Vec<String> {
        let side = self.side as u8 + 1;
        let line = |n| format!("candidate:{}", rtc_host(address(side, n)).marshal());
        (0..self.count).map(line).collect()
    }

    fn set_remote(&mut self, ufrag: &str, pwd: &str) {
        self.agent
            .start_connectivity_checks(self.origin, self.controlling, ufrag.into(), pwd.into())
            .unwrap();
    }

    fn add_remote(&mut self, _: Duration, line: &str) {
        let line = line.trim_start_matches("candidate:");
        let remote = rtc_ice::candidate::unmarshal_candidate(line).unwrap();
        self.agent.add_remote_candidate(remote).unwrap();
    }

    fn end_remote(&mut self, _: Duration) {}
}

fn rtc_host(address: SocketAddr) -> rtc_ice::candidate::Candidate {
    let base_config = CandidateConfig {
        network: "udp".into(),
        address: address.ip().to_string(),
        port: address.port(),
        component: 1,
        ..Default::default()
    };
    CandidateHostConfig {
        base_config,
        ..Default::default()
    }
    .new_candidate_host()
    .unwrap()
}

impl Side for Rtc {
    fn handle(&mut self, now: Duration, (from, to, bytes): &Packet) {
        let message = rtc_shared::TransportMessage {
            now: self.origin + now,
            transport: rtc_shared::TransportContext {
                local_addr: *to,
                peer_addr: *from,
                ..Default::default()
            },
            message: BytesMut::from(&bytes[..]),
        };
        // It may refuse what came to a pair that it has given up.
        let _ = self.agent.handle_read(message);
    }

    fn tick(&mut self, now: Duration) {
        self.agent.handle_timeout(self.origin + now).unwrap();
    }

    fn next(&mut self) -> Option<Duration> {
        let at = self.agent.poll_timeout()?;
        Some(at.saturating_duration_since(self.origin))
    }

    fn drain(&mut self, _: Duration, out: &mut Vec<Packet>) {
        while let Some(transmit) = self.agent.poll_write() {
            let way = transmit.transport;
            out.push((way.local_addr, way.peer_addr, transmit.message.to_vec()));
        }
        while self.agent.poll_event().is_some() {}
    }

    fn is_ready(&self) -> bool {
        self.agent.get_selected_candidate_pair().is_some()
    }
}

pub(crate) struct Rice {
    agent: rice_proto::agent::Agent,
    stream: usize,
    side: u8,
    count: u16,
    next: Option<Duration>,
    ready: bool,
}

impl Rice {
    fn with_stream<T>(
        &mut self,
        act: impl FnOnce(&mut rice_proto::stream::StreamMut<'_>) -> T,
    ) -> T {
        let mut stream = self.agent.mut_stream(self.stream).unwrap();
        act(&mut stream)
    }
}

impl Peer for Rice {
    fn new(side: u8, count: u16, controlling: bool) -> Self {
        let mut agent = rice_proto::agent::Agent::builder()
            .trickle_ice(true)
            .controlling(controlling)
            .build();
        let id = agent.add_stream();
        let mut stream = agent.mut_stream(id).unwrap();
        let _ = stream.add_component().unwrap();
        let (ufrag, pwd) = RTC[usize::from(side - 1)];
        stream.set_local_credentials(rice_proto::stream::Credentials::new(
            ufrag.into(),
            pwd.into(),
        ));
        for n in 0..count {
            stream.add_local_candidate(rice_host(address(side, n), n));
        }
        stream.end_of_local_candidates();
        Rice {
            agent,
            stream: id,
            side,
            count,
            next: Some(Duration::ZERO),
            ready: false,
        }
    }

    fn credentials(&self) -> (String, String) {
        let (ufrag, pwd) = RTC[usize::from(self.side - 1)];
        (ufrag.into(), pwd.into())
    }

    fn lines(&mut self) -> Vec<String> {
        let line = |n| rice_host(address(self.side, n), n).to_sdp_string();
        let all = (0..self.count).map(line);
        all.map(|line| line.trim_start_matches("a=").to_owned())
            .collect()
    }

    fn set_remote(&mut self, ufrag: &str, pwd: &str) {
        let credentials = rice_proto::stream::Credentials::new(ufrag.into(), pwd.into());
        self.with_stream(|stream| stream.set_remote_credentials(credentials));
    }

    fn add_remote(&mut self, now: Duration, line: &str) {
        let remote = format!("a={line}").parse().unwrap();
        self.with_stream(|stream| stream.add_remote_candidate(remote));
        self.next = Some(now);
    }

    fn end_remote(&mut self, now: Duration) {
        self.with_stream(|stream| stream.end_of_remote_candidates());
        self.next = Some(now);
    }
}

fn rice_host(address: SocketAddr, n: u16) -> rice_proto::candidate::Candidate {
    use rice_proto::candidate::{Candidate, CandidateType};
    use stun_proto::types::TransportType;
    // Its parser takes no dots.
    let foundation = address.ip().to_string().replace('.', "");
    Candidate::builder(
        1,
        CandidateType::Host,
        TransportType::Udp,
        &foundation,
        address,
    )
    .base_address(address)
    .priority((126 << 24) + ((65535 - u32::from(n)) << 8) + 255)
    .build()
}

fn rice_time(now: Duration) -> stun_proto::Instant {
    stun_proto::Instant::from_nanos(now.as_nanos() as i64)
}

impl Side for Rice {
    fn handle(&mut self, now: Duration, (from, to, bytes): &Packet) {
        let mut stream = self.agent.mut_stream(self.stream).unwrap();
        let udp = stun_proto::types::TransportType::Udp;
        let transmit = stun_proto::agent::Transmit::new(&bytes[..], udp, *from, *to);
        stream.handle_incoming_data(1, transmit, rice_time(now));
        self.next = Some(now);
    }

    fn tick(&mut self, now: Duration) {
        use rice_proto::agent::AgentPoll;
        loop {
            match self.agent.poll(rice_time(now)) {
                AgentPoll::Closed => return self.next = None,
                AgentPoll::WaitUntil(at) => {
                    return self.next = Some(Duration::from_nanos(at.as_nanos() as u64));
                }
                AgentPoll::SelectedPair(_) => self.ready = true,
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Option<Duration> {
        self.next
    }

    fn drain(&mut self, now: Duration, out: &mut Vec<Packet>) {
        while let Some(next) = self.agent.poll_transmit(rice_time(now)) {
            let transmit = next.transmit;
            out.push((transmit.from, transmit.to, transmit.data.to_vec()));
        }
    }

    fn is_ready(&self) -> bool {
        self.ready
    }
}
