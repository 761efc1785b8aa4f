//! The attributes of an m-line.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use ieum_candidate::CandidateLine;

use super::values::{keep, malformed, some, split_word, text, value, whole};
use super::{Reader, Section, ice_options};
use crate::grammar::number;
use crate::webrtc::{
    DescriptionError, Direction, Extmap, Media, MediaCandidate, Msid, Rid, RtpMap, Simulcast, Ssrc,
    SsrcGroup, StreamDirection,
};
use crate::{Attribute, Position};

impl<'a> Reader<'a, '_> {
    /// The most frequent ones come first.
    pub(super) fn media_attribute(
        &mut self,
        attribute: &Attribute<'a>,
    ) -> Result<(), DescriptionError> {
        let Some(media) = self.description.media.last_mut() else {
            return Ok(());
        };
        match attribute.name() {
            "rtcp-fb" => feedback(media, &mut self.section, attribute)?,
            "rtpmap" => rtpmap(media, &mut self.section, attribute)?,
            "fmtp" => fmtp(media, &mut self.section, attribute)?,
            "extmap" => media.extmaps.push(extmap(attribute)?),
            "ssrc" => media.ssrcs.push(ssrc(attribute)?),
            "candidate" => {
                if let Some(candidate) = candidate(media, attribute)? {
                    self.room =
                        self.room
                            .checked_sub(1)
                            .ok_or(DescriptionError::TooManyCandidates {
                                limit: self.limits.candidates,
                            })?;
                    if media.candidates.is_empty() {
                        // What a browser with two addresses offers.
                        media.candidates.reserve_exact(4);
                    }
                    media.candidates.push(MediaCandidate::Line(candidate));
                }
            }
            "ssrc-group" => media.ssrc_groups.push(ssrc_group(attribute)?),
            "mid" => media.mid = Some(text(attribute, "mid", "a token")?),
            "msid" => media.msids.push(msid(attribute)?),
            "rid" => media.rids.push(rid(attribute)?),
            "simulcast" => simulcast(media, attribute)?,
            "imageattr" => {
                let value = text(attribute, "imageattr", "what images are sent and received")?;
                media.image_attributes.push(value);
            }
            "rtcp-mux" => media.rtcp_mux = true,
            "rtcp-mux-only" => media.rtcp_mux_only = true,
            "rtcp-rsize" => media.rtcp_rsize = true,
            "bundle-only" => media.bundle_only = true,
            "extmap-allow-mixed" => media.extmap_allow_mixed = true,
            "ice-options" => ice_options(&mut self.description.ice_options, attribute)?,
            "tls-id" => media.tls_id = Some(text(attribute, "tls-id", "an identifier")?),
            "sctp-port" => {
                media.sctp_port = Some(whole(attribute, "sctp-port", "a port (0 to 65535)")?);
            }
            "max-message-size" => {
                let expected = "a number below 2^64";
                media.max_message_size = Some(whole(attribute, "max-message-size", expected)?);
            }
            _ => {
                if !self.section.shared.take(attribute)? {
                    keep(&mut media.other, attribute);
                }
            }
        }
        Ok(())
    }
}

/// RFC 8866 §6.6: `<payload type> <name>/<clock rate>[/<channels>]`. Of two for one payload type, the first counts.
fn rtpmap<'a>(
    media: &mut Media<'a>,
    section: &mut Section<'a>,
    attribute: &Attribute<'a>,
) -> Result<(), DescriptionError> {
    let (format, encoding) = split_word(value(attribute));
    let rtpmap = || {
        let (name, rest) = encoding.split_once('/')?;
        let (clock_rate, channels) = match rest.split_once('/') {
            Some((clock_rate, channels)) => (clock_rate, Some(number(channels)?)),
            None => (rest, None),
        };
        (!name.is_empty()).then_some(RtpMap {
            name: Cow::Borrowed(name),
            clock_rate: number(clock_rate)?,
            channels,
        })
    };
    let codec = number(format).and_then(|it| section.codec(&mut media.codecs, it));
    match (codec, rtpmap()) {
        (Some(codec), Some(rtpmap)) if codec.rtpmap.is_none() => codec.rtpmap = Some(rtpmap),
        (Some(_), Some(_)) => keep(&mut media.other, attribute),
        _ => {
            let expected = "a payload type (0 to 127), a name, a slash and a clock rate";
            return Err(malformed(attribute, "rtpmap", expected));
        }
    }
    Ok(())
}

/// RFC 8866 §6.15. Of two for one payload type, the first counts; what is not of a payload type is kept.
fn fmtp<'a>(
    media: &mut Media<'a>,
    section: &mut Section<'a>,
    attribute: &Attribute<'a>,
) -> Result<(), DescriptionError> {
    let (format, parameters) = split_word(value(attribute));
    if format.is_empty() {
        return Err(malformed(attribute, "fmtp", "a format and parameters"));
    }
    // Some peers have nothing to say of a format, and say so.
    let says = Some(format).filter(|_| !parameters.is_empty());
    match says
        .and_then(number)
        .and_then(|it| section.codec(&mut media.codecs, it))
    {
        Some(codec) if codec.parameters.is_none() => {
            codec.parameters = Some(Cow::Borrowed(parameters));
        }
        _ => keep(&mut media.other, attribute),
    }
    Ok(())
}

