//! Two agents, an adversary and a careless owner: any calls, any bytes, any time, in any order; packets are delivered, lost,
//! doubled, damaged and sent to the wrong place; connections are opened, refused, forgotten and closed.
//!
//! Nothing panics; nothing is due in the past again and again; nothing is sent without end; what is kept is bounded; a
//! closed agent falls silent.

#![no_main]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_ice::{
    Agent, Base, Candidate, Config, Credentials, Event, FiveTuple, OpenStream, Options, Role,
    Server, ServerKind, State, StreamError, StreamId, StreamRequest, Transport,
};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Step {
    /// Time passes, and timers are handled.
    Wait {
        milliseconds: u16,
    },
    /// A packet that one agent has sent: delivered, delivered twice, lost, damaged, or from somewhere else.
    Deliver {
        nth: u8,
        fate: Fate,
    },
    /// Bytes from the adversary.
    Bytes {
        side: bool,
        from: u8,
        base: u8,
        bytes: Vec<u8>,
    },
    Gather {
        side: bool,
        bases: u8,
        servers: u8,
    },
    /// On TCP too: to connect, and to listen.
    GatherTcp {
        side: bool,
        listens: bool,
        server: bool,
    },
    /// What becomes of a connection that was asked for.
    Opened {
        side: bool,
        nth: u8,
        how: u8,
    },
    /// Somebody connects.
    Accept {
        side: bool,
        from: u8,
    },
    /// A connection is closed by its other end.
    Closed {
        side: bool,
        nth: u8,
    },
    Describe {
        to: bool,
    },
    Tell {
        to: bool,
        nth: u8,
    },
    TellLine {
        to: bool,
        line: String,
    },
    Resolve {
        side: bool,
        name: String,
        ip: [u8; 4],
    },
    EndOfCandidates {
        side: bool,
    },
    Options {
        side: bool,
        lite: bool,
        pacing: u8,
        renomination: bool,
        ice2: bool,
    },
    Role {
        side: bool,
        controlling: bool,
    },
    Restart {
        side: bool,
    },
    OfferRestart {
        side: bool,
    },
    CancelRestart {
        side: bool,
    },
    FailBase {
        side: bool,
        base: u8,
    },
    Send {
        side: bool,
        len: u8,
        segment: Option<u8>,
    },
    Close {
        side: bool,
    },
}

#[derive(Arbitrary, Debug)]
enum Fate {
    Delivered,
    Doubled,
    Lost,
    Damaged { at: u8, with: u8 },
    Elsewhere { from: u8 },
}

struct World {
    now: Instant,
    agents: [Agent; 2],
    in_flight: Vec<(usize, FiveTuple, Vec<u8>)>,
    opening: [Vec<OpenStream>; 2],
    open: [Vec<(StreamId, FiveTuple)>; 2],
    next_port: u16,
}

fn address(side: usize, n: u8) -> SocketAddr {
    SocketAddr::new([10, 0, side as u8, n % 4].into(), 5000)
}

fn listening(side: usize) -> SocketAddr {
    SocketAddr::new(address(side, 1).ip(), 6000)
}

fn tcp(local: SocketAddr, remote: SocketAddr) -> FiveTuple {
    FiveTuple {
        transport: Transport::Tcp,
        local,
        remote,
    }
}

impl World {
    /// Does what an agent asks for, as far as it goes.
    fn connect(&mut self, side: usize) {
        while let Some(request) = self.agents[side].poll_stream() {
            match request {
                StreamRequest::Open(open) => self.opening[side].push(open),
                StreamRequest::Close(id) => {
                    self.opening[side].retain(|open| open.id != id);
                    self.open[side].retain(|(open, _)| *open != id);
                }
            }
        }
        assert!(self.opening[side].len() + self.open[side].len() < 300);
    }

    fn opened(&mut self, side: usize, nth: u8, how: u8) {
        if self.opening[side].is_empty() {
            return;
        }
        let nth = usize::from(nth) % self.opening[side].len();
        let open = self.opening[side].swap_remove(nth);
        if how % 4 == 0 {
            return self.agents[side].stream_failed(self.now, open.id, StreamError::Refused);
        }
        self.next_port = self.next_port.wrapping_add(1);
        let local = SocketAddr::new(open.local, self.next_port);
        let other = 1 - side;
        if how % 4 > 1 && open.remote == listening(other) {
            self.accept(other, local);
        }
        let way = FiveTuple {
            transport: open.transport,
            ..tcp(local, open.remote)
        };
        self.open[side].push((open.id, way));
        self.agents[side].stream_opened(self.now, open.id, local);
    }

