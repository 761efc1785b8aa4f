//! RFC 8866 §9: lines, and the fields of an m-line.

use core::str::FromStr;

use nom::bytes::complete::{tag, take_till, take_till1, take_while, take_while1};
use nom::character::complete::satisfy;
use nom::combinator::{map_opt, opt, recognize};
use nom::error::{ErrorKind, ParseError as NomError};
use nom::sequence::{pair, preceded};
use nom::{Err, IResult, Parser};

use crate::{Expected, Limits, Line, ParseError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MediaFields<'a> {
    pub(crate) kind: &'a str,
    pub(crate) port: u16,
    pub(crate) port_count: Option<u16>,
    pub(crate) protocol: &'a str,
    /// All of them, between white space.
    pub(crate) formats: &'a str,
}

/// Where the grammar stopped: so many bytes before the end of the input.
#[derive(Debug)]
struct Failure {
    rest: usize,
    expected: Expected,
}

type Parsed<'a, O> = IResult<&'a str, O, Failure>;

/// Gives every line to `take`, and stops at the first error.
pub(crate) fn each_line<'a>(
    text: &'a str,
    limits: &Limits,
    mut take: impl FnMut(Line<'a>) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    let (mut rest, mut number, mut count) = (text, 1, 0);
    while !rest.is_empty() || count == 0 {
        let error = |column, expected| ParseError {
            line: number,
            column,
            expected,
        };
        if count == limits.lines {
            return Err(error(1, Expected::FewerLines));
        }
        let (raw, ending, after) = split_line(rest);
        if raw.len() > limits.line_len {
            return Err(error(limits.line_len + 1, Expected::ShorterLine));
        }
        if count == 0 && raw.trim_end() != "v=0" {
            return Err(error(1, Expected::Version));
        }
        line_type(raw).map_err(|_| error(1, Expected::LineType))?;
        take(Line {
            raw,
            ending,
            number,
        })?;
        (rest, number, count) = (after, number + endings(ending), count + 1);
    }
    Ok(())
}

/// How many lines there are at most: what to make room for.
pub(crate) fn line_count(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count() + 1
}

/// The fields of an m-line.
pub(crate) fn media_line<'a>(line: &Line<'a>) -> Result<MediaFields<'a>, ParseError> {
    let value = line.value();
    media_fields(value)
        .map(|(_, fields)| fields)
        .map_err(|error| {
            let (rest, expected) = match error {
                Err::Error(failure) | Err::Failure(failure) => (failure.rest, failure.expected),
                // Only the streaming parsers of nom say so, and none is used.
                Err::Incomplete(_) => (0, Expected::Media),
            };
            ParseError {
                line: line.number(),
                column: 3 + value.len() - rest,
                expected,
            }
        })
}

/// The refusal of one m-line too many.
pub(crate) fn too_many_media(line: &Line<'_>) -> ParseError {
    ParseError {
        line: line.number(),
        column: 1,
        expected: Expected::FewerMedia,
    }
}

/// Digits only: `FromStr` alone would take a plus sign.
pub(crate) fn number<T: FromStr>(word: &str) -> Option<T> {
    if !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    word.parse().ok()
}

fn media_fields(value: &str) -> Parsed<'_, MediaFields<'_>> {
    let (rest, kind) = field(Expected::Media, Some)(value)?;
    let (rest, (port, port_count)) = preceded(spaces, field(Expected::Port, ports)).parse(rest)?;
    let (formats, protocol) = preceded(spaces, field(Expected::Protocol, Some)).parse(rest)?;
    Ok((
        "",
        MediaFields {
            kind,
            port,
            port_count,
            protocol,
            formats,
        },
    ))
}

/// A run of characters up to white space, that `read` makes a value of.
fn field<'a, O>(
    expected: Expected,
    read: impl Fn(&'a str) -> Option<O> + Copy,
) -> impl Fn(&'a str) -> Parsed<'a, O> {
    move |input| {
        let word = take_till1::<_, _, ()>(is_space);
        map_opt(word, read).parse(input).map_err(|_| {
            Err::Error(Failure {
                rest: input.len(),
                expected,
            })
        })
    }
}

fn spaces(input: &str) -> Parsed<'_, &str> {
    take_while(is_space)(input)
}

/// `port` or `port/count`.
fn ports(word: &str) -> Option<(u16, Option<u16>)> {
    let digits = || {
        map_opt(
            take_while1::<_, _, ()>(|c: char| c.is_ascii_digit()),
            number,
        )
    };
    let (rest, ports) = pair(digits(), opt(preceded(tag("/"), digits())))
        .parse(word)
        .ok()?;
    rest.is_empty().then_some(ports)
}

/// RFC 8866 §5: exactly one case-significant character, and an equals sign.
fn line_type(raw: &str) -> IResult<&str, &str, ()> {
    recognize((satisfy(|c| c.is_ascii_alphabetic()), tag("="))).parse(raw)
}

/// A line, its ending, and what follows.
fn split_line(text: &str) -> (&str, &str, &str) {
    let line = take_till::<_, _, ()>(is_ending);
    let ending = take_while::<_, _, ()>(is_ending);
    match pair(line, ending).parse(text) {
        Ok((rest, (raw, ending))) => (raw, ending, rest),
        Err(_) => (text, "", ""),
    }
}

/// How many lines end here: a CRLF, a LF and a CR alone count one each.
fn endings(ending: &str) -> usize {
    let pairs = ending.matches("\r\n").count();
    ending.len() - pairs
}

const fn is_ending(c: char) -> bool {
    matches!(c, '\r' | '\n')
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

impl NomError<&str> for Failure {
    /// Fields name what they expect, and spaces cannot fail: this is never reached.
    fn from_error_kind(input: &str, _: ErrorKind) -> Self {
        Failure {
            rest: input.len(),
            expected: Expected::Media,
        }
    }

    fn append(_: &str, _: ErrorKind, other: Self) -> Self {
        other
    }
}
