//! The lines that peers really send, read byte by byte: IP addresses, single spaces, small letters, and for TCP the
//! `tcptype` before all other extensions.
//!
//! Whatever is otherwise, right or wrong, is left to the [grammar](crate::grammar): this only ever gives what the
//! grammar gives, or nothing. It is there because it is three times as fast.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::grammar::Fields;
use crate::{Address, Kind, TcpType, Transport};

/// The fields of a line, or `None` if the grammar is to look at it.
pub(crate) fn candidate(line: &str) -> Option<Fields<'_>> {
    let mut cursor = Cursor::new(line);
    let foundation = cursor.foundation()?;
    let component = cursor.number(3).filter(|it| (1..=256).contains(it))?;
    let is_tcp = match cursor.word(4)? {
        b"udp " | b"UDP " => false,
        b"tcp " | b"TCP " => true,
        _ => return None,
    };
    let priority = u32::try_from(cursor.number(10)?).ok()?;
    let ip = cursor.ip()?;
    let port = u16::try_from(cursor.number(5)?).ok()?;
    let kind = cursor.kind()?;
    let related = match cursor.rest().first() {
        Some(b' ') if cursor.rest().starts_with(b" raddr ") => Some(cursor.related()?),
        // Behind more than one space there may be a related address too.
        Some(b' ') if cursor.rest().starts_with(b"  ") => return None,
        Some(b' ') | None => None,
        Some(_) => return None,
    };
    Some(Fields {
        foundation,
        component: component as u16,
        transport: if is_tcp {
            Transport::Tcp(cursor.tcp_type()?)
        } else {
            Transport::Udp
        },
        priority,
        address: Address::Ip(ip),
        port,
        kind,
        related,
        extensions: cursor.extensions()?,
    })
}

struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// After `candidate:` or `a=candidate:`, or where the value alone begins: no foundation has a colon.
    fn new(line: &'a str) -> Self {
        let at = match line.as_bytes() {
            [b'c', rest @ ..] if rest.starts_with(b"andidate:") => 10,
            [b'a', b'=', rest @ ..] if rest.starts_with(b"candidate:") => 12,
            _ => 0,
        };
        Cursor { line, at }
    }

    fn rest(&self) -> &'a [u8] {
        self.line.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// So many bytes.
    fn word(&mut self, len: usize) -> Option<&'a [u8]> {
        let word = self.rest().get(..len)?;
        self.at += len;
        Some(word)
    }

    fn foundation(&mut self) -> Option<&'a str> {
        let mut len = 0;
        for byte in self.rest() {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'+' | b'/' => len += 1,
                b' ' => break,
                _ => return None,
            }
        }
        let foundation = self.line.get(self.at..self.at + len)?;
        self.at += len + 1;
        (1..=32).contains(&len).then_some(foundation)
    }

    /// 1 to `most` digits, and the space after them (or the end).
    fn number(&mut self, most: usize) -> Option<u64> {
        let mut number = 0;
        let mut len = 0;
        for byte in self.rest() {
            match byte {
                b'0'..=b'9' => number = 10 * number + u64::from(byte - b'0'),
                b' ' => break,
                _ => return None,
            }
            len += 1;
            if len > most {
                return None;
            }
        }
        self.at = (self.at + len + 1).min(self.line.len());
        (len > 0).then_some(number)
    }

    /// An address, and the space after it.
    fn ip(&mut self) -> Option<IpAddr> {
        self.ipv4().map(IpAddr::V4).or_else(|| self.ipv6())
    }

    fn ipv4(&mut self) -> Option<Ipv4Addr> {
        let mut octets = [0_u8; 4];
        let rest = self.rest();
        let mut at = 0;
        for (n, octet) in octets.iter_mut().enumerate() {
            let end = if n == 3 { b' ' } else { b'.' };
            let first = digit(*rest.get(at)?)?;
            let (value, len) = match (rest.get(at + 1)?, rest.get(at + 2), rest.get(at + 3)) {
                (byte, ..) if *byte == end => (first, 1),
                (second, Some(byte), _) if *byte == end => (10 * first + digit(*second)?, 2),
                (second, Some(third), Some(byte)) if *byte == end => {
                    (100 * first + 10 * digit(*second)? + digit(*third)?, 3)
                }
                _ => return None,
            };
            // "010" may be eight to somebody: not an address.
            if len > 1 && first == 0 {
                return None;
            }
            *octet = u8::try_from(value).ok()?;
            at += len + 1;
        }
        self.at += at;
        Some(Ipv4Addr::from(octets))
    }

    #[cold]
    fn ipv6(&mut self) -> Option<IpAddr> {
        let len = self.rest().iter().position(|byte| *byte == b' ')?;
        let ip: Ipv6Addr = self.line.get(self.at..self.at + len)?.parse().ok()?;
        self.at += len + 1;
        Some(IpAddr::V6(ip))
    }

    fn kind(&mut self) -> Option<Kind> {
        if self.word(4)? != b"typ " {
            return None;
        }
        let rest = self.rest();
        if rest.starts_with(b"host") {
            self.at += 4;
            return Some(Kind::Host);
        }
        Some(match self.word(5)? {
            b"srflx" => Kind::ServerReflexive,
            b"relay" => Kind::Relayed,
            b"prflx" => Kind::PeerReflexive,
            _ => return None,
        })
    }

    /// ` raddr <ip> rport <port>`.
    fn related(&mut self) -> Option<SocketAddr> {
        self.at += " raddr ".len();
        let ip = self.ip()?;
        if self.word(6)? != b"rport " {
            return None;
        }
        let port = u16::try_from(self.number(5)?).ok()?;
        // The space belongs to the extension that follows.
        if self.at < self.line.len() || self.line.ends_with(' ') {
            self.at -= 1;
        }
        Some(SocketAddr::new(ip, port))
    }

    /// ` tcptype <type>`, which stays among the extensions.
    fn tcp_type(&self) -> Option<TcpType> {
        let rest = self.rest().strip_prefix(b" tcptype ")?;
        let len = rest.iter().position(|byte| *byte == b' ');
        match rest.get(..len.unwrap_or(rest.len()))? {
            b"active" => Some(TcpType::Active),
            b"passive" => Some(TcpType::Passive),
            b"so" => Some(TcpType::SimultaneousOpen),
            _ => None,
        }
    }

    fn extensions(self) -> Option<&'a str> {
        let rest = self.rest();
        let fine = rest
            .iter()
            .fold(true, |fine, byte| fine & (b' '..=b'~').contains(byte));
        // What is at the end is to be trimmed.
        let trimmed = rest.last() != Some(&b' ');
        self.line.get(self.at..).filter(|_| fine && trimmed)
    }
}

