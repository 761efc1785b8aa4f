use alloc::boxed::Box;
use core::fmt;
use core::net::SocketAddr;

use ieum_candidate::{Address, Candidate, CandidateLine, Kind, Transport};

/// A candidate of an m-line: a view of the line where it was read, a value where it was set in code.
///
/// Two are equal when they are the same candidate, however they are held.
#[derive(Debug, Clone)]
pub enum MediaCandidate<'a> {
    /// As it was read.
    Line(CandidateLine<'a>),
    /// As it was set.
    Value(Box<Candidate>),
}

impl MediaCandidate<'_> {
    /// The same candidate as a value, for an ICE agent.
    pub fn to_candidate(&self) -> Candidate {
        match self {
            MediaCandidate::Line(line) => line.to_owned(),
            MediaCandidate::Value(candidate) => (**candidate).clone(),
        }
    }

    /// The same, owning its texts.
    pub fn into_owned(self) -> MediaCandidate<'static> {
        MediaCandidate::Value(match self {
            MediaCandidate::Line(line) => Box::new(line.to_owned()),
            MediaCandidate::Value(candidate) => candidate,
        })
    }

    /// How it was found.
    pub fn kind(&self) -> Kind {
        match self {
            MediaCandidate::Line(line) => line.kind(),
            MediaCandidate::Value(candidate) => candidate.kind,
        }
    }

    /// UDP or TCP.
    pub fn transport(&self) -> Transport {
        match self {
            MediaCandidate::Line(line) => line.transport(),
            MediaCandidate::Value(candidate) => candidate.transport,
        }
    }

    /// Where to send to, by IP address or by name.
    pub fn address(&self) -> Address<'_> {
        match self {
            MediaCandidate::Line(line) => line.address(),
            MediaCandidate::Value(candidate) => candidate.address.as_ref(),
        }
    }

    /// Where to send to.
    pub fn port(&self) -> u16 {
        match self {
            MediaCandidate::Line(line) => line.port(),
            MediaCandidate::Value(candidate) => candidate.port,
        }
    }

    /// Where to send to; `None` while its name is not resolved.
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        let ip = self.address().ip()?;
        Some(SocketAddr::new(ip, self.port()))
    }
}

impl PartialEq for MediaCandidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (MediaCandidate::Value(own), MediaCandidate::Value(other)) => own == other,
            _ => self.to_candidate() == other.to_candidate(),
        }
    }
}

impl Eq for MediaCandidate<'_> {}

impl From<Candidate> for MediaCandidate<'_> {
    fn from(candidate: Candidate) -> Self {
        MediaCandidate::Value(Box::new(candidate))
    }
}

impl fmt::Display for MediaCandidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MediaCandidate::Line(line) => line.to_owned().fmt(f),
            MediaCandidate::Value(candidate) => candidate.fmt(f),
        }
    }
}
