//! RFC 8866 §9 in `nom`, for one line at a time, when somebody asks what it says or whether it is right.
//!
//! The same parsers read both ways; only the white space between fields differs: one space, or as much as the peer likes.

use nom::bytes::complete::{tag, take_till1, take_while1};
use nom::combinator::{all_consuming, map, opt, recognize, verify};
use nom::error::{ErrorKind, ParseError as NomError};
use nom::multi::separated_list1;
use nom::sequence::{pair, preceded, terminated};
use nom::{Err, IResult, Parser};

use crate::content::{Bandwidth, Connection, Content, MediaLine, Origin, Repeat, Timing};
use crate::{Expected, Line, ParseError};

/// How much white space may stand between fields, and around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spacing {
    /// One space between, as the grammar has it.
    Strict,
    /// As much as the peer likes, spaces or tabs.
    Lenient,
}

/// Where the grammar stopped: so many bytes before the end of the input.
#[derive(Debug)]
struct Failure {
    rest: usize,
    expected: Expected,
}

type Parsed<'a, O> = IResult<&'a str, O, Failure>;

/// What a line says.
pub(crate) fn content<'a>(line: &Line<'a>, spacing: Spacing) -> Result<Content<'a>, ParseError> {
    let value = line.value();
    let kind = line.kind_byte();
    let has_fields = matches!(kind, b'v' | b'o' | b'c' | b'b' | b't' | b'r' | b'z');
    let body = match spacing {
        Spacing::Lenient if has_fields => value.trim_end_matches(is_space),
        _ => value,
    };
    let parsed = match kind {
        b'v' => whole(
            body,
            map(expect(tag("0"), Expected::Version), |_| Content::Version),
        ),
        b'o' => whole(body, map(|i| origin(i, spacing), Content::Origin)),
        b's' => text(value, spacing).map(Content::Name),
        b'i' => text(value, spacing).map(Content::Information),
        b'u' => text(value, spacing).map(Content::Uri),
        b'e' => text(value, spacing).map(Content::Email),
        b'p' => text(value, spacing).map(Content::Phone),
        b'c' => whole(body, map(|i| connection(i, spacing), Content::Connection)),
        b'b' => whole(body, map(bandwidth, Content::Bandwidth)),
        b't' => whole(body, map(|i| timing(i, spacing), Content::Timing)),
        b'r' => whole(body, map(|i| repeat(i, spacing), Content::Repeat)),
        b'z' => whole(body, map(|i| zones(i, spacing), Content::Zones)),
        b'k' => text(value, spacing).map(Content::Key),
        b'a' => attribute(line, spacing),
        b'm' => media(body, spacing).map(Content::Media),
        _ => Ok(Content::Unknown(line.kind(), value)),
    };
    parsed.map_err(|failure| place(line, body, failure))
}

/// The fields of an m-line.
pub(crate) fn media_line<'a>(line: &Line<'a>) -> Result<MediaLine<'a>, ParseError> {
    let value = line.value();
    media(value, Spacing::Lenient).map_err(|failure| place(line, value, failure))
}

/// The refusal of one m-line too many.
pub(crate) fn too_many_media(line: &Line<'_>) -> ParseError {
    ParseError::new(line.number(), 1, Expected::FewerMedia)
}

/// Digits only: `FromStr` alone would take a plus sign.
pub(crate) fn number<T: TryFrom<u64>>(word: &str) -> Option<T> {
    let add = |value: u64, byte: u8| {
        let digit = byte.is_ascii_digit().then_some(byte.wrapping_sub(b'0'))?;
        value.checked_mul(10)?.checked_add(digit.into())
    };
    let value = word.bytes().try_fold(0, add).filter(|_| !word.is_empty())?;
    T::try_from(value).ok()
}

/// RFC 8866 §9: `token-char`.
pub(crate) const fn is_token(c: char) -> bool {
    matches!(c, '!' | '#'..='\'' | '*' | '+' | '-' | '.' | '0'..='9' | 'A'..='Z' | '^'..='~')
}

/// RFC 8866 §9: what no byte-string holds.
pub(crate) const fn is_forbidden(c: char) -> bool {
    matches!(c, '\0' | '\r' | '\n')
}

fn place(line: &Line<'_>, body: &str, failure: Failure) -> ParseError {
    ParseError::new(
        line.number(),
        3 + body.len() - failure.rest,
        failure.expected,
    )
}

/// All of the input, or the place where something is left over.
fn whole<'a, O>(
    input: &'a str,
    parser: impl Parser<&'a str, Output = O, Error = Failure>,
) -> Result<O, Failure> {
    finish(all_consuming(terminated(parser, expect_end)).parse(input))
}

