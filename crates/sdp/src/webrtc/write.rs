//! From a description to text, in one canonical order.

use core::fmt::{self, Display, Write};

use super::{
    Attributes, Bandwidth, Codec, Description, Direction, Extmap, Group, Media, MediaKind, Msid,
    Origin, Rid, Ssrc, SsrcGroup, Text,
};

impl Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Lines(f);
        let Origin {
            username,
            session_id,
            session_version,
            address,
        } = &self.origin;
        lines.line(format_args!("v=0"))?;
        lines.line(format_args!(
            "o={username} {session_id} {session_version} {address}"
        ))?;
        // RFC 9429 §5.2.1: a session without a name, and without end.
        lines.line(format_args!("s=-"))?;
        lines.bandwidths(&self.bandwidths)?;
        lines.line(format_args!("t=0 0"))?;
        if !self.bundle.is_empty() {
            lines.line(format_args!("a=group:BUNDLE{}", Words(&self.bundle)))?;
        }
        lines.all("group", &self.groups)?;
        lines.flag(self.extmap_allow_mixed, "extmap-allow-mixed")?;
        lines.flag(self.ice_lite, "ice-lite")?;
        if let Some((first, rest)) = self.ice_options.split_first() {
            lines.line(format_args!("a=ice-options:{first}{}", Words(rest)))?;
        }
        lines.all("ice-pacing", self.ice_pacing)?;
        lines.all("msid-semantic", &self.msid_semantics)?;
        lines.all("identity", &self.identity)?;
        lines.attributes(&self.other)?;
        self.media
            .iter()
            .try_for_each(|media| write_media(&mut lines, media))
    }
}

fn write_media(lines: &mut Lines<'_, '_>, media: &Media<'_>) -> fmt::Result {
    let Media {
        kind,
        port,
        protocol,
        formats,
        connection,
        ..
    } = media;
    lines.line(format_args!("m={kind} {port} {protocol}{}", Words(formats)))?;
    lines.line(format_args!("c={connection}"))?;
    lines.bandwidths(&media.bandwidths)?;
    lines.all("mid", &media.mid)?;
    lines.flag(media.bundle_only, "bundle-only")?;
    // A data channel has no direction: RFC 8841 §9 says to ignore one. It is written where it says something.
    let says_nothing =
        media.kind == MediaKind::Application && media.direction == Direction::SendRecv;
    lines.flag(!says_nothing, media.direction.as_str())?;
    lines.all("msid", &media.msids)?;
    if let Some(ice) = &media.ice {
        lines.line(format_args!("a=ice-ufrag:{}", ice.ufrag))?;
        lines.line(format_args!("a=ice-pwd:{}", ice.pwd))?;
    }
    lines.all("fingerprint", &media.fingerprints)?;
    lines.all("setup", media.setup)?;
    lines.all("tls-id", &media.tls_id)?;
    lines.flag(media.rtcp_mux, "rtcp-mux")?;
    lines.flag(media.rtcp_mux_only, "rtcp-mux-only")?;
    lines.flag(media.rtcp_rsize, "rtcp-rsize")?;
    write_rtp(lines, media)?;
    lines.attributes(&media.other)?;
    lines.all("sctp-port", media.sctp_port)?;
    lines.all("max-message-size", media.max_message_size)?;
    for candidate in &media.candidates {
        lines.line(format_args!("a={candidate}"))?;
    }
    lines.flag(media.end_of_candidates, "end-of-candidates")
}

fn write_rtp(lines: &mut Lines<'_, '_>, media: &Media<'_>) -> fmt::Result {
    lines.flag(media.extmap_allow_mixed, "extmap-allow-mixed")?;
    lines.all("extmap", &media.extmaps)?;
    for codec in &media.codecs {
        lines.codec(codec)?;
    }
    for feedback in &media.feedback {
        lines.line(format_args!("a=rtcp-fb:* {feedback}"))?;
    }
    lines.all("rid", &media.rids)?;
    lines.all("simulcast", &media.simulcast)?;
    lines.all("imageattr", &media.image_attributes)?;
    lines.all("ssrc-group", &media.ssrc_groups)?;
    lines.all("ssrc", &media.ssrcs)
}

/// Writes lines, each ended once: whatever the fields hold, none becomes two.
struct Lines<'f, 'b>(&'f mut fmt::Formatter<'b>);

impl Lines<'_, '_> {
    fn line(&mut self, line: fmt::Arguments<'_>) -> fmt::Result {
        self.write_fmt(line)?;
        self.0.write_str("\r\n")
    }

    fn flag(&mut self, is_set: bool, name: &str) -> fmt::Result {
        if is_set {
            self.line(format_args!("a={name}"))
        } else {
            Ok(())
        }
    }

    /// An attribute for each value.
    fn all<T: Display>(&mut self, name: &str, values: impl IntoIterator<Item = T>) -> fmt::Result {
        values
            .into_iter()
            .try_for_each(|value| self.line(format_args!("a={name}:{value}")))
    }

    fn bandwidths(&mut self, bandwidths: &[Bandwidth<'_>]) -> fmt::Result {
        bandwidths
            .iter()
            .try_for_each(|it| self.line(format_args!("b={}:{}", it.kind, it.value)))
    }

    fn codec(&mut self, codec: &Codec<'_>) -> fmt::Result {
        let payload_type = codec.payload_type;
        if let Some(rtpmap) = &codec.rtpmap {
            let channels = Prefixed('/', rtpmap.channels.as_ref());
            self.line(format_args!(
                "a=rtpmap:{payload_type} {}/{}{channels}",
                rtpmap.name, rtpmap.clock_rate
            ))?;
        }
        for feedback in &codec.feedback {
            self.line(format_args!("a=rtcp-fb:{payload_type} {feedback}"))?;
        }
        match &codec.parameters {
            Some(parameters) => self.line(format_args!("a=fmtp:{payload_type} {parameters}")),
            None => Ok(()),
        }
    }

    fn attributes(&mut self, attributes: &Attributes<'_>) -> fmt::Result {
        attributes.iter().try_for_each(|(name, value)| match value {
            Some(value) => self.line(format_args!("a={name}:{value}")),
            None => self.line(format_args!("a={name}")),
        })
    }
}

impl Write for Lines<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.split(['\r', '\n'])
            .try_for_each(|part| self.0.write_str(part))
    }
}

/// Each word after a space.
struct Words<'w>(&'w [Text<'w>]);

impl Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, " {word}"))
    }
}

/// A value after a character, where there is one.
struct Prefixed<'v, T>(char, Option<&'v T>);

impl<T: Display> Display for Prefixed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(value) => write!(f, "{}{value}", self.0),
            None => Ok(()),
        }
    }
}

impl Display for Group<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.semantics, Words(&self.members))
    }
}

impl Display for Msid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.stream, Prefixed(' ', self.track.as_ref()))
    }
}

impl Display for Extmap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = Prefixed('/', self.direction.as_ref());
        let parameters = Prefixed(' ', self.parameters.as_ref());
        write!(f, "{}{direction} {}{parameters}", self.id, self.uri)
    }
}

impl Display for Ssrc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = Prefixed(':', self.value.as_ref());
        write!(f, "{} {}{value}", self.id, self.attribute)
    }
}

impl Display for SsrcGroup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.semantics)?;
        self.ids.iter().try_for_each(|id| write!(f, " {id}"))
    }
}

impl Display for Rid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restrictions = Prefixed(' ', self.restrictions.as_ref());
        write!(f, "{} {}{restrictions}", self.id, self.direction)
    }
}
