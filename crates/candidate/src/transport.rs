use core::fmt;

/// The transport of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `udp`, RFC 8839 §5.1.
    Udp,
    /// `tcp` with its `tcptype`, RFC 6544 §4.5.
    Tcp(TcpType),
}

/// Who opens the TCP connection, RFC 6544 §4.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TcpType {
    /// This side opens it; the candidate's port is 9, which stands for none.
    Active,
    /// This side accepts it.
    Passive,
    /// Both sides open it at once, `so`.
    SimultaneousOpen,
}

impl TcpType {
    /// The word that stands for it in a candidate line: `active`, `passive` or `so`.
    pub const fn as_str(self) -> &'static str {
        match self {
            TcpType::Active => "active",
            TcpType::Passive => "passive",
            TcpType::SimultaneousOpen => "so",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<TcpType> {
        [TcpType::Active, TcpType::Passive, TcpType::SimultaneousOpen]
            .into_iter()
            .find(|tcp_type| word.eq_ignore_ascii_case(tcp_type.as_str()))
    }
}

impl Transport {
    /// The word that stands for it in a candidate line: `udp` or `tcp`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp(_) => "tcp",
        }
    }

    /// Which side opens the connection; `None` for UDP.
    pub const fn tcp_type(self) -> Option<TcpType> {
        match self {
            Transport::Udp => None,
            Transport::Tcp(tcp_type) => Some(tcp_type),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for TcpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
