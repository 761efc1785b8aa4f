//! What the partners written in Rust share with the tests of data channels: `partners/data_w3c.mjs` says the protocol.

use std::io::BufRead;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

/// Kind, length in bytes and CRC-32 of a message.
pub type Digest = (String, usize, u32);

/// The bytes of the message of this number, as every partner fills it; `kind` is "text" or "binary".
#[must_use]
pub fn content(kind: &str, number: usize, len: usize) -> Vec<u8> {
    let byte = |at: usize| match kind {
        "text" => b'a' + ((number + at) % 26) as u8,
        _ => (number * 31 + at * 7 + (at >> 8)) as u8,
    };
    (0..len).map(byte).collect()
}

/// What is compared of a message.
#[must_use]
pub fn digest(is_text: bool, bytes: &[u8]) -> Digest {
    let kind = if is_text { "text" } else { "binary" };
    (kind.to_owned(), bytes.len(), crc32fast::hash(bytes))
}

/// The commands on standard input, read by a thread of their own; they end with it.
///
/// # Panics
/// In that thread, where a line is no JSON.
#[must_use]
pub fn commands() -> Receiver<Value> {
    let (sender, commands) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let command = serde_json::from_str(&line).expect("a command in JSON");
            if sender.send(command).is_err() {
                return;
            }
        }
    });
    println!("ready");
    commands
}

/// Answers one command.
pub fn reply(result: Result<Value, String>) {
    let reply = result.unwrap_or_else(|error| json!({ "error": error }));
    println!("reply {reply}");
}

/// An address of this host that is not loopback's, where it has one.
///
/// # Panics
/// Where the interfaces cannot be listed.
#[must_use]
pub fn address() -> IpAddr {
    let interfaces = if_addrs::get_if_addrs().expect("interfaces");
    let mut ips = interfaces.iter().map(if_addrs::Interface::ip);
    ips.find(|ip| ip.is_ipv4() && !ip.is_loopback())
        .unwrap_or([127, 0, 0, 1].into())
}
