//! From sessions, descriptions and candidates to what they say. What is not said is left out.

use alloc::format;
use alloc::vec::Vec;
use core::fmt::Display;

use ieum_candidate::{Candidate, scope};

use super::Said;
use crate::webrtc::{Attributes, Bandwidth, Codec, Description, Media, Simulcast, Text};
use crate::{Section, Session, Warning};

type Map = Vec<(&'static str, Said)>;

/// A session, and what it says to a WebRTC endpoint.
pub(super) fn both(session: &Session<'_>, description: &Description<'_>) -> Map {
    let mut map = head(session);
    texts(&mut map, "bundle", &description.bundle);
    list(&mut map, "groups", &description.groups, Said::text);
    texts(&mut map, "ice_options", &description.ice_options);
    flag(&mut map, "ice_lite", description.ice_lite);
    some(&mut map, "ice_pacing_ms", description.ice_pacing, |it| {
        Said::Number(it.into())
    });
    flag(
        &mut map,
        "extmap_allow_mixed",
        description.extmap_allow_mixed,
    );
    list(
        &mut map,
        "msid_semantic",
        &description.msid_semantics,
        Said::text,
    );
    some(&mut map, "identity", description.identity.as_ref(), |it| {
        Said::text(format_args!("{} characters", it.len()))
    });
    attributes(&mut map, &description.other);
    list(&mut map, "media", &description.media, media);
    map
}

/// A session that says nothing to a WebRTC endpoint, or something that cannot be read.
pub(super) fn session(session: &Session<'_>) -> Map {
    let mut map = head(session);
    let own: Vec<_> = session.attributes().collect();
    list(&mut map, "attributes", &own, attribute);
    let sections: Vec<_> = session.media().collect();
    list(&mut map, "media", &sections, section);
    map
}

pub(super) fn candidate(candidate: &Candidate) -> Said {
    let mut map: Map = [
        ("type", Said::text(candidate.kind)),
        ("transport", Said::text(candidate.transport)),
        ("address", Said::text(&candidate.address)),
        ("port", Said::Number(candidate.port.into())),
        ("component", Said::Number(candidate.component.into())),
        ("priority", Said::Number(candidate.priority.into())),
        ("foundation", Said::text(&candidate.foundation)),
    ]
    .into();
    some(&mut map, "scope", candidate.address.ip(), |ip| {
        Said::text(format!("{:?}", scope(ip)).to_ascii_lowercase())
    });
    flag(&mut map, "mdns", candidate.address.is_mdns());
    let tcp_type = candidate.transport.tcp_type();
    some(&mut map, "tcp_type", tcp_type, Said::text);
    some(&mut map, "related", candidate.related, Said::text);
    list(&mut map, "extensions", &candidate.extensions, |it| {
        Said::text(format_args!("{} {}", it.0, it.1))
    });
    Said::Map(map)
}

pub(super) fn warning(warning: &Warning) -> Said {
    problem(Some((warning.line, warning.column)), warning)
}

pub(super) fn problem(position: Option<(usize, usize)>, message: impl Display) -> Said {
    let mut map: Map = [("message", Said::text(message))].into();
    if let Some((line, column)) = position {
        map.push(("line", number(line)));
        map.push(("column", number(column)));
    }
    Said::Map(map)
}

fn head(session: &Session<'_>) -> Map {
    let mut map: Map = Vec::new();
    some(&mut map, "origin", session.origin(), |it| {
        Said::text(format_args!(
            "{} {} {} {} {} {}",
            it.username,
            it.session_id,
            it.session_version,
            it.net_type,
            it.address_type,
            it.address
        ))
    });
    let name = session
        .name()
        .filter(|name| !matches!(*name, "" | "-" | " "));
    some(&mut map, "name", name, Said::text);
    some(&mut map, "connection", session.connection(), |it| {
        Said::text(format_args!("{} {}", it.address_type, it.address))
    });
    let bandwidths: Vec<_> = session.bandwidths().collect();
    list(&mut map, "bandwidth", &bandwidths, |it| {
        Said::text(format_args!("{} {}", it.kind, it.value))
    });
    let timings: Vec<_> = session.timings().collect();
    list(&mut map, "timing", &timings, |it| {
        Said::text(format_args!("{} {}", it.start, it.stop))
    });
    map
}

fn section(section: &Section<'_>) -> Said {
    let mut map: Map = [
        ("kind", Said::text(section.kind())),
        ("port", Said::Number(section.port().into())),
        ("protocol", Said::text(section.protocol())),
        ("formats", section.formats().map(Said::text).collect()),
    ]
    .into();
    let connections: Vec<_> = section.connections().collect();
    list(&mut map, "connection", &connections, |it| {
        Said::text(format_args!("{} {}", it.address_type, it.address))
    });
    let own: Vec<_> = section.attributes().collect();
    list(&mut map, "attributes", &own, attribute);
    Said::Map(map)
}

/// What may open a connection is not shown.
fn attribute(attribute: &crate::Attribute<'_>) -> Said {
    match (attribute.name(), attribute.value()) {
        (name, Some(_)) if is_secret(name) => Said::text(format_args!("{name} (not shown)")),
        (name, Some(value)) => Said::text(format_args!("{name}:{value}")),
        (name, None) => Said::text(name),
    }
}

fn media(media: &Media<'_>) -> Said {
    let mut map: Map = [
        ("kind", Said::text(&media.kind)),
        ("port", Said::Number(media.port.into())),
        ("protocol", Said::text(&media.protocol)),
    ]
    .into();
    some(&mut map, "mid", media.mid.as_ref(), Said::text);
    flag(&mut map, "rejected", media.is_rejected());
    flag(&mut map, "bundle_only", media.bundle_only);
    map.push(("direction", Said::text(media.direction)));
    map.push(("connection", Said::text(&media.connection)));
    list(&mut map, "bandwidth", &media.bandwidths, bandwidth);
    list(&mut map, "msid", &media.msids, Said::text);
    transport(&mut map, media);
    texts(&mut map, "formats", &media.formats);
    rtp(&mut map, media);
    some(&mut map, "sctp_port", media.sctp_port, |it| {
        Said::Number(it.into())
    });
    let size = media.max_message_size;
    some(&mut map, "longest_message", size, Said::Number);
    attributes(&mut map, &media.other);
    list(&mut map, "candidates", &media.candidates, |it| {
        candidate(&it.to_candidate())
    });
    flag(&mut map, "end_of_candidates", media.end_of_candidates);
    Said::Map(map)
}

fn transport(map: &mut Map, media: &Media<'_>) {
    if let Some(ice) = &media.ice {
        map.push(("ice_ufrag", Said::text(&ice.ufrag)));
        let len = ice.pwd.len();
        map.push((
            "ice_password",
            Said::text(format_args!("{len} characters, not shown")),
        ));
    }
    list(map, "fingerprints", &media.fingerprints, Said::text);
    some(map, "setup", media.setup, Said::text);
    some(map, "tls_id", media.tls_id.as_ref(), Said::text);
    flag(map, "rtcp_mux", media.rtcp_mux);
    flag(map, "rtcp_mux_only", media.rtcp_mux_only);
    flag(map, "rtcp_rsize", media.rtcp_rsize);
}

fn rtp(map: &mut Map, media: &Media<'_>) {
    list(map, "codecs", &media.codecs, codec);
    texts(map, "feedback_of_all", &media.feedback);
    flag(map, "extmap_allow_mixed", media.extmap_allow_mixed);
    list(map, "header_extensions", &media.extmaps, Said::text);
    list(map, "rid", &media.rids, Said::text);
    some(map, "simulcast", media.simulcast.as_ref(), simulcast);
    texts(map, "imageattr", &media.image_attributes);
    list(map, "ssrc_groups", &media.ssrc_groups, Said::text);
    list(map, "ssrc", &media.ssrcs, Said::text);
}

fn codec(codec: &Codec<'_>) -> Said {
    let mut map: Map = [("payload_type", Said::Number(codec.payload_type.into()))].into();
    if let Some(rtpmap) = &codec.rtpmap {
        map.push(("name", Said::text(&rtpmap.name)));
        map.push(("clock_rate", Said::Number(rtpmap.clock_rate.into())));
        some(&mut map, "channels", rtpmap.channels, |it| {
            Said::Number(it.into())
        });
    }
    let parameters = codec.parameters.as_ref();
    some(&mut map, "parameters", parameters, Said::text);
    texts(&mut map, "feedback", &codec.feedback);
    Said::Map(map)
}

fn simulcast(simulcast: &Simulcast<'_>) -> Said {
    Said::text(simulcast)
}

fn bandwidth(bandwidth: &Bandwidth<'_>) -> Said {
    Said::text(format_args!("{} {}", bandwidth.kind, bandwidth.value))
}

fn attributes(map: &mut Map, other: &Attributes<'_>) {
    list(map, "other_attributes", other, |(name, value)| {
        match (name.as_ref(), value) {
            (name, Some(_)) if is_secret(name) => Said::text(format_args!("{name} (not shown)")),
            (name, Some(value)) => Said::text(format_args!("{name}:{value}")),
            (name, None) => Said::text(name),
        }
    });
}

/// What holds a password or a key: RFC 8839 §5.4, RFC 4568, RFC 4567; the last two are AirTunes'.
fn is_secret(name: &str) -> bool {
    matches!(
        name,
        "ice-pwd" | "crypto" | "key-mgmt" | "fpaeskey" | "rsaaeskey"
    )
}

fn list<'t, T>(map: &mut Map, name: &'static str, all: &'t [T], say: impl Fn(&'t T) -> Said) {
    if !all.is_empty() {
        map.push((name, all.iter().map(say).collect()));
    }
}

fn texts(map: &mut Map, name: &'static str, all: &[Text<'_>]) {
    list(map, name, all, Said::text);
}

fn some<T>(map: &mut Map, name: &'static str, value: Option<T>, say: impl Fn(T) -> Said) {
    map.extend(value.map(|value| (name, say(value))));
}

fn flag(map: &mut Map, name: &'static str, is_set: bool) {
    map.extend(is_set.then_some((name, Said::Bool(true))));
}

fn number(number: usize) -> Said {
    Said::Number(u64::try_from(number).unwrap_or(u64::MAX))
}
