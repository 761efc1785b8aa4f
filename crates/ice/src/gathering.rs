//! Owns the questions to STUN servers and how far gathering is (RFC 8445 §5.1.1).

use std::net::SocketAddr;
use std::time::Instant;

use ieum_candidate::{Transport, local_preferences};
use ieum_stun::{FiveTuple, Retransmission, Timeout, TransactionId};

use crate::{GatheringState, Server, Timing};

/// A Binding request to a STUN server that was not answered yet.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) id: TransactionId,
    pub(crate) way: FiveTuple,
    pub(crate) url: String,
    pub(crate) preference: u16,
    timer: Retransmission,
}

/// A base, and its place among them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base {
    pub(crate) address: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) preference: u16,
    /// As it was given.
    pub(crate) given: crate::Base,
}

impl Base {
    fn is(&self, base: crate::Base) -> bool {
        (self.address, self.transport) == (base.address(), base.transport())
    }
}

#[derive(Debug)]
pub(crate) struct Gathering {
    pub(crate) state: GatheringState,
    bases: Vec<Base>,
    /// For the best of the bases that come next.
    preference: u16,
    queries: Vec<Query>,
    deadline: Option<Instant>,
}

impl Gathering {
    pub(crate) fn new() -> Self {
        Gathering {
            state: GatheringState::New,
            bases: Vec::new(),
            preference: u16::MAX,
            queries: Vec::new(),
            deadline: None,
        }
    }

    pub(crate) fn is_base(&self, base: crate::Base) -> bool {
        self.bases.iter().any(|known| known.is(base))
    }

    /// Whether this UDP base is a candidate. One that is gone is as good as one.
    pub(crate) fn is_candidate(&self, address: SocketAddr) -> bool {
        let is_it = |known: &&Base| known.is(address.into());
        let known = self.bases.iter().find(is_it);
        known.is_none_or(|known| known.given.is_candidate())
    }

    /// Adds bases that are not known yet, up to this limit.
    pub(crate) fn add_bases(&mut self, bases: Vec<crate::Base>, limit: usize) -> Vec<Base> {
        let mut new = Vec::new();
        for base in bases {
            let room = self.bases.len() + new.len() < limit;
            let is_same = |other: &crate::Base| {
                (other.address(), other.transport()) == (base.address(), base.transport())
            };
            if room && !self.is_base(base) && !new.iter().any(is_same) {
                new.push(base);
            }
        }
        // RFC 8445 §5.1.2.1: unique among those of one kind. What comes later is less than what was there.
        let best = self.preference;
        self.preference = best.saturating_sub(new.len().min(65535) as u16);
        // RFC 6544 §4.2: who connects and who listens are apart by more than this.
        new.sort_by_key(|base| (base.transport() != Transport::Udp, base.connects()));
        for of_one in new.chunk_by(|a, b| a.transport() == b.transport()) {
            let ips: Vec<_> = of_one.iter().map(|base| base.address().ip()).collect();
            let preferences = local_preferences(&ips, best);
            let ranked = of_one.iter().zip(preferences);
            self.bases.extend(ranked.map(|(base, preference)| Base {
                address: base.address(),
                transport: base.transport(),
                preference,
                given: *base,
            }));
        }
        self.bases[self.bases.len() - new.len()..].to_vec()
    }

    /// Of these, the UDP bases that are known.
    pub(crate) fn among(&self, bases: &[crate::Base]) -> Vec<Base> {
        let named = |known: &&Base| {
            let udp = known.transport == Transport::Udp;
            udp && bases.iter().any(|base| known.is(*base))
        };
        self.bases.iter().filter(named).copied().collect()
    }

    pub(crate) fn remove_base(&mut self, base: crate::Base) {
        self.bases.retain(|known| !known.is(base));
        if base.transport() == Transport::Udp {
            let address = base.address();
            self.queries.retain(|query| query.way.local != address);
        }
    }

    /// Servers are being asked from now on.
    pub(crate) fn begin(&mut self, now: Instant, timing: &Timing) {
        self.deadline = Some(now + timing.gathering_timeout);
    }

    pub(crate) fn ask(
        &mut self,
        now: Instant,
        id: TransactionId,
        base: Base,
        server: &Server,
    ) -> FiveTuple {
        let way = FiveTuple::udp(base.address, server.addr);
        let timer = Retransmission::new(now, Retransmission::RTO);
        self.queries.push(Query {
            id,
            way,
            url: server.url.clone(),
            preference: base.preference,
            timer,
        });
        way
    }

    pub(crate) fn is_asking(&self, base: SocketAddr, server: SocketAddr) -> bool {
        let way = FiveTuple::udp(base, server);
        self.queries.iter().any(|query| query.way == way)
    }

    pub(crate) fn open_questions(&self) -> usize {
        self.queries.len()
    }

    /// Takes the question that this is the answer to, if it came from where it was sent to.
    pub(crate) fn answered(&mut self, id: TransactionId, way: FiveTuple) -> Option<Query> {
        let index = self
            .queries
            .iter()
            .position(|query| query.id == id && query.way == way)?;
        Some(self.queries.swap_remove(index))
    }

    pub(crate) fn is_question(&self, id: TransactionId) -> bool {
        self.queries.iter().any(|query| query.id == id)
    }

    /// The next question to ask again.
    pub(crate) fn next_due(&mut self, now: Instant) -> Option<(TransactionId, FiveTuple)> {
        let again = |query: &mut Query| query.timer.handle_timeout(now) == Some(Timeout::Resend);
        self.queries
            .iter_mut()
            .find_map(|query| again(query).then_some((query.id, query.way)))
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// Gives up what was not answered.
    pub(crate) fn give_up(&mut self) -> Vec<Query> {
        self.deadline = None;
        std::mem::take(&mut self.queries)
    }

    pub(crate) fn complete(&mut self) {
        self.state = GatheringState::Complete;
        self.deadline = None;
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let questions = self
            .queries
            .iter()
            .filter_map(|query| query.timer.poll_timeout());
        questions.chain(self.deadline).min()
    }
}
