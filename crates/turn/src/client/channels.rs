//! The channels that a client has asked for, by number and by peer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The channels that a client has asked for. A peer keeps its number for as long as the allocation lives.
#[derive(Debug, Default)]
pub(super) struct Channels {
    /// Of the number `FIRST` plus its index.
    all: Vec<Channel>,
    by_peer: BTreeMap<SocketAddr, u16>,
}

#[derive(Debug)]
struct Channel {
    peer: SocketAddr,
    state: Binding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binding {
    /// To be asked for.
    Wanted,
    /// Asked for, not confirmed yet.
    Asked,
    /// Confirmed, to be refreshed at.
    Bound(Instant),
    /// Confirmed, being refreshed.
    Refreshing,
    Failed,
}

/// All numbers are taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Channels {
    /// Wants a channel to `peer`; one that failed is wanted anew.
    pub(super) fn want(&mut self, peer: SocketAddr) -> Result<(), Full> {
        if let Some(number) = self.by_peer.get(&peer) {
            if let Some(channel) = self.all.get_mut(index(*number)) {
                if channel.state == Binding::Failed {
                    channel.state = Binding::Wanted;
                }
            }
            return Ok(());
        }
        if self.all.len() >= MAX {
            return Err(Full);
        }
        self.by_peer.insert(peer, FIRST + self.all.len() as u16);
        self.all.push(Channel {
            peer,
            state: Binding::Wanted,
        });
        Ok(())
    }

    pub(super) fn peer(&self, number: u16) -> Option<SocketAddr> {
        self.all.get(index(number)).map(|channel| channel.peer)
    }

    /// The number of a confirmed channel.
    pub(super) fn bound(&self, peer: SocketAddr) -> Option<u16> {
        let number = *self.by_peer.get(&peer)?;
        match self.all.get(index(number))?.state {
            Binding::Bound(_) | Binding::Refreshing => Some(number),
            _ => None,
        }
    }

    /// A channel that a request is due for; it counts as asked for from here on.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<u16> {
        let (at, channel) = self
            .all
            .iter_mut()
            .enumerate()
            .find(|(_, c)| match c.state {
                Binding::Wanted => true,
                Binding::Bound(at) => at <= now,
                _ => false,
            })?;
        channel.state = match channel.state {
            Binding::Bound(_) => Binding::Refreshing,
            _ => Binding::Asked,
        };
        Some(FIRST + at as u16)
    }

    /// The server has confirmed; the peer where it is the first time.
    pub(super) fn confirm(&mut self, now: Instant, number: u16) -> Option<SocketAddr> {
        let channel = self.all.get_mut(index(number))?;
        let before = std::mem::replace(&mut channel.state, Binding::Bound(now + REFRESH));
        (before == Binding::Asked).then_some(channel.peer)
    }

    pub(super) fn fail(&mut self, number: u16) -> Option<SocketAddr> {
        let channel = self.all.get_mut(index(number))?;
        channel.state = Binding::Failed;
        Some(channel.peer)
    }

    /// In a new allocation everything is to be asked for again.
    pub(super) fn start_over(&mut self) {
        self.all
            .iter_mut()
            .for_each(|channel| channel.state = Binding::Wanted);
    }

    /// The requests on their way are forgotten.
    pub(super) fn ask_again(&mut self, now: Instant) {
        for channel in &mut self.all {
            channel.state = match channel.state {
                Binding::Asked => Binding::Wanted,
                Binding::Refreshing => Binding::Bound(now),
                state => state,
            };
        }
    }

    pub(super) fn next_refresh(&self) -> Option<Instant> {
        let refreshes = self.all.iter().filter_map(|channel| match channel.state {
            Binding::Bound(at) => Some(at),
            _ => None,
        });
        refreshes.min()
    }
}

fn index(number: u16) -> usize {
    usize::from(number.wrapping_sub(FIRST))
}

/// RFC 8656 §12: channel numbers are 0x4000 to 0x4FFF.
const FIRST: u16 = 0x4000;
const MAX: usize = 0x1000;
/// A minute before the permission, which a ChannelBind installs too, ends after 5 (RFC 8656 §9, §12.1).
const REFRESH: Duration = Duration::from_secs(240);
