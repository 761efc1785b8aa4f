//! What this side can send and receive, and what of that the peer can too.

use ieum_sdp::webrtc::{Codec, Extmap, Media};

use super::transceiver::TrackKind;

/// What this side can do with audio and video. By default nothing: audio and video sections are rejected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// With sound.
    pub audio: MediaCapabilities,
    /// With pictures.
    pub video: MediaCapabilities,
}

/// What this side can do with one kind of media.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaCapabilities {
    /// The codecs, best first. Their payload types are offered unless the peer has given them other ones already; an `rtx`
    /// names the one that it repairs with `apt`. No two of them have the same, of whatever kind: all go over one transport.
    pub codecs: Vec<Codec<'static>>,
    /// The URIs of the RTP header extensions.
    pub header_extensions: Vec<String>,
}

impl Capabilities {
    pub(super) const fn of(&self, kind: TrackKind) -> &MediaCapabilities {
        match kind {
            TrackKind::Audio => &self.audio,
            TrackKind::Video => &self.video,
        }
    }
}

/// The codecs of a section, those that RFC 3551 assigns included; what has no name is left out.
pub(super) fn codecs(media: &Media<'static>) -> Vec<Codec<'static>> {
    let formats = media.formats.iter();
    let known = |payload_type| {
        let said = media.codec(payload_type);
        let named = said.filter(|codec| codec.rtpmap.is_some()).cloned();
        named.or_else(|| {
            let assigned = Codec::assigned(payload_type)?;
            Some(Codec {
                rtpmap: assigned.rtpmap,
                ..said.cloned().unwrap_or(Codec::new(payload_type))
            })
        })
    };
    formats
        .filter_map(|format| format.parse().ok())
        .filter_map(known)
        .collect()
}

/// Our codecs with the numbers that are in use already, or else with their own where that is free, or else with a free one
/// (RFC 9429 §5.2.2: a payload type keeps its meaning; RFC 9143 §9.1: across the whole bundle).
pub(super) fn numbered(
    codecs: &[Codec<'static>],
    known: &[Codec<'static>],
    all: &[&Codec<'static>],
) -> Vec<Codec<'static>> {
    let mut taken: Vec<u8> = known.iter().map(|codec| codec.payload_type).collect();
    let mut numbers: Vec<(u8, u8)> = Vec::new();
    // Repairs after what they repair, whose number they name.
    let (repairs, primary): (Vec<_>, Vec<_>) = all.iter().partition(|it| it.repairs().is_some());
    for codec in primary.into_iter().chain(repairs) {
        let codec = renumbered(codec, &numbers);
        let used = known.iter().find(|it| is_same(it, &codec));
        let number = match used {
            Some(used) => used.payload_type,
            None => free_number(codec.payload_type, &taken),
        };
        numbers.push((codec.payload_type, number));
        taken.push(number);
    }
    let number = |own: u8| numbers.iter().find(|it| it.0 == own).map_or(own, |it| it.1);
    codecs
        .iter()
        .map(|codec| Codec {
            payload_type: number(codec.payload_type),
            ..renumbered(codec, &numbers)
        })
        .collect()
}

/// With the number that its `apt` names put into another numbering.
fn renumbered(codec: &Codec<'static>, numbers: &[(u8, u8)]) -> Codec<'static> {
    let repaired = codec.repairs().filter(|_| is_repair(codec));
    let new = repaired.and_then(|old| numbers.iter().find(|it| it.0 == old));
    let mut codec = codec.clone();
    if let Some((_, new)) = new {
        codec.parameters = Some(format!("apt={new}").into());
    }
    codec
}

fn free_number(own: u8, taken: &[u8]) -> u8 {
    // RFC 3551 §6: the dynamic numbers, then those that RFC 5761 §4 leaves.
    let mut free = std::iter::once(own).chain(96..=127).chain(35..=63);
    free.find(|number| !taken.contains(number)).unwrap_or(own)
}

/// What both have: the peer's numbers with our parameters, best first as we prefer where `preferred`, or as the peer does.
/// Empty where there is no codec among them that carries media by itself.
pub(super) fn common(
    offered: &[Codec<'static>],
    ours: &[Codec<'static>],
    preferred: bool,
) -> Vec<Codec<'static>> {
    let mut found: Vec<(usize, Codec<'static>)> = Vec::new();
    let mut numbers: Vec<(u8, u8)> = Vec::new();
    for theirs in offered.iter().filter(|it| !is_repair(it)) {
        let of_ours = ours.iter().position(|own| is_same(own, theirs));
        // Each of ours once: offers name some codecs several times, told apart by parameters that do not matter here.
        let Some(at) = of_ours.filter(|at| found.iter().all(|it| it.0 != *at)) else {
            continue;
        };
        numbers.push((ours[at].payload_type, theirs.payload_type));
        found.push((at, answered(theirs, &ours[at])));
    }
    if found.iter().all(|(_, codec)| is_auxiliary(codec)) {
        return Vec::new();
    }
    for (at, own) in ours.iter().enumerate().filter(|(_, it)| is_repair(it)) {
        let own = renumbered(own, &numbers);
        let repaired = own.repairs();
        let theirs = offered
            .iter()
            .find(|it| is_repair(it) && it.repairs() == repaired);
        let repairs_one = found
            .iter()
            .any(|(_, it)| Some(it.payload_type) == repaired);
        if let Some(theirs) = theirs.filter(|_| repairs_one) {
            found.push((at, answered(theirs, &own)));
        }
    }
    if preferred {
        found.sort_by_key(|(at, _)| *at);
    } else {
        let place = |number| offered.iter().position(|it| it.payload_type == number);
        found.sort_by_key(|(_, codec)| place(codec.payload_type));
    }
    found.into_iter().map(|(_, codec)| codec).collect()
}

fn answered(theirs: &Codec<'static>, ours: &Codec<'static>) -> Codec<'static> {
    let both = theirs
        .feedback
        .iter()
        .filter(|it| ours.feedback.contains(it));
    Codec {
        payload_type: theirs.payload_type,
        rtpmap: theirs.rtpmap.clone(),
        parameters: ours.parameters.clone(),
        feedback: both.cloned().collect(),
    }
}

/// Whether two are one codec: name, clock rate and channels, and the parameter that makes another codec of it.
pub(super) fn is_same(one: &Codec<'_>, other: &Codec<'_>) -> bool {
    let (Some(a), Some(b)) = (&one.rtpmap, &other.rtpmap) else {
        return false;
    };
    let same = a.name.eq_ignore_ascii_case(&b.name)
        && a.clock_rate == b.clock_rate
        && a.channels.unwrap_or(1) == b.channels.unwrap_or(1);
    let decisive = DECISIVE
        .iter()
        .filter(|it| a.name.eq_ignore_ascii_case(it.0));
    let value = |codec: &Codec<'_>, name, default: &str| {
        let value = codec.parameter(name).unwrap_or(default);
        value.trim().to_owned()
    };
    same && decisive
        .into_iter()
        .all(|(_, name, default)| value(one, name, default) == value(other, name, default))
}

fn is_repair(codec: &Codec<'_>) -> bool {
    codec
        .name()
        .is_some_and(|name| name.eq_ignore_ascii_case("rtx"))
}

/// What carries no media by itself.
fn is_auxiliary(codec: &Codec<'_>) -> bool {
    let is = |name: &str| AUXILIARY.iter().any(|it| it.eq_ignore_ascii_case(name));
    codec.name().is_none_or(is)
}

/// The extensions by the ids that they have already, or else by free ones (RFC 8285 §6; one numbering for the bundle,
/// RFC 9143 §9.2).
pub(super) fn extensions(
    uris: &[String],
    known: &[Extmap<'static>],
    all: &[&String],
) -> Vec<Extmap<'static>> {
    let mut ids: Vec<(String, u16)> = known.iter().map(|it| (it.uri.to_string(), it.id)).collect();
    for uri in all {
        if ids.iter().any(|it| it.0 == **uri) {
            continue;
        }
        // RFC 8285 §4.2: 15 is reserved in the one-byte form.
        let free = |id: &u16| *id != 15 && ids.iter().all(|it| it.1 != *id);
        if let Some(id) = (1..=255).find(free) {
            ids.push(((*uri).clone(), id));
        }
    }
    let numbered = |uri: &String| {
        let (uri, id) = ids.iter().find(|it| it.0 == *uri)?;
        Some(Extmap {
            id: *id,
            direction: None,
            uri: uri.clone().into(),
            parameters: None,
        })
    };
    uris.iter().filter_map(numbered).collect()
}

/// The codecs whose variants do not understand each other: by which parameter, and what its absence means (RFC 6184 §8.1,
/// RFC 9628 §7.1, the AV1 RTP specification §7.2.1, RFC 4588 §8.6).
const DECISIVE: [(&str, &str, &str); 4] = [
    ("H264", "packetization-mode", "0"),
    ("VP9", "profile-id", "0"),
    ("AV1", "profile", "0"),
    ("rtx", "apt", ""),
];
const AUXILIARY: [&str; 6] = [
    "rtx",
    "red",
    "ulpfec",
    "flexfec-03",
    "telephone-event",
    "CN",
];
