//! Which payload types of a section are a codec, and which only stand for those.

use alloc::vec::Vec;

use crate::Line;
use crate::grammar::number;
use crate::webrtc::Codec;

/// A set of payload types, 0 to 127 (RFC 3551 §3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PayloadTypes(u128);

impl PayloadTypes {
    /// Whether a format of an m-line is one of them.
    pub(crate) fn contains(self, format: &str) -> bool {
        number(format).is_some_and(|payload_type| self.has(payload_type))
    }

    fn insert(&mut self, payload_type: u8) {
        self.0 |= bit(payload_type);
    }

    pub(crate) fn has(self, payload_type: u8) -> bool {
        self.0 & bit(payload_type) != 0
    }
}

fn bit(payload_type: u8) -> u128 {
    1_u128.checked_shl(payload_type.into()).unwrap_or_default()
}

/// Which payload types stand for others.
struct Carriers {
    all: PayloadTypes,
    carried: [PayloadTypes; 128],
}

impl Carriers {
    fn add(&mut self, payload_type: u8, carried: PayloadTypes) {
        if carried == PayloadTypes::default() {
            return;
        }
        if let Some(own) = self.carried.get_mut(usize::from(payload_type)) {
            self.all.insert(payload_type);
            own.0 |= carried.0;
        }
    }

    /// The same payload types, and who carries them. A repair of a repair goes too: at most 128 rounds, of which the last
    /// finds nothing.
    fn close(&self, mut types: PayloadTypes) -> PayloadTypes {
        loop {
            let before = types;
            let mut rest = self.all.0 & !types.0;
            while rest != 0 {
                let at = rest.trailing_zeros();
                rest &= rest - 1;
                let carried = self.carried.get(at as usize).copied().unwrap_or_default();
                if carried.0 & types.0 != 0 {
                    types.0 |= 1 << at;
                }
            }
            if types == before {
                return types;
            }
        }
    }
}

impl Default for Carriers {
    fn default() -> Self {
        Carriers {
            all: PayloadTypes::default(),
            carried: [PayloadTypes::default(); 128],
        }
    }
}

/// What the lines of a section say of a codec, read once.
pub(crate) struct CodecLines {
    /// The payload types of the codec, and those that repair (`rtx`) or repeat (`red`) one of them.
    pub(crate) types: PayloadTypes,
    /// Of each line, the payload type that it is about; [`NONE`] where it is about none.
    about: Vec<u8>,
    /// Whether there are streams by name.
    pub(crate) has_rids: bool,
}

/// No payload type: those are below 128.
const NONE: u8 = u8::MAX;

impl CodecLines {
    /// Of the codec of this name.
    pub(crate) fn read<'a>(name: &str, lines: impl ExactSizeIterator<Item = Line<'a>>) -> Self {
        let (mut named, mut mapped) = (PayloadTypes::default(), PayloadTypes::default());
        let mut carriers = Carriers::default();
        let mut has_rids = false;
        let mut about = Vec::with_capacity(lines.len());
        for line in lines {
            let line = line.raw();
            let known =
                About::read(line).and_then(|known| Some((known.what, leading(known.value)?)));
            about.push(known.map_or(NONE, |(_, (payload_type, _))| payload_type));
            match known {
                Some((What::Rtpmap, (payload_type, encoding))) => {
                    mapped.insert(payload_type);
                    let mut words = encoding.as_bytes().split(|byte| *byte == b'/');
                    let own = words.next().unwrap_or_default();
                    if own.eq_ignore_ascii_case(name.as_bytes()) {
                        named.insert(payload_type);
                    }
                }
                Some((What::Fmtp, (payload_type, parameters))) => {
                    carriers.add(payload_type, carried(parameters));
                }
                Some(_) => {}
                None => has_rids |= line.starts_with("a=rid:"),
            }
        }
        for payload_type in Codec::assigned_to(name) {
            if !mapped.has(payload_type) {
                named.insert(payload_type);
            }
        }
        CodecLines {
            types: carriers.close(named),
            about,
            has_rids,
        }
    }

    /// Whether this line of the section is about one of the payload types.
    pub(crate) fn is_about(&self, line: usize) -> bool {
        let about = self.about.get(line).filter(|it| **it != NONE);
        about.is_some_and(|about| self.types.has(*about))
    }
}

/// A line about one format.
pub(crate) struct About<'a> {
    what: What,
    /// The format, and what is said of it.
    value: &'a str,
}

#[derive(Clone, Copy)]
enum What {
    Rtpmap,
    Fmtp,
    Other,
}

impl<'a> About<'a> {
    #[inline]
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        // The names are told apart by one character, so that only one is compared.
        let (prefix, what) = match line.as_bytes().get(4)? {
            b'c' => ("a=rtcp-fb:", What::Other),
            b'p' => ("a=rtpmap:", What::Rtpmap),
            b't' => ("a=fmtp:", What::Fmtp),
            b'a' => ("a=imageattr:", What::Other),
            _ => return None,
        };
        let value = line.strip_prefix(prefix)?;
        Some(About { what, value })
    }

    pub(crate) fn format(&self) -> &'a str {
        self.value
            .split_ascii_whitespace()
            .next()
            .unwrap_or_default()
    }
}

/// The payload type that a value begins with, and what follows it.
fn leading(value: &str) -> Option<(u8, &str)> {
    let value = value.trim_ascii_start();
    let (mut payload_type, mut len) = (0_u32, 0);
    for byte in value.bytes().take_while(u8::is_ascii_digit) {
        payload_type = (10 * payload_type + u32::from(byte - b'0')).min(TOO_MUCH);
        len += 1;
    }
    let rest = value.get(len..)?;
    let is_whole = rest.is_empty() || rest.starts_with(|it: char| it.is_ascii_whitespace());
    let payload_type = u8::try_from(payload_type).ok().filter(|it| *it < 128)?;
    (len > 0 && is_whole).then(|| (payload_type, rest.trim_ascii_start()))
}

/// Where a number stops to grow that is none of a payload type anyway.
const TOO_MUCH: u32 = 1000;

/// RFC 4588 §8.6: `apt=96`. RFC 2198 §5: `111/111`.
fn carried(parameters: &str) -> PayloadTypes {
    let mut carried = PayloadTypes::default();
    let (bytes, mut has_slash, mut start) = (parameters.as_bytes(), false, 0);
    let ends = memchr::memchr2_iter(b';', b'/', bytes);
    for end in ends.chain([bytes.len()]) {
        if bytes.get(end) == Some(&b'/') {
            has_slash = true;
            continue;
        }
        let part = parameters.get(start..end).unwrap_or_default();
        let apt = part.trim_ascii_start().strip_prefix("apt=");
        if let Some(payload_type) = apt.and_then(|it| number(it.trim_ascii_end())) {
            carried.insert(payload_type);
        }
        start = end + 1;
    }
    if has_slash {
        let numbers = parameters.trim().split('/').map(number);
        // Where one is no number, it is not a list of payload types.
        let all: Option<PayloadTypes> = numbers
            .map(|payload_type| payload_type.map(|it| PayloadTypes(bit(it))))
            .try_fold(PayloadTypes::default(), |all, one| {
                Some(PayloadTypes(all.0 | one?.0))
            });
        carried.0 |= all.unwrap_or_default().0;
    }
    carried
}
