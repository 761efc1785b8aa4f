//! Our agent in the simulation.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_ice::{Agent, Candidate, Config, Credentials, Event, FiveTuple, Role};

use crate::simulation::{self, Packet, Peer, Side, address};

pub(crate) struct Ours {
    agent: Agent,
    origin: Instant,
    buf: Vec<u8>,
    pub(crate) wakeups: u32,
}

impl Ours {
    /// Two agents that know each other. `fast`: both have signaled `ice-pacing` of 5 ms.
    pub(crate) fn pair(count: u16, fast: bool) -> [Ours; 2] {
        let mut pair = simulation::pair::<Ours>(count);
        for side in pair.iter_mut().filter(|_| fast) {
            let options = side.agent.local_options();
            side.agent.set_remote_options(side.origin, options);
        }
        pair
    }
}

impl Peer for Ours {
    fn new(side: u8, count: u16, controlling: bool) -> Self {
        let role = if controlling {
            Role::Controlling
        } else {
            Role::Controlled
        };
        let origin = Instant::now();
        let mut agent = Agent::new(Config::new(role, [side; 32]));
        let bases: Vec<SocketAddr> = (0..count).map(|n| address(side, n)).collect();
        agent.gather(origin, &bases, &[]);
        while agent.poll_event().is_some() {}
        Ours {
            agent,
            origin,
            buf: Vec::new(),
            wakeups: 0,
        }
    }

    fn credentials(&self) -> (String, String) {
        let own = self.agent.local_credentials();
        (own.ufrag.clone(), own.pwd.clone())
    }

    fn lines(&mut self) -> Vec<String> {
        self.agent
            .local_candidates()
            .map(Candidate::to_string)
            .collect()
    }

    fn set_remote(&mut self, ufrag: &str, pwd: &str) {
        let (ufrag, pwd) = (ufrag.to_owned(), pwd.to_owned());
        self.agent
            .set_remote_credentials(self.origin, Credentials { ufrag, pwd });
    }

    fn add_remote(&mut self, now: Duration, line: &str) {
        self.agent
            .add_remote_candidate(self.origin + now, line.parse().unwrap());
    }

    fn end_remote(&mut self, now: Duration) {
        self.agent.end_of_remote_candidates(self.origin + now);
    }
}

impl Side for Ours {
    fn handle(&mut self, now: Duration, (from, to, bytes): &Packet) {
        self.agent
            .handle_datagram(self.origin + now, FiveTuple::udp(*to, *from), bytes);
    }

    fn tick(&mut self, now: Duration) {
        self.wakeups += 1;
        self.agent.handle_timeout(self.origin + now);
    }

    fn next(&mut self) -> Option<Duration> {
        self.agent.poll_timeout().map(|at| at - self.origin)
    }

    fn drain(&mut self, now: Duration, out: &mut Vec<Packet>) {
        while let Some(transmit) = self.agent.poll_transmit(self.origin + now, &mut self.buf) {
            let way = transmit.five_tuple;
            out.push((way.local, way.remote, self.buf.clone()));
            self.buf.clear();
        }
        while let Some(event) = self.agent.poll_event() {
            drop::<Event>(event);
        }
    }

    fn is_ready(&self) -> bool {
        self.agent
            .selected_pair()
            .is_some_and(|pair| pair.nominated)
    }
}
