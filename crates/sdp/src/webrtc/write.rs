//! From a description to text, in one canonical order.

use alloc::string::String;
use core::fmt::{self, Write};

use super::{Description, Direction, Media, MediaKind, Origin};

impl fmt::Display for Description {
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
        lines.line(format_args!("t=0 0"))?;
        if !self.bundle.is_empty() {
            lines.line(format_args!("a=group:BUNDLE{}", Words(&self.bundle)))?;
        }
        lines.flag(self.extmap_allow_mixed, "extmap-allow-mixed")?;
        lines.flag(self.ice_lite, "ice-lite")?;
        if let Some((first, rest)) = self.ice_options.split_first() {
            lines.line(format_args!("a=ice-options:{first}{}", Words(rest)))?;
        }
        lines.attributes(&self.other)?;
        self.media
            .iter()
            .try_for_each(|media| write_media(&mut lines, media))
    }
}

fn write_media(lines: &mut Lines<'_, '_>, media: &Media) -> fmt::Result {
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
    lines.optional("mid", media.mid.as_ref())?;
    lines.flag(media.bundle_only, "bundle-only")?;
    // A data channel has no direction: RFC 8841 §9 says to ignore one. It is written where it says something.
    let says_nothing =
        media.kind == MediaKind::Application && media.direction == Direction::SendRecv;
    lines.flag(!says_nothing, media.direction.as_str())?;
    if let Some(ice) = &media.ice {
        lines.line(format_args!("a=ice-ufrag:{}", ice.ufrag))?;
        lines.line(format_args!("a=ice-pwd:{}", ice.pwd))?;
    }
    for fingerprint in &media.fingerprints {
        lines.line(format_args!("a=fingerprint:{fingerprint}"))?;
    }
    lines.optional("setup", media.setup.as_ref())?;
    lines.flag(media.rtcp_mux, "rtcp-mux")?;
    lines.attributes(&media.other)?;
    lines.optional("sctp-port", media.sctp_port.as_ref())?;
    lines.optional("max-message-size", media.max_message_size.as_ref())?;
    for candidate in &media.candidates {
        lines.line(format_args!("a={candidate}"))?;
    }
    lines.flag(media.end_of_candidates, "end-of-candidates")
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

    fn optional(&mut self, name: &str, value: Option<&impl fmt::Display>) -> fmt::Result {
        value.map_or(Ok(()), |value| self.line(format_args!("a={name}:{value}")))
    }

    fn attributes(&mut self, attributes: &[(String, Option<String>)]) -> fmt::Result {
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
struct Words<'a>(&'a [String]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, " {word}"))
    }
}
