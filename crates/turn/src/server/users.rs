//! The users that have relays: how many each, and how fast they may send.

use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashMap;

use super::rates::Bucket;
use super::table::Keyed;

/// Everybody who has a relay. Nobody is kept without one.
pub(super) struct Users {
    entries: Vec<User>,
    vacant: Vec<UserIndex>,
    by_name: HashMap<Arc<str>, UserIndex, Keyed>,
}

/// Where a user stands, for as long as they have a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UserIndex(u32);

struct User {
    name: Arc<str>,
    relays: usize,
    bucket: Bucket,
}

impl Users {
    pub(super) fn new(keyed: Keyed) -> Self {
        Self {
            entries: Vec::new(),
            vacant: Vec::new(),
            by_name: HashMap::with_hasher(keyed),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn find(&self, name: &str) -> Option<UserIndex> {
        self.by_name.get(name).copied()
    }

    pub(super) fn relays(&self, name: &str) -> usize {
        self.find(name).map_or(0, |user| self.entry(user).relays)
    }

    pub(super) fn name(&self, user: UserIndex) -> Arc<str> {
        self.entry(user).name.clone()
    }

    pub(super) fn bucket(&mut self, user: UserIndex) -> &mut Bucket {
        &mut self.entries[user.0 as usize].bucket
    }

    /// A user who is about to get a relay: [`count`](Self::count) it.
    pub(super) fn enter(&mut self, now: Instant, name: &str) -> UserIndex {
        if let Some(user) = self.find(name) {
            return user;
        }
        let name: Arc<str> = name.into();
        let entry = User {
            name: name.clone(),
            relays: 0,
            bucket: Bucket::full(now),
        };
        let user = match self.vacant.pop() {
            Some(user) => {
                self.entries[user.0 as usize] = entry;
                user
            }
            None => {
                self.entries.push(entry);
                UserIndex(self.entries.len() as u32 - 1)
            }
        };
        self.by_name.insert(name, user);
        user
    }

    pub(super) fn count(&mut self, user: UserIndex, relays: usize) {
        self.entries[user.0 as usize].relays += relays;
    }

    pub(super) fn uncount(&mut self, user: UserIndex, relays: usize) {
        let entry = &mut self.entries[user.0 as usize];
        entry.relays -= relays;
        if entry.relays == 0 {
            self.by_name.remove(&entry.name);
            self.vacant.push(user);
        }
    }

    fn entry(&self, user: UserIndex) -> &User {
        &self.entries[user.0 as usize]
    }
}
