use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use super::Text;
use super::codec::pairs;
use crate::grammar::number;

/// `a=rid`, RFC 8851 §4: a stream of an m-line by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rid<'a> {
    /// Its name.
    pub id: Text<'a>,
    /// Whether who says it sends it or receives it.
    pub direction: StreamDirection,
    /// What holds for it, such as `pt=97;max-width=1280`.
    pub restrictions: Option<Text<'a>>,
}

/// Which way one stream flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamDirection {
    /// From who says it.
    Send,
    /// To who says it.
    Recv,
}

/// `a=simulcast`, RFC 8853 §5.1: streams that carry the same source at once. Each has alternatives, best first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulcast<'a> {
    /// What who says it sends.
    pub send: Vec<Vec<Alternative<'a>>>,
    /// What who says it wants to receive.
    pub recv: Vec<Vec<Alternative<'a>>>,
}

/// One of the forms that a simulcast stream may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative<'a> {
    /// The name in `a=rid`.
    pub rid: Text<'a>,
    /// Whether nothing is sent at first (`~`).
    pub paused: bool,
}

impl Rid<'_> {
    /// The restrictions as names and values.
    pub fn restrictions(&self) -> impl Iterator<Item = (&str, Option<&str>)> + Clone {
        pairs(self.restrictions.as_deref().unwrap_or_default())
    }

    /// The payload types that it may use; none, where it may use all of the m-line.
    pub fn payload_types(&self) -> impl Iterator<Item = u8> {
        let lists = self.restrictions().filter(|(name, _)| *name == "pt");
        lists
            .flat_map(|(_, list)| list.unwrap_or_default().split(','))
            .filter_map(number)
    }
}

impl StreamDirection {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            StreamDirection::Send => "send",
            StreamDirection::Recv => "recv",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [StreamDirection::Send, StreamDirection::Recv]
            .into_iter()
            .find(|direction| direction.as_str() == word)
    }
}

impl<'a> Simulcast<'a> {
    /// `send 1,~4;2 recv c`: one or both directions, each once.
    pub(crate) fn read(value: &'a str) -> Option<Self> {
        let mut simulcast = Simulcast::default();
        let mut words = value.split_ascii_whitespace();
        while let Some(direction) = words.next() {
            let list = match StreamDirection::from_word(direction)? {
                StreamDirection::Send => &mut simulcast.send,
                StreamDirection::Recv => &mut simulcast.recv,
            };
            if !list.is_empty() {
                return None;
            }
            for stream in words.next()?.split(';') {
                list.push(
                    stream
                        .split(',')
                        .map(Alternative::read)
                        .collect::<Option<_>>()?,
                );
            }
        }
        let is_empty = simulcast.send.is_empty() && simulcast.recv.is_empty();
        (!is_empty).then_some(simulcast)
    }
}

impl<'a> Alternative<'a> {
    fn read(word: &'a str) -> Option<Self> {
        let (rid, paused) = match word.strip_prefix('~') {
            Some(rid) => (rid, true),
            None => (word, false),
        };
        // RFC 8853 §5.1: rid-id is alphanumeric, `-` or `_`. The equals sign belongs to a draft's other syntax.
        let is_name = !rid.is_empty() && !rid.contains(['=', '~']);
        is_name.then_some(Alternative {
            rid: Cow::Borrowed(rid),
            paused,
        })
    }
}

impl fmt::Display for StreamDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Simulcast<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        for (direction, list) in [
            (StreamDirection::Send, &self.send),
            (StreamDirection::Recv, &self.recv),
        ] {
            if list.is_empty() {
                continue;
            }
            write!(f, "{space}{direction} ")?;
            space = " ";
            for (at, stream) in list.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { ";" })?;
                for (at, alternative) in stream.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    let tilde = if alternative.paused { "~" } else { "" };
                    write!(f, "{comma}{tilde}{}", alternative.rid)?;
                }
            }
        }
        Ok(())
    }
}
