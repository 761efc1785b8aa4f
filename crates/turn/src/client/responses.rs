//! What the server's answers do (RFC 8489 §9.2.5, RFC 8656 §7.3, §7.4, §8.3, §12.3).

use std::time::{Duration, Instant};

use ieum_stun::{Class, Key, Message, code};

use super::requests::{Purpose, Request};
use super::{Addresses, Auth, Client, Config, Event, Failure, Ignored, State};

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
        if let (Some(auth), true) = (&self.auth, request.signed) {
            let verified = message.verify_integrity(&auth.key).is_ok();
            if !verified && (message.class() == Class::Success || message.has_integrity()) {
                return Err(Ignored::Integrity);
            }
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
            _ => self.refused(now, &request, message),
        }
        self.rearm();
        Ok(())
    }

    fn succeed(&mut self, now: Instant, purpose: Purpose, message: &Message<'_>) {
        match purpose {
            Purpose::Allocate => self.allocated(now, message),
            Purpose::Refresh => self.live_until(now, message.lifetime()),
            Purpose::Release => self.end(None),
            Purpose::Bind(number) => {
                if let Some(peer) = self.channels.confirm(now, number) {
                    self.events.push_back(Event::ChannelBound { peer });
                }
            }
        }
    }

    fn allocated(&mut self, now: Instant, message: &Message<'_>) {
        let (Some(relayed), Some(reflexive)) =
            (message.xor_relayed_address(), message.xor_mapped_address())
        else {
            return self.end(Some(Event::Failed {
                code: None,
                reason: Failure::Malformed,
            }));
        };
        if self.state == State::Closing {
            return self.release(now);
        }
        self.state = State::Allocated;
        self.addresses = Some(Addresses { relayed, reflexive });
        self.live_until(now, message.lifetime());
        self.events
            .push_back(Event::Allocated { relayed, reflexive });
        self.ask_for_channels(now);
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
    fn refused(&mut self, now: Instant, request: &Request, message: &Message<'_>) {
        let code = message.error_code().map(|error| error.code);
        let again = match code {
            Some(code::UNAUTHENTICATED) => !request.signed,
            Some(code::STALE_NONCE) => request.stale < MAX_STALE,
            _ => false,
        };
        // While closing, an Allocate that has not succeeded needs no second try.
        let wanted = self.state != State::Closing || request.purpose != Purpose::Allocate;
        if again && wanted && self.challenge(message) {
            let stale = request.stale + u8::from(code == Some(code::STALE_NONCE));
            return self.ask(now, request.purpose, stale);
        }
        self.fail(now, request.purpose, code);
    }

    /// Takes realm and nonce from a 401 or 438; `false` where they are not there.
    fn challenge(&mut self, message: &Message<'_>) -> bool {
        let (Some(realm), Some(nonce)) = (message.realm(), message.nonce()) else {
            return false;
        };
        if realm.len() > MAX_QUOTED || nonce.len() > MAX_QUOTED {
            return false;
        }
        let Config {
            username, password, ..
        } = &self.config;
        match &mut self.auth {
            Some(auth) if auth.realm == realm => auth.nonce = nonce.to_owned(),
            auth => {
                *auth = Some(Auth {
                    realm: realm.to_owned(),
                    nonce: nonce.to_owned(),
                    key: Key::long_term(username, realm, password),
                });
            }
        }
        true
    }

    /// A request came to nothing: by the server's `code`, or without an answer.
    pub(super) fn fail(&mut self, now: Instant, purpose: Purpose, code: Option<u16>) {
        match (purpose, code) {
            (Purpose::Release, _) => self.end(None),
            (Purpose::Allocate, _) if self.state == State::Closing => self.end(None),
            (Purpose::Allocate, _) => {
                let reason = failure(code);
                self.end(Some(Event::Failed { code, reason }));
            }
            // There may be time for another try.
            (Purpose::Refresh, None | Some(code::SERVER_ERROR)) => self.refresh = Some(now + RETRY),
            (Purpose::Refresh, _) | (Purpose::Bind(_), Some(code::ALLOCATION_MISMATCH)) => {
                self.end(Some(Event::Lost { code }));
            }
            (Purpose::Bind(number), _) => {
                if let Some(peer) = self.channels.fail(number) {
                    self.events.push_back(Event::ChannelFailed { peer, code });
                }
            }
        }
    }
}

fn failure(code: Option<u16>) -> Failure {
    match code {
        None => Failure::NoAnswer,
        Some(code::UNAUTHENTICATED) => Failure::WrongCredentials,
        Some(code::ALLOCATION_QUOTA_REACHED | code::INSUFFICIENT_CAPACITY) => Failure::NoCapacity,
        Some(_) => Failure::Refused,
    }
}

/// RFC 8489 §14.9, §14.10: REALM and NONCE have at most 763 bytes.
const MAX_QUOTED: usize = 763;
/// How often one request is repeated with a new nonce.
const MAX_STALE: u8 = 3;
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
