//! Which payload types of a section are a codec, and which only stand for those.

use crate::Line;
use crate::grammar::number;
use crate::webrtc::Codec;

/// A set of payload types, 0 to 127 (RFC 3551 §3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PayloadTypes(u128);

impl PayloadTypes {
    /// Those of the codec of this name, and those that repair (`rtx`) or repeat (`red`) one of them, by the lines of a section.
    pub(crate) fn of_codec<'a>(name: &str, lines: impl Iterator<Item = Line<'a>>) -> Self {
        let (mut named, mut mapped) = (Self::default(), Self::default());
        let mut carriers = Carriers::default();
        for line in lines {
            match About::read(line.raw()) {
                Some(About::Rtpmap(format, encoding)) => {
                    let Some(payload_type) = payload_type(format) else {
                        continue;
                    };
                    mapped.insert(payload_type);
                    let own = encoding.split('/').next().unwrap_or_default();
                    if own.eq_ignore_ascii_case(name) {
                        named.insert(payload_type);
                    }
                }
                Some(About::Fmtp(format, parameters)) => {
                    if let Some(payload_type) = payload_type(format) {
                        carriers.add(payload_type, carried(parameters));
                    }
                }
                _ => {}
            }
        }
        for payload_type in Codec::assigned_to(name) {
            if !mapped.has(payload_type) {
                named.insert(payload_type);
            }
        }
        carriers.close(named)
    }

    /// Whether a format of an m-line is one of them.
    pub(crate) fn contains(self, format: &str) -> bool {
        number(format).is_some_and(|payload_type| self.has(payload_type))
    }

    fn insert(&mut self, payload_type: u8) {
        self.0 |= bit(payload_type);
    }

    fn has(self, payload_type: u8) -> bool {
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

/// A line about one format: which, and what it says of it.
pub(crate) enum About<'a> {
    Rtpmap(&'a str, &'a str),
    Fmtp(&'a str, &'a str),
    Other(&'a str),
}

impl<'a> About<'a> {
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        // The names are told apart by one character, so that only one is compared.
        let prefix = match line.as_bytes().get(4)? {
            b'c' => "a=rtcp-fb:",
            b'p' => "a=rtpmap:",
            b't' => "a=fmtp:",
            b'a' => "a=imageattr:",
            _ => return None,
        };
        let value = line.strip_prefix(prefix)?.trim_ascii_start();
        let end = value.bytes().position(|byte| byte.is_ascii_whitespace());
        let (format, rest) = value.split_at(end.unwrap_or(value.len()));
        Some(match prefix {
            "a=rtpmap:" => About::Rtpmap(format, rest.trim_ascii_start()),
            "a=fmtp:" => About::Fmtp(format, rest.trim_ascii_start()),
            _ => About::Other(format),
        })
    }

    pub(crate) const fn format(&self) -> &'a str {
        match self {
            About::Rtpmap(format, _) | About::Fmtp(format, _) | About::Other(format) => format,
        }
    }
}

fn payload_type(format: &str) -> Option<u8> {
    number(format).filter(|it| *it < 128)
}

/// RFC 4588 §8.6: `apt=96`. RFC 2198 §5: `111/111`.
fn carried(parameters: &str) -> PayloadTypes {
    let mut carried = PayloadTypes::default();
    for parameter in parameters.split(';') {
        if let Some(payload_type) = parameter.trim().strip_prefix("apt=").and_then(number) {
            carried.insert(payload_type);
        }
    }
    if parameters.contains('/') {
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
