use core::fmt;

use crate::Transport;

/// How a candidate was found: the `typ` of RFC 8839 §5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An address of an interface of the host, `host`.
    Host,
    /// The address that a STUN server saw, `srflx`.
    ServerReflexive,
    /// The address that the other peer saw in a connectivity check, `prflx`.
    PeerReflexive,
    /// An address allocated on a TURN server, `relay`.
    Relayed,
}

impl Kind {
    /// The word that stands for it in a candidate line: `host`, `srflx`, `prflx` or `relay`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::ServerReflexive => "srflx",
            Kind::PeerReflexive => "prflx",
            Kind::Relayed => "relay",
        }
    }

    /// The type preference that goes into the priority, 0 to 126.
    ///
    /// For UDP they are the values that RFC 8445 §5.1.2.2 recommends. RFC 6544 §4.2 wants those of TCP lower where UDP is
    /// preferred, as it is for media, and relayed candidates below all others: here any UDP candidate that is not relayed
    /// comes before any TCP candidate.
    pub const fn type_preference(self, transport: Transport) -> u8 {
        match (self, transport) {
            (Kind::Host, Transport::Udp) => 126,
            (Kind::PeerReflexive, Transport::Udp) => 110,
            (Kind::ServerReflexive, Transport::Udp) => 100,
            (Kind::Host, Transport::Tcp(_)) => 90,
            (Kind::PeerReflexive, Transport::Tcp(_)) => 80,
            (Kind::ServerReflexive, Transport::Tcp(_)) => 70,
            (Kind::Relayed, _) => 0,
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Kind> {
        [
            Kind::Host,
            Kind::ServerReflexive,
            Kind::PeerReflexive,
            Kind::Relayed,
        ]
        .into_iter()
        .find(|kind| word.eq_ignore_ascii_case(kind.as_str()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
