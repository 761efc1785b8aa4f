//! Engine.IO 4 packets, and the payloads of several that polling carries. No I/O.
//! <https://socket.io/docs/v4/engine-io-protocol/>

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// One packet from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    Close,
    Ping,
    Pong,
    /// A Socket.IO packet.
    Message(&'a str),
    /// An attachment of the Socket.IO packet before it.
    Binary(Vec<u8>),
    Upgrade,
    Noop,
    /// `2probe`: the first on a WebSocket that a polling session is to be upgraded to.
    Probe,
}

/// What is no packet of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Packet<'a> {
    /// Reads a text frame.
    ///
    /// # Errors
    /// [`Malformed`] where it is no packet that a client may send.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        match (text.as_bytes().first(), text.get(1..).unwrap_or_default()) {
            (Some(b'4'), message) => Ok(Self::Message(message)),
            (Some(b'1'), "") => Ok(Self::Close),
            (Some(b'2'), "probe") => Ok(Self::Probe),
            (Some(b'2'), _) => Ok(Self::Ping),
            (Some(b'3'), _) => Ok(Self::Pong),
            (Some(b'5'), "") => Ok(Self::Upgrade),
            (Some(b'6'), "") => Ok(Self::Noop),
            _ => Err(Malformed),
        }
    }

    /// Reads the payload of a POST, where a packet may also be bytes in base64.
    pub(crate) fn payload(text: &'a str) -> impl Iterator<Item = Result<Self, Malformed>> {
        text.split(SEPARATOR)
            .map(|packet| match packet.strip_prefix('b') {
                Some(base64) => match BASE64_STANDARD.decode(base64) {
                    Ok(bytes) => Ok(Self::Binary(bytes)),
                    Err(_) => Err(Malformed),
                },
                None => Self::parse(packet),
            })
    }
}

/// Where the packets go that are for a client.
pub(crate) trait Packets {
    /// One packet of text, which `write` puts at the end of what it gets.
    fn text(&mut self, write: impl FnOnce(&mut Vec<u8>));

    /// One packet of bytes.
    fn binary(&mut self, bytes: &[u8]);
}

/// Packets as the payload of one answer to a poll.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    bytes: Vec<u8>,
    packets: usize,
}

impl Payload {
    pub(crate) fn packets(&self) -> usize {
        self.packets
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Its packets of text again, for another transport.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let packets = self.bytes.split(|byte| *byte == SEPARATOR as u8);
        packets.filter(|packet| !packet.is_empty())
    }

    fn separate(&mut self) {
        if self.packets > 0 {
            self.bytes.push(SEPARATOR as u8);
        }
        self.packets += 1;
    }
}

impl Packets for Payload {
    fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.separate();
        write(&mut self.bytes);
    }

    fn binary(&mut self, bytes: &[u8]) {
        self.separate();
        self.bytes.push(b'b');
        self.bytes
            .extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
    }
}

/// JSON never has it in it: as a control character it is escaped there.
const SEPARATOR: char = '\x1e';

/// The server asks whether the client is there.
pub(crate) const PING: &[u8] = b"2";
/// The server closes the session.
pub(crate) const CLOSE: &[u8] = b"1";
/// A poll that has to end has something to end with.
pub(crate) const NOOP: &[u8] = b"6";
/// The answer to [`Packet::Probe`].
pub(crate) const PROBED: &[u8] = b"3probe";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_of_packet_is_read_and_others_are_not() {
        for (text, packet) in [
            ("1", Packet::Close),
            ("2", Packet::Ping),
            ("2probe", Packet::Probe),
            ("3", Packet::Pong),
            ("42[\"é\"]", Packet::Message("2[\"é\"]")),
            ("4", Packet::Message("")),
            ("5", Packet::Upgrade),
            ("6", Packet::Noop),
        ] {
            assert_eq!(Packet::parse(text), Ok(packet), "{text}");
        }
        for text in ["", "0", "0{}", "7", "abc", "é", "\0", "1x", "5x", "bAAE="] {
            assert_eq!(Packet::parse(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn a_payload_holds_text_and_bytes() {
        let read: Vec<_> = Packet::payload("4a\x1ebAAH/\x1e3\x1e\x1eb!").collect();
        assert_eq!(
            read,
            [
                Ok(Packet::Message("a")),
                Ok(Packet::Binary(vec![0, 1, 255])),
                Ok(Packet::Pong),
                Err(Malformed),
                Err(Malformed),
            ]
        );
    }

    proptest! {
        #[test]
        fn a_payload_that_was_written_is_read_the_same(
            packets in prop::collection::vec((any::<bool>(), "[^\x1e]{0,20}"), 1..10),
        ) {
            let mut payload = Payload::default();
            for (binary, body) in &packets {
                if *binary {
                    payload.binary(body.as_bytes());
                } else {
                    payload.text(|out| {
                        out.push(b'4');
                        out.extend_from_slice(body.as_bytes());
                    });
                }
            }
            prop_assert_eq!(payload.packets(), packets.len());
            let written = String::from_utf8(payload.into_bytes()).unwrap();
            let read: Vec<_> = Packet::payload(&written).collect();
            let wanted: Vec<_> = packets.iter().map(|(binary, body)| Ok(match binary {
                true => Packet::Binary(body.clone().into_bytes()),
                false => Packet::Message(body),
            })).collect();
            prop_assert_eq!(read, wanted);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            for packet in Packet::payload(&text) {
                let _ = packet;
            }
        }
    }
}
