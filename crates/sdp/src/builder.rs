use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::net::IpAddr;

use crate::grammar::is_forbidden;
use crate::session::Entry;
use crate::{Expected, ParseError, Session};

/// A session made in code: in the order of RFC 8866 §9 whatever the order of the calls, with CRLF, and with nothing that
/// the strict reader would refuse.
///
/// What is said after [`media`](Self::media) is said in that section.
///
/// ```
/// use ieum_sdp::Builder;
///
/// let session = Builder::new("-", 3724394400, 1, [198, 51, 100, 1].into())
///     .attribute("recvonly", None)
///     .name("Call to John Smith")
///     .connection([198, 51, 100, 1].into())
///     .media("audio", 49170, "RTP/AVP", &["0"])
///     .bandwidth("AS", 64)
///     .finish()?;
/// assert_eq!(
///     session.to_string(),
///     "v=0\r\no=- 3724394400 1 IN IP4 198.51.100.1\r\ns=Call to John Smith\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
///      a=recvonly\r\nm=audio 49170 RTP/AVP 0\r\nb=AS:64\r\n"
/// );
/// # Ok::<(), ieum_sdp::ParseError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    /// The lines of the session, then those of each section, with their ranks in the order.
    parts: Vec<Vec<(u8, String)>>,
}

impl Builder {
    /// A session of this origin (RFC 8866 §5.2), by default without a name (`s=-`) and without end (`t=0 0`).
    pub fn new(username: &str, session_id: u64, session_version: u64, address: IpAddr) -> Self {
        let address = Address(address);
        let origin = format!("o={username} {session_id} {session_version} {address}");
        Builder {
            parts: [[(0, "v=0".into()), (1, origin)].into()].into(),
        }
    }

    /// The name, `s=`.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.line(NAME, format!("s={name}"))
    }

    /// A title for people, `i=`.
    #[must_use]
    pub fn information(self, text: &str) -> Self {
        self.line(3, format!("i={text}"))
    }

    /// Where to read more, `u=`.
    #[must_use]
    pub fn uri(self, uri: &str) -> Self {
        self.line(4, format!("u={uri}"))
    }

    /// Whom to write to, `e=`.
    #[must_use]
    pub fn email(self, address: &str) -> Self {
        self.line(5, format!("e={address}"))
    }

    /// Whom to call, `p=`.
    #[must_use]
    pub fn phone(self, number: &str) -> Self {
        self.line(6, format!("p={number}"))
    }

    /// Where media goes, `c=`; a session needs one, or each of its sections does.
    #[must_use]
    pub fn connection(self, address: IpAddr) -> Self {
        self.line(7, format!("c={}", Address(address)))
    }

    /// How much may be sent, `b=`: in kilobits per second for `AS`, in bits per second for `TIAS`.
    #[must_use]
    pub fn bandwidth(self, kind: &str, value: u64) -> Self {
        self.line(8, format!("b={kind}:{value}"))
    }

    /// When it takes place, `t=`: in seconds since 1900, with 0 for no bound.
    #[must_use]
    pub fn timing(self, start: u64, stop: u64) -> Self {
        self.line(TIME, format!("t={start} {stop}"))
    }

    /// How the last time repeats, `r=`: in seconds.
    #[must_use]
    pub fn repeat(self, interval: u64, duration: u64, offsets: &[u64]) -> Self {
        let mut text = format!("r={interval} {duration}");
        for offset in offsets {
            // Writing to a `String` cannot fail.
            let _ = write!(text, " {offset}");
        }
        self.line(TIME, text)
    }

    /// An attribute, `a=`.
    #[must_use]
    pub fn attribute(self, name: &str, value: Option<&str>) -> Self {
        let text = match value {
            Some(value) => format!("a={name}:{value}"),
            None => format!("a={name}"),
        };
        self.line(12, text)
    }

    /// Begins a section.
    #[must_use]
    pub fn media(mut self, kind: &str, port: u16, protocol: &str, formats: &[&str]) -> Self {
        let text = format!("m={kind} {port} {protocol} {}", formats.join(" "));
        self.parts.push([(0, text)].into());
        self
    }

    /// The session.
    ///
    /// # Errors
    /// What the grammar does not allow in what was given, at the line and column where it would stand.
    pub fn finish(mut self) -> Result<Session<'static>, ParseError> {
        if let Some(session) = self.parts.first_mut() {
            for (rank, default) in [(NAME, "s=-"), (TIME, "t=0 0")] {
                if !session.iter().any(|(own, _)| *own == rank) {
                    session.push((rank, default.into()));
                }
            }
        }
        let mut entries = Vec::with_capacity(self.parts.iter().map(Vec::len).sum());
        for part in &mut self.parts {
            part.sort_by_key(|(rank, _)| *rank);
            for (_, mut text) in part.drain(..) {
                let number = entries.len() + 1;
                if let Some(at) = text.find(is_forbidden) {
                    return Err(ParseError::new(number, at + 1, Expected::Text));
                }
                let len = text.len();
                text.push_str("\r\n");
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                entries.push(Entry::owned(text, len, number));
            }
        }
        Session { entries }.strict()
    }

    fn line(mut self, rank: u8, text: String) -> Self {
        if let Some(part) = self.parts.last_mut() {
            part.push((rank, text));
        }
        self
    }
}

/// The rank of `s=`.
const NAME: u8 = 2;
/// The rank of `t=`, and of the `r=` that follow each.
const TIME: u8 = 9;

struct Address(IpAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.0.is_ipv4() { "IP4" } else { "IP6" };
        write!(f, "IN {kind} {}", self.0)
    }
}
