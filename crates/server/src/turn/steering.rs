//! Clients whose allocation lives on another worker (RFC 8016, RESERVATION-TOKEN): what they send is handed on.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ieum_turn::FiveTuple;

use super::control::{Command, Mailbox, Moved};

/// Where the datagrams of some clients go.
#[derive(Default)]
pub(super) struct Steering {
    clients: HashMap<FiveTuple, (u8, Instant)>,
}

impl Steering {
    /// From now on, what `client` sends goes to that worker.
    pub(super) fn set(&mut self, now: Instant, client: FiveTuple, worker: u8) {
        if self.clients.len() >= MAX_CLIENTS {
            self.clients
                .retain(|_, (_, last)| now.saturating_duration_since(*last) < IDLE);
        }
        if self.clients.len() < MAX_CLIENTS {
            self.clients.insert(client, (worker, now));
        }
    }

    /// Hands a datagram on where its client has been steered; whether it was. Where the other worker is behind, it is
    /// dropped.
    pub(super) fn pass(
        &mut self,
        now: Instant,
        others: &[Mailbox],
        client: FiveTuple,
        datagram: &[u8],
    ) -> bool {
        if self.clients.is_empty() {
            return false;
        }
        let Some((worker, last)) = self.clients.get_mut(&client) else {
            return false;
        };
        if now.saturating_duration_since(*last) >= IDLE {
            // Somebody else may have the address by now.
            self.clients.remove(&client);
            return false;
        }
        *last = now;
        if let Some(other) = others.get(usize::from(*worker)) {
            other.try_send(Command::Steered {
                client,
                message: datagram.to_vec(),
                moved: Moved::Nothing,
            });
        }
        true
    }
}

/// Clients that are handed on.
const MAX_CLIENTS: usize = 65_536;
/// How long a client may be silent: as long as an allocation lives by default.
const IDLE: Duration = Duration::from_secs(600);
