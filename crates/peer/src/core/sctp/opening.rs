//! Who sends the SCTP INIT, and what becomes of two that cross.
//!
//! RFC 8831 §6.2 lets both sides send one, and browsers do. But some peers (aiortc, werift) send one only where they are
//! the ICE controlling side, and take none then; others (str0m, webrtc-rs) only where they are the DTLS client. So each
//! side of ours waits a moment for the INIT of the side that can speak first, and then sends its own.

use std::time::{Duration, Instant};

use ieum_ice::Role;

use crate::core::DtlsVersion;
use crate::core::dtls::DtlsRole;

/// The decision for one association.
#[derive(Debug)]
pub(in crate::core) struct Opening {
    role: DtlsRole,
    /// When to send an INIT, unless the peer's comes first.
    pub(super) connect_at: Instant,
    /// The peer's INIT that waits for an answer to ours: its tag.
    held: Option<u32>,
}

/// What to do with an INIT of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Answer it, and forget our own.
    Accept,
    /// Leave it: ours is being answered.
    Ignore,
}

impl Opening {
    /// For an association whose DTLS handshake is done now.
    pub(in crate::core) fn new(
        now: Instant,
        role: DtlsRole,
        ice: Role,
        version: DtlsVersion,
    ) -> Self {
        // Who has the last word of the handshake can send its INIT along with it.
        let speaks_first = match version {
            DtlsVersion::V1_2 => role == DtlsRole::Server,
            DtlsVersion::V1_3 => role == DtlsRole::Client,
        };
        let wait = match (role, ice) {
            // Nobody expects one of us here; it is there for peers that wait for ever.
            (DtlsRole::Server, Role::Controlled) => LONG_WAIT,
            _ if speaks_first => Duration::ZERO,
            (DtlsRole::Client, Role::Controlling) => Duration::ZERO,
            _ => SHORT_WAIT,
        };
        Self {
            role,
            connect_at: now + wait,
            held: None,
        }
    }

    /// The peer's INIT is answered. The peer may have given up that attempt meanwhile, in favour of ours, which is forgotten now:
    /// where nothing more comes, one side begins again.
    pub(super) fn accepted(&mut self, now: Instant) {
        self.held = None;
        self.connect_at = now
            + match self.role {
                DtlsRole::Client => AGAIN,
                DtlsRole::Server => AGAIN * 2,
            };
    }

    /// The peer's INIT with this tag came. `waiting`: ours was sent and has no answer yet.
    pub(super) fn on_init(&mut self, tag: u32, waiting: bool) -> Decision {
        // Two sides of ours must not wait for each other: the DTLS server gives way.
        if !waiting || self.role == DtlsRole::Server {
            return Decision::Accept;
        }
        // A peer that follows RFC 9260 §5.2.1 answers ours; one that sends its own again does not.
        match self.held.replace(tag) {
            Some(held) if held == tag => Decision::Accept,
            _ => Decision::Ignore,
        }
    }
}

/// For the INIT that comes right behind the peer's last handshake message.
const SHORT_WAIT: Duration = Duration::from_millis(50);
/// For a peer that should have sent one long ago.
const LONG_WAIT: Duration = Duration::from_secs(1);
/// Longer than a peer waits to send its INIT again (RFC 9260 §16: RTO.Initial is 1 s, and doubles).
const AGAIN: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_side_of_ours_sends_its_init_at_once() {
        let now = Instant::now();
        for version in [DtlsVersion::V1_2, DtlsVersion::V1_3] {
            // The usual case: the answerer is the DTLS client and controlled.
            let answerer = Opening::new(now, DtlsRole::Client, Role::Controlled, version);
            let offerer = Opening::new(now, DtlsRole::Server, Role::Controlling, version);
            let at_once = [&answerer, &offerer].map(|side| side.connect_at == now);
            assert_eq!(
                at_once.iter().filter(|at_once| **at_once).count(),
                1,
                "{version}"
            );
        }
    }

    #[test]
    fn of_two_inits_that_cross_the_dtls_clients_is_answered() {
        let now = Instant::now();
        let mut client = Opening::new(now, DtlsRole::Client, Role::Controlled, DtlsVersion::V1_3);
        let mut server = Opening::new(now, DtlsRole::Server, Role::Controlling, DtlsVersion::V1_3);
        assert_eq!(server.on_init(1, true), Decision::Accept);
        assert_eq!(client.on_init(2, true), Decision::Ignore);
        // A peer that does not answer ours insists on its own.
        assert_eq!(client.on_init(2, true), Decision::Accept);
        // By now it may have forgotten it in favour of ours: not both may wait for ever.
        client.accepted(now);
        server.accepted(now);
        assert!(now < client.connect_at && client.connect_at < server.connect_at);
        assert_eq!(client.on_init(2, true), Decision::Ignore);
    }
}
