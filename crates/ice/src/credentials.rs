//! Owns the two sides' credentials and the keys made of them (RFC 8445 §5.3, RFC 8839 §5.4).

use std::fmt;

use ieum_stun::{Key, Message};

use crate::Reason;

/// An ICE username fragment and password, as `a=ice-ufrag` and `a=ice-pwd` carry them (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Names the session; not secret. 4 to 256 characters.
    pub ufrag: String,
    /// Proves it; 22 to 256 characters. `Debug` does not show it.
    pub pwd: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

/// The credentials of both sides between two restarts.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) local: Credentials,
    local_key: Key,
    remote: Option<Remote>,
}

/// What the peer's credentials are good for.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) credentials: Credentials,
    /// Signs our checks, and the answers to them.
    pub(crate) key: Key,
    /// RFC 8445 §7.2.2: the peer's ufrag, a colon, and ours.
    pub(crate) username: String,
}

/// Which session a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// A restart that was offered, and that the peer has not answered yet (RFC 8839 §4.4.1.1.1).
    Next,
    Current,
    /// The one before the restart: its pair is used until there is a new one (RFC 8445 §9).
    Previous,
}

/// The session that is being set up or used, the one before it, and the one that is offered.
#[derive(Debug)]
pub(crate) struct Sessions {
    next: Option<Session>,
    current: Session,
    previous: Option<Session>,
}

impl Session {
    fn new(local: Credentials) -> Self {
        let local_key = Key::short_term(&local.pwd);
        Session {
            local,
            local_key,
            remote: None,
        }
    }

    pub(crate) fn remote(&self) -> Option<&Remote> {
        self.remote.as_ref()
    }

    /// Signs our answers.
    pub(crate) fn local_key(&self) -> &Key {
        &self.local_key
    }

    fn set_remote(&mut self, credentials: Credentials) {
        let key = Key::short_term(&credentials.pwd);
        let username = format!("{}:{}", credentials.ufrag, self.local.ufrag);
        self.remote = Some(Remote {
            credentials,
            key,
            username,
        });
    }
}

impl Sessions {
    pub(crate) fn new(local: Credentials) -> Self {
        Sessions {
            next: None,
            current: Session::new(local),
            previous: None,
        }
    }

    pub(crate) fn current(&self) -> &Session {
        &self.current
    }

    pub(crate) fn get(&self, generation: Generation) -> Option<&Session> {
        match generation {
            Generation::Next => self.next.as_ref(),
            Generation::Current => Some(&self.current),
            Generation::Previous => self.previous.as_ref(),
        }
    }

    pub(crate) fn local_ufrags(&self) -> impl Iterator<Item = &str> + Clone {
        let others = self.next.iter().chain(&self.previous);
        let sessions = std::iter::once(&self.current).chain(others);
        sessions.map(|session| session.local.ufrag.as_str())
    }

    /// Checks that know these are answered from now on.
    pub(crate) fn prepare(&mut self, local: Credentials) {
        self.next = Some(Session::new(local));
    }

    /// What was prepared is not to be.
    pub(crate) fn cancel(&mut self) -> Option<Session> {
        self.next.take()
    }

    /// Begins the session that was prepared. `in_use`: the selected pair is of the session that ends.
    pub(crate) fn restart(&mut self, in_use: bool) {
        if let Some(next) = self.next.take() {
            self.begin(next, in_use);
        }
    }

    fn begin(&mut self, next: Session, in_use: bool) {
        let old = std::mem::replace(&mut self.current, next);
        if in_use {
            self.previous = Some(old);
        }
    }

    /// Whether these begin a new session: other ones are there already.
    pub(crate) fn is_restart(&self, credentials: &Credentials) -> bool {
        self.current
            .remote()
            .is_some_and(|remote| remote.credentials != *credentials)
    }

    pub(crate) fn set_remote(&mut self, credentials: Credentials) {
        self.current.set_remote(credentials);
    }

    /// The peer has restarted alone; our credentials stay.
    pub(crate) fn remote_restarts(&mut self, in_use: bool) {
        self.begin(Session::new(self.current.local.clone()), in_use);
    }

    pub(crate) fn forget_previous(&mut self) {
        self.previous = None;
    }

    /// Whose check this is: RFC 8445 §7.3 with RFC 8489 §9.1.3. Says which session it is of, and the peer's ufrag.
    pub(crate) fn authenticate<'m>(
        &self,
        check: &Message<'m>,
    ) -> Result<(Generation, &'m str), Reason> {
        let (ours, theirs) = check
            .username()
            .and_then(|name| name.split_once(':'))
            .ok_or(Reason::Incomplete)?;
        let known = |session: &&Session| session.local.ufrag == ours;
        let is_ours = |session: &Session| check.verify_integrity(&session.local_key).is_ok();
        let mut is_known = false;
        for generation in [Generation::Current, Generation::Next, Generation::Previous] {
            if let Some(session) = self.get(generation).filter(known) {
                is_known = true;
                if is_ours(session) {
                    return Ok((generation, theirs));
                }
            }
        }
        match is_known {
            true => Err(Reason::WrongIntegrity),
            false => Err(Reason::WrongUsername),
        }
    }
}
