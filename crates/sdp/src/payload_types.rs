//! Which payload types of a section are a codec, and which only stand for those.

use crate::Attribute;
use crate::grammar::number;
use crate::webrtc::Codec;

/// A set of payload types, 0 to 127 (RFC 3551 §3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PayloadTypes(u128);

impl PayloadTypes {
    /// Those of the codec of this name, and those that repair (`rtx`) or repeat (`red`) one of them.
    pub(crate) fn of_codec<'a>(
        name: &str,
        attributes: impl Iterator<Item = Attribute<'a>>,
    ) -> Self {
        let (mut named, mut mapped) = (Self::default(), Self::default());
        // Of each payload type, those that it stands for.
        let mut carries = [Self::default(); 128];
        for attribute in attributes {
            let is_mapping = attribute.name() == "rtpmap";
            if !is_mapping && attribute.name() != "fmtp" {
                continue;
            }
            let Some((payload_type, rest)) = about(attribute.value().unwrap_or_default()) else {
                continue;
            };
            if is_mapping {
                mapped.insert(payload_type);
                let own = rest.split('/').next().unwrap_or_default();
                if own.eq_ignore_ascii_case(name) {
                    named.insert(payload_type);
                }
            } else if let Some(carries) = carries.get_mut(usize::from(payload_type)) {
                carries.0 |= carried(rest).0;
            }
        }
        for payload_type in Codec::assigned_to(name) {
            if !mapped.has(payload_type) {
                named.insert(payload_type);
            }
        }
        named.and_who_carries(&carries)
    }

    /// Whether a format of an m-line is one of them.
    pub(crate) fn contains(self, format: &str) -> bool {
        number(format).is_some_and(|payload_type| self.has(payload_type))
    }

    /// A repair of a repair goes too: at most 128 rounds, of which the last finds nothing.
    fn and_who_carries(mut self, carries: &[PayloadTypes; 128]) -> Self {
        loop {
            let before = self;
            for (payload_type, carried) in (0..).zip(carries) {
                if carried.0 & self.0 != 0 {
                    self.insert(payload_type);
                }
            }
            if self == before {
                return self;
            }
        }
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

/// The payload type that an attribute is about, and the rest.
fn about(value: &str) -> Option<(u8, &str)> {
    let (word, rest) = value.split_once(' ')?;
    Some((number(word).filter(|it| *it < 128)?, rest.trim_start()))
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