fn finish<O>(parsed: Parsed<'_, O>) -> Result<O, Failure> {
    match parsed {
        Ok((_, output)) => Ok(output),
        Err(Err::Error(failure) | Err::Failure(failure)) => Err(failure),
        // Only the streaming parsers of nom say so, and none is used.
        Err(Err::Incomplete(_)) => Err(Failure {
            rest: 0,
            expected: Expected::Nothing,
        }),
    }
}

fn expect_end(input: &str) -> Parsed<'_, ()> {
    if input.is_empty() {
        return Ok((input, ()));
    }
    Err(failure(input, Expected::Nothing))
}

/// Names what was expected where a parser of nom fails.
fn expect<'a, O>(
    mut parser: impl Parser<&'a str, Output = O, Error = ()>,
    expected: Expected,
) -> impl FnMut(&'a str) -> Parsed<'a, O> {
    move |input| {
        parser
            .parse(input)
            .map_err(|_: Err<()>| failure(input, expected))
    }
}

fn failure(input: &str, expected: Expected) -> Err<Failure> {
    Err::Error(Failure {
        rest: input.len(),
        expected,
    })
}

fn space(spacing: Spacing) -> impl FnMut(&str) -> Parsed<'_, &str> {
    move |input| match spacing {
        Spacing::Strict => expect(tag(" "), Expected::Space)(input),
        Spacing::Lenient => expect(take_while1(is_space), Expected::Space)(input),
    }
}

fn word(input: &str) -> Parsed<'_, &str> {
    expect(take_till1(is_space), Expected::Word)(input)
}

fn token(input: &str) -> Parsed<'_, &str> {
    expect(take_while1(is_token), Expected::Token)(input)
}

fn digits(input: &str) -> Parsed<'_, &str> {
    expect(take_while1(|c: char| c.is_ascii_digit()), Expected::Number)(input)
}

fn text(value: &str, spacing: Spacing) -> Result<&str, Failure> {
    let end = value.find(is_forbidden).unwrap_or(value.len());
    // RFC 8866 §9: `byte-string` is at least one byte. Peers write `s=` nevertheless.
    if end < value.len() || value.is_empty() && spacing == Spacing::Strict {
        return Err(Failure {
            rest: value.len() - end,
            expected: Expected::Text,
        });
    }
    Ok(value)
}

fn origin(input: &str, spacing: Spacing) -> Parsed<'_, Origin<'_>> {
    let mut space = space(spacing);
    let (input, username) = terminated(word, &mut space).parse(input)?;
    let (input, session_id) = terminated(digits, &mut space).parse(input)?;
    let (input, session_version) = terminated(digits, &mut space).parse(input)?;
    let (input, connection) = connection(input, spacing)?;
    Ok((
        input,
        Origin {
            username,
            session_id,
            session_version,
            net_type: connection.net_type,
            address_type: connection.address_type,
            address: connection.address,
        },
    ))
}

fn connection(input: &str, spacing: Spacing) -> Parsed<'_, Connection<'_>> {
    let mut space = space(spacing);
    let (input, net_type) = terminated(token, &mut space).parse(input)?;
    let (input, address_type) = terminated(token, &mut space).parse(input)?;
    let (input, address) = word(input)?;
    Ok((
        input,
        Connection {
            net_type,
            address_type,
            address,
        },
    ))
}

fn bandwidth(input: &str) -> Parsed<'_, Bandwidth<'_>> {
    let (input, kind) = terminated(token, expect(tag(":"), Expected::Colon)).parse(input)?;
    let (input, value) = map_number(input, digits, Expected::Number)?;
    Ok((input, Bandwidth { kind, value }))
}

fn timing(input: &str, spacing: Spacing) -> Parsed<'_, Timing> {
    let (input, start) = time(input, spacing)?;
    let (input, stop) = preceded(space(spacing), |i| time(i, spacing)).parse(input)?;
    Ok((input, Timing { start, stop }))
}

/// RFC 8866 §9: `time = POS-DIGIT 9*DIGIT`, or `0`.
fn time(input: &str, spacing: Spacing) -> Parsed<'_, u64> {
    let is_time = |word: &&str| {
        spacing == Spacing::Lenient || *word == "0" || (word.len() >= 10 && !word.starts_with('0'))
    };
    map_number(
        input,
        expect(
            verify(take_while1(|c: char| c.is_ascii_digit()), is_time),
            Expected::Time,
        ),
        Expected::Time,
    )
}

fn map_number<'a, T: TryFrom<u64>>(
    input: &'a str,
    mut digits: impl FnMut(&'a str) -> Parsed<'a, &'a str>,
    expected: Expected,
) -> Parsed<'a, T> {
    let (rest, word) = digits(input)?;
    let value = number(word).ok_or(failure(input, expected))?;
    Ok((rest, value))
}

