//! What descriptions do to transceivers: RFC 9429 §5.9 to §5.11 and §4.1.10.2; WebRTC 1.0 §4.4.1.5.

use ieum_sdp::webrtc::Media;

use super::transceiver::{Life, intersection, receives, sends};
use super::{
    Applied, Direction, Negotiator, Party, SdpType, SignalingState, TrackKind, Transceiver,
    TransceiverId, TransceiverInit, is_data,
};
use crate::core::Error;

/// Which section each transceiver had before the offer under way.
pub(super) type Before = Vec<(TransceiverId, Option<String>, Option<usize>)>;

impl Negotiator {
    /// Takes a description that was [checked](Self::check).
    pub(in crate::core) fn apply(&mut self, from: Party, applied: Applied) -> Result<(), Error> {
        let next = self.check(from, applied.kind)?;
        match (applied.kind, from) {
            (SdpType::Offer, Party::Local) => self.offered(&applied),
            (SdpType::Offer, Party::Remote) => self.was_offered(&applied),
            _ => self.settle(from, &applied),
        }
        self.state = next;
        let (side, other) = match from {
            Party::Local => (&mut self.local, &mut self.remote),
            Party::Remote => (&mut self.remote, &mut self.local),
        };
        if applied.kind == SdpType::Answer {
            let role = Self::agreed_role(from, &applied.description);
            self.role = self.role.or(role);
            side.current = Some(applied);
            side.pending = None;
            other.current = other.pending.take();
            self.finish();
        } else {
            side.pending = Some(applied);
        }
        Ok(())
    }

    /// Takes the pending offer back, whosever it is (RFC 9429 §4.1.10.2).
    pub(in crate::core) fn roll_back(&mut self) {
        self.state = SignalingState::Stable;
        (self.local.pending, self.remote.pending) = (None, None);
        (self.created_offer, self.created_answer) = (None, None);
        self.restore();
    }

    /// Puts the transceivers back into the sections that they had; those that the offer made go, unless a track was added to
    /// them since.
    fn restore(&mut self) {
        let Some(before) = self.before.take() else {
            return;
        };
        self.transceivers.retain_mut(|it| {
            let had = before.iter().find(|had| had.0 == it.id);
            (it.mid, it.line) = had.map_or((None, None), |had| (had.1.clone(), had.2));
            let made = had.is_none() && it.from_remote && !it.has_track;
            // What never had a section needs no negotiation to be stopped.
            let gone = it.life != Life::Live && it.line.is_none();
            it.from_remote = it.from_remote && had.is_some();
            !made && !gone
        });
    }

    fn save(&mut self) {
        let saved = self.transceivers.iter();
        let save = || saved.map(|it| (it.id, it.mid.clone(), it.line)).collect();
        if self.before.is_none() {
            self.before = Some(save());
        }
    }

    /// An offer of ours: what is new in it gets its mid.
    fn offered(&mut self, applied: &Applied) {
        self.save();
        for (line, (id, media)) in applied
            .plan
            .iter()
            .zip(&applied.description.media)
            .enumerate()
        {
            let mid = media.mid.as_deref().map(str::to_owned);
            if let Some(number) = mid.as_deref().and_then(|mid| mid.parse::<u32>().ok()) {
                self.next_mid = self.next_mid.max(number.saturating_add(1));
            }
            let known = self.transceivers.iter_mut().find(|it| Some(it.id) == *id);
            if let Some(transceiver) = known {
                (transceiver.mid, transceiver.line) = (mid, Some(line));
            }
        }
    }

    /// An offer of the peer: each of its audio and video sections gets a transceiver (RFC 9429 §5.10).
    fn was_offered(&mut self, applied: &Applied) {
        // One that replaces another begins where that began, and what answered that does not answer it.
        self.created_answer = None;
        self.restore();
        self.save();
        for (line, media) in applied.description.media.iter().enumerate() {
            let Some(kind) = TrackKind::of(&media.kind).filter(|_| !is_data(media)) else {
                continue;
            };
            let has_one = self.transceivers.iter().any(|it| it.line == Some(line));
            if has_one || media.is_rejected() || self.capabilities.of(kind).codecs.is_empty() {
                continue;
            }
            let id = match self.matching(kind, media) {
                Some(id) => id,
                None => self.made_for(kind),
            };
            let found = self.transceivers.iter_mut().find(|it| it.id == id);
            if let Some(transceiver) = found {
                transceiver.line = Some(line);
                transceiver.mid = media.mid.as_deref().map(str::to_owned);
            }
        }
    }

    /// RFC 9429 §5.10: one that `add_track` made and that has no section, where the peer would receive.
    fn matching(&self, kind: TrackKind, media: &Media<'_>) -> Option<TransceiverId> {
        let wants = receives(media.direction);
        let mut new = self.transceivers.iter().filter(|it| it.is_new() && wants);
        let found = new.find(|it| it.kind == kind && it.has_track)?;
        Some(found.id)
    }

    /// RFC 9429 §5.10: otherwise a new one, which only receives until the application says more.
    fn made_for(&mut self, kind: TrackKind) -> TransceiverId {
        let init = TransceiverInit {
            direction: Direction::RecvOnly,
            ..TransceiverInit::default()
        };
        let id = self.push(kind, init);
        if let Some(made) = self.transceivers.last_mut() {
            made.from_remote = true;
        }
        id
    }

    /// An answer: what was negotiated for each transceiver (WebRTC 1.0 §4.4.1.5).
    fn settle(&mut self, from: Party, answer: &Applied) {
        let offer = match from {
            Party::Local => &self.remote.pending,
            Party::Remote => &self.local.pending,
        };
        let offered = offer.iter().flat_map(|offer| &offer.description.media);
        for (line, (answered, offered)) in answer.description.media.iter().zip(offered).enumerate()
        {
            let Some(transceiver) = self
                .transceivers
                .iter_mut()
                .find(|it| it.line == Some(line))
            else {
                continue;
            };
            if !answered.is_rejected() {
                let direction = intersection(answered.direction, offered.direction.reversed());
                match from {
                    Party::Local => transceiver.negotiated(direction, offered),
                    Party::Remote => transceiver.negotiated(direction.reversed(), answered),
                }
            } else if answer.kind == SdpType::Answer {
                transceiver.life = Life::Stopped;
            }
        }
    }

    /// A negotiation is over: what it has stopped is gone.
    fn finish(&mut self) {
        self.before = None;
        (self.created_offer, self.created_answer) = (None, None);
        self.transceivers.retain(|it| it.life != Life::Stopped);
        for transceiver in &mut self.transceivers {
            transceiver.from_remote = false;
        }
    }
}

impl Transceiver {
    fn negotiated(&mut self, direction: Direction, theirs: &Media<'_>) {
        self.current_direction = Some(direction);
        self.has_sent |= sends(direction);
        if sends(direction) {
            self.narrow_encodings(theirs);
        }
    }
}
