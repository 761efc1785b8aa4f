//! RFC 8839 §5.1 in `nom`, each field naming what was expected in its place.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

use nom::bytes::complete::tag;
use nom::combinator::{opt, verify};
use nom::error::{ErrorKind, ParseError as NomError};
use nom::sequence::{preceded, separated_pair};
use nom::{Err, IResult, Parser};

use crate::{Address, Expected, Kind, MAX_LINE_LEN, ParseError, TcpType, Transport, common};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    pub(crate) foundation: &'a str,
    pub(crate) component: u16,
    pub(crate) transport: Transport,
    pub(crate) priority: u32,
    pub(crate) address: Address<'a>,
    pub(crate) port: u16,
    pub(crate) kind: Kind,
    pub(crate) related: Option<SocketAddr>,
    /// What follows, all visible ASCII and spaces.
    pub(crate) extensions: &'a str,
}

/// Where the grammar stopped: so many bytes before the end of the input.
#[derive(Debug)]
pub(crate) struct Failure {
    rest: usize,
    expected: Expected,
}

type Parsed<'a, O> = IResult<&'a str, O, Failure>;

pub(crate) fn candidate(line: &str) -> Result<Fields<'_>, ParseError> {
    if line.len() > MAX_LINE_LEN {
        return Err(ParseError {
            offset: MAX_LINE_LEN,
            expected: Expected::ShorterLine,
        });
    }
    match common::candidate(line) {
        Some(fields) => Ok(fields),
        None => strict(line),
    }
}

/// All of the grammar.
pub(crate) fn strict(line: &str) -> Result<Fields<'_>, ParseError> {
    let trimmed = line.trim_end_matches([' ', '\t', '\r', '\n']);
    match fields(trimmed) {
        Ok((_, fields)) => Ok(fields),
        Err(Err::Error(failure) | Err::Failure(failure)) => Err(ParseError {
            offset: trimmed.len() - failure.rest,
            expected: failure.expected,
        }),
        // Only the streaming parsers of nom say so, and none is used.
        Err(Err::Incomplete(_)) => Err(ParseError {
            offset: trimmed.len(),
            expected: Expected::Space,
        }),
    }
}

/// One `SP name SP value`. The value may be empty, and is where nothing follows the name.
pub(crate) fn extension(input: &str) -> Parsed<'_, (&str, &str)> {
    let value = opt(preceded(tag(" "), visible));
    (preceded(spaces, some_visible), value)
        .map(|(name, value): (_, Option<&str>)| (name, value.unwrap_or_default()))
        .parse(input)
}

fn fields(input: &str) -> Parsed<'_, Fields<'_>> {
    let line = input.strip_prefix("a=").unwrap_or(input);
    // What begins otherwise is the value alone.
    let rest = line.strip_prefix("candidate:").unwrap_or(input);
    let (rest, foundation) = field(rest, Expected::Foundation, foundation)?;
    let (rest, component) = next(rest, Expected::Component, component)?;
    let (rest, is_tcp) = next(rest, Expected::Transport, is_tcp)?;
    let (rest, priority) = next(rest, Expected::Priority, number)?;
    let (rest, address) = next(rest, Expected::Address, address)?;
    let (rest, port) = next(rest, Expected::Port, number)?;
    let (rest, ()) = next(rest, Expected::Typ, typ)?;
    let (rest, kind) = next(rest, Expected::Kind, Kind::from_word)?;
    all_visible(rest)?;
    let (extensions, related) = related(rest);
    let transport = if is_tcp {
        // RFC 6544 §4.5: a TCP candidate without tcptype is of an older kind, which nobody pairs any more.
        Transport::Tcp(tcp_type(extensions).ok_or(failure(extensions, Expected::TcpType))?)
    } else {
        Transport::Udp
    };
    Ok((
        "",
        Fields {
            foundation,
            component,
            transport,
            priority,
            address,
            port,
            kind,
            related,
            extensions,
        },
    ))
}

/// A run of visible characters that `read` makes a value of.
#[inline(always)]
fn field<'a, O>(
    input: &'a str,
    expected: Expected,
    read: impl FnOnce(&'a str) -> Option<O>,
) -> Parsed<'a, O> {
    let (rest, word) = visible(input)?;
    match read(word) {
        Some(value) if !word.is_empty() => Ok((rest, value)),
        _ => Err(failure(input, expected)),
    }
}

/// The same after spaces. A function and no combinator of `nom`, so that a line is read without a call for each field.
#[inline(always)]
fn next<'a, O>(
    input: &'a str,
    expected: Expected,
    read: impl FnOnce(&'a str) -> Option<O>,
) -> Parsed<'a, O> {
    let (input, _) = spaces(input)?;
    field(input, expected, read)
}

