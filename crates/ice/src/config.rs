//! What an agent is told once, at construction.

use std::fmt;
use std::time::Duration;

use ieum_pairing::Role;

use crate::AddressMapping;

/// Everything an [`Agent`](crate::Agent) is told at construction.
#[derive(Clone)]
pub struct Config {
    /// Who nominates (RFC 8445 §6.1.1): the offerer is controlling, and so is whoever talks to an ICE-lite peer.
    pub role: Role,
    /// Where all randomness comes from: ufrag, password, transaction ids, tie-breaker. Draw it from the operating
    /// system: whoever can guess it can take the connection over. One seed serves one agent.
    pub seed: [u8; 32],
    /// Which candidates may be used.
    pub transport_policy: TransportPolicy,
    /// Be the lite side (RFC 8445 §2.5): only host candidates, no checks of our own, the peer nominates. For a server
    /// that everybody reaches. Signal it: [`Options`](crate::Options). Between two lite sides nothing is checked, and
    /// nothing connects.
    pub lite: bool,
    /// Offer and accept renomination, [`Options::renomination`](crate::Options::renomination): with a peer that does
    /// too, candidates that come after a nomination are checked, and a better pair is nominated when it works.
    pub renomination: bool,
    /// Where the selected pair falls silent, try all others again, and go on over one that answers, without a restart.
    /// RFC 8445 §8.1.1 asks for a restart; but until one has come through signaling (if at all), this is better than nothing.
    pub failover: bool,
    /// Tell the peer a random name for each of our addresses in place of host candidates' addresses
    /// (draft-ietf-mmusic-mdns-ice-candidates): [`Event::RegisterName`](crate::Event::RegisterName).
    pub hide_host_addresses: bool,
    /// Addresses under which the world reaches this host, though no interface has them.
    pub address_mappings: Vec<AddressMapping>,
    /// How long things take.
    pub timing: Timing,
    /// How much of what a remote peer can cause is kept.
    pub limits: Limits,
}

impl Config {
    /// The default configuration with this role and seed.
    pub fn new(role: Role, seed: [u8; 32]) -> Self {
        Config {
            role,
            seed,
            transport_policy: TransportPolicy::default(),
            lite: false,
            renomination: false,
            failover: true,
            hide_host_addresses: false,
            address_mappings: Vec::new(),
            timing: Timing::default(),
            limits: Limits::default(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The seed is a secret.
        f.debug_struct("Config")
            .field("role", &self.role)
            .field("transport_policy", &self.transport_policy)
            .field("lite", &self.lite)
            .field("renomination", &self.renomination)
            .field("failover", &self.failover)
            .field("hide_host_addresses", &self.hide_host_addresses)
            .field("address_mappings", &self.address_mappings)
            .field("timing", &self.timing)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Which candidates may be used: `iceTransportPolicy` of the W3C.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TransportPolicy {
    /// All of them.
    #[default]
    All,
    /// Only relayed ones: the peer learns no address of this host, and checks that reach a base directly are ignored.
    Relay,
}

/// How long things take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// Between two checks that nothing triggered, Ta of RFC 8445 §14.2, as far as we are concerned: signal it as
    /// `a=ice-pacing`. The greater one of both sides' counts, and 50 ms for a peer that signals none
    /// ([`Options::pacing`](crate::Options::pacing)). It is per agent; §14.2 has it for all agents of a host together.
    pub ta: Duration,
    /// Before the first retransmission of a check; doubled after each, up to [`rto_max`](Self::rto_max). Where the
    /// round trip of a pair is known, twice that is taken instead, if it is shorter.
    ///
    /// RFC 8445 §14.3 asks for 500 ms or more where it is not known, so that many pairs do not flood a slow link.
    /// With one component and paced checks 100 ms costs little, and mends a lost check five times sooner. With many
    /// pairs it is twice the time that checking all of them takes, up to 500 ms.
    pub rto: Duration,
    /// The longest wait between two retransmissions of a check.
    pub rto_max: Duration,
    /// How often a check is sent before its pair fails: 9 times, over 5.5 s with the other defaults.
    pub check_attempts: u32,
    /// How long a TCP connection to the peer may take to be open, and a check on it to be answered, each. It is sent
    /// once (RFC 8489 §6.2.2, which would wait for 39.5 s).
    pub tcp_timeout: Duration,
    /// How long a valid direct pair waits for a better one that is still being checked, before it is nominated; less
    /// where all better ones have had twice its round trip to answer.
    pub direct_grace: Duration,
    /// How long a valid pair that is relayed, or over TCP, waits for a better one that is still being checked, before it
    /// is nominated.
    pub relay_grace: Duration,
    /// Between two consent checks, randomised by 20 % either way. RFC 7675 §5.1: 5 s.
    pub consent_interval: Duration,
    /// After the last answer of the peer, before the agent stops sending and fails. RFC 7675 §5.1: 30 s.
    pub consent_timeout: Duration,
    /// With nothing heard on the selected pair for so long, the agent says that it is disconnected.
    pub disconnected_after: Duration,
    /// Of checking, before the agent fails because everything was tried in vain. RFC 8863 §4 asks for 39.5 s of
    /// patience: the peer may still wait for our description, and its first check may open the way.
    pub patience: Duration,
    /// Of checking without a valid pair, before the agent fails in any case.
    pub checking_timeout: Duration,
    /// Of waiting for STUN and TURN servers, before the agent gives them up.
    pub gathering_timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            ta: Duration::from_millis(5),
            rto: Duration::from_millis(100),
            rto_max: Duration::from_millis(800),
            check_attempts: 9,
            tcp_timeout: Duration::from_secs(6),
            direct_grace: Duration::from_millis(100),
            relay_grace: Duration::from_millis(500),
            consent_interval: Duration::from_secs(5),
            consent_timeout: Duration::from_secs(30),
            disconnected_after: Duration::from_secs(7),
            patience: Duration::from_secs(10),
            checking_timeout: Duration::from_secs(30),
            gathering_timeout: Duration::from_secs(5),
        }
    }
}

/// How much is kept of what a remote peer, a server or the caller can cause. What is over a limit is ignored and counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Remote candidates, peer reflexive ones and names among them.
    pub remote_candidates: usize,
    /// Of these, peer reflexive ones: a NAT that takes another port for every destination makes ever new ones.
    pub discovered_candidates: usize,
    /// Pairs in the check list; the worst are dropped. RFC 8445 §6.1.2.5: 100.
    pub pairs: usize,
    /// Checks kept that came before the remote credentials.
    pub early_checks: usize,
    /// Bases: sockets that the caller has bound.
    pub bases: usize,
    /// TCP connections that one passive candidate accepts. Where there are more, those go first whose other end has not
    /// proven to be the peer.
    pub accepted_streams: usize,
    /// STUN and TURN servers.
    pub servers: usize,
    /// Messages that wait to be polled; further answers are dropped (the peer asks again).
    pub queued_messages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            remote_candidates: 100,
            discovered_candidates: 32,
            pairs: 100,
            early_checks: 32,
            bases: 64,
            accepted_streams: 32,
            servers: 16,
            queued_messages: 512,
        }
    }
}