    fn accept(&mut self, side: usize, from: SocketAddr) {
        let local = listening(side);
        if let Some(id) = self.agents[side].stream_accepted(self.now, local, from) {
            self.open[side].push((id, tcp(local, from)));
        }
    }

    fn settle(&mut self) {
        for side in [0, 1] {
            let agent = &mut self.agents[side];
            let mut rounds = 0;
            while agent.poll_timeout().is_some_and(|at| at <= self.now) {
                agent.handle_timeout(self.now);
                rounds += 1;
                assert!(rounds < 1000, "due again and again");
            }
            let (mut buf, mut sent) = (Vec::new(), 0);
            while let Some(transmit) = agent.poll_transmit(self.now, &mut buf) {
                sent += 1;
                assert!(sent < 5000, "sends without end");
                assert_eq!(transmit.len, buf.len());
                self.in_flight
                    .push((side, transmit.five_tuple, std::mem::take(&mut buf)));
            }
            let mut told = 0;
            while let Some(event) = agent.poll_event() {
                told += 1;
                assert!(told < 5000, "tells without end");
                drop::<Event>(event);
            }
            self.connect(side);
            let agent = &self.agents[side];
            let excess = self.in_flight.len().saturating_sub(200);
            self.in_flight.drain(..excess);
            assert!(agent.report().pairs.len() <= 100 && agent.remote_candidates().count() <= 101);
        }
    }

    /// To whoever has the address.
    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        for side in [0, 1] {
            if (0..4).any(|n| address(side, n) == to) {
                let way = FiveTuple::udp(to, from);
                self.agents[side].handle_datagram(self.now, way, bytes);
            }
        }
    }

    fn take(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Wait { milliseconds } => {
                let end = self.now + Duration::from_millis(milliseconds.into());
                for _ in 0..2000 {
                    let due = self.agents.iter().filter_map(Agent::poll_timeout).min();
                    let Some(at) = due.filter(|at| *at <= end) else {
                        break;
                    };
                    self.now = self.now.max(at);
                    self.settle();
                }
                self.now = end;
            }
            Step::Deliver { nth, fate } => {
                if self.in_flight.is_empty() {
                    return;
                }
                let nth = usize::from(nth) % self.in_flight.len();
                let (side, way, mut bytes) = self.in_flight.swap_remove(nth);
                if way.transport.is_stream() {
                    let back = tcp(way.remote, way.local);
                    self.agents[1 - side].handle_datagram(now, back, &bytes);
                    return;
                }
                let (mut from, to) = (way.local, way.remote);
                match fate {
                    Fate::Lost => return,
                    Fate::Delivered => {}
                    Fate::Doubled => self.deliver(from, to, &bytes),
                    Fate::Damaged { at, with } => {
                        let at = usize::from(at) % bytes.len().max(1);
                        bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= with);
                    }
                    Fate::Elsewhere { from: n } => from = address(2, n),
                }
                self.deliver(from, to, &bytes);
            }
            Step::Bytes {
                side,
                from,
                base,
                bytes,
            } => {
                let side = usize::from(side);
                let way = FiveTuple::udp(address(side, base), address(1 - side, from));
                self.agents[side].handle_datagram(now, way, &bytes);
            }
            Step::Gather {
                side,
                bases,
                servers,
            } => {
                let side = usize::from(side);
                let bases: Vec<_> = (0..bases % 4).map(|n| address(side, n)).collect();
                let servers: Vec<_> = (0..servers % 3).map(server).collect();
                self.agents[side].gather(now, &bases, &servers);
            }
            Step::GatherTcp {
                side,
                listens,
                server: asks,
            } => {
                let side = usize::from(side);
                let mut bases = vec![
                    Base::Udp(address(side, 0)),
                    Base::TcpActive(address(side, 0).ip()),
                ];
                bases.extend(listens.then(|| Base::TcpPassive(listening(side))));
                let turn = Server {
                    transport: Transport::Tcp,
                    ..server(1)
                };
                let servers = if asks { vec![turn] } else { Vec::new() };
                self.agents[side].gather_on(now, &bases, &servers);
            }
            Step::Opened { side, nth, how } => self.opened(side.into(), nth, how),
            Step::Accept { side, from } => {
                let from = SocketAddr::new(address(2, from).ip(), u16::from(from));
                self.accept(side.into(), from);
            }
            Step::Closed { side, nth } => {
                let side = usize::from(side);
                if !self.open[side].is_empty() {
                    let nth = usize::from(nth) % self.open[side].len();
                    let (id, _) = self.open[side].swap_remove(nth);
                    self.agents[side].stream_closed(now, id);
                }
            }
            Step::Describe { to } => {
                let to = usize::from(to);
                let Credentials { ufrag, pwd } = self.agents[1 - to].local_credentials().clone();
                self.agents[to].set_remote_credentials(now, Credentials { ufrag, pwd });
            }
            Step::Tell { to, nth } => {
                let to = usize::from(to);
                let all: Vec<_> = self.agents[1 - to].local_candidates().cloned().collect();
                if let Some(candidate) = all.get(usize::from(nth) % all.len().max(1)) {
                    self.agents[to].add_remote_candidate(now, candidate.clone());
                }
            }
            Step::TellLine { to, line } => {
                if let Ok(candidate) = line.parse::<Candidate>() {
                    self.agents[usize::from(to)].add_remote_candidate(now, candidate);
                }
            }
            Step::Resolve { side, name, ip } => {
                self.agents[usize::from(side)].name_resolved(now, &name, ip.into());
            }
            Step::EndOfCandidates { side } => {
                self.agents[usize::from(side)].end_of_remote_candidates(now)
            }
            Step::Options {
                side,
                lite,
                pacing,
                renomination,
                ice2,
            } => {
                let pacing = Some(Duration::from_millis(pacing.into())).filter(|it| !it.is_zero());
                let options = Options {
                    lite,
                    pacing,
                    ice2,
                    renomination,
                };
                self.agents[usize::from(side)].set_remote_options(now, options);
            }
            Step::Role { side, controlling } => {
                let role = if controlling {
                    Role::Controlling
                } else {
                    Role::Controlled
                };
                self.agents[usize::from(side)].set_role(now, role);
            }
            Step::Restart { side } => self.agents[usize::from(side)].restart(now),
            Step::OfferRestart { side } => {
                let agent = &mut self.agents[usize::from(side)];
                let credentials = agent.new_credentials();
                agent.prepare_restart(credentials);
            }
            Step::CancelRestart { side } => self.agents[usize::from(side)].cancel_restart(),
            Step::FailBase { side, base } => {
                let side = usize::from(side);
                self.agents[side].fail_base(now, address(side, base));
            }
            Step::Send { side, len, segment } => {
                let mut batch = vec![0x80; len.into()];
                let segment = segment.map(usize::from);
                let side = usize::from(side);
                if let Some(transmit) = self.agents[side].send(&mut batch, segment) {
                    self.in_flight.push((side, transmit.five_tuple, batch));
                }
            }
            Step::Close { side } => self.agents[usize::from(side)].close(now),
        }
    }
}

