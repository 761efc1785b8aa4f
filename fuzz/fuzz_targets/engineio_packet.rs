//! The packets of Engine.IO and Socket.IO, as our client and our server read them: an error lies inside the text, and what was read is
//! written and read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packet::Packet;

#[path = "../../crates/signaling/src/reader.rs"]
#[allow(dead_code)]
mod reader;

// Client and server keep their packets to themselves; the rest of them is of no use here.
#[path = "../../crates/signaling/src/client/socket_io/packet.rs"]
#[allow(dead_code, unused_imports)]
mod packet;

#[path = "../../crates/signaling/src/server/engine_io/packet.rs"]
#[allow(dead_code)]
mod engine_io;

#[path = "../../crates/signaling/src/server/socket_io/packet.rs"]
#[allow(dead_code)]
mod socket_io;

fuzz_target!(|text: &str| {
    at_the_client(text);
    at_the_server(text);
});

/// A payload of a POST, and the packets in it.
fn at_the_server(text: &str) {
    use engine_io::{Packet, Packets, Payload};
    let read: Result<Vec<_>, _> = Packet::payload(text).collect();
    let Ok(read) = read else { return };
    let mut written = Payload::default();
    for packet in &read {
        match packet {
            Packet::Binary(bytes) => written.binary(bytes),
            Packet::Message(message) => {
                if let Err(malformed) = socket_io::Packet::parse(message) {
                    assert!(malformed.offset <= message.len(), "{malformed:?}");
                }
                written.text(|out| {
                    out.push(b'4');
                    out.extend_from_slice(message.as_bytes());
                });
            }
            Packet::Close => written.text(|out| out.push(b'1')),
            Packet::Ping => written.text(|out| out.push(b'2')),
            Packet::Pong => written.text(|out| out.push(b'3')),
            Packet::Upgrade => written.text(|out| out.push(b'5')),
            Packet::Noop => written.text(|out| out.push(b'6')),
            Packet::Probe => written.text(|out| out.extend_from_slice(b"2probe")),
        }
    }
    let written = String::from_utf8(written.into_bytes()).expect("packets of text are text");
    let again: Result<Vec<_>, _> = Packet::payload(&written).collect();
    assert_eq!(again, Ok(read));
}

fn at_the_client(text: &str) {
    match Packet::parse(text) {
        Err(malformed) => {
            assert!(malformed.offset <= text.len(), "{malformed}");
        }
        Ok(Packet::Event(name, arguments)) => {
            let mut list = vec![serde_json::Value::from(name.as_str())];
            list.extend(arguments.iter().cloned());
            let written = format!("42{}", serde_json::Value::Array(list));
            assert_eq!(
                Packet::parse(&written),
                Ok(Packet::Event(name, arguments.clone()))
            );
            // Our own way of writing gives the same, wherever the name needs no escape.
            let json: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            let json: Vec<&str> = json.iter().map(String::as_str).collect();
            let ours = packet::event("x", &json, Some(u64::MAX));
            assert_eq!(
                Packet::parse(&ours),
                Ok(Packet::Event("x".into(), arguments))
            );
        }
        Ok(Packet::Ack(id, reply)) => {
            let written = format!("43{id}[{reply}]");
            assert_eq!(Packet::parse(&written), Ok(Packet::Ack(id, reply)));
        }
        Ok(Packet::Open(session)) => assert!(session.patience() < std::time::Duration::MAX),
        Ok(_) => {}
    }
}
