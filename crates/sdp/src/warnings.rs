//! What RFC 8866 does not allow: the order of §9, and each line by its grammar.

use core::slice;

use crate::grammar::{self, Spacing};
use crate::session::Entry;
use crate::{Expected, Line, ParseError, Warning};

/// Goes through the lines once.
pub(crate) struct Warnings<'s> {
    entries: slice::Iter<'s, Entry<'s>>,
    order: Order,
    has_connection: bool,
    /// What the last line gave rise to, in reverse.
    found: [Option<Warning>; MAX_PER_LINE],
    /// The number of the line after this one.
    next_number: usize,
    at_end: bool,
}

/// Missing o=, s= and t=, order, grammar, the missing c=, the ending.
const MAX_PER_LINE: usize = 7;

impl<'s> Warnings<'s> {
    pub(crate) fn new(entries: &'s [Entry<'s>]) -> Self {
        let mut session = entries.iter().take_while(|entry| entry.kind() != b'm');
        Warnings {
            entries: entries.iter(),
            order: Order::default(),
            has_connection: session.any(|entry| entry.kind() == b'c'),
            found: [None; MAX_PER_LINE],
            next_number: 1,
            at_end: false,
        }
    }

    fn check(&mut self, line: &Line<'s>) {
        let at = |column, expected| Warning::from(ParseError::new(line.number(), column, expected));
        let is_media = line.kind_byte() == b'm';
        let missing = self.order.missing_before(line.kind_byte());
        let in_order = self.order.take(line.kind_byte()).err();
        let content = grammar::content(line, Spacing::Strict).err();
        let is_alone = is_media && !self.has_connection && !self.section_has_connection();
        let found = [
            missing[0].map(|expected| at(1, expected)),
            missing[1].map(|expected| at(1, expected)),
            missing[2].map(|expected| at(1, expected)),
            in_order.map(|expected| at(1, expected)),
            content.map(Warning::from),
            is_alone.then(|| at(1, Expected::ConnectionLine)),
            ending(line),
        ];
        self.found = found;
        self.found.reverse();
    }

    /// Whether there is a `c=` before the next m-line. Each line is looked at once for its own section.
    fn section_has_connection(&self) -> bool {
        let mut section = self
            .entries
            .clone()
            .take_while(|entry| entry.kind() != b'm');
        section.any(|entry| entry.kind() == b'c')
    }

    /// What is missed when the text is over.
    fn end(&mut self) {
        let at = |expected| Warning::from(ParseError::new(self.next_number, 1, expected));
        let [origin, name, time] = self.order.missing_before(b'm');
        let rest = [time, name, origin].map(|expected| expected.map(at));
        self.found = [rest[0], rest[1], rest[2], None, None, None, None];
    }
}

impl Iterator for Warnings<'_> {
    type Item = Warning;

    fn next(&mut self) -> Option<Warning> {
        loop {
            if let Some(found) = self.found.iter_mut().rev().find_map(Option::take) {
                return Some(found);
            }
            match self.entries.next() {
                Some(entry) => {
                    let line = entry.line();
                    self.check(&line);
                    self.next_number = line.number() + line.ends() as usize;
                }
                None if self.at_end => return None,
                None => {
                    self.at_end = true;
                    self.end();
                }
            }
        }
    }
}

/// What ends a line, where it is neither CRLF nor LF: where it stops being so.
fn ending(line: &Line<'_>) -> Option<Warning> {
    let (ahead, column, expected) = match line.ending() {
        "\r\n" | "\n" => return None,
        ending if ending.starts_with("\r\n") || ending.starts_with('\n') => {
            (1, 1, Expected::LineType)
        }
        _ => (0, line.raw().len() + 1, Expected::LineEnd),
    };
    Some(Warning::from(ParseError::new(
        line.number() + ahead,
        column,
        expected,
    )))
}

/// How far the lines have come in the order of RFC 8866 §9.
#[derive(Default)]
struct Order {
    rank: u8,
    in_media: bool,
    has_origin: bool,
    has_name: bool,
    has_time: bool,
}

impl Order {
    /// Which of `o=`, `s=` and `t=` should have come before a line of this type. Each is missed once.
    fn missing_before(&mut self, kind: u8) -> [Option<Expected>; 3] {
        let Some(rank) = rank(kind).filter(|_| !self.in_media) else {
            return [None; 3];
        };
        let miss = |has: &mut bool, own: u8, expected| {
            let is_missed = rank > own && !*has;
            *has |= is_missed;
            is_missed.then_some(expected)
        };
        [
            miss(&mut self.has_origin, 2, Expected::OriginLine),
            miss(&mut self.has_name, 3, Expected::NameLine),
            miss(&mut self.has_time, TIME, Expected::TimeLine),
        ]
    }

    fn take(&mut self, kind: u8) -> Result<(), Expected> {
        if kind == b'k' {
            return Err(Expected::NoKey);
        }
        let rank = rank(kind).ok_or(Expected::KnownLineType)?;
        if kind == b'm' {
            (self.in_media, self.rank) = (true, 0);
            return Ok(());
        }
        let fits = if self.in_media {
            let may_repeat = matches!(kind, b'c' | b'b' | b'a');
            let belongs = matches!(kind, b'i' | b'c' | b'b' | b'a');
            belongs && (rank > self.rank || may_repeat && rank == self.rank)
        } else {
            self.fits(kind, rank)
        };
        if fits {
            self.rank = rank;
        }
        match kind {
            b'o' => self.has_origin = true,
            b's' => self.has_name = true,
            b't' => self.has_time = true,
            _ => {}
        }
        if fits {
            Ok(())
        } else {
            Err(Expected::LineOrder)
        }
    }

    fn fits(&self, kind: u8, rank: u8) -> bool {
        let is_first = kind == b'v' && self.rank == 0;
        let may_repeat = matches!(kind, b'e' | b'p' | b'b' | b't' | b'r' | b'a');
        // RFC 8866 §9: each time has its own repetitions, and they have zones.
        let another_time = kind == b't' && matches!(self.rank, TIME..=ZONE);
        let follows = match kind {
            b'r' => matches!(self.rank, TIME | REPEAT),
            b'z' => self.rank == REPEAT,
            _ => rank > self.rank || may_repeat && rank == self.rank,
        };
        is_first || follows || another_time
    }
}

/// The place of a line type in a session.
const fn rank(kind: u8) -> Option<u8> {
    Some(match kind {
        b'v' => 1,
        b'o' => 2,
        b's' => 3,
        b'i' => 4,
        b'u' => 5,
        b'e' => 6,
        b'p' => 7,
        b'c' => 8,
        b'b' => 9,
        b't' => TIME,
        b'r' => REPEAT,
        b'z' => ZONE,
        b'k' => 13,
        b'a' => 14,
        b'm' => 15,
        _ => return None,
    })
}

const TIME: u8 = 10;
const REPEAT: u8 = 11;
const ZONE: u8 = 12;
