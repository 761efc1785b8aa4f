//! Two peers, and between them somebody who drops, repeats, changes and invents datagrams while both use their channels: no
//! panic, nothing sent or told without end, no message that was not sent, and what is closed falls silent.

#![no_main]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ieum_peer::core::{Certificate, ChannelId, Config, Connection, Event};
use ieum_peer::{DataChannelInit, Message};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Step {
    Deliver(u8),
    Drop(bool),
    Repeat(bool),
    Change(bool, u16, u8),
    Cut(bool, u16),
    Invent(bool, Vec<u8>),
    Wait(u8),
    Send(bool, u16),
    Open(bool),
    Close(bool),
    Read(bool),
}

struct Side {
    core: Connection,
    address: SocketAddr,
    channels: Vec<ChannelId>,
    /// Datagrams on their way to it.
    arriving: VecDeque<Vec<u8>>,
}

impl Side {
    fn new(seed: u8, address: SocketAddr) -> Self {
        static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
        let certificate = CERTIFICATE.get_or_init(|| Certificate::generate().unwrap());
        Self {
            core: Connection::new(Config::new([seed; 32], certificate.clone())),
            address,
            channels: Vec::new(),
            arriving: VecDeque::new(),
        }
    }
}

/// Takes what one side has to say.
fn settle(now: Instant, from: &mut Side, to: &mut Side) {
    for turn in 0.. {
        assert!(turn < 10_000, "events without end");
        match from.core.poll_event() {
            Some(Event::DataChannel(channel)) => from.channels.push(channel),
            Some(_) => {}
            None => break,
        }
    }
    let mut buffer = Vec::new();
    for turn in 0.. {
        assert!(turn < 10_000, "datagrams without end");
        buffer.clear();
        let Some(transmit) = from.core.poll_transmit(now, &mut buffer) else {
            break;
        };
        if transmit.five_tuple.remote == to.address {
            let size = transmit.segment_size.unwrap_or(buffer.len()).max(1);
            to.arriving.extend(buffer.chunks(size).map(<[u8]>::to_vec));
        }
    }
    while to.arriving.len() > 1000 {
        to.arriving.pop_front();
    }
}

fn negotiate(now: Instant, a: &mut Side, b: &mut Side) {
    let channel = a
        .core
        .create_data_channel(now, "x".into(), DataChannelInit::default());
    a.channels.push(channel.unwrap());
    a.core.set_local_description(now, None).unwrap();
    a.core.gather(now, &[a.address], &[], false);
    b.core
        .set_remote_description(now, a.core.local_description().unwrap())
        .unwrap();
    b.core.set_local_description(now, None).unwrap();
    b.core.gather(now, &[b.address], &[], false);
    a.core
        .set_remote_description(now, b.core.local_description().unwrap())
        .unwrap();
}

fn deliver(now: Instant, sides: &mut [Side; 2], to: usize, datagram: &[u8]) {
    let from = ieum_ice::FiveTuple::udp(sides[to].address, sides[1 - to].address);
    sides[to].core.handle_datagram(now, from, datagram);
}

fn step(now: &mut Instant, sides: &mut [Side; 2], step: Step) {
    let next = |sides: &mut [Side; 2], to: usize| sides[to].arriving.pop_front();
    match step {
        Step::Deliver(count) => {
            for turn in 0..count {
                let to = usize::from(turn & 1);
                if let Some(datagram) = next(sides, to) {
                    deliver(*now, sides, to, &datagram);
                }
                let [a, b] = sides;
                settle(*now, a, b);
                settle(*now, b, a);
            }
        }
        Step::Drop(to) => drop(next(sides, to.into())),
        Step::Repeat(to) => {
            if let Some(datagram) = next(sides, to.into()) {
                deliver(*now, sides, to.into(), &datagram);
                deliver(*now, sides, to.into(), &datagram);
            }
        }
        Step::Change(to, at, by) => {
            if let Some(mut datagram) = next(sides, to.into()) {
                if let Some(byte) = datagram.get_mut(usize::from(at)) {
                    *byte ^= by;
                }
                deliver(*now, sides, to.into(), &datagram);
            }
        }
        Step::Cut(to, len) => {
            if let Some(mut datagram) = next(sides, to.into()) {
                datagram.truncate(len.into());
                deliver(*now, sides, to.into(), &datagram);
            }
        }
        Step::Invent(to, datagram) => deliver(*now, sides, to.into(), &datagram),
        Step::Wait(centiseconds) => {
            *now += Duration::from_millis(10 * u64::from(centiseconds));
            for side in sides {
                side.core.handle_timeout(*now);
            }
        }
        Step::Send(by, len) => {
            let side = &mut sides[usize::from(by)];
            if let Some(channel) = side.channels.last() {
                let message = Message::Binary(vec![MARK; len.into()].into());
                // It may not be open, or the other side may take less.
                let _ = side.core.send(*now, *channel, message);
            }
        }
        Step::Open(by) => {
            let side = &mut sides[usize::from(by)];
            let init = DataChannelInit::default();
            if let Ok(channel) = side.core.create_data_channel(*now, "y".into(), init) {
                side.channels.push(channel);
            }
        }
        Step::Close(by) => {
            let side = &mut sides[usize::from(by)];
            if let Some(channel) = side.channels.pop() {
                side.core.close_channel(*now, channel);
            }
        }
        Step::Read(by) => {
            let Side { core, channels, .. } = &mut sides[usize::from(by)];
            for channel in channels {
                while let Some(message) = core.read(*now, *channel) {
                    assert!(message.into_bytes().iter().all(|byte| *byte == MARK));
                }
            }
        }
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let mut now = Instant::now();
    let address = |last| SocketAddr::from(([192, 0, 2, last], 5000));
    let mut sides = [Side::new(1, address(1)), Side::new(2, address(2))];
    let [a, b] = &mut sides;
    negotiate(now, a, b);
    for what in steps.into_iter().take(200) {
        let [a, b] = &mut sides;
        settle(now, a, b);
        settle(now, b, a);
        step(&mut now, &mut sides, what);
    }
    let [a, b] = &mut sides;
    a.core.close_now(now);
    b.core.close_now(now);
    settle(now, a, b);
    settle(now, b, a);
    assert!(sides.iter().all(|side| side.core.is_closed()));
    assert!(sides.iter().all(|side| side.core.poll_timeout().is_none()));
});

/// What every message is made of.
const MARK: u8 = 0x5a;
