//! What a description of the peer must be besides well-formed: RFC 9429 §5.8, RFC 3264 §6 and §8, RFC 9143 §7.3.

use std::collections::HashSet;

use ieum_sdp::webrtc::{Description, Media};

use super::{Applied, Negotiator, RemoteTransport, SdpType, TrackKind, is_data};
use crate::core::RemoteError;

impl Negotiator {
    /// Checks a description, and reads what it says of the transport; `None`: there is no section that we can use.
    pub(in crate::core) fn read_remote(
        &self,
        applied: &Applied,
    ) -> Result<Option<RemoteTransport>, RemoteError> {
        let theirs = &applied.description;
        if theirs.media.len().max(theirs.bundle.len()) > MAX_SECTIONS {
            return Err(RemoteError::TooManySections(MAX_SECTIONS));
        }
        check_mids(theirs)?;
        if applied.kind == SdpType::Offer {
            self.check_sections(theirs)?;
        } else {
            let ours = self.local.pending.as_ref();
            check_answer(ours.map_or(&[], |ours| &ours.description.media), theirs)?;
        }
        let live = |media: &&Media<'_>| !media.is_rejected() && self.is_usable(media);
        // Data first: its section also says how large messages may be.
        let media = &theirs.media;
        let data = media.iter().position(|it| is_data(it) && !it.is_rejected());
        let index = data.or_else(|| media.iter().position(|it| live(&it)));
        index
            .map(|index| RemoteTransport::read(theirs, index))
            .transpose()
    }

    /// Whether an offer comes with other ICE credentials than those in force (RFC 8839 §4.4.1.1.1).
    pub(super) fn restarts(&self, kind: SdpType, new: &RemoteTransport) -> bool {
        let current = self.remote.current.as_ref();
        let mut sections = current.iter().flat_map(|it| &it.description.media);
        let old = sections.find_map(|media| media.ice.as_ref().filter(|_| !media.is_rejected()));
        let other = old.is_some_and(|old| {
            old.ufrag != new.credentials.ufrag || old.pwd != new.credentials.pwd
        });
        kind == SdpType::Offer && other
    }

    fn is_usable(&self, media: &Media<'_>) -> bool {
        let kind = TrackKind::of(&media.kind);
        kind.is_some_and(|kind| !self.capabilities.of(kind).codecs.is_empty())
    }

    /// RFC 3264 §8: sections are never removed, and stay what they are unless they were rejected (RFC 9429 §5.2.2).
    fn check_sections(&self, theirs: &Description<'_>) -> Result<(), RemoteError> {
        let Some(current) = &self.remote.current else {
            return Ok(());
        };
        let ours = self.local.current.as_ref();
        let stays = |(line, before): (usize, &Media<'_>)| {
            let Some(now) = theirs.media.get(line) else {
                return false;
            };
            let rejected = ours.and_then(|ours| ours.description.media.get(line));
            let was_rejected = before.is_rejected() || rejected.is_some_and(Media::is_rejected);
            was_rejected || before.kind == now.kind && (before.mid == now.mid || now.is_rejected())
        };
        let all = current.description.media.iter().enumerate().all(stays);
        all.then_some(()).ok_or(RemoteError::MediaMismatch)
    }
}

/// RFC 5888 §4: a mid names one section.
fn check_mids(theirs: &Description<'_>) -> Result<(), RemoteError> {
    let mut seen = HashSet::new();
    let mut mids = theirs.media.iter().filter_map(|media| media.mid.as_deref());
    if mids.all(|mid| seen.insert(mid)) {
        Ok(())
    } else {
        Err(RemoteError::DuplicateMid)
    }
}

fn check_answer(ours: &[Media<'_>], theirs: &Description<'_>) -> Result<(), RemoteError> {
    // RFC 3264 §6: section by section, and what was offered as rejected stays so.
    let answers = |(ours, theirs): (&Media<'_>, &Media<'_>)| {
        ours.kind == theirs.kind
            && (theirs.mid.is_none() || ours.mid == theirs.mid)
            && (!ours.is_rejected() || theirs.is_rejected())
    };
    if ours.len() != theirs.media.len() || !ours.iter().zip(&theirs.media).all(answers) {
        return Err(RemoteError::MediaMismatch);
    }
    let accepted: Vec<_> = theirs.media.iter().filter(|it| !it.is_rejected()).collect();
    let is_bundled = |media: &&Media<'_>| {
        let mid = media.mid.as_ref();
        mid.is_some_and(|mid| theirs.bundle.contains(mid))
    };
    if accepted.len() > 1 && !accepted.iter().all(is_bundled) {
        return Err(RemoteError::NotBundled);
    }
    Ok(())
}

/// What large conferences come to. Everything here takes at most the square of it.
const MAX_SECTIONS: usize = 1024;
