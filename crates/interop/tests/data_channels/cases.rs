//! What is tried with every partner.

use ieum_peer::{DataChannel, DataChannelInit};
use serde_json::{Value, json};

use crate::session::Session;

/// One thing to try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Case {
    /// A channel of ours with every option.
    OurOptions,
    /// A channel of theirs with every option.
    TheirOptions,
    /// A channel that both made, with nothing said about it.
    Negotiated,
    /// Messages without a byte.
    Empty,
    /// Text.
    Text,
    /// From one byte to the largest that they take.
    Sizes,
    /// What we sent before we closed has arrived, and both are told that it is closed.
    WeClose,
    /// The reverse.
    TheyClose,
    /// A hundred channels at once, half of them opened by each side.
    Hundred,
    /// ICE restarts in the middle of a transfer, by the side that offers.
    Restart,
}

pub(crate) const ALL: &[Case] = &[
    OurOptions,
    TheirOptions,
    Negotiated,
    Empty,
    Text,
    Sizes,
    WeClose,
    TheyClose,
    Hundred,
    Restart,
];

use Case::*;

/// What a partner cannot do.
pub(crate) struct Limits {
    /// The largest message that it takes or sends, in bytes.
    pub(crate) largest: usize,
    /// It says of our channels what their options are.
    pub(crate) tells_options: bool,
    /// It announces channels that are unordered and partially reliable.
    pub(crate) announces_both: bool,
    /// What was sent, or has arrived, right before the channel is closed is not lost.
    pub(crate) keeps_at_close: bool,
    /// It takes a stream for a new channel only after both sides have reset it.
    pub(crate) waits_for_resets: bool,
    /// Cases that are left out.
    pub(crate) cannot: &'static [Case],
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            largest: 256 * 1024,
            tells_options: true,
            announces_both: true,
            keeps_at_close: true,
            waits_for_resets: true,
            cannot: &[],
        }
    }
}

pub(crate) fn run(session: &mut Session<'_>, case: Case, limits: &Limits) {
    match case {
        OurOptions => our_options(session, limits),
        TheirOptions => their_options(session, limits),
        Negotiated => negotiated(session, limits),
        Empty => {
            let mut channel = opened_by_us(session, "empty");
            session.exchange(&mut channel, "binary", &[0, 5, 0]);
            session.exchange(&mut channel, "text", &[0, 5, 0]);
            session.done(channel, limits);
        }
        Text => {
            let mut channel = opened_by_us(session, "text");
            session.exchange(&mut channel, "text", &[1, 10, 1000, 16_384]);
            session.done(channel, limits);
        }
        Sizes => {
            let all = [
                1, 2, 1100, 1199, 1200, 1201, 16_384, 65_535, 65_536, 100_000, 262_144,
            ];
            let lens: Vec<_> = all
                .into_iter()
                .filter(|len| *len <= limits.largest)
                .collect();
            let mut channel = opened_by_us(session, "sizes");
            session.exchange(&mut channel, "binary", &lens);
            session.done(channel, limits);
        }
        WeClose => we_close(session, limits),
        TheyClose => they_close(session, limits),
        Hundred => hundred(session),
        Restart => restart(session),
    }
}

/// Every option, and what an RTCDataChannelInit is for it.
fn options() -> Vec<(&'static str, DataChannelInit, Value)> {
    let init = DataChannelInit::default;
    let protocol = DataChannelInit {
        protocol: "chess".into(),
        ..init()
    };
    let unordered = DataChannelInit {
        ordered: false,
        ..init()
    };
    let retransmits = DataChannelInit {
        max_retransmits: Some(3),
        ..init()
    };
    let life_time = DataChannelInit {
        max_packet_life_time_ms: Some(2500),
        ..init()
    };
    let unordered_retransmits = DataChannelInit {
        ordered: false,
        ..retransmits.clone()
    };
    let unordered_life_time = DataChannelInit {
        ordered: false,
        ..life_time.clone()
    };
    vec![
        ("plain", init(), json!({})),
        ("protocol", protocol, json!({ "protocol": "chess" })),
        ("unordered", unordered, json!({ "ordered": false })),
        ("retransmits", retransmits, json!({ "maxRetransmits": 3 })),
        ("life time", life_time, json!({ "maxPacketLifeTime": 2500 })),
        (
            "unordered, retransmits",
            unordered_retransmits,
            json!({ "ordered": false, "maxRetransmits": 3 }),
        ),
        (
            "unordered, life time",
            unordered_life_time,
            json!({ "ordered": false, "maxPacketLifeTime": 2500 }),
        ),
    ]
}

/// Short ones, which a network without loss does not drop.
const SOME: [usize; 8] = [1, 10, 100, 1000, 2000, 3000, 4000, 5000];

fn our_options(session: &mut Session<'_>, limits: &Limits) {
    for (name, init, _) in options() {
        let mut channel = session.create(&format!("ours: {name}"), init.clone());
        session.opens(&channel);
        if limits.tells_options {
            they_say_the_same(session, &channel, &init);
        }
        session.exchange(&mut channel, "binary", &SOME);
        session.done(channel, limits);
    }
}

