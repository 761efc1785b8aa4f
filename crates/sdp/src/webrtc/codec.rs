use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{Direction, Text};
use crate::grammar::number;

/// What is said of one RTP payload type: `rtpmap`, `fmtp` and `rtcp-fb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec<'a> {
    /// 0 to 127, as in the m-line's formats.
    pub payload_type: u8,
    /// What it is; `None` where only the m-line and the assignments of RFC 3551 say so.
    pub rtpmap: Option<RtpMap<'a>>,
    /// The value of `fmtp`, such as `minptime=10;useinbandfec=1` (RFC 8866 §6.15).
    pub parameters: Option<Text<'a>>,
    /// The values of `rtcp-fb`, such as `nack pli` (RFC 4585 §4.2), in order. What holds for all is in the m-line.
    pub feedback: Vec<Text<'a>>,
}

/// `a=rtpmap`, RFC 8866 §6.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpMap<'a> {
    /// The encoding: `opus`, `VP8`, `rtx`... Its case does not matter.
    pub name: Text<'a>,
    /// In hertz.
    pub clock_rate: u32,
    /// The channels of audio, where it says so: one, where it does not.
    pub channels: Option<u16>,
}

/// `a=extmap`, a header extension of RTP (RFC 8285 §8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extmap<'a> {
    /// Its number in the packets: 1 to 14 in the one-byte form, to 255 in the other; 4096 to 4351 where there are too many.
    pub id: u16,
    /// Which way it may be used, where that is not both.
    pub direction: Option<Direction>,
    /// Which one it is.
    pub uri: Text<'a>,
    /// What follows the URI.
    pub parameters: Option<Text<'a>>,
}

impl<'a> Codec<'a> {
    /// A payload type of which nothing is said yet.
    pub const fn new(payload_type: u8) -> Self {
        Codec {
            payload_type,
            rtpmap: None,
            parameters: None,
            feedback: Vec::new(),
        }
    }

    /// What RFC 3551 §6 assigns to a payload type, for m-lines that say nothing of it: 0 is PCMU at 8000 Hz.
    pub fn assigned(payload_type: u8) -> Option<Codec<'static>> {
        let (_, name, clock_rate, channels) = *ASSIGNED.iter().find(|it| it.0 == payload_type)?;
        Some(Codec {
            rtpmap: Some(RtpMap {
                name: Cow::Borrowed(name),
                clock_rate,
                channels: (channels > 1).then_some(channels),
            }),
            ..Codec::new(payload_type)
        })
    }

    /// The encoding's name, where there is an `rtpmap`.
    pub fn name(&self) -> Option<&str> {
        self.rtpmap.as_ref().map(|rtpmap| rtpmap.name.as_ref())
    }

    /// The parameters as names and values: what stands between semicolons, split at its first equals sign.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, Option<&str>)> + Clone {
        pairs(self.parameters.as_deref().unwrap_or_default())
    }

    /// The value of the first parameter of this name, in any case; empty where it has none.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.unwrap_or_default())
    }

    /// The payload type that it repairs: the `apt` of an `rtx` (RFC 4588 §8.6).
    pub fn repairs(&self) -> Option<u8> {
        number(self.parameter("apt")?)
    }

    /// The payload types that RFC 3551 assigns to an encoding.
    pub(crate) fn assigned_to(name: &str) -> impl Iterator<Item = u8> {
        ASSIGNED
            .iter()
            .filter(move |it| it.1.eq_ignore_ascii_case(name))
            .map(|it| it.0)
    }

    pub(super) fn says_something(&self) -> bool {
        self.rtpmap.is_some() || self.parameters.is_some() || !self.feedback.is_empty()
    }
}

/// `name=value;name;...`
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> + Clone {
    let parts = text.split(';').map(str::trim_ascii);
    parts
        .filter(|part| !part.is_empty())
        .map(|part| match part.split_once('=') {
            Some((name, value)) => (name.trim_ascii_end(), Some(value.trim_ascii_start())),
            None => (part, None),
        })
}

/// RFC 3551 §6, tables 4 and 5: payload type, name, clock rate, channels.
const ASSIGNED: [(u8, &str, u32, u16); 24] = [
    (0, "PCMU", 8_000, 1),
    (3, "GSM", 8_000, 1),
    (4, "G723", 8_000, 1),
    (5, "DVI4", 8_000, 1),
    (6, "DVI4", 16_000, 1),
    (7, "LPC", 8_000, 1),
    (8, "PCMA", 8_000, 1),
    (9, "G722", 8_000, 1),
    (10, "L16", 44_100, 2),
    (11, "L16", 44_100, 1),
    (12, "QCELP", 8_000, 1),
    (13, "CN", 8_000, 1),
    (14, "MPA", 90_000, 1),
    (15, "G728", 8_000, 1),
    (16, "DVI4", 11_025, 1),
    (17, "DVI4", 22_050, 1),
    (18, "G729", 8_000, 1),
    (25, "CelB", 90_000, 1),
    (26, "JPEG", 90_000, 1),
    (28, "nv", 90_000, 1),
    (31, "H261", 90_000, 1),
    (32, "MPV", 90_000, 1),
    (33, "MP2T", 90_000, 1),
    (34, "H263", 90_000, 1),
];
