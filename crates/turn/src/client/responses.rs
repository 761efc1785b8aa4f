//! What the server's answers do (RFC 8489 §9.2.5, RFC 8656 §7.3, §7.4, §8.3, §10.3, §12.3).

use std::time::{Duration, Instant};

use ieum_stun::{Class, Message, code};

use super::requests::{Purpose, Request};
use super::{Addresses, Client, Event, Failure, Families, Ignored, State};

impl Client {
    pub(super) fn handle_response(
        &mut self,
        now: Instant,
        message: &Message<'_>,
    ) -> Result<(), Ignored> {
        let request = self
            .requests
            .find(message)
            .ok_or(Ignored::UnknownTransaction)?;
        let mut verified = false;
        if let (Some(auth), Some(_)) = (&self.auth, request.signed) {
            verified = message.verify_integrity(&auth.key).is_ok();
            if !verified && (message.class() == Class::Success || message.has_integrity()) {
                return Err(Ignored::Integrity);
            }
        }
        if message.is_bid_down() && message.class() == Class::Error {
            return Err(Ignored::BidDown);
        }
        let codeless = message.class() == Class::Error && message.error_code().is_none();
        if codeless || message.unknown_comprehension_required().next().is_some() {
            return Err(Ignored::Malformed);
        }
        let id = message.transaction_id();
        let request = self
            .requests
            .remove(id)
            .ok_or(Ignored::UnknownTransaction)?;
        match message.class() {
            Class::Success => self.succeed(now, request.purpose, message),
            _ => self.refused(now, &request, message, verified),
        }
        self.rearm();
        Ok(())
    }

    fn succeed(&mut self, now: Instant, purpose: Purpose, message: &Message<'_>) {
        match purpose {
            Purpose::Allocate => self.allocated(now, message),
            Purpose::Refresh => self.live_until(now, message.lifetime()),
            Purpose::Migrate => {
                self.migrating = false;
                self.live_until(now, message.lifetime());
                self.keep_ticket(message);
                self.events.push_back(Event::Migrated);
                self.ask_for_peers(now);
            }
            Purpose::Release => self.end(None),
            Purpose::Clear => self.ask(now, Purpose::Allocate, 0),
            Purpose::Permit(ip) => {
                if self.permissions.confirm(now, ip) {
                    self.events.push_back(Event::Permitted { ip });
                }
            }
            Purpose::Bind(number) => {
                if let Some(peer) = self.channels.confirm(now, number) {
                    self.events.push_back(Event::ChannelBound { peer });
                }
            }
        }
    }

    fn allocated(&mut self, now: Instant, message: &Message<'_>) {
        let mut all = message.xor_relayed_addresses().flatten();
        let (Some(relayed), Some(reflexive)) = (all.next(), message.xor_mapped_address()) else {
            return self.fail_allocate(None, Failure::Malformed);
        };
        let second = all.find(|second| second.is_ipv4() != relayed.is_ipv4());
        if self.state == State::Closing {
            return self.release(now);
        }
        self.state = State::Allocated;
        self.migrating = false;
        self.since = now;
        self.addresses = Some(Addresses {
            relayed,
            second,
            reflexive,
        });
        self.token = message.reservation_token();
        self.keep_ticket(message);
        self.live_until(now, message.lifetime());
        self.events
            .push_back(Event::Allocated { relayed, reflexive });
        if self.config.families == Families::Both && self.config.reservation.is_none() {
            let error = message.address_error_code().map(|error| error.error.code);
            // A server that does not know the attribute says nothing of it.
            let outcome = second.ok_or(error.unwrap_or(code::ADDRESS_FAMILY_NOT_SUPPORTED));
            self.events.push_back(Event::SecondFamily { outcome });
        }
        self.ask_for_peers(now);
    }

    fn keep_ticket(&mut self, message: &Message<'_>) {
        if let Some(ticket) = message.mobility_ticket() {
            let usable = self.config.mobility && ticket.len() <= MAX_TICKET;
            self.ticket = usable.then(|| ticket.to_vec());
        }
    }

    /// RFC 8656 §7.3, §8: the server says how long; a minute before it is over we refresh.
    fn live_until(&mut self, now: Instant, lifetime: Option<Duration>) {
        let lifetime = lifetime
            .unwrap_or(LIFETIME)
            .clamp(MIN_LIFETIME, MAX_LIFETIME);
        self.expires = Some(now + lifetime);
        self.refresh = Some(now + lifetime.saturating_sub(MARGIN).max(lifetime / 2));
    }

