//! How many relays each user has, over all workers.

use std::collections::BTreeMap;

use super::{Limits, QuotaReached};

/// Counts the relays of each user: the one owner of what several workers share. It stands outside the data path:
/// workers ask it by [`Event::Admit`](super::Event::Admit) when an allocation is made, and never wait for it
/// otherwise. A server on its own needs none ([`Quotas::Own`](super::Quotas::Own)).
///
/// What it holds grows with the relays that it has admitted, and not past their limit.
#[derive(Debug)]
pub struct Registry {
    users: BTreeMap<Box<str>, usize>,
    relays: usize,
    most: usize,
    most_per_user: usize,
}

impl Registry {
    /// Nobody has a relay. Of the limits, [`relays`](Limits::relays) and [`relays_per_user`](Limits::relays_per_user)
    /// are read.
    pub fn new(limits: &Limits) -> Self {
        Self {
            users: BTreeMap::new(),
            relays: 0,
            most: limits.relays,
            most_per_user: limits.relays_per_user,
        }
    }

    /// Takes new limits. Who has more already keeps it.
    pub fn reconfigure(&mut self, limits: &Limits) {
        self.most = limits.relays;
        self.most_per_user = limits.relays_per_user;
    }

    /// All relays.
    pub fn relays(&self) -> usize {
        self.relays
    }

    /// How many users have a relay.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// Gives `user` so many relays more.
    ///
    /// # Errors
    /// Which quota would be passed; nothing has changed then.
    pub fn admit(&mut self, user: &str, relays: usize) -> Result<(), QuotaReached> {
        let has = self.users.get(user).copied().unwrap_or_default();
        if has.saturating_add(relays) > self.most_per_user {
            return Err(QuotaReached::User);
        }
        if self.relays.saturating_add(relays) > self.most {
            return Err(QuotaReached::Total);
        }
        self.relays += relays;
        *self.users.entry(user.into()).or_default() += relays;
        Ok(())
    }

    /// Takes so many relays back from `user`.
    pub fn release(&mut self, user: &str, relays: usize) {
        let Some(has) = self.users.get_mut(user) else {
            return;
        };
        let relays = relays.min(*has);
        *has -= relays;
        self.relays -= relays;
        if *has == 0 {
            self.users.remove(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_hold_for_each_user_and_for_all() {
        let limits = Limits {
            relays: 3,
            relays_per_user: 2,
            ..Limits::default()
        };
        let mut registry = Registry::new(&limits);
        assert_eq!(registry.admit("alice", 2), Ok(()));
        assert_eq!(registry.admit("alice", 1), Err(QuotaReached::User));
        assert_eq!(registry.admit("bob", 2), Err(QuotaReached::Total));
        assert_eq!(registry.admit("bob", 1), Ok(()));
        registry.release("alice", 2);
        registry.release("carol", 9);
        assert_eq!((registry.relays(), registry.users()), (1, 1));
        registry.release("bob", 9);
        assert_eq!((registry.relays(), registry.users()), (0, 0));
    }
}
