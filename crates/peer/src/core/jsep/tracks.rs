//! What the application wants: transceivers and data (WebRTC 1.0 §5.1, §5.4).

use ieum_sdp::webrtc::{Codec, Direction};

use super::capabilities::is_same;
use super::simulcast::checked;
use super::transceiver::{Life, direction, receives, sends};
use super::{Negotiator, TrackKind, Transceiver, TransceiverId, TransceiverInit};
use crate::core::{Error, SignalingState, UsageError};

impl Negotiator {
    /// The transceivers, in the order in which they came: those that are being stopped, too, until that is negotiated.
    #[must_use]
    pub fn transceivers(&self) -> &[Transceiver] {
        &self.transceivers
    }

    /// A transceiver; `None` once it has been stopped or taken back.
    #[must_use]
    pub fn transceiver(&self, id: TransceiverId) -> Option<&Transceiver> {
        self.transceivers.iter().find(|it| it.id == id)
    }

    /// A new transceiver, for a section of its own (W3C addTransceiver).
    ///
    /// # Errors
    /// There is no codec for its kind, or it is closed; TypeError: a rid of its encodings is malformed, or there twice.
    pub fn add_transceiver(
        &mut self,
        kind: TrackKind,
        mut init: TransceiverInit,
    ) -> Result<TransceiverId, Error> {
        self.check_open()?;
        init.send_encodings = checked(kind, init.send_encodings)?;
        if self.capabilities.of(kind).codecs.is_empty() {
            return Err(UsageError::NoCodec.into());
        }
        Ok(self.push(kind, init))
    }

    /// Has a track sent, in streams of these ids: over a transceiver that has never sent, or over a new one (W3C addTrack).
    ///
    /// # Errors
    /// As [`add_transceiver`](Self::add_transceiver).
    pub fn add_track(
        &mut self,
        kind: TrackKind,
        streams: Vec<String>,
    ) -> Result<TransceiverId, Error> {
        self.check_open()?;
        let fits = |it: &&mut Transceiver| {
            it.kind == kind && it.is_live() && !it.has_track && !it.has_sent && !sends(it.direction)
        };
        if let Some(transceiver) = self.transceivers.iter_mut().find(fits) {
            transceiver.has_track = true;
            transceiver.streams = streams;
            transceiver.direction = direction(true, receives(transceiver.direction));
            return Ok(transceiver.id);
        }
        let init = TransceiverInit {
            direction: Direction::SendRecv,
            streams,
            ..TransceiverInit::default()
        };
        let id = self.add_transceiver(kind, init)?;
        self.known_mut(id)?.has_track = true;
        Ok(id)
    }

    /// Has a transceiver send no more (W3C removeTrack).
    ///
    /// # Errors
    /// InvalidStateError: it has been stopped.
    pub fn remove_track(&mut self, id: TransceiverId) -> Result<(), Error> {
        let transceiver = self.known_mut(id)?;
        transceiver.has_track = false;
        transceiver.direction = direction(false, receives(transceiver.direction));
        Ok(())
    }

    /// Wants another direction, which the next negotiation brings (W3C RTCRtpTransceiver.direction).
    ///
    /// # Errors
    /// InvalidStateError: it has been stopped.
    pub fn set_direction(&mut self, id: TransceiverId, direction: Direction) -> Result<(), Error> {
        self.known_mut(id)?.direction = direction;
        Ok(())
    }

    /// Offers and answers these codecs only, best first; none for all that there are (W3C setCodecPreferences). A codec is
    /// found by what it is, not by its payload type; `rtx` is kept with what it repairs.
    ///
    /// # Errors
    /// InvalidModificationError: one of them is not among the capabilities. InvalidStateError: it has been stopped.
    pub fn set_codec_preferences(
        &mut self,
        id: TransceiverId,
        codecs: &[Codec<'static>],
    ) -> Result<(), Error> {
        let kind = self.known_mut(id)?.kind;
        let ours = &self.capabilities.of(kind).codecs;
        let mut wanted = Vec::new();
        for codec in codecs {
            let found = ours.iter().find(|own| is_same(own, codec));
            wanted.push(found.ok_or(UsageError::UnknownCodec)?.clone());
        }
        self.known_mut(id)?.preferences = Some(wanted).filter(|wanted| !wanted.is_empty());
        Ok(())
    }

    /// Stops a transceiver for good: the next offer rejects its section (W3C stop). One without a section is gone at once.
    ///
    /// # Errors
    /// InvalidStateError: it has been stopped already.
    pub fn stop(&mut self, id: TransceiverId) -> Result<(), Error> {
        let transceiver = self.known_mut(id)?;
        transceiver.life = Life::Stopping;
        if transceiver.line.is_none() {
            self.transceivers.retain(|it| it.id != id);
        }
        Ok(())
    }

    /// Wants a data section, now that there is a data channel.
    pub fn want_data(&mut self) {
        self.wants_data = true;
    }

    /// Wants other ICE credentials, which the caller gives to the next offer (W3C restartIce).
    pub fn restart_ice(&mut self) {
        let both = [&self.local.current, &self.local.pending];
        let media = both
            .into_iter()
            .flatten()
            .flat_map(|it| &it.description.media);
        let ufrags = media.filter_map(|it| Some(it.ice.as_ref()?.ufrag.to_string()));
        self.replaces = ufrags.collect();
        self.replaces.dedup();
    }

    pub(super) fn push(&mut self, kind: TrackKind, init: TransceiverInit) -> TransceiverId {
        let id = TransceiverId(self.next_transceiver);
        self.next_transceiver += 1;
        self.transceivers.push(Transceiver::new(id, kind, init));
        id
    }

    /// One that has not been stopped.
    fn known_mut(&mut self, id: TransceiverId) -> Result<&mut Transceiver, Error> {
        let mut live = self.transceivers.iter_mut().filter(|it| it.is_live());
        let found = live.find(|it| it.id == id);
        Ok(found.ok_or(UsageError::TransceiverStopped)?)
    }

    fn check_open(&self) -> Result<(), Error> {
        match self.state {
            SignalingState::Closed => Err(UsageError::Closed.into()),
            _ => Ok(()),
        }
    }
}