/// RFC 8866 §9: `typed-time`, digits and a unit or none.
fn duration(input: &str) -> Parsed<'_, &str> {
    let unit = nom::character::complete::one_of::<_, _, ()>("dhms");
    expect(
        recognize(pair(
            take_while1::<_, _, ()>(|c: char| c.is_ascii_digit()),
            opt(unit),
        )),
        Expected::Duration,
    )(input)
}

fn repeat(input: &str, spacing: Spacing) -> Parsed<'_, Repeat<'_>> {
    let (input, interval) = terminated(duration, space(spacing)).parse(input)?;
    let (input, duration_) = terminated(duration, space(spacing)).parse(input)?;
    let (input, offsets) = recognize(separated_list1(space(spacing), duration)).parse(input)?;
    Ok((
        input,
        Repeat {
            interval,
            duration: duration_,
            offsets,
        },
    ))
}

fn zones(input: &str, spacing: Spacing) -> Parsed<'_, &str> {
    let offset = preceded(opt(expect(tag("-"), Expected::Duration)), duration);
    let zone = (digits, space(spacing), offset);
    recognize(separated_list1(space(spacing), zone)).parse(input)
}

fn attribute<'a>(line: &Line<'a>, spacing: Spacing) -> Result<Content<'a>, Failure> {
    let value = line.value();
    let Some(attribute) = line.attribute() else {
        return Ok(Content::Unknown(line.kind(), value));
    };
    if spacing == Spacing::Strict {
        let name = token.parse(value);
        let after_name = match &name {
            Ok((after, _)) => *after,
            Err(_) => return finish(name).map(|_| Content::Attribute(attribute)),
        };
        if after_name.len() + attribute.name().len() != value.len() {
            return Err(Failure {
                rest: after_name.len(),
                expected: Expected::Colon,
            });
        }
        if let Some(value) = attribute.value() {
            text(value, spacing)?;
        }
    }
    Ok(Content::Attribute(attribute))
}

fn media(value: &str, spacing: Spacing) -> Result<MediaLine<'_>, Failure> {
    let (input, kind) = media_word(value, Expected::Media, spacing)?;
    let (at_port, _) = between(input, spacing, Expected::Port)?;
    let (input, word) = media_word(at_port, Expected::Port, spacing)?;
    let (port, port_count) = ports(word).ok_or(Failure {
        rest: at_port.len(),
        expected: Expected::Port,
    })?;
    let (input, _) = between(input, spacing, Expected::Protocol)?;
    let (input, protocol) = media_word(input, Expected::Protocol, spacing)?;
    if spacing == Spacing::Strict {
        let mut formats = input;
        while !formats.is_empty() || input.is_empty() {
            let (format, _) = between(formats, spacing, Expected::Format)?;
            (formats, _) = media_word(format, Expected::Format, spacing)?;
        }
    }
    Ok(MediaLine {
        kind,
        port,
        port_count,
        protocol,
        formats: input,
    })
}

/// A word of an m-line: by the grammar tokens, in the protocol with slashes between.
fn media_word(input: &str, expected: Expected, spacing: Spacing) -> Result<(&str, &str), Failure> {
    // On bytes: white space and what tokens are made of are ASCII.
    let mut bytes = input.bytes();
    let end = match spacing {
        Spacing::Strict => {
            let has_slashes = matches!(expected, Expected::Port | Expected::Protocol);
            let of_word = |c: char| is_token(c) || c == '/' && has_slashes;
            bytes.position(|byte| !of_word(char::from(byte)))
        }
        Spacing::Lenient => bytes.position(|byte| is_space(char::from(byte))),
    };
    let end = end.unwrap_or(input.len());
    match (input.get(..end), input.get(end..)) {
        (Some(word), Some(rest)) if !word.is_empty() => Ok((rest, word)),
        _ => Err(Failure {
            rest: input.len(),
            expected,
        }),
    }
}

/// White space before a field of an m-line; at the end of the line it is the field that is missed.
fn between(input: &str, spacing: Spacing, field: Expected) -> Result<(&str, &str), Failure> {
    if input.is_empty() {
        return Err(Failure {
            rest: 0,
            expected: field,
        });
    }
    match space(spacing)(input) {
        Ok(parsed) => Ok(parsed),
        Err(error) => finish(Err(error)),
    }
}

/// `port` or `port/count`.
fn ports(word: &str) -> Option<(u16, Option<u16>)> {
    let (port, count) = match word.split_once('/') {
        Some((port, count)) => (port, Some(number(count)?)),
        None => (word, None),
    };
    Some((number(port)?, count))
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

impl NomError<&str> for Failure {
    /// Fields name what they expect; all that is left to nom itself is that something was left over.
    fn from_error_kind(input: &str, _: ErrorKind) -> Self {
        Failure {
            rest: input.len(),
            expected: Expected::Nothing,
        }
    }

    fn append(_: &str, _: ErrorKind, other: Self) -> Self {
        other
    }
}
