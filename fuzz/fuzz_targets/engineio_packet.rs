//! The packets that our Socket.IO client reads from a server: an error lies inside the text, and an event or an acknowledgement that was
//! read is written and read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packet::Packet;

// The client keeps its packets to itself; the rest of it is of no use here.
#[path = "../../crates/signaling/src/client/socket_io/packet.rs"]
#[allow(dead_code, unused_imports)]
mod packet;

fuzz_target!(|text: &str| {
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
});
