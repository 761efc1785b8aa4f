//! Clients that do anything, in any order, some of them with good credentials, over UDP and streams, and a driver and a
//! registry that keep their word, at once or late.
//!
//! Nothing panics; relays are opened and closed in pairs; nothing passes a relay without a permission that its own
//! allocation was granted, and none was for a peer that the policy refuses; quotas hold; what TCP relays carry is counted,
//! and rests no longer than it has to; no stranger gets more than three times what it sent; and when everybody has gone silent, everything is freed.

#![no_main]

#[path = "turn_server/grants.rs"]
mod grants;
#[path = "turn_server/messages.rs"]
mod messages;
#[path = "turn_server/world.rs"]
mod world;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

use messages::Part;
use world::World;

#[derive(Arbitrary, Debug)]
struct Input {
    /// Relays are counted by a registry, which answers when the driver does.
    registry: bool,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// Any bytes from a client.
    Datagram {
        client: u8,
        bytes: Vec<u8>,
    },
    /// A message from a client; `signed` with good credentials, once the server has said a nonce.
    Message {
        client: u8,
        signed: bool,
        class: u8,
        method: u8,
        id: u8,
        parts: Vec<Part>,
    },
    /// An Allocate that should succeed, and its answers.
    Allocate {
        client: u8,
        both: bool,
        even: bool,
    },
    /// A datagram on a channel.
    Channel {
        client: u8,
        number: u8,
        len: u16,
        bytes: Vec<u8>,
    },
    /// A client's connection breaks.
    Closed {
        client: u8,
    },
    /// A peer's datagram to a relay.
    Relayed {
        relay: u8,
        peer: u8,
        bytes: Vec<u8>,
    },
    /// An ICMP error about a datagram to a peer.
    Icmp {
        relay: u8,
        peer: u8,
    },
    /// A peer connects to a relay.
    Accepted {
        relay: u8,
        peer: u8,
    },
    /// The driver has connected to a peer, or could not.
    Connected {
        good: bool,
    },
    /// A peer's connection ends.
    PeerClosed {
        connection: u8,
    },
    /// So many bytes of a peer's connection went through the driver.
    Passed {
        connection: u8,
        to_client: bool,
        len: u16,
    },
    /// The driver has bound a socket, or could not; or the registry has answered.
    Opened {
        outcome: Outcome,
    },
    /// Another policy, and other users.
    Reconfigure {
        denies: bool,
    },
    Drain {
        seconds: u16,
    },
    /// Time passes.
    Wait {
        seconds: u16,
    },
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Outcome {
    Bound,
    NoFamily,
    Exhausted,
}

fuzz_target!(|input: Input| {
    let mut world = World::new(input.registry);
    for step in &input.steps {
        world.take(step);
    }
    world.end();
});