fn digit(byte: u8) -> Option<u32> {
    let value = byte.wrapping_sub(b'0');
    (value < 10).then(|| u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar;
    use alloc::string::String;
    use proptest::prelude::*;

    const LINES: &[&str] = &[
        "candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0 network-id 1",
        "a=candidate:1853887674 1 UDP 1686052607 47.61.61.61 36768 typ srflx raddr 192.168.0.196 rport 36768",
        "candidate:1 1 udp 1 2001:db8::1 1 typ relay raddr 2001:db8::2 rport 9 generation 0",
        "candidate:1 1 udp 1 0.0.0.0 0 typ prflx",
        "candidate:1 256 udp 4294967295 255.255.255.255 65535 typ host x y",
        "1 1 udp 2122260223 192.0.2.7 50000 typ host generation 0",
        "candidate:1 1 tcp 1518214911 192.0.2.7 9 typ host tcptype active generation 0",
        "1 1 TCP 1 192.0.2.7 9 typ srflx raddr 10.0.0.1 rport 9 tcptype so",
    ];

    #[test]
    fn usual_lines_are_read_here() {
        for line in LINES {
            let fields = candidate(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(Ok(fields), grammar::strict(line));
        }
    }

    #[test]
    fn what_is_odd_is_left_to_the_grammar() {
        for line in [
            "candidate:1 1 udp 1 192.168.00.1 1 typ host",
            "candidate:1 1 udp 1 192.168.0.256 1 typ host",
            "candidate:1 257 udp 1 192.168.0.1 1 typ host",
            "candidate:1 1 udp 4294967296 192.168.0.1 1 typ host",
            "candidate:1 1 udp 1 192.168.0.1 65536 typ host",
            "candidate:1 1 udp 1 192.168.0.1 1 typ hostess",
            "candidate:1 1 udp 1 192.168.0.1 1 typ host ",
            "candidate:1 1 udp 1 192.168.0.1 1 typ srflx raddr 1.2.3.4 rport 1 ",
            "candidate:1 1 udp 1 192.168.0.1 1 typ srflx raddr 1.2.3.4",
            "candidate:1  1 udp 1 192.168.0.1 1 typ host",
            "candidate: 1 udp 1 192.168.0.1 1 typ host",
            "candidate:1 1 udp 1 192.168.0.1 1 typ",
            "candidate:1 1 tcp 1 192.168.0.1 9 typ host",
            "candidate:1 1 tcp 1 192.168.0.1 9 typ host generation 0 tcptype active",
            "candidate:1 1 tcp 1 192.168.0.1 9 typ host tcptype actives",
            "candidate:candidate:1 1 udp 1 192.168.0.1 1 typ host",
        ] {
            assert_eq!(candidate(line), None, "{line}");
        }
    }

    proptest! {
        /// A usual line with one byte changed, removed or doubled, or cut short.
        #[test]
        fn what_is_read_here_is_what_the_grammar_reads(
            line in prop::sample::select(LINES),
            at in any::<prop::sample::Index>(),
            byte in prop::sample::select(&b" 019.:=aA~\x7f\tudp"[..]),
            how in 0..4,
        ) {
            let at = at.index(line.len());
            let mut changed = String::from(&line[..at]);
            match how {
                0 => changed.push(char::from(byte)),
                1 => {}
                2 => changed.push_str(&line[at..=at]),
                _ => changed.truncate(at),
            }
            if how != 3 {
                changed.push_str(&line[at + usize::from(how != 2)..]);
            }
            if let Some(fields) = candidate(&changed) {
                prop_assert_eq!(Ok(fields), grammar::strict(&changed));
            }
        }
    }
}