/// Visible characters, or none. On bytes, because this is where the time of a line goes, and all of them are ASCII.
#[inline]
fn visible(input: &str) -> Parsed<'_, &str> {
    let end = input.bytes().position(|byte| !byte.is_ascii_graphic());
    let (word, rest) = input.split_at(end.unwrap_or(input.len()));
    Ok((rest, word))
}

#[inline]
fn spaces(input: &str) -> Parsed<'_, &str> {
    let end = input.bytes().position(|byte| byte != b' ');
    let (spaces, rest) = input.split_at(end.unwrap_or(input.len()));
    if spaces.is_empty() {
        return Err(failure(input, Expected::Space));
    }
    Ok((rest, spaces))
}

fn some_visible(input: &str) -> Parsed<'_, &str> {
    verify(visible, |word: &str| !word.is_empty()).parse(input)
}

/// `raddr` and `rport` where they are next and of use; else they stay among the extensions, so that nothing is lost.
fn related(input: &str) -> (&str, Option<SocketAddr>) {
    // Host candidates, the most frequent ones, have none.
    if !input.trim_start_matches(' ').starts_with("raddr") {
        return (input, None);
    }
    let mut both = separated_pair(preceded(spaces, tag("raddr")), tag(" "), some_visible).and(
        separated_pair(preceded(spaces, tag("rport")), tag(" "), some_visible),
    );
    match both.parse(input) {
        Ok((rest, ((_, ip), (_, port)))) => match (address(ip), number(port)) {
            (Some(Address::Ip(ip)), Some(port)) => (rest, Some(SocketAddr::new(ip, port))),
            _ => (input, None),
        },
        Err(_) => (input, None),
    }
}

fn tcp_type(mut extensions: &str) -> Option<TcpType> {
    while let Ok((rest, (name, value))) = extension(extensions) {
        if name == "tcptype" {
            return TcpType::from_word(value);
        }
        extensions = rest;
    }
    None
}

fn all_visible(rest: &str) -> Result<(), Err<Failure>> {
    let is_wrong = |byte: u8| !byte.is_ascii_graphic() && byte != b' ';
    match rest.bytes().position(is_wrong) {
        Some(at) => Err(Err::Error(Failure {
            rest: rest.len() - at,
            expected: Expected::Extension,
        })),
        None => Ok(()),
    }
}

/// RFC 8839 §5.1: `1*32ice-char`. Any visible character but those of our own prefix is let through, as browsers do.
fn foundation(word: &str) -> Option<&str> {
    let is_prefix = |byte| matches!(byte, b':' | b'=');
    (word.len() <= 32 && !word.bytes().any(is_prefix)).then_some(word)
}

/// RFC 8839 §5.1: 1 to 256.
fn component(word: &str) -> Option<u16> {
    number(word).filter(|component| (1..=256).contains(component))
}

fn is_tcp(word: &str) -> Option<bool> {
    let is = |name| word.eq_ignore_ascii_case(name);
    (is("udp") || is("tcp")).then(|| is("tcp"))
}

fn typ(word: &str) -> Option<()> {
    word.eq_ignore_ascii_case("typ").then_some(())
}

/// Digits only: `FromStr` alone would take a plus sign.
fn number<T: TryFrom<u64>>(word: &str) -> Option<T> {
    let add = |value: u64, byte: u8| {
        let digit = byte.is_ascii_digit().then_some(byte.wrapping_sub(b'0'))?;
        value.checked_mul(10)?.checked_add(digit.into())
    };
    let value = word.bytes().try_fold(0, add).filter(|_| !word.is_empty())?;
    T::try_from(value).ok()
}

fn address(word: &str) -> Option<Address<'_>> {
    if word.bytes().any(|byte| byte == b':') {
        let ip = word.split_once('%').map_or(word, |(ip, _zone)| ip);
        return Ipv6Addr::from_str(ip)
            .ok()
            .map(|ip| Address::Ip(IpAddr::V6(ip)));
    }
    match IpAddr::from_str(word) {
        Ok(ip) => Some(Address::Ip(ip)),
        Err(_) => is_name(word).then_some(Address::Name(word)),
    }
}

/// A domain name, RFC 1123 §2.1 with the underscore of practice. One that ends in a number is an IPv4 address gone wrong.
fn is_name(word: &str) -> bool {
    let last = word
        .trim_end_matches('.')
        .rsplit('.')
        .next()
        .unwrap_or_default();
    word.len() <= 255
        && !last.is_empty()
        && !last.bytes().all(|byte| byte.is_ascii_digit())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn failure(input: &str, expected: Expected) -> Err<Failure> {
    Err::Error(Failure {
        rest: input.len(),
        expected,
    })
}

impl NomError<&str> for Failure {
    /// Fields name what they expect; all that is left to nom itself is the space between them.
    fn from_error_kind(input: &str, _: ErrorKind) -> Self {
        Failure {
            rest: input.len(),
            expected: Expected::Space,
        }
    }

    fn append(_: &str, _: ErrorKind, other: Self) -> Self {
        other
    }
}
