//! A network made of a seed: who is where, what is wrong, and how signaling goes.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ieum_ice::{Agent, Candidate, Config, Credentials, Event, GatheringState, Role, Server, State};
use ieum_netsim::{Firewall, Link, Nat, NatId, Network, NodeId, Variation, Wire};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::support::{self, Faults, Host, Peer, Relay, address, ms, stun, turn};

pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0.next_u64() % n
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn share(&mut self, percent: u64) -> f64 {
        self.below(percent * 100 + 1) as f64 / 10_000.0
    }

    fn variation(&mut self) -> Variation {
        Variation::ALL[self.below(3) as usize]
    }
}

/// Where an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Internet,
    /// Behind a NAT of its own; mapping and filtering.
    Behind(Variation, Variation),
    /// In the network that both sides have an interface in.
    Common,
}

#[derive(Debug, Clone)]
pub(crate) struct Interface {
    pub(crate) base: SocketAddr,
    pub(crate) place: Place,
    pub(crate) up: bool,
}

/// What travels over signaling.
#[derive(Debug, Clone)]
enum Signal {
    Credentials(Credentials),
    Candidate(Candidate),
    End,
    /// A description that restarts: the other side restarts too, and answers.
    Restart(Credentials),
    Answer(Credentials),
}

impl Signal {
    fn is_description(&self) -> bool {
        matches!(self, Signal::Credentials(_) | Signal::Restart(_))
    }
}

pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) network: Network<Host>,
    ids: [NodeId; 2],
    pub(crate) interfaces: [Vec<Interface>; 2],
    pub(crate) blocked: [bool; 2],
    pub(crate) servers: Vec<(NodeId, Server, bool)>,
    signals: Vec<(Instant, usize, Signal)>,
    complete: [bool; 2],
    /// A description came that belongs to a restart.
    restarted: [bool; 2],
    common: NatId,
    /// When the last server has restarted or begun to speak again.
    pub(crate) faults_over: Instant,
    /// A server drops packets or is late.
    pub(crate) servers_are_slow: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
        let mut network = Network::new(seed, wire(&mut dice));
        let common = Nat::new([198, 51, 100, 99].into(), dice.variation())
            .filtering(dice.variation())
            .hairpin(dice.chance(50));
        let common = network.add_nat(common, None);
        let origin = network.now();
        let roles = match dice.below(6) {
            0 => [Role::Controlling; 2],
            1 => [Role::Controlled; 2],
            _ => [Role::Controlling, Role::Controlled],
        };
        let mut world = World {
            ids: [0, 1].map(|side| network.add(peer(seed, side, roles[side]))),
            dice,
            network,
            interfaces: Default::default(),
            blocked: [false; 2],
            servers: Vec::new(),
            signals: Vec::new(),
            complete: [false; 2],
            restarted: [false; 2],
            common,
            faults_over: origin,
            servers_are_slow: false,
        };
        for side in [0, 1] {
            world.add_interfaces(side);
            world.blocked[side] = world.dice.chance(8);
            if world.blocked[side] {
                let firewall = Firewall::blocking_udp().open_port(3478);
                world.network.protect(world.ids[side], firewall);
            }
        }
        world.add_servers();
        world
    }

    fn add_interfaces(&mut self, side: usize) {
        let host = side as u8 + 1;
        for n in 0..=self.dice.below(3) as u8 {
            let place = match self.dice.below(10) {
                0..=2 => Place::Internet,
                3..=7 => Place::Behind(self.dice.variation(), self.dice.variation()),
                _ => Place::Common,
            };
            let base: IpAddr = match place {
                Place::Internet => [203, 0, 113, 10 * host + n].into(),
                Place::Behind(..) => [192, 168, n, 2].into(),
                Place::Common => [10, 0, host, n].into(),
            };
            self.add_interface(
                side,
                SocketAddr::new(base, 5000),
                place,
                [198, 51, 100, 10 * host + n],
            );
        }
        if self.dice.chance(25) {
            let base = address(&format!("[2001:db8::{host}]:5000"));
            self.add_interface(side, base, Place::Internet, [0; 4]);
        }
    }

    fn add_interface(&mut self, side: usize, base: SocketAddr, place: Place, public: [u8; 4]) {
        let (id, up) = (self.ids[side], true);
        match place {
            Place::Internet => {}
            Place::Common => self.network.put_interface(id, base.ip(), Some(self.common)),
            Place::Behind(mapping, filtering) => {
                let mut nat = Nat::new(public.into(), mapping).filtering(filtering);
                nat = nat.preserve_ports(self.dice.chance(50));
                if self.dice.chance(30) {
                    nat = nat.timeout(Duration::from_secs(30));
                }
                let nat = self.network.add_nat(nat, None);
                self.network.put_interface(id, base.ip(), Some(nat));
            }
        }
        self.interfaces[side].push(Interface { base, place, up });
        support::peer(&mut self.network, id).bases.push(base);
    }

    fn add_servers(&mut self) {
        for n in 0..self.dice.below(4) {
            let listen = format!("192.0.2.{}:3478", n + 1);
            let faults = self.faults();
            let over = self.network.now() + faults.over();
            self.faults_over = self.faults_over.max(over);
            self.servers_are_slow |= faults.drops > 0 || !faults.late.is_zero();
            let mut relay = Relay::new(self.network.now(), &listen, faults);
            relay.dead = self.dice.chance(20);
            let dead = relay.dead;
            let id = self.network.add(Host::Relay(Box::new(relay)));
            let server = if self.dice.chance(50) {
                turn(&listen)
            } else {
                stun(&listen)
            };
            self.servers.push((id, server, !dead));
        }
    }

    /// What is wrong with a server, if it is not dead: with half of them nothing.
    fn faults(&mut self) -> Faults {
        let mut faults = Faults::default();
        match self.dice.below(12) {
            0 => faults.drops = self.dice.below(30),
            1 => faults.late = ms(self.dice.below(2000)),
            2 => faults.refuses = Some([437, 486, 500, 508][self.dice.below(4) as usize]),
            3 => faults.restarts = vec![ms(self.dice.below(3000)), ms(self.dice.below(20_000))],
            4 => {
                let begin = ms(self.dice.below(5000));
                faults.silent = vec![begin..begin + ms(self.dice.below(10_000))];
            }
            5 => {
                faults.drops = self.dice.below(20);
                faults.late = ms(self.dice.below(500));
                faults.restarts = vec![ms(self.dice.below(10_000))];
            }
            _ => {}
        }
        faults
    }

    pub(crate) fn agent(&mut self, side: usize) -> &mut Agent {
        &mut support::peer(&mut self.network, self.ids[side]).agent
    }

    /// Candidates arrive in any order, descriptions in theirs.
    fn signal(&mut self, to: usize, signal: Signal) {
        let mut due = self.network.now() + ms(self.dice.below(400));
        if signal.is_description() {
            let before = self
                .signals
                .iter()
                .filter(|(_, side, earlier)| *side == to && earlier.is_description());
            due = before.map(|(at, _, _)| *at).chain([due]).max().unwrap();
        }
        self.signals.push((due, to, signal));
    }

    /// Both begin to gather, and describe themselves.
    pub(crate) fn begin(&mut self) {
        let now = self.network.now();
        let paced = self.dice.chance(50);
        for side in [0, 1] {
            let mut options = self.agent(1 - side).local_options();
            options.pacing = options.pacing.filter(|_| paced);
            self.agent(side).set_remote_options(now, options);
        }
        let servers: Vec<Server> = self
            .servers
            .iter()
            .map(|(_, server, _)| server.clone())
            .collect();
        for side in [0, 1] {
            let now = self.network.now();
            support::peer(&mut self.network, self.ids[side]).gather(now, &servers);
            let credentials = self.agent(side).local_credentials().clone();
            self.signal(1 - side, Signal::Credentials(credentials));
        }
    }

    /// Runs for a moment, with signaling.
    pub(crate) fn slice(&mut self) {
        self.network.run_for(ms(20));
        let now = self.network.now();
        for side in [0, 1] {
            while let Some(event) = self.agent(side).poll_event() {
                self.take(side, event);
            }
        }
        let (due, later) = std::mem::take(&mut self.signals)
            .into_iter()
            .partition(|(at, _, _)| *at <= now);
        self.signals = later;
        for (_, to, signal) in due {
            self.deliver(now, to, signal);
        }
    }

    fn take(&mut self, side: usize, event: Event) {
        match event {
            Event::Candidate(mut candidate) => {
                let ufrag = self.agent(side).signaled_credentials().ufrag.clone();
                candidate.extensions.push(("ufrag".into(), ufrag));
                self.signal(1 - side, Signal::Candidate(candidate));
            }
            Event::GatheringState(GatheringState::Complete) => self.complete[side] = true,
            _ => {}
        }
        // The end of candidates is the one thing that must not overtake them.
        let quiet = |to| move |(_, at, _): &(Instant, usize, Signal)| *at != to;
        if self.complete[side] && self.signals.iter().all(quiet(1 - side)) {
            self.complete[side] = false;
            let due = self.network.now() + ms(400);
            self.signals.push((due, 1 - side, Signal::End));
        }
    }

    fn deliver(&mut self, now: Instant, to: usize, signal: Signal) {
        match signal {
            // One description does not overtake another.
            Signal::Credentials(_) if self.restarted[to] => {}
            Signal::Credentials(credentials) => {
                self.agent(to).set_remote_credentials(now, credentials)
            }
            Signal::Answer(credentials) => {
                self.restarted[to] = true;
                let agent = self.agent(to);
                if agent.is_restart_prepared() {
                    agent.restart(now);
                }
                agent.set_remote_credentials(now, credentials);
            }
            Signal::Candidate(candidate) => self.agent(to).add_remote_candidate(now, candidate),
            Signal::End => self.agent(to).end_of_remote_candidates(now),
            Signal::Restart(credentials) => {
                self.restarted[to] = true;
                self.agent(to).restart(now);
                self.agent(to).set_remote_credentials(now, credentials);
                let answer = self.agent(to).local_credentials().clone();
                self.signal(1 - to, Signal::Answer(answer));
            }
        }
    }

    pub(crate) fn vanish(&mut self, side: usize) {
        let n = self.dice.below(self.interfaces[side].len() as u64) as usize;
        let base = self.interfaces[side][n].base;
        self.interfaces[side][n].up = false;
        let now = self.network.now();
        self.network
            .set_interface_up(self.ids[side], base.ip(), false);
        let waits = self.dice.below(2) == 0;
        let agent = self.agent(side);
        agent.fail_base(now, base);
        if waits {
            let credentials = agent.new_credentials();
            agent.prepare_restart(credentials);
        } else {
            agent.restart(now);
        }
        let offer = agent.signaled_credentials().clone();
        self.signal(1 - side, Signal::Restart(offer));
    }

    pub(crate) fn is_nominated(&mut self) -> bool {
        [0, 1].into_iter().all(|side| {
            let agent = self.agent(side);
            agent.selected_pair().is_some_and(|pair| pair.nominated)
                && matches!(agent.state(), State::Connected | State::Completed)
        })
    }

    pub(crate) fn states(&mut self) -> [State; 2] {
        [0, 1].map(|side| self.agent(side).state())
    }

    /// Until both sides have nominated, or both have failed; says when.
    pub(crate) fn settle(&mut self, limit: Duration) -> Duration {
        let start = self.network.now();
        while self.network.now() - start < limit {
            if self.is_nominated() || self.states() == [State::Failed; 2] {
                break;
            }
            self.slice();
        }
        self.network.now() - start
    }
}

fn wire(dice: &mut Dice) -> Wire {
    let delay = ms(1 + dice.below(100));
    let mut wire = Wire::from(Link {
        delay,
        loss: dice.share(20),
    });
    if dice.chance(50) {
        wire.jitter = delay.mul_f64(dice.share(50));
    }
    if dice.chance(50) {
        wire.reordering = dice.share(20);
        wire.duplication = dice.share(10);
    }
    wire
}

fn peer(seed: u64, side: usize, role: Role) -> Host {
    let mut bytes = [side as u8 + 1; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let mut config = Config::new(role, bytes);
    config.timing.checking_timeout = CHECKING_TIMEOUT;
    Host::Peer(Box::new(Peer::new(Agent::new(config), &[])))
}

/// What the agents are configured to.
pub(crate) const CHECKING_TIMEOUT: Duration = Duration::from_secs(20);
