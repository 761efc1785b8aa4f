use alloc::borrow::ToOwned;
use core::net::SocketAddr;

use crate::grammar::{self, Fields};
use crate::{Address, Candidate, Kind, ParseError, Transport};

/// The longest line that is read, in bytes. Browsers' lines are under 200.
pub const MAX_LINE_LEN: usize = 4096;

/// A candidate that borrows from the line it was read from: RFC 8839 §5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandidateLine<'a>(Fields<'a>);

impl<'a> CandidateLine<'a> {
    /// Reads `candidate:...`, `a=candidate:...` or the value alone; a line ending may follow.
    ///
    /// It is lenient where real peers are and nothing is lost by it: any visible character in a foundation, any case of
    /// `UDP` and of the type, more than one space, a zone after an IPv6 address (which means nothing on another host and is dropped).
    ///
    /// # Errors
    /// What is not a candidate, with the offset in `line`. [`ParseError::is_unsupported`] tells a transport or type that
    /// is not known here, and RFC 8839 wants ignored, from what is malformed.
    pub fn parse(line: &'a str) -> Result<Self, ParseError> {
        grammar::candidate(line).map(CandidateLine)
    }

    /// The foundation, 1 to 32 characters.
    pub const fn foundation(&self) -> &'a str {
        self.0.foundation
    }

    /// The component, 1 to 256.
    pub const fn component(&self) -> u16 {
        self.0.component
    }

    /// The transport, for TCP with its `tcptype`.
    pub const fn transport(&self) -> Transport {
        self.0.transport
    }

    /// The priority.
    pub const fn priority(&self) -> u32 {
        self.0.priority
    }

    /// The IP address or name.
    pub const fn address(&self) -> Address<'a> {
        self.0.address
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.0.port
    }

    /// How it was found.
    pub const fn kind(&self) -> Kind {
        self.0.kind
    }

    /// `raddr` and `rport`; `None` where they are absent or `raddr` is a name.
    pub const fn related(&self) -> Option<SocketAddr> {
        self.0.related
    }

    /// The ICE username fragment that it belongs to, where the line says so.
    pub fn ufrag(&self) -> Option<&'a str> {
        self.extensions()
            .find(|(name, _)| *name == "ufrag")
            .map(|(_, value)| value)
    }

    /// The names and values at the end of the line, in order, without `tcptype`, which is in [`transport`](Self::transport).
    pub const fn extensions(&self) -> Extensions<'a> {
        Extensions {
            rest: self.0.extensions,
            keep_tcp_type: matches!(self.0.transport, Transport::Udp),
        }
    }

    /// The same candidate as a value.
    pub fn to_owned(&self) -> Candidate {
        Candidate {
            foundation: self.foundation().to_owned(),
            component: self.component(),
            transport: self.transport(),
            priority: self.priority(),
            address: self.address().to_owned(),
            port: self.port(),
            kind: self.kind(),
            related: self.related(),
            extensions: self
                .extensions()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }
}

/// The names and values at the end of a candidate line; see [`CandidateLine::extensions`].
#[derive(Debug, Clone)]
pub struct Extensions<'a> {
    rest: &'a str,
    keep_tcp_type: bool,
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (rest, pair) = grammar::extension(self.rest).ok()?;
            self.rest = rest;
            if self.keep_tcp_type || pair.0 != "tcptype" {
                return Some(pair);
            }
        }
    }
}
