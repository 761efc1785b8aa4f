//! Engine.IO 4 packets and the Socket.IO 5 packets in them, as text.
//!
//! Owns the grammar of both, for the namespace `/`. Binary events are recognised and not read: signaling is JSON.
//! <https://socket.io/docs/v4/engine-io-protocol/>, <https://socket.io/docs/v4/socket-io-protocol/>

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::reader::{Malformed, Reader};

/// One packet from a server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Packet {
    /// Engine.IO `open`: the session begins.
    Open(Session),
    /// Engine.IO `close`.
    Close,
    /// Engine.IO `ping`, with what the pong must repeat.
    Ping(String),
    /// Engine.IO `pong`, `upgrade`, `noop`: nothing to do for a client on WebSocket.
    Idle,
    /// Socket.IO CONNECT: the namespace is joined.
    Connected,
    /// Socket.IO CONNECT_ERROR: the server's own text.
    Refused(String),
    /// Socket.IO DISCONNECT.
    Disconnected,
    /// Socket.IO EVENT: its name and arguments. We do not need its acknowledgement id: no server of this protocol asks a
    /// client for one.
    Event(String, Vec<Value>),
    /// Socket.IO ACK: its id and first argument.
    Ack(u64, Value),
    /// A binary event or acknowledgement.
    Binary,
    /// A packet of another namespace.
    Elsewhere,
}

/// What the server's `open` packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    #[serde(rename = "pingInterval")]
    ping_interval_ms: u32,
    #[serde(rename = "pingTimeout")]
    ping_timeout_ms: u32,
    #[serde(default)]
    max_payload: Option<u64>,
}

impl Session {
    /// How long the server may be silent. A live one pings within this time.
    pub(super) fn patience(self) -> Duration {
        Duration::from_millis(u64::from(self.ping_interval_ms) + u64::from(self.ping_timeout_ms))
    }

    /// The longest message that the server takes, in bytes.
    pub(super) fn max_payload(self) -> usize {
        self.max_payload
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(usize::MAX)
    }
}

impl Packet {
    /// Reads one text frame.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut reader = Reader::new(text);
        match reader.kind("an Engine.IO packet type")? {
            b'0' => json(&reader, "the session's parameters").map(Self::Open),
            b'1' => Ok(Self::Close),
            b'2' => Ok(Self::Ping(reader.rest().to_owned())),
            b'3' | b'5' | b'6' => Ok(Self::Idle),
            b'4' => socket_io(reader),
            _ => Err(Malformed {
                offset: 0,
                expected: "an Engine.IO packet type",
            }),
        }
    }
}

/// Socket.IO CONNECT with the handshake's `auth`.
pub(super) fn connect(auth: &Map<String, Value>) -> String {
    match serde_json::to_string(auth) {
        Ok(auth) if auth.len() > "{}".len() => format!("40{auth}"),
        _ => "40".to_owned(),
    }
}

/// Socket.IO EVENT, with an id where an acknowledgement is asked for. The arguments are JSON.
pub(super) fn event(name: &str, arguments: &[&str], ack: Option<u64>) -> String {
    let mut packet = "42".to_owned();
    if let Some(ack) = ack {
        packet.push_str(&ack.to_string());
    }
    packet.push_str("[\"");
    packet.push_str(name);
    packet.push('"');
    for argument in arguments {
        packet.push(',');
        packet.push_str(argument);
    }
    packet.push(']');
    packet
}

/// Engine.IO pong, which repeats what the ping said.
pub(super) fn pong(probe: &str) -> String {
    format!("3{probe}")
}

/// Socket.IO DISCONNECT.
pub(super) const DISCONNECT: &str = "41";

fn json<T: for<'de> Deserialize<'de>>(
    reader: &Reader<'_>,
    expected: &'static str,
) -> Result<T, Malformed> {
    serde_json::from_str(reader.rest()).map_err(|error| Malformed {
        // Packets are one line; serde_json counts columns from 1.
        offset: reader.offset + error.column().saturating_sub(1),
        expected,
    })
}

fn socket_io(mut reader: Reader<'_>) -> Result<Packet, Malformed> {
    let kind = reader.kind("a Socket.IO packet type")?;
    if matches!(kind, b'5' | b'6') {
        return Ok(Packet::Binary);
    }
    if reader.rest().starts_with('/') && !skip_root(&mut reader) {
        return Ok(Packet::Elsewhere);
    }
    match kind {
        b'0' => Ok(Packet::Connected),
        b'1' => Ok(Packet::Disconnected),
        b'2' => read_event(reader),
        b'3' => ack(reader),
        b'4' => Ok(Packet::Refused(refusal(&reader))),
        _ => Err(Malformed {
            offset: 1,
            expected: "a Socket.IO packet type",
        }),
    }
}

/// Steps over `/,`, which is the namespace that we are in; false where it is another.
fn skip_root(reader: &mut Reader<'_>) -> bool {
    let rest = reader.rest();
    reader.skip(rest.find(',').map_or(rest.len(), |comma| comma + 1));
    rest.starts_with("/,") || rest.starts_with("/?")
}

fn read_event(mut reader: Reader<'_>) -> Result<Packet, Malformed> {
    reader.id()?;
    let mut list: Vec<Value> = json(&reader, "an array")?;
    if list.is_empty() || !list[0].is_string() {
        return Err(reader.error("an array that begins with the event's name"));
    }
    let name = list.remove(0);
    let name = name.as_str().unwrap_or_default().to_owned();
    Ok(Packet::Event(name, list))
}

fn ack(mut reader: Reader<'_>) -> Result<Packet, Malformed> {
    let id = reader.id()?.ok_or(reader.error("an acknowledgement id"))?;
    let list: Vec<Value> = json(&reader, "an array")?;
    // Acknowledgements of this protocol have one argument.
    Ok(Packet::Ack(id, list.into_iter().next().unwrap_or_default()))
}

/// `{"message": text}`; older servers send the text itself. Whatever it is, the user gets to read it.
fn refusal(reader: &Reader<'_>) -> String {
    match json::<Value>(reader, "a refusal") {
        Ok(Value::String(text)) => text,
        Ok(value) => value
            .get("message")
            .and_then(Value::as_str)
            .map_or_else(|| value.to_string(), str::to_owned),
        Err(_) => reader.rest().to_owned(),
    }
}

#[cfg(test)]
// Named, because the fuzz target takes this file alone.
#[path = "packet/tests.rs"]
mod tests;
