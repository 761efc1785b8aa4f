//! Descriptions that live by themselves.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{
    Alternative, Attributes, Bandwidth, Codec, Credentials, Description, Extmap, Group, Media,
    MediaCandidate, MediaKind, Msid, Origin, Rid, RtpMap, Simulcast, Ssrc, SsrcGroup, Text,
};

fn text(text: Text<'_>) -> Text<'static> {
    Cow::Owned(text.into_owned())
}

fn all<T, O>(values: Vec<T>, own: impl Fn(T) -> O) -> Vec<O> {
    values.into_iter().map(own).collect()
}

fn attributes(attributes: Attributes<'_>) -> Attributes<'static> {
    all(attributes, |(name, value)| (text(name), value.map(text)))
}

impl Description<'_> {
    /// The same description, owning its texts.
    pub fn into_owned(self) -> Description<'static> {
        Description {
            origin: self.origin.into_owned(),
            bandwidths: all(self.bandwidths, Bandwidth::into_owned),
            bundle: all(self.bundle, text),
            groups: all(self.groups, Group::into_owned),
            ice_options: all(self.ice_options, text),
            ice_lite: self.ice_lite,
            ice_pacing: self.ice_pacing,
            extmap_allow_mixed: self.extmap_allow_mixed,
            msid_semantics: all(self.msid_semantics, Group::into_owned),
            identity: self.identity.map(text),
            other: attributes(self.other),
            media: all(self.media, Media::into_owned),
        }
    }
}

impl Media<'_> {
    /// The same m-line, owning its texts.
    pub fn into_owned(self) -> Media<'static> {
        Media {
            kind: self.kind.into_owned(),
            port: self.port,
            protocol: text(self.protocol),
            formats: all(self.formats, text),
            connection: text(self.connection),
            bandwidths: all(self.bandwidths, Bandwidth::into_owned),
            mid: self.mid.map(text),
            direction: self.direction,
            msids: all(self.msids, Msid::into_owned),
            ice: self.ice.map(Credentials::into_owned),
            fingerprints: self.fingerprints,
            setup: self.setup,
            tls_id: self.tls_id.map(text),
            sctp_port: self.sctp_port,
            max_message_size: self.max_message_size,
            candidates: all(self.candidates, MediaCandidate::into_owned),
            end_of_candidates: self.end_of_candidates,
            rtcp_mux: self.rtcp_mux,
            rtcp_mux_only: self.rtcp_mux_only,
            rtcp_rsize: self.rtcp_rsize,
            bundle_only: self.bundle_only,
            codecs: all(self.codecs, Codec::into_owned),
            feedback: all(self.feedback, text),
            extmaps: all(self.extmaps, Extmap::into_owned),
            extmap_allow_mixed: self.extmap_allow_mixed,
            ssrcs: all(self.ssrcs, Ssrc::into_owned),
            ssrc_groups: all(self.ssrc_groups, SsrcGroup::into_owned),
            rids: all(self.rids, Rid::into_owned),
            simulcast: self.simulcast.map(Simulcast::into_owned),
            image_attributes: all(self.image_attributes, text),
            other: attributes(self.other),
        }
    }
}

/// The same for each of the parts, which are a list of fields.
macro_rules! into_owned {
    ($($part:ident { $($owned:ident = $own:expr),*; $($copied:ident),* })*) => {
        $(impl $part<'_> {
            /// The same, owning its texts.
            pub fn into_owned(self) -> $part<'static> {
                $part { $($owned: $own(self.$owned),)* $($copied: self.$copied,)* }
            }
        })*
    };
}

into_owned! {
    Origin { username = text, address = text; session_id, session_version }
    Group { semantics = text, members = texts; }
    Bandwidth { kind = text; value }
    Credentials { ufrag = text, pwd = text; }
    Codec { rtpmap = rtpmap, parameters = maybe, feedback = texts; payload_type }
    RtpMap { name = text; clock_rate, channels }
    Extmap { uri = text, parameters = maybe; id, direction }
    Msid { stream = text, track = maybe; }
    Ssrc { attribute = text, value = maybe; id }
    SsrcGroup { semantics = text; ids }
    Rid { id = text, restrictions = maybe; direction }
    Simulcast { send = streams, recv = streams; }
    Alternative { rid = text; paused }
}

impl MediaKind<'_> {
    /// The same, owning its text.
    pub fn into_owned(self) -> MediaKind<'static> {
        match self {
            MediaKind::Audio => MediaKind::Audio,
            MediaKind::Video => MediaKind::Video,
            MediaKind::Application => MediaKind::Application,
            MediaKind::Other(kind) => MediaKind::Other(text(kind)),
        }
    }
}

fn maybe(value: Option<Text<'_>>) -> Option<Text<'static>> {
    value.map(text)
}

fn texts(texts: Vec<Text<'_>>) -> Vec<Text<'static>> {
    all(texts, text)
}

fn rtpmap(rtpmap: Option<RtpMap<'_>>) -> Option<RtpMap<'static>> {
    rtpmap.map(RtpMap::into_owned)
}

fn streams(streams: Vec<Vec<Alternative<'_>>>) -> Vec<Vec<Alternative<'static>>> {
    all(streams, |stream| all(stream, Alternative::into_owned))
}