fn they_say_the_same(session: &mut Session<'_>, channel: &DataChannel, init: &DataChannelInit) {
    let label = channel.label().to_owned();
    let theirs = session.ask(json!({ "op": "info", "label": label }));
    assert_eq!(theirs["ordered"], init.ordered, "{theirs}");
    assert_eq!(theirs["protocol"], init.protocol.as_str(), "{theirs}");
    assert_eq!(said(&theirs["maxRetransmits"]), init.max_retransmits);
    let life_time = said(&theirs["maxPacketLifeTime"]);
    assert_eq!(life_time, init.max_packet_life_time_ms);
    assert_eq!(said(&theirs["id"]), channel.id(), "{theirs}");
}

/// A number that they say of a channel. Some say 65535 where others say nothing.
fn said(value: &Value) -> Option<u16> {
    let number = value.as_u64().filter(|number| *number != 65_535)?;
    Some(u16::try_from(number).expect("16 bits"))
}

fn their_options(session: &mut Session<'_>, limits: &Limits) {
    for (name, init, theirs) in options() {
        let both = name.starts_with("unordered, ");
        if both && !limits.announces_both {
            continue;
        }
        let label = format!("theirs: {name}");
        session.ask(json!({ "op": "open", "label": label, "init": theirs }));
        let mut channel = session.arrives(&label);
        session.opens(&channel);
        assert_eq!(channel.ordered(), init.ordered);
        assert_eq!(channel.protocol(), init.protocol);
        let ours = (channel.max_retransmits(), channel.max_packet_life_time_ms());
        let expected = (
            init.max_retransmits.map(u32::from),
            init.max_packet_life_time_ms.map(u32::from),
        );
        assert_eq!(ours, expected, "{label}");
        session.exchange(&mut channel, "binary", &SOME);
        session.done(channel, limits);
    }
}

fn negotiated(session: &mut Session<'_>, limits: &Limits) {
    let init = DataChannelInit {
        negotiated: true,
        id: Some(400),
        ..DataChannelInit::default()
    };
    let mut channel = session.create("negotiated", init);
    let theirs = json!({ "negotiated": true, "id": 400 });
    session.ask(json!({ "op": "open", "label": "negotiated", "init": theirs }));
    session.opens(&channel);
    session.exchange(&mut channel, "binary", &SOME);
    session.done(channel, limits);
}

fn opened_by_us(session: &mut Session<'_>, label: &str) -> DataChannel {
    let channel = session.create(label, DataChannelInit::default());
    session.opens(&channel);
    channel
}

const MANY: &[usize] = &[5000; 40];

fn we_close(session: &mut Session<'_>, limits: &Limits) {
    let channel = opened_by_us(session, "we close");
    for &len in MANY {
        let sent = session.wait(channel.send(vec![0; len]));
        sent.expect("it is open");
    }
    let command = json!({ "op": "received", "label": "we close", "count": MANY.len() });
    if !limits.keeps_at_close {
        session.ask(command.clone());
    }
    session.wait(channel.close());
    if limits.keeps_at_close {
        session.ask(command);
    }
    session.is_closed(&channel);
}

fn they_close(session: &mut Session<'_>, limits: &Limits) {
    let mut channel = opened_by_us(session, "they close");
    let command =
        json!({ "op": "send", "label": "they close", "kind": "binary", "first": 0, "lens": MANY });
    session.ask(command);
    let mut received = 0;
    if limits.keeps_at_close {
        session.ask(json!({ "op": "close", "label": "they close" }));
    } else {
        while received < MANY.len() && session.wait(channel.recv()).is_some() {
            received += 1;
        }
        session.ask(json!({ "op": "close", "label": "they close" }));
    }
    while let Some(message) = session.wait(channel.recv()) {
        assert_eq!(message.len(), MANY[received]);
        received += 1;
    }
    assert_eq!(received, MANY.len());
    session.is_closed(&channel);
}

fn hundred(session: &mut Session<'_>) {
    let init = DataChannelInit::default;
    let ours: Vec<_> = (0..50)
        .map(|n| session.create(&format!("of ours, {n}"), init()))
        .collect();
    let theirs: Vec<_> = (0..50).map(|n| format!("of theirs, {n}")).collect();
    for label in &theirs {
        session.ask(json!({ "op": "open", "label": label, "init": {} }));
    }
    let theirs: Vec<_> = theirs.iter().map(|label| session.arrives(label)).collect();
    let mut all: Vec<_> = ours.into_iter().chain(theirs).collect();
    for channel in &all {
        session.opens(channel);
    }
    for channel in &mut all {
        session.exchange(channel, "binary", &[10, 2000]);
    }
    for (n, channel) in all.iter().enumerate() {
        if n % 2 == 0 {
            session.wait(channel.close());
        } else {
            let label = channel.label().to_owned();
            session.ask(json!({ "op": "close", "label": label }));
        }
    }
    for channel in &all {
        session.is_closed(channel);
    }
}

fn restart(session: &mut Session<'_>) {
    let mut channel = opened_by_us(session, "restart");
    let before = session.remote_ufrag();
    session.exchange_with(&mut channel, "binary", &[16_384; 200], |session| {
        session.negotiate(true);
    });
    assert_ne!(session.remote_ufrag(), before, "they restart, too");
    session.exchange(&mut channel, "binary", &SOME);
}