/// RFC 4585 §4.2: `<payload type or *> <feedback>`.
fn feedback<'a>(
    media: &mut Media<'a>,
    section: &mut Section<'a>,
    attribute: &Attribute<'a>,
) -> Result<(), DescriptionError> {
    let (format, feedback) = split_word(value(attribute));
    let list = match format {
        "*" => Some(&mut media.feedback),
        _ => number(format)
            .and_then(|it| section.codec(&mut media.codecs, it))
            .map(|codec| &mut codec.feedback),
    };
    match list {
        Some(list) if !feedback.is_empty() => {
            if list.is_empty() {
                // What browsers say of a video codec.
                list.reserve_exact(5);
            }
            list.push(Cow::Borrowed(feedback));
            Ok(())
        }
        _ => {
            let expected = "a payload type (0 to 127) or *, and a kind of feedback";
            Err(malformed(attribute, "rtcp-fb", expected))
        }
    }
}

/// RFC 8285 §8: `<number>[/<direction>] <URI> [<parameters>]`.
fn extmap<'a>(attribute: &Attribute<'a>) -> Result<Extmap<'a>, DescriptionError> {
    let (word, rest) = split_word(value(attribute));
    let (uri, parameters) = split_word(rest);
    let read = || {
        let (id, direction) = match word.split_once('/') {
            Some((id, direction)) => (id, Some(Direction::from_name(direction)?)),
            None => (word, None),
        };
        (!uri.is_empty()).then_some(Extmap {
            id: number(id)?,
            direction,
            uri: Cow::Borrowed(uri),
            parameters: some(parameters),
        })
    };
    let expected = "a number (0 to 65535), a direction or none, and a URI";
    read().ok_or(malformed(attribute, "extmap", expected))
}

/// RFC 5576 §4.1: `<source> <attribute>[:<value>]`.
fn ssrc<'a>(attribute: &Attribute<'a>) -> Result<Ssrc<'a>, DescriptionError> {
    let (id, rest) = split_word(value(attribute));
    match number(id).filter(|_| !rest.is_empty()) {
        Some(id) => {
            let (name, value) = match rest.split_once(':') {
                Some((name, value)) => (name, Some(Cow::Borrowed(value))),
                None => (rest, None),
            };
            Ok(Ssrc {
                id,
                attribute: Cow::Borrowed(name),
                value,
            })
        }
        None => {
            let expected = "a source (0 to 4294967295) and an attribute";
            Err(malformed(attribute, "ssrc", expected))
        }
    }
}

/// RFC 5576 §4.2: `<semantics> <source>...`.
fn ssrc_group<'a>(attribute: &Attribute<'a>) -> Result<SsrcGroup<'a>, DescriptionError> {
    let (semantics, rest) = split_word(value(attribute));
    let ids: Option<Vec<u32>> = rest.split_ascii_whitespace().map(number).collect();
    match ids {
        Some(ids) if !semantics.is_empty() => Ok(SsrcGroup {
            semantics: Cow::Borrowed(semantics),
            ids,
        }),
        _ => {
            let expected = "semantics and sources (0 to 4294967295)";
            Err(malformed(attribute, "ssrc-group", expected))
        }
    }
}

/// RFC 8830 §2: `<stream> [<track>]`.
fn msid<'a>(attribute: &Attribute<'a>) -> Result<Msid<'a>, DescriptionError> {
    let (stream, track) = split_word(value(attribute));
    if stream.is_empty() {
        return Err(malformed(attribute, "msid", "a stream"));
    }
    Ok(Msid {
        stream: Cow::Borrowed(stream),
        track: some(track),
    })
}

/// RFC 8851 §10: `<name> send|recv [<restrictions>]`.
fn rid<'a>(attribute: &Attribute<'a>) -> Result<Rid<'a>, DescriptionError> {
    let (id, rest) = split_word(value(attribute));
    let (direction, restrictions) = split_word(rest);
    match StreamDirection::from_word(direction) {
        Some(direction) if !id.is_empty() => Ok(Rid {
            id: Cow::Borrowed(id),
            direction,
            restrictions: some(restrictions),
        }),
        _ => Err(malformed(attribute, "rid", "a name, and send or recv")),
    }
}

/// RFC 8853 §5.1: at most one for an m-line, so that others are kept; and so is what follows an older draft's syntax.
fn simulcast<'a>(media: &mut Media<'a>, attribute: &Attribute<'a>) -> Result<(), DescriptionError> {
    let value = value(attribute);
    if media.simulcast.is_some() || value.contains("rid=") || value.contains("pt=") {
        keep(&mut media.other, attribute);
        return Ok(());
    }
    let expected = "send and recv, each with a list of streams";
    let simulcast = Simulcast::read(value).ok_or(malformed(attribute, "simulcast", expected))?;
    media.simulcast = Some(simulcast);
    Ok(())
}

/// `None` for a candidate that is kept, and not used.
fn candidate<'a>(
    media: &mut Media<'a>,
    attribute: &Attribute<'a>,
) -> Result<Option<CandidateLine<'a>>, DescriptionError> {
    let text = attribute.value().unwrap_or_default();
    let body = text.trim_ascii_start();
    match CandidateLine::parse(body) {
        Ok(line) => Ok(Some(line)),
        // RFC 8839 §5.1: a candidate of an unknown transport or type is ignored.
        Err(error) if error.is_unsupported() => {
            keep(&mut media.other, attribute);
            Ok(None)
        }
        Err(error) => {
            let Position { line, column } = attribute.position();
            let column = column + text.len() - body.len() + error.offset;
            Err(DescriptionError::Malformed {
                name: "candidate",
                position: Position { line, column },
                expected: error.expected.as_str(),
            })
        }
    }
}
