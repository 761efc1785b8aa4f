//! The grammar: `scheme ":" host [ ":" port ] [ "?transport=" transport ]` (RFC 7064 §3.1, RFC 7065 §3.1).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Host, Scheme, Uri, UriError, UriExpected, UriTransport};

pub(super) fn uri(text: &str) -> Result<Uri, UriError> {
    let (scheme, begin) = scheme(text)?;
    if text[begin..].starts_with("//") {
        return fail(begin, UriExpected::NoSlashes);
    }
    let query = text[begin..].find('?').map(|at| begin + at);
    let end = query.unwrap_or(text.len());
    let (host, port) = host(&text[..end], begin)?;
    let explicit_port = self::port(&text[..end], port)?;
    let explicit_transport = match query {
        None => None,
        Some(at) if !scheme.is_turn() => return fail(at, UriExpected::NoQuery),
        Some(at) => Some(transport(text, at + 1)?),
    };
    Ok(Uri {
        scheme,
        host,
        explicit_port,
        explicit_transport,
    })
}

/// The scheme, and where the host begins.
fn scheme(text: &str) -> Result<(Scheme, usize), UriError> {
    let word = text.split(':').next().unwrap_or_default();
    let known = [Scheme::Stun, Scheme::Stuns, Scheme::Turn, Scheme::Turns];
    match known
        .into_iter()
        .find(|scheme| scheme.as_str().eq_ignore_ascii_case(word))
    {
        Some(scheme) if word.len() < text.len() => Ok((scheme, word.len() + 1)),
        // All that is missing is the colon.
        Some(_) => fail(word.len(), UriExpected::Scheme),
        None => fail(0, UriExpected::Scheme),
    }
}

/// The host that begins at `begin`, and where it ends.
fn host(text: &str, begin: usize) -> Result<(Host, usize), UriError> {
    if text[begin..].starts_with('[') {
        let Some(len) = text[begin..].find(']') else {
            return fail(begin, UriExpected::Ipv6);
        };
        return match text[begin + 1..begin + len].parse::<Ipv6Addr>() {
            Ok(ip) => Ok((Host::Ip(ip.into()), begin + len + 1)),
            Err(_) => fail(begin + 1, UriExpected::Ipv6),
        };
    }
    let end = text[begin..].find(':').map_or(text.len(), |at| begin + at);
    let name = &text[begin..end];
    if name.is_empty() && end == text.len() {
        return fail(begin, UriExpected::Host);
    }
    if text[begin..].parse::<Ipv6Addr>().is_ok() {
        return fail(begin, UriExpected::Brackets);
    }
    if name.is_empty() {
        return fail(begin, UriExpected::Host);
    }
    if let Some(at) = wrong_character(name.as_bytes()) {
        return fail(begin + at, UriExpected::HostCharacter);
    }
    // RFC 3986 §3.2.2: what can be an IPv4 address is one.
    let host = match name.parse::<Ipv4Addr>() {
        Ok(ip) => Host::Ip(IpAddr::V4(ip)),
        Err(_) => Host::Name(name.into()),
    };
    Ok((host, end))
}

/// Where the first character is that a name cannot have (RFC 3986 §3.2.2 `reg-name`).
fn wrong_character(name: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(byte) = name.get(at) {
        at += match byte {
            b'%' => match name.get(at + 1..at + 3) {
                Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => 3,
                _ => return Some(at),
            },
            byte if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte) => 1,
            _ => return Some(at),
        };
    }
    None
}

/// What stands between the host and the end. A colon without a number is the default port (RFC 3986 §3.2.3).
fn port(text: &str, at: usize) -> Result<Option<u16>, UriError> {
    let Some(digits) = text[at..].strip_prefix(':') else {
        return match text.len() == at {
            true => Ok(None),
            false => fail(at, UriExpected::PortOrEnd),
        };
    };
    if digits.is_empty() {
        return Ok(None);
    }
    // `parse` alone would take a sign.
    let number = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(port) if number && port > 0 => Ok(Some(port)),
        _ => fail(at + 1, UriExpected::Port),
    }
}

fn transport(text: &str, at: usize) -> Result<UriTransport, UriError> {
    let query = &text[at..];
    let known = [UriTransport::Udp, UriTransport::Tcp];
    let found = query
        .split_once('=')
        .filter(|(name, _)| name.eq_ignore_ascii_case("transport"))
        .and_then(|(_, value)| {
            known
                .into_iter()
                .find(|transport| transport.as_str().eq_ignore_ascii_case(value))
        });
    found.map_or_else(|| fail(at, UriExpected::Transport), Ok)
}

fn fail<T>(offset: usize, expected: UriExpected) -> Result<T, UriError> {
    Err(UriError { offset, expected })
}
