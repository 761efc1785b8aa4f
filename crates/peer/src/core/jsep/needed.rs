//! Whether another negotiation is needed: WebRTC 1.0 §4.7.3.

use ieum_sdp::webrtc::Media;

use super::answer::answered_direction;
use super::offer::streams;
use super::transceiver::{Transceiver, sends};
use super::{Applied, Negotiator, SdpType, is_data};

impl Negotiator {
    /// Whether what is wanted differs from what was negotiated ("check if negotiation is needed", WebRTC 1.0 §4.7.3). Ask in the
    /// state `stable`, after every change and after every negotiation; the event is for when it becomes true.
    #[must_use]
    pub fn negotiation_needed(&self) -> bool {
        let Some(current) = &self.local.current else {
            return self.wants_data || !self.transceivers.is_empty();
        };
        let media = &current.description.media;
        let has_data = media
            .iter()
            .any(|media| is_data(media) && !media.is_rejected());
        self.wants_data && !has_data
            || self.is_replaced(current)
            || self.transceivers.iter().any(|it| self.needs(it, current))
    }

    /// Whether an offer is to have other ICE credentials than those of the local description (WebRTC 1.0 §4.4.1.1, restartIce). `next`: the user name
    /// fragment that was drawn for it already.
    pub(in crate::core) fn restart_is_due(&self, next: Option<&str>) -> bool {
        match next {
            Some(next) => self.replaces.iter().any(|old| old == next),
            None => self.local().is_some_and(|local| self.is_replaced(local)),
        }
    }

    fn is_replaced(&self, local: &Applied) -> bool {
        self.replaces.iter().any(|old| local.says(old))
    }

    fn needs(&self, transceiver: &Transceiver, current: &Applied) -> bool {
        // Step 5.1 and 5.2: to be stopped, or without a section.
        let line = transceiver.line.filter(|_| transceiver.is_live());
        let Some(ours) = section(current, line) else {
            return true;
        };
        // Step 5.3.1: it sends, and not in these streams.
        if sends(transceiver.direction) {
            let said = ours.msids.iter().map(|it| it.stream.as_ref());
            if !said.eq(streams(transceiver)) {
                return true;
            }
        }
        let theirs = self.remote.current.as_ref();
        let theirs = theirs.and_then(|it| section(it, line));
        match (current.kind, theirs) {
            // Step 5.3.2: neither what we offered nor what they answered is what is wanted.
            (SdpType::Offer, theirs) => {
                let wanted = transceiver.direction;
                let answered = theirs.map(|it| it.direction.reversed());
                ours.direction != wanted && answered != Some(wanted)
            }
            // Step 5.3.3: we answered, and would answer otherwise now.
            (_, Some(offered)) => ours.direction != answered_direction(transceiver, offered),
            (_, None) => true,
        }
    }
}

fn section(applied: &Applied, line: Option<usize>) -> Option<&Media<'static>> {
    applied.description.media.get(line?)
}
