//! The rivals' agents in the same simulation.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_ice::candidate::CandidateConfig;
use rtc_ice::candidate::candidate_host::CandidateHostConfig;
use sansio::Protocol as _;

use crate::simulation::{Packet, Side, address, run};

pub(crate) fn rows(count: u16, only_last: bool, reach: &impl Fn(SocketAddr, SocketAddr) -> bool) {
    crate::row("is", count, only_last, || run(Is::pair(count), reach));
    crate::row("rtc-ice", count, only_last, || run(Rtc::pair(count), reach));
    crate::row("rice-proto", count, only_last, || {
        run(Rice::pair(count), reach)
    });
}

struct Is {
    agent: is::IceAgent,
    origin: Instant,
    connected: bool,
    nominated: bool,
}

impl Is {
    fn pair(count: u16) -> [Is; 2] {
        let origin = Instant::now();
        let credentials = [is::IceCreds::new(), is::IceCreds::new()];
        let mut sides = [0, 1].map(|side: usize| {
            let mut agent = is::IceAgent::new(credentials[side].clone());
            agent.set_controlling(side == 0);
            agent.set_remote_credentials(credentials[1 - side].clone());
            Is {
                agent,
                origin,
                connected: false,
                nominated: false,
            }
        });
        for n in 0..count {
            for side in [0, 1] {
                let host = is::Candidate::host(address(side as u8 + 1, n), "udp").unwrap();
                let line = sides[side]
                    .agent
                    .add_local_candidate(host)
                    .unwrap()
                    .to_sdp_string();
                let remote = is::Candidate::from_sdp_string(&line).unwrap();
                sides[1 - side].agent.add_remote_candidate(remote);
            }
        }
        sides
    }
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

struct Rtc {
    agent: rtc_ice::Agent,
    origin: Instant,
}

const RTC: [(&str, &str); 2] = [
    ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("bbbbbbbbbbbbbbbb", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
];

impl Rtc {
    fn pair(count: u16) -> [Rtc; 2] {
        let origin = Instant::now();
        [0, 1].map(|side: usize| {
            let config = rtc_ice::AgentConfig {
                local_ufrag: RTC[side].0.into(),
                local_pwd: RTC[side].1.into(),
                is_controlling: side == 0,
                ..Default::default()
            };
            let provider = rtc_crypto::default_provider().unwrap();
            let mut agent = rtc_ice::Agent::new(origin, Arc::new(config), provider).unwrap();
            for n in 0..count {
                agent
                    .add_local_candidate(rtc_host(address(side as u8 + 1, n)))
                    .unwrap();
                let line = rtc_host(address(2 - side as u8, n)).marshal();
                let remote = rtc_ice::candidate::unmarshal_candidate(&line).unwrap();
                agent.add_remote_candidate(remote).unwrap();
            }
            let (ufrag, pwd) = RTC[1 - side];
            agent
                .start_connectivity_checks(origin, side == 0, ufrag.into(), pwd.into())
                .unwrap();
            Rtc { agent, origin }
        })
    }
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

struct Rice {
    agent: rice_proto::agent::Agent,
    stream: usize,
    next: Option<Duration>,
    ready: bool,
}

impl Rice {
    fn pair(count: u16) -> [Rice; 2] {
        [0, 1].map(|side: u8| {
            let mut agent = rice_proto::agent::Agent::builder()
                .trickle_ice(true)
                .controlling(side == 0)
                .build();
            let id = agent.add_stream();
            let mut stream = agent.mut_stream(id).unwrap();
            let _ = stream.add_component().unwrap();
            let credentials = |side: u8| {
                let (ufrag, pwd) = RTC[usize::from(side)];
                rice_proto::stream::Credentials::new(ufrag.into(), pwd.into())
            };
            stream.set_local_credentials(credentials(side));
            stream.set_remote_credentials(credentials(1 - side));
            for n in 0..count {
                stream.add_local_candidate(rice_host(address(side + 1, n), n));
            }
            stream.end_of_local_candidates();
            for n in 0..count {
                stream.add_remote_candidate(rice_host(address(2 - side, n), n));
            }
            stream.end_of_remote_candidates();
            Rice {
                agent,
                stream: id,
                next: Some(Duration::ZERO),
                ready: false,
            }
        })
    }
}

fn rice_host(address: SocketAddr, n: u16) -> rice_proto::candidate::Candidate {
    use rice_proto::candidate::{Candidate, CandidateType};
    use stun_proto::types::TransportType;
    let foundation = address.ip().to_string();
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
