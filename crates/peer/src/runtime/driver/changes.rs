//! Interfaces that come and go: what was bound to those that are gone is given up, and ICE is restarted where it needs
//! the new ones. [`PeerConnection::network_changed`](crate::PeerConnection::network_changed) says when.

use std::time::{Duration, Instant};

use ieum_ice::Base;

use super::Driver;
use crate::core::{Error, IceConnectionState, SessionDescription};

/// When interfaces are looked at, and what was concluded.
#[derive(Debug)]
pub(super) struct Watch {
    is_on: bool,
    looked: Option<Instant>,
    /// The address of the selected pair is gone, and no other pair was selected since.
    is_cut: bool,
    /// A restart was asked for, and not offered or accepted since.
    is_asked: bool,
}

impl Watch {
    pub(super) fn new(is_on: bool) -> Self {
        Self {
            is_on,
            looked: None,
            is_cut: false,
            is_asked: false,
        }
    }
}

impl Driver {
    /// A timer of the connection has fired: no better time to look.
    pub(super) fn look_if_due(&mut self, now: Instant) {
        let is_recent = |looked: Instant| now.saturating_duration_since(looked) < LOOK_AGAIN;
        if self.watch.is_on && !self.watch.looked.is_some_and(is_recent) {
            self.look(now);
        }
    }

    /// ICE is in trouble: an interface may be why.
    pub(super) fn look_if_troubled(&mut self, now: Instant, state: IceConnectionState) {
        if self.watch.is_on && is_trouble(state) {
            self.look(now);
        }
    }

    /// Looks at the interfaces, and does what follows.
    pub(super) fn look(&mut self, now: Instant) {
        let is_ending = self.abandoned || !self.closing.is_empty() || self.core.is_closed();
        if is_ending || !self.core.has_gathered() {
            return;
        }
        self.watch.looked = Some(now);
        let had_way = self.core.selected_pair().is_some();
        let gone = self.gathering.look();
        for base in &gone {
            tracing::debug!(address = %base.address(), "an address is gone");
            match base {
                Base::Udp(local) | Base::UdpToRelays(local) => self.sockets.remove(*local),
                Base::TcpPassive(local) => self.streams.stop_listening(*local),
                Base::UdpShared(_) | Base::TcpActive(_) => {}
            }
            self.core.fail_base(now, *base);
        }
        let has_way = self.core.selected_pair().is_some();
        let was_cut_now = had_way && !has_way;
        self.watch.is_cut = !has_way && (self.watch.is_cut || had_way);
        if self.gathering.is_waiting() && self.core.may_gather_more() {
            self.extend(now);
        }
        let in_trouble = self.watch.is_cut || is_trouble(self.core.ice_connection_state());
        let has_news = was_cut_now || self.gathering.is_waiting();
        let helps = has_news && !self.gathering.is_without_network();
        if in_trouble && helps && !self.watch.is_asked {
            self.watch.is_asked = true;
            self.core.restart_ice();
        }
    }

    fn extend(&mut self, now: Instant) {
        let (sockets, streams) = (&mut self.sockets, &mut self.streams);
        self.gathering.extend(now, &mut self.core, sockets, streams);
    }

    /// Applies a local description. Where it restarts ICE, what is gathered on addresses that have come since is told with it.
    pub(super) fn set_local(
        &mut self,
        now: Instant,
        description: Option<SessionDescription>,
    ) -> Result<(), Error> {
        let ufrag = self.core.local_ufrag().to_owned();
        let (more, is_waiting) = (self.gathering.is_looking_up(), self.gathering.is_waiting());
        if is_waiting {
            self.core.expect_more(true);
        }
        let result = self.core.set_local_description(now, description);
        self.core.expect_more(more);
        if self.core.local_ufrag() != ufrag {
            self.watch.is_asked = false;
            if is_waiting {
                self.extend(now);
            }
        }
        result
    }
}

fn is_trouble(state: IceConnectionState) -> bool {
    matches!(
        state,
        IceConnectionState::Disconnected | IceConnectionState::Failed
    )
}

/// Between two looks that nothing but a timer asks for.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests;
