//! The Data Channel Establishment Protocol, RFC 8832: its two messages, read and written. [`Connection`](super::Connection)
//! speaks it by itself; this is for who looks into what others say.

use super::Priority;
use super::sctp::Reliability;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dcep {
    /// DATA_CHANNEL_OPEN: there is a new channel on this stream.
    Open(Open),
    /// DATA_CHANNEL_ACK: it is taken.
    Ack,
}

/// DATA_CHANNEL_OPEN, RFC 8832 §5.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Whether messages arrive in order.
    pub ordered: bool,
    /// The channel's rank.
    pub priority: Priority,
    /// How hard delivery is tried.
    pub reliability: Reliability,
    /// The channel's name, at most 65,535 bytes.
    pub label: String,
    /// What is spoken on it, at most 65,535 bytes.
    pub protocol: String,
}

impl Dcep {
    /// `None` for what is malformed or unknown, and for a label or protocol that is not UTF-8.
    #[must_use]
    pub fn parse(message: &[u8]) -> Option<Self> {
        match message.split_first()? {
            // RFC 8832 §5.2; what follows is ignored, as browsers do.
            (&ACK, _) => Some(Self::Ack),
            (&OPEN, rest) => Open::parse(rest).map(Self::Open),
            _ => None,
        }
    }

    /// The message as bytes. Label and protocol are cut off at what their length fields can say.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Ack => vec![ACK],
            Self::Open(open) => open.to_bytes(),
        }
    }
}

impl Open {
    /// Without the message type.
    fn parse(rest: &[u8]) -> Option<Self> {
        let (header, names) = rest.split_at_checked(HEADER)?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let value = u32::from_be_bytes([header[3], header[4], header[5], header[6]]);
        let reliability = match header[0] & !UNORDERED {
            RELIABLE => Reliability::Reliable,
            RETRANSMITS => Reliability::Retransmits(value),
            LIFETIME => Reliability::LifetimeMs(value),
            _ => return None,
        };
        let (label, rest) = names.split_at_checked(word(7).into())?;
        let (protocol, _) = rest.split_at_checked(word(9).into())?;
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        Some(Self {
            ordered: header[0] & UNORDERED == 0,
            priority: Priority::from_wire(word(1)),
            reliability,
            label: text(label)?,
            protocol: text(protocol)?,
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let (kind, value) = match self.reliability {
            Reliability::Reliable => (RELIABLE, 0),
            Reliability::Retransmits(count) => (RETRANSMITS, count),
            Reliability::LifetimeMs(ms) => (LIFETIME, ms),
        };
        let unordered = if self.ordered { 0 } else { UNORDERED };
        let (label, protocol) = (cut(&self.label), cut(&self.protocol));
        let mut message = vec![OPEN, kind | unordered];
        message.extend_from_slice(&self.priority.to_wire().to_be_bytes());
        message.extend_from_slice(&value.to_be_bytes());
        for name in [label, protocol] {
            message.extend_from_slice(&(name.len() as u16).to_be_bytes());
        }
        message.extend_from_slice(label.as_bytes());
        message.extend_from_slice(protocol.as_bytes());
        message
    }
}

/// As much of a name as its length field can say.
fn cut(name: &str) -> &str {
    let mut end = name.len().min(u16::MAX.into());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// Message types, RFC 8832 §8.2.1.
const ACK: u8 = 2;
const OPEN: u8 = 3;
/// Channel types, RFC 8832 §8.2.2.
const RELIABLE: u8 = 0;
const RETRANSMITS: u8 = 1;
const LIFETIME: u8 = 2;
const UNORDERED: u8 = 0x80;
/// Type, priority, reliability and two lengths.
const HEADER: usize = 11;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn open() -> impl Strategy<Value = Open> {
        let reliability = prop_oneof![
            Just(Reliability::Reliable),
            any::<u32>().prop_map(Reliability::Retransmits),
            any::<u32>().prop_map(Reliability::LifetimeMs),
        ];
        let priority = prop_oneof![
            Just(Priority::VeryLow),
            Just(Priority::Low),
            Just(Priority::Medium),
            Just(Priority::High),
        ];
        (any::<bool>(), priority, reliability, ".{0,40}", ".{0,40}").prop_map(
            |(ordered, priority, reliability, label, protocol)| Open {
                ordered,
                priority,
                reliability,
                label,
                protocol,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(open in open()) {
            let message = Dcep::Open(open);
            prop_assert_eq!(Dcep::parse(&message.to_bytes()), Some(message));
        }

        #[test]
        fn a_message_cut_short_is_none(open in open(), cut in any::<prop::sample::Index>()) {
            let bytes = Dcep::Open(open).to_bytes();
            prop_assert_eq!(Dcep::parse(&bytes[..cut.index(bytes.len())]), None);
        }

        #[test]
        fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Dcep::parse(&bytes);
        }
    }

    #[test]
    fn an_open_of_chromium_is_understood() {
        let bytes = [3, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, b'e', b'c', b'h', b'o'];
        let Some(Dcep::Open(open)) = Dcep::parse(&bytes) else {
            panic!()
        };
        assert_eq!((open.label.as_str(), open.protocol.as_str()), ("echo", ""));
        assert_eq!(
            (open.ordered, open.reliability),
            (true, Reliability::Reliable)
        );
        assert_eq!(open.priority, Priority::Low);
    }
}
