//! Socket.IO 5 packets from clients, for the namespace `/`. No I/O.
//! <https://socket.io/docs/v4/socket-io-protocol/>

use crate::reader::{Malformed, Reader};

/// One packet from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// The handshake's `auth` as JSON, or nothing.
    Connect(&'a str),
    Disconnect,
    Event(Event<'a>),
    /// An answer. This server asks nothing.
    Ack,
    /// A packet for a namespace that is not there; `connect`: it wants in.
    Elsewhere {
        connect: bool,
        namespace: &'a str,
    },
}

/// An event with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// Asks for an acknowledgement.
    pub(crate) ack: Option<u64>,
    /// The packets of bytes that follow.
    pub(crate) attachments: usize,
    /// `[name, ...arguments]`, not read yet.
    pub(crate) json: &'a str,
}

impl<'a> Packet<'a> {
    /// Reads one packet.
    ///
    /// # Errors
    /// [`Malformed`] where it is none.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        let expected = "a packet type of a client";
        let mut reader = Reader::new(text);
        let kind = reader.kind(expected)?;
        let attachments = match kind {
            b'5' | b'6' => attachments(&mut reader)?,
            b'0'..=b'3' => 0,
            _ => {
                return Err(Malformed {
                    offset: 0,
                    expected,
                });
            }
        };
        let namespace = namespace(&mut reader);
        if !matches!(namespace, "" | "/") {
            let connect = kind == b'0';
            return Ok(Self::Elsewhere { connect, namespace });
        }
        Ok(match kind {
            b'0' => Self::Connect(reader.rest()),
            b'1' => Self::Disconnect,
            b'3' | b'6' => {
                reader.id()?.ok_or(reader.error("an acknowledgement id"))?;
                Self::Ack
            }
            _ => Self::Event(Event {
                ack: reader.id()?,
                attachments,
                json: reader.rest(),
            }),
        })
    }
}

/// `N-`
fn attachments(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    let expected = "the number of attachments and a dash";
    let number = reader.number(expected)?.ok_or(reader.error(expected))?;
    let number = usize::try_from(number).map_err(|_| reader.error(expected))?;
    if !reader.rest().starts_with('-') {
        return Err(reader.error(expected));
    }
    reader.skip(1);
    Ok(number)
}

/// `/name,`, or nothing for the one that everybody has. What old clients put behind a question mark is not part of the name.
fn namespace<'a>(reader: &mut Reader<'a>) -> &'a str {
    let rest = reader.rest();
    if !rest.starts_with('/') {
        return "";
    }
    let name = rest.split(',').next().unwrap_or_default();
    reader.skip(name.len() + 1);
    name.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(ack: Option<u64>, attachments: usize, json: &str) -> Packet<'_> {
        Packet::Event(Event {
            ack,
            attachments,
            json,
        })
    }

    #[test]
    fn every_kind_of_packet_is_read() {
        let elsewhere = |connect, namespace| Packet::Elsewhere { connect, namespace };
        for (text, packet) in [
            ("0", Packet::Connect("")),
            ("0{\"token\":1}", Packet::Connect("{\"token\":1}")),
            ("0/,{}", Packet::Connect("{}")),
            ("0/?x=1,{}", Packet::Connect("{}")),
            ("0/", Packet::Connect("")),
            ("0/é,{}", elsewhere(true, "/é")),
            ("0/x", elsewhere(true, "/x")),
            ("2/x,[]", elsewhere(false, "/x")),
            ("1", Packet::Disconnect),
            ("1/,", Packet::Disconnect),
            ("2[\"a\"]", event(None, 0, "[\"a\"]")),
            ("212[\"a\"]", event(Some(12), 0, "[\"a\"]")),
            ("2/,12[\"a\"]", event(Some(12), 0, "[\"a\"]")),
            ("52-7[]", event(Some(7), 2, "[]")),
            ("52-/,7[]", event(Some(7), 2, "[]")),
            ("31[]", Packet::Ack),
            ("61-1[]", Packet::Ack),
        ] {
            assert_eq!(Packet::parse(text), Ok(packet), "{text}");
        }
    }

    #[test]
    fn what_is_no_packet_says_where() {
        for (text, offset) in [
            ("", 0),
            ("4{}", 0),
            ("7", 0),
            ("é", 0),
            ("3", 1),
            ("3[]", 1),
            ("5[]", 1),
            ("51[]", 2),
            ("299999999999999999999[]", 1),
            ("599999999999999999999-[]", 1),
        ] {
            let malformed = Packet::parse(text).unwrap_err();
            assert_eq!(malformed.offset, offset, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic_and_an_error_lies_inside(text in any::<String>()) {
            if let Err(malformed) = Packet::parse(&text) {
                prop_assert!(malformed.offset <= text.len());
            }
        }

        #[test]
        fn an_event_is_what_was_written(ack in any::<Option<u64>>(), attachments in 0..99_usize, json in "\\[.*\\]") {
            let id = ack.map(|ack| ack.to_string()).unwrap_or_default();
            let text = match attachments {
                0 => format!("2{id}{json}"),
                _ => format!("5{attachments}-{id}{json}"),
            };
            prop_assert_eq!(Packet::parse(&text), Ok(event(ack, attachments, &json)));
        }
    }
}