    /// An error response: some mean that the request is to be repeated.
    fn refused(&mut self, now: Instant, request: &Request, message: &Message<'_>, verified: bool) {
        let code = message.error_code().map(|error| error.code);
        // While closing, an Allocate that has not succeeded needs no second try.
        let wanted = self.state != State::Closing || request.purpose != Purpose::Allocate;
        let again = wanted
            && match code {
                Some(code::UNAUTHENTICATED) => {
                    request.signed.is_none() || self.credentials.advance()
                }
                Some(code::STALE_NONCE) => request.stale < MAX_STALE,
                _ => false,
            };
        if again && self.take_challenge(message, request.signed, code) {
            let stale = request.stale + u8::from(code == Some(code::STALE_NONCE));
            return self.ask(now, request.purpose, stale);
        }
        match (request.purpose, code) {
            // RFC 8489 §10: believed only where it is signed.
            (Purpose::Allocate, Some(code::TRY_ALTERNATE)) if verified && wanted => {
                self.redirect(now, message);
            }
            (Purpose::Allocate, Some(code::ALLOCATION_MISMATCH)) if wanted && !self.cleared => {
                // Ours from before we were started anew, most likely: give it back.
                self.cleared = true;
                self.ask(now, Purpose::Clear, 0);
            }
            (Purpose::Allocate, Some(code::ADDRESS_FAMILY_NOT_SUPPORTED))
                if wanted && self.may_take_other_family() =>
            {
                self.other_family = true;
                self.ask(now, Purpose::Allocate, 0);
            }
            (purpose, code) => self.fail(now, purpose, code),
        }
    }

    fn may_take_other_family(&self) -> bool {
        self.config.families == Families::Base
            && self.config.reservation.is_none()
            && !self.other_family
    }

    /// A request came to nothing: by the server's `code`, or without an answer.
    pub(super) fn fail(&mut self, now: Instant, purpose: Purpose, code: Option<u16>) {
        match (purpose, code) {
            (Purpose::Release, _) => self.end(None),
            (Purpose::Allocate | Purpose::Clear, _) if self.state == State::Closing => {
                self.end(None);
            }
            (Purpose::Allocate, _) => self.fail_allocate(code, failure(code)),
            // There was nothing, or it is another's: the next Allocate tells.
            (Purpose::Clear, _) => self.ask(now, Purpose::Allocate, 0),
            // There may be time for another try.
            (Purpose::Refresh | Purpose::Migrate, None | Some(code::SERVER_ERROR)) => {
                self.refresh = Some(now + RETRY);
            }
            // Or for other credentials.
            (Purpose::Refresh, Some(code::UNAUTHENTICATED)) => {
                self.events.push_back(Event::CredentialsRefused);
            }
            (Purpose::Refresh | Purpose::Migrate, _)
            | (Purpose::Bind(_) | Purpose::Permit(_), Some(code::ALLOCATION_MISMATCH)) => {
                self.lose(now, code);
            }
            (Purpose::Permit(ip), _) => {
                self.permissions.fail(ip);
                self.events.push_back(Event::PermissionFailed { ip, code });
            }
            (Purpose::Bind(number), _) => {
                if let Some(peer) = self.channels.fail(number) {
                    self.events.push_back(Event::ChannelFailed { peer, code });
                }
            }
        }
    }

    pub(super) fn fail_allocate(&mut self, code: Option<u16>, reason: Failure) {
        self.end(Some(Event::Failed { code, reason }));
    }
}

fn failure(code: Option<u16>) -> Failure {
    match code {
        None => Failure::NoAnswer,
        Some(code::UNAUTHENTICATED) => Failure::WrongCredentials,
        Some(code::ALLOCATION_QUOTA_REACHED | code::INSUFFICIENT_CAPACITY) => Failure::NoCapacity,
        Some(code::ALLOCATION_MISMATCH) => Failure::Taken,
        Some(code::ADDRESS_FAMILY_NOT_SUPPORTED) => Failure::Family,
        Some(_) => Failure::Refused,
    }
}

/// How often one request is repeated with a new nonce.
const MAX_STALE: u8 = 3;
/// Longer tickets are not worth their room in every Refresh.
const MAX_TICKET: usize = 256;
/// RFC 8656 §7.2: the default lifetime of an allocation.
const LIFETIME: Duration = Duration::from_secs(600);
/// Against a server that would have us refresh all the time.
const MIN_LIFETIME: Duration = Duration::from_secs(10);
/// Against a lifetime that the clock cannot hold.
const MAX_LIFETIME: Duration = Duration::from_secs(86_400);
/// RFC 8656 §8: refresh "roughly 1 minute" before it expires.
const MARGIN: Duration = Duration::from_secs(60);
/// After a Refresh that was not answered.
const RETRY: Duration = Duration::from_secs(1);
