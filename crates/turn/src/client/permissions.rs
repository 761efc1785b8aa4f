//! The addresses that a client has asked to let in (RFC 8656 §9).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::channels::Full;

/// The addresses that a client has asked to let in, and keeps letting in.
#[derive(Debug, Default)]
pub(super) struct Permissions(BTreeMap<IpAddr, State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be asked for.
    Wanted,
    /// Asked for, not confirmed yet.
    Asked,
    /// Confirmed, to be refreshed at.
    Granted(Instant),
    /// Confirmed, being refreshed.
    Refreshing,
    Failed,
}

impl Permissions {
    /// Wants one; one that failed is wanted anew.
    pub(super) fn want(&mut self, ip: IpAddr) -> Result<(), Full> {
        if self.0.len() >= MAX && !self.0.contains_key(&ip) {
            return Err(Full);
        }
        let state = self.0.entry(ip).or_insert(State::Wanted);
        if *state == State::Failed {
            *state = State::Wanted;
        }
        Ok(())
    }

    pub(super) fn has(&self, ip: IpAddr) -> bool {
        matches!(self.0.get(&ip), Some(State::Granted(_) | State::Refreshing))
    }

    /// One that a request is due for; it counts as asked for from here on.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<IpAddr> {
        let (ip, state) = self.0.iter_mut().find(|(_, state)| match state {
            State::Wanted => true,
            State::Granted(at) => *at <= now,
            _ => false,
        })?;
        *state = match *state {
            State::Granted(_) => State::Refreshing,
            _ => State::Asked,
        };
        Some(*ip)
    }

    /// The server has confirmed; whether it is the first time.
    pub(super) fn confirm(&mut self, now: Instant, ip: IpAddr) -> bool {
        let before = self.0.insert(ip, State::Granted(now + REFRESH));
        before == Some(State::Asked)
    }

    pub(super) fn fail(&mut self, ip: IpAddr) {
        self.0.insert(ip, State::Failed);
    }

    /// In a new allocation everything is to be asked for again.
    pub(super) fn start_over(&mut self) {
        self.0.values_mut().for_each(|state| *state = State::Wanted);
    }

    /// The requests on their way are forgotten.
    pub(super) fn ask_again(&mut self, now: Instant) {
        for state in self.0.values_mut() {
            *state = match *state {
                State::Asked => State::Wanted,
                State::Refreshing => State::Granted(now),
                state => state,
            };
        }
    }

    pub(super) fn next_refresh(&self) -> Option<Instant> {
        let refreshes = self.0.values().filter_map(|state| match state {
            State::Granted(at) => Some(*at),
            _ => None,
        });
        refreshes.min()
    }
}

/// As many as there may be channels.
const MAX: usize = 0x1000;
/// A minute before it ends after 5 (RFC 8656 §9).
const REFRESH: Duration = Duration::from_secs(240);
