//! Our agent in the simulation.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ieum_ice::{Agent, Config, Event, FiveTuple, Options, Role};

use crate::simulation::{Packet, Side, address};

pub(crate) struct Ours {
    agent: Agent,
    origin: Instant,
    buf: Vec<u8>,
    pub(crate) wakeups: u32,
}

impl Ours {
    /// Two agents that know each other. `fast`: both have signaled `ice-pacing` of 5 ms.
    pub(crate) fn pair(count: u16, fast: bool) -> [Ours; 2] {
        let now = Instant::now();
        let mut sides = [(1, Role::Controlling), (2, Role::Controlled)].map(|(side, role)| {
            let mut agent = Agent::new(Config::new(role, [side; 32]));
            let bases: Vec<SocketAddr> = (0..count).map(|n| address(side, n)).collect();
            agent.gather(now, &bases, &[]);
            Ours {
                agent,
                origin: now,
                buf: Vec::new(),
                wakeups: 0,
            }
        });
        for (from, to) in [(0, 1), (1, 0)] {
            let told = &mut sides[from].agent;
            let (credentials, options) = (told.local_credentials().clone(), told.local_options());
            let candidates: Vec<_> = told.local_candidates().cloned().collect();
            while told.poll_event().is_some() {}
            let agent = &mut sides[to].agent;
            let slow = Options::default();
            agent.set_remote_options(now, if fast { options } else { slow });
            for candidate in candidates {
                agent.add_remote_candidate(now, candidate);
            }
            agent.end_of_remote_candidates(now);
            agent.set_remote_credentials(now, credentials);
        }
        sides
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
