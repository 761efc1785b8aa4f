//! Why a text is not the URI of a STUN or TURN server.

/// What was wrong with a URI, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: expected {expected}")]
pub struct UriError {
    /// Where, from the beginning of the text.
    pub offset: usize,
    /// What should have been there.
    pub expected: UriExpected,
}

/// What a URI should have had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriExpected {
    /// One of the four schemes and a colon.
    #[error("stun:, stuns:, turn: or turns:")]
    Scheme,
    /// STUN and TURN URIs have no `//`, unlike those of HTTP.
    #[error("a host right after the colon, without //")]
    NoSlashes,
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    #[error("a host")]
    Host,
    /// What is in brackets is an IPv6 address, without a zone.
    #[error("an IPv6 address between [ and ]")]
    Ipv6,
    /// An IPv6 address stands in brackets.
    #[error("one colon before the port, or [ and ] around an IPv6 address")]
    Brackets,
    /// RFC 3986's `reg-name`: no user name, no space, no path.
    #[error("a character of a host name")]
    HostCharacter,
    /// Behind the host comes a port, a query or nothing.
    #[error(": and a port, ?transport=, or the end")]
    PortOrEnd,
    /// A number from 1 to 65535.
    #[error("a port from 1 to 65535")]
    Port,
    /// A STUN URI has no query.
    #[error("the end: a stun or stuns URI has no query")]
    NoQuery,
    /// The only query there is.
    #[error("transport=udp or transport=tcp")]
    Transport,
}
