//! Owns the questions to STUN servers and how far gathering is (RFC 8445 §5.1.1).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use ieum_candidate::Transport;
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

/// A base, and its place among them: the first is best.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base {
    pub(crate) address: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) preference: u16,
}

#[derive(Debug)]
pub(crate) struct Gathering {
    pub(crate) state: GatheringState,
    bases: Vec<Base>,
    /// For the base that comes next.
    preference: u16,
    queries: Vec<Query>,
    /// Which servers were asked, and from which base.
    asked: BTreeSet<(SocketAddr, SocketAddr, ieum_stun::Transport)>,
    deadline: Option<Instant>,
}

impl Gathering {
    pub(crate) fn new() -> Self {
        Gathering {
            state: GatheringState::New,
            bases: Vec::new(),
            preference: u16::MAX,
            queries: Vec::new(),
            asked: BTreeSet::new(),
            deadline: None,
        }
    }

    pub(crate) fn is_base(&self, base: crate::Base) -> bool {
        self.base(base).is_some()
    }

    pub(crate) fn base(&self, base: crate::Base) -> Option<Base> {
        let is_it = |known: &&Base| {
            (known.address, known.transport) == (base.address(), base.transport())
        };
        self.bases.iter().find(is_it).copied()
    }

    /// Adds a base; `None` if it is one too many.
    pub(crate) fn add_base(&mut self, base: crate::Base, limit: usize) -> Option<Base> {
        if self.bases.len() >= limit {
            return None;
        }
        // RFC 8445 §5.1.2.1: 65535 for the best, unique among those of one kind.
        let preference = self.preference;
        self.preference = preference.saturating_sub(1);
        let base = Base {
            address: base.address(),
            transport: base.transport(),
            preference,
        };
        self.bases.push(base);
        Some(base)
    }

    pub(crate) fn remove_base(&mut self, base: crate::Base) {
        let (address, transport) = (base.address(), base.transport());
        self.bases
            .retain(|base| (base.address, base.transport) != (address, transport));
        if transport == Transport::Udp {
            self.queries.retain(|query| query.way.local != address);
            self.asked.retain(|(base, ..)| *base != address);
        }
    }

    /// Notes that a server is asked from a base. `false`: it was before.
    pub(crate) fn note_asked(&mut self, base: Base, server: &Server) -> bool {
        self.asked.insert((base.address, server.addr, server.transport))
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
