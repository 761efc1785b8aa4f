//! What a client sends on a WebSocket, as bytes: the server hears the same, however the stream is split, and never more than a message
//! may have.
#![no_main]

use std::borrow::Cow;

use frame::{Decoder, Heard, Violation};
use libfuzzer_sys::fuzz_target;

// The server keeps its frames to itself; the rest of it is of no use here.
#[path = "../../crates/signaling/src/server/rfc6455/frame.rs"]
#[allow(dead_code)]
mod frame;

const MOST: usize = 300;

fuzz_target!(|given: (usize, &[u8])| {
    let (split, bytes) = given;
    let whole = heard(&[bytes]);
    let (before, after) = bytes.split_at(split % (bytes.len() + 1));
    assert_eq!(heard(&[before, after]), whole);
});

fn heard(parts: &[&[u8]]) -> (Vec<Heard<'static>>, Option<Violation>) {
    let mut decoder = Decoder::new(MOST);
    let (mut all, mut input) = (Vec::new(), Vec::new());
    for part in parts {
        input.extend_from_slice(part);
        loop {
            match decoder.decode(&mut input) {
                Ok((taken, heard)) => {
                    let heard = heard.map(owned);
                    input.drain(..taken);
                    match heard {
                        Some(heard) => all.push(heard),
                        None => break,
                    }
                }
                Err(violation) => return (all, Some(violation)),
            }
        }
    }
    (all, None)
}

fn owned(heard: Heard<'_>) -> Heard<'static> {
    match heard {
        Heard::Text(text) => {
            assert!(text.len() <= MOST);
            Heard::Text(Cow::Owned(text.into_owned()))
        }
        Heard::Binary(bytes) => {
            assert!(bytes.len() <= MOST);
            Heard::Binary(Cow::Owned(bytes.into_owned()))
        }
        Heard::Ping(bytes) => Heard::Ping(Cow::Owned(bytes.into_owned())),
        Heard::Pong => Heard::Pong,
        Heard::Close(code) => Heard::Close(code),
    }
}
