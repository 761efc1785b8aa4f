//! Whose a datagram is: by user name fragment, by transaction, by address. No I/O, and bounded per connection.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use ieum_stun::{Class, Message, TransactionId, is_stun};

/// One connection.
pub(super) type Id = u64;

/// A UDP five-tuple: our end, and the other.
pub(super) type Way = (SocketAddr, SocketAddr);

/// Why a datagram is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stray {
    UnknownUfrag,
    UnknownTransaction,
    UnknownAddress,
    Malformed,
}

impl Stray {
    pub(super) const COUNT: usize = 4;
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is bound, as it may have been before.
    Bound,
    /// It was another connection's.
    Moved,
    /// It is another connection's, or this one has too many.
    Refused,
}

/// Maps are keyed from the system's randomness, as the standard library has it: nobody can make them slow by his choice of names.
#[derive(Debug)]
pub(super) struct Table<Q> {
    members: HashMap<Id, Member<Q>>,
    by_ufrag: HashMap<String, Id>,
    by_transaction: HashMap<TransactionId, Id>,
    by_way: HashMap<Way, Id>,
}

#[derive(Debug)]
struct Member<Q> {
    queue: Q,
    ufrags: Vec<String>,
    ways: Vec<Way>,
    /// Questions, the oldest first; some of them are answered.
    asked: VecDeque<TransactionId>,
}

impl<Q> Default for Table<Q> {
    fn default() -> Self {
        Self {
            members: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_transaction: HashMap::new(),
            by_way: HashMap::new(),
        }
    }
}

impl<Q> Table<Q> {
    pub(super) fn connections(&self) -> usize {
        self.members.len()
    }

    pub(super) fn addresses(&self) -> usize {
        self.by_way.len()
    }

    /// Where a connection takes its datagrams.
    pub(super) fn queue(&self, id: Id) -> Option<&Q> {
        self.members.get(&id).map(|member| &member.queue)
    }

    pub(super) fn attach(&mut self, id: Id, queue: Q) {
        let member = Member {
            queue,
            ufrags: Vec::new(),
            ways: Vec::new(),
            asked: VecDeque::new(),
        };
        self.members.insert(id, member);
    }

    /// Forgets a connection, and every way to it.
    pub(super) fn detach(&mut self, id: Id) {
        let Some(member) = self.members.remove(&id) else {
            return;
        };
        for ufrag in &member.ufrags {
            forget(&mut self.by_ufrag, ufrag, id);
        }
        for way in &member.ways {
            forget(&mut self.by_way, way, id);
        }
        for transaction in &member.asked {
            forget(&mut self.by_transaction, transaction, id);
        }
    }

    /// The user name fragments of a connection, in place of those before. One that another has stays the other's: they are
    /// drawn at random, so that this does not happen.
    pub(super) fn name(&mut self, id: Id, ufrags: Vec<String>) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        for old in std::mem::replace(&mut member.ufrags, ufrags) {
            forget(&mut self.by_ufrag, &old, id);
        }
        for ufrag in &member.ufrags {
            self.by_ufrag.entry(ufrag.clone()).or_insert(id);
        }
    }

    /// A connection asks; the answer is for it.
    pub(super) fn ask(&mut self, id: Id, transaction: TransactionId) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        // A question that is repeated is one.
        if self.by_transaction.insert(transaction, id) == Some(id) {
            return;
        }
        if member.asked.len() == MAX_ASKED
            && let Some(oldest) = member.asked.pop_front()
        {
            forget(&mut self.by_transaction, &oldest, id);
        }
        member.asked.push_back(transaction);
    }

    /// A connection's peer has proven to be at the other end. Where another connection's has, too, it counts who
    /// `is_there`: a check of ours was answered from there.
    pub(super) fn claim(&mut self, id: Id, way: Way, is_there: bool) -> Claim {
        let Some(member) = self.members.get_mut(&id) else {
            return Claim::Refused;
        };
        let owner = self.by_way.get(&way).copied();
        if owner == Some(id) {
            return Claim::Bound;
        }
        if member.ways.len() == MAX_WAYS || (owner.is_some() && !is_there) {
            return Claim::Refused;
        }
        member.ways.push(way);
        self.by_way.insert(way, id);
        let Some(owner) = owner else {
            return Claim::Bound;
        };
        if let Some(member) = self.members.get_mut(&owner) {
            member.ways.retain(|known| *known != way);
        }
        Claim::Moved
    }

    /// Whose a datagram is. One that came by the address of its peer is, for that, to be believed.
    pub(super) fn find(&mut self, way: Way, datagram: &[u8]) -> Result<(Id, bool), Stray> {
        let owner = self.by_way.get(&way).copied();
        if !is_stun(datagram) {
            let owner = owner.ok_or(Stray::UnknownAddress)?;
            return Ok((owner, true));
        }
        let message = Message::parse(datagram).map_err(|_| Stray::Malformed)?;
        let id = match message.class() {
            Class::Request => {
                let ours = message.username().and_then(|name| name.split_once(':'));
                let known = ours.and_then(|(ours, _)| self.by_ufrag.get(ours));
                *known.ok_or(Stray::UnknownUfrag)?
            }
            Class::Success | Class::Error => {
                let transaction = message.transaction_id();
                let known = self.by_transaction.remove(&transaction);
                known.ok_or(Stray::UnknownTransaction)?
            }
            Class::Indication => owner.ok_or(Stray::UnknownAddress)?,
        };
        Ok((id, owner == Some(id)))
    }
}

/// What is another's meanwhile stays.
fn forget<K: std::hash::Hash + Eq + Clone>(map: &mut HashMap<K, Id>, key: &K, id: Id) {
    if let Entry::Occupied(entry) = map.entry(key.clone())
        && *entry.get() == id
    {
        entry.remove();
    }
}

/// Addresses of one connection's peer, on each of ours: a peer has few, and a symmetric NAT makes some more.
const MAX_WAYS: usize = 64;
/// Questions of one connection whose answers are waited for.
const MAX_ASKED: usize = 256;

#[cfg(test)]
mod tests;
