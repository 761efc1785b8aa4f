//! Packets for a client, as they are written.

use std::io::Write;

use serde::Serialize;

use super::super::body::Body;
use super::super::engine_io::packet::Packets;
use super::super::hub;
use super::super::state::News;
use super::binary::take_apart;
use crate::protocol::Code;

/// What a session gets. `seq` is for those who count.
pub(super) fn news(seq: Option<u64>, news: &News, modern: bool, out: &mut impl Packets) {
    match news {
        News::Message(body) => message(seq.filter(|_| modern), body, out),
        News::Undelivered(lost) if modern => event("undelivered", lost, out),
        // The old protocol has no word for it.
        News::Undelivered(_) => {}
    }
}

fn message(seq: Option<u64>, body: &Body, out: &mut impl Packets) {
    let tree = match body {
        Body::Text(json) => return message_text(seq, json, out),
        Body::Binary(tree) => tree,
    };
    let (json, attachments) = take_apart(tree);
    if attachments.is_empty() {
        return message_text(seq, &json, out);
    }
    out.text(|out| {
        // Writing to memory does not fail.
        let _ = write!(out, "45{}-[\"message\",", attachments.len());
        arguments(seq, &json, out);
    });
    for attachment in attachments {
        out.binary(attachment);
    }
}

fn message_text(seq: Option<u64>, json: &str, out: &mut impl Packets) {
    out.text(|out| {
        out.extend_from_slice(b"42[\"message\",");
        arguments(seq, json, out);
    });
}

fn arguments(seq: Option<u64>, json: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(json.as_bytes());
    if let Some(seq) = seq {
        let _ = write!(out, ",{seq}");
    }
    out.push(b']');
}

pub(super) fn event(name: &str, body: &impl Serialize, out: &mut impl Packets) {
    out.text(|out| {
        let _ = write!(out, "42[\"{name}\",");
        json(body, out);
        out.push(b']');
    });
}

/// The answer to an event that asked for one.
pub(super) fn ack(id: &str, body: &impl Serialize, out: &mut impl Packets) {
    out.text(|out| {
        let _ = write!(out, "43{id}[");
        json(body, out);
        out.push(b']');
    });
}

/// What a client is told that is parted with, where it understands it.
pub(super) fn goodbye(code: Code, out: &mut impl Packets) {
    event("goodbye", &hub::goodbye(code), out);
}

pub(super) fn connected(socket_id: &str, out: &mut impl Packets) {
    out.text(|out| {
        let _ = write!(out, "40{{\"sid\":\"{socket_id}\"}}");
    });
}

/// CONNECT_ERROR.
pub(super) fn refused(text: &str, out: &mut impl Packets) {
    out.text(|out| {
        out.extend_from_slice(b"44");
        json(&Message { message: text }, out);
    });
}

/// CONNECT_ERROR of a namespace that is not there.
pub(super) fn no_namespace(name: &str, out: &mut impl Packets) {
    out.text(|out| {
        let _ = write!(out, "44{name},{{\"message\":\"Invalid namespace\"}}");
    });
}

pub(super) fn disconnect(out: &mut impl Packets) {
    out.text(|out| out.extend_from_slice(b"41"));
}

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

fn json(body: &impl Serialize, out: &mut Vec<u8>) {
    // Bodies of ours are strings, numbers and lists, which can be written.
    let _ = serde_json::to_writer(out, body);
}
