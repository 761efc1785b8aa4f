//! What a client has asked and not been answered yet.

use std::net::IpAddr;
use std::time::Instant;

use ieum_stun::{Message, Method, Retransmission, Timeout, TransactionId};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Allocate,
    Refresh,
    /// Refresh from another base, with the ticket.
    Migrate,
    /// Refresh with lifetime 0.
    Release,
    /// The same, before an Allocate that was refused because there is an allocation.
    Clear,
    /// CreatePermission for this address.
    Permit(IpAddr),
    /// ChannelBind of this number.
    Bind(u16),
}

impl Purpose {
    pub(super) fn method(self) -> Method {
        match self {
            Self::Allocate => Method::ALLOCATE,
            Self::Refresh | Self::Migrate | Self::Release | Self::Clear => Method::REFRESH,
            Self::Permit(_) => Method::CREATE_PERMISSION,
            Self::Bind(_) => Method::CHANNEL_BIND,
        }
    }
}

/// One request: its bytes are sent again as they are.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) purpose: Purpose,
    pub(super) id: TransactionId,
    pub(super) bytes: Vec<u8>,
    pub(super) timer: Retransmission,
    /// To be sent now.
    pub(super) due: bool,
    /// The number of the challenge that it answers; `None` where it carries no credentials.
    pub(super) signed: Option<u32>,
    /// How often the server has called its nonce stale, one request after the other.
    pub(super) stale: u8,
}

/// What a client has asked and not been answered yet: one for the allocation, one for each channel at most.
#[derive(Debug, Default)]
pub(super) struct Requests(Vec<Request>);

impl Requests {
    pub(super) fn push(&mut self, request: Request) {
        self.0.push(request);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of these is on its way.
    pub(super) fn any(&self, purpose: impl Fn(Purpose) -> bool) -> bool {
        self.0.iter().any(|request| purpose(request.purpose))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The request that a response is for.
    pub(super) fn find(&self, response: &Message<'_>) -> Option<&Request> {
        let (id, method) = (response.transaction_id(), response.method());
        self.0
            .iter()
            .find(|request| request.id == id && request.purpose.method() == method)
    }

    pub(super) fn remove(&mut self, id: TransactionId) -> Option<Request> {
        let at = self.0.iter().position(|request| request.id == id)?;
        Some(self.0.swap_remove(at))
    }

    /// The next one to be sent; it counts as sent from here on.
    pub(super) fn next_due(&mut self) -> Option<&Request> {
        let request = self.0.iter_mut().find(|request| request.due)?;
        request.due = false;
        Some(request)
    }

    /// Marks what is to be sent again, and gives one that is given up; call until `None`.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Request> {
        let mut given_up = None;
        for (at, request) in self.0.iter_mut().enumerate() {
            match request.timer.handle_timeout(now) {
                Some(Timeout::Resend) => request.due = true,
                Some(Timeout::GiveUp) => {
                    given_up = Some(at);
                    break;
                }
                None => {}
            }
        }
        given_up.map(|at| self.0.swap_remove(at))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let timers = self
            .0
            .iter()
            .filter_map(|request| request.timer.poll_timeout());
        timers.min()
    }
}