fn server(n: u8) -> Server {
    let credentials = ServerKind::Turn {
        username: "user".into(),
        password: "password".into(),
    };
    Server {
        url: format!("server {n}"),
        addr: SocketAddr::new([10, 0, 1, n % 4].into(), 5000),
        transport: Transport::Udp,
        server_name: None,
        kind: if n == 1 {
            credentials
        } else {
            ServerKind::Stun
        },
    }
}

fuzz_target!(|input: (u8, Vec<Step>)| {
    let (how, steps) = input;
    let agents = [0, 1].map(|side: u8| {
        let role = if how >> side & 1 == 0 {
            Role::Controlling
        } else {
            Role::Controlled
        };
        let mut config = Config::new(role, [side; 32]);
        config.lite = side == 1 && how & 4 != 0;
        config.renomination = how & 8 != 0;
        config.hide_host_addresses = how & 16 != 0;
        Agent::new(config)
    });
    let mut world = World {
        now: Instant::now(),
        agents,
        in_flight: Vec::new(),
        opening: [Vec::new(), Vec::new()],
        open: [Vec::new(), Vec::new()],
        next_port: 40_000,
    };
    for step in steps.into_iter().take(300) {
        world.take(step);
        world.settle();
    }
    for side in [0, 1] {
        world.agents[side].close(world.now);
    }
    world.take(Step::Wait {
        milliseconds: u16::MAX,
    });
    world.take(Step::Wait {
        milliseconds: u16::MAX,
    });
    for agent in &world.agents {
        assert_eq!(agent.state(), State::Closed);
        assert_eq!(agent.poll_timeout(), None, "a closed agent sleeps");
    }
});
