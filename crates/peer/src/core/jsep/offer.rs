//! What an offer says: RFC 9429 §5.2.

use ieum_sdp::webrtc::{Codec, Description, Extmap, Media, Msid, Setup};

use super::capabilities::{codecs, extensions, numbered};
use super::simulcast::say_encodings;
use super::transceiver::{Transceiver, TransceiverId, sends};
use super::{Local, Negotiator, is_data};

/// What becomes of a section that was there before.
enum Slot<'t> {
    Data,
    Media(&'t Transceiver),
    /// Rejected now: its transceiver is being stopped.
    Stop,
    /// Rejected already: the next that is new takes it (RFC 9429 §5.2.2).
    Free,
}

/// What a new section is for.
#[derive(Clone, Copy)]
enum New<'t> {
    Data,
    Media(&'t Transceiver),
}

/// An offer, and which transceiver each of its sections is for.
pub(super) type Planned = (Description<'static>, Vec<Option<TransceiverId>>);

/// The codecs and extensions whose numbers are in use.
type Numbers = (Vec<Codec<'static>>, Vec<Extmap<'static>>);

impl Negotiator {
    pub(super) fn offer(&self, local: &Local<'_>) -> Planned {
        let slots = self.slots();
        let known = self.in_use();
        let mut fresh = self.fresh(&slots).into_iter();
        let mut mids = self.fresh_mids();
        let mut planned = (self.begin(local), Vec::new());
        for (line, slot) in slots.iter().enumerate() {
            let last = &self.last_media()[line];
            match slot {
                Slot::Media(it) => planned.push(self.again(it, last, &known), Some(it.id)),
                Slot::Data => planned.push(local.like(last), None),
                Slot::Stop => planned.push(last.rejected(), None),
                Slot::Free => match fresh.next() {
                    // A section is taken over under a new mid.
                    Some(new) => {
                        let (media, id) = self.new_section(new, mids.next(), local, &known);
                        planned.push(media, id);
                    }
                    None => planned.push(last.rejected(), None),
                },
            }
        }
        for new in fresh {
            let (media, id) = self.new_section(new, mids.next(), local, &known);
            planned.push(media, id);
        }
        self.finish_offer(&mut planned.0, local);
        planned
    }

    /// The sections that there are: of the offer under way, or else of the last negotiation.
    fn last_media(&self) -> &[Media<'static>] {
        self.local().map_or(&[], |last| &last.description.media)
    }

    fn slots(&self) -> Vec<Slot<'_>> {
        let is_pending = self.local.pending.is_some();
        let slot = |(line, media): (usize, &Media<'static>)| {
            let was_rejected = self.was_rejected(line);
            let rejected = media.is_rejected() || !is_pending && was_rejected;
            let transceiver = self.live_at(line).filter(|_| !rejected);
            match transceiver {
                Some(transceiver) => Slot::Media(transceiver),
                None if is_data(media) && !rejected => Slot::Data,
                None if was_rejected => Slot::Free,
                None => Slot::Stop,
            }
        };
        self.last_media().iter().enumerate().map(slot).collect()
    }

    /// Whether the last negotiation left the section rejected, by whichever side.
    fn was_rejected(&self, line: usize) -> bool {
        [&self.local, &self.remote].into_iter().any(|side| {
            let current = side.current.as_ref();
            let media = current.and_then(|it| it.description.media.get(line));
            media.is_some_and(Media::is_rejected)
        })
    }

    fn live_at(&self, line: usize) -> Option<&Transceiver> {
        let mut live = self.transceivers.iter().filter(|it| it.is_live());
        live.find(|it| it.line == Some(line))
    }

    /// What has no section yet, in the order in which it was added; data last, as browsers have it.
    fn fresh(&self, slots: &[Slot<'_>]) -> Vec<New<'_>> {
        let new = self.transceivers.iter().filter(|it| it.is_new());
        let mut fresh: Vec<_> = new.map(New::Media).collect();
        if self.wants_data && !slots.iter().any(|slot| matches!(slot, Slot::Data)) {
            fresh.push(New::Data);
        }
        fresh
    }

    fn new_section(
        &self,
        new: New<'_>,
        mid: Option<String>,
        local: &Local<'_>,
        known: &Numbers,
    ) -> (Media<'static>, Option<TransceiverId>) {
        let mid = mid.unwrap_or_default();
        match new {
            New::Data => {
                let size = local.max_message_size.into();
                (Media::data_channel(mid, size), None)
            }
            New::Media(transceiver) => {
                let mut media = self.section(transceiver, known);
                media.mid = Some(mid.into());
                (media, Some(transceiver.id))
            }
        }
    }

    /// A section that stays: the same mid, and all that we can do once more.
    fn again(
        &self,
        transceiver: &Transceiver,
        last: &Media<'static>,
        known: &Numbers,
    ) -> Media<'static> {
        let mut media = self.section(transceiver, known);
        media.mid.clone_from(&last.mid);
        media.protocol.clone_from(&last.protocol);
        media
    }

    /// RFC 9429 §5.2.1, for a transceiver: what it prefers of what we can do, in the numbers that are in use.
    fn section(&self, transceiver: &Transceiver, known: &Numbers) -> Media<'static> {
        let kind = transceiver.kind;
        let mut media = Media::new(kind.media(), RTP);
        let (known_codecs, known_extensions) = known;
        let ours = &self.capabilities.of(kind);
        let both = [&self.capabilities.audio, &self.capabilities.video];
        let all: Vec<_> = both.iter().flat_map(|it| &it.codecs).collect();
        let wanted = transceiver.preferences.as_ref().unwrap_or(&ours.codecs);
        for codec in numbered(wanted, known_codecs, &all) {
            media.push_codec(codec);
        }
        let all: Vec<_> = both.iter().flat_map(|it| &it.header_extensions).collect();
        media.extmaps = extensions(&ours.header_extensions, known_extensions, &all);
        media.direction = transceiver.direction;
        media.rtcp_mux = true;
        media.rtcp_rsize = true;
        say_streams(&mut media, transceiver);
        say_encodings(&mut media, &transceiver.send_encodings);
        media
    }

    /// The numbers that the last negotiation gave to codecs and extensions.
    fn in_use(&self) -> Numbers {
        let latest = [self.local.latest(), self.remote.latest()];
        let media = latest.into_iter().flatten();
        let live = media
            .flat_map(|it| &it.description.media)
            .filter(|media| !media.is_rejected());
        let (mut known, mut extmaps) =
            (Vec::<Codec<'static>>::new(), Vec::<Extmap<'static>>::new());
        for media in live {
            for codec in codecs(media) {
                if known.iter().all(|it| it.payload_type != codec.payload_type) {
                    known.push(codec);
                }
            }
            // Beyond them is nothing that we would give (RFC 8285 §4.3).
            for extmap in media.extmaps.iter().filter(|it| it.id <= 255) {
                if extmaps.iter().all(|it| it.id != extmap.id) {
                    extmaps.push(extmap.clone());
                }
            }
        }
        (known, extmaps)
    }

    /// What holds for the whole offer. All live sections are bundled, and none is bundle-only: peers that do not know that
    /// word take its port 0 for a rejection.
    fn finish_offer(&self, offer: &mut Description<'static>, local: &Local<'_>) {
        let mut first = true;
        for media in offer.media.iter_mut().filter(|media| !media.is_rejected()) {
            // RFC 8842 §5.2.
            local.say(media, Setup::ActPass);
            if !std::mem::take(&mut first) {
                // They go over the first one's transport (RFC 9143 §7.2).
                media.candidates.clear();
                media.end_of_candidates = false;
            }
            offer.bundle.extend(media.mid.clone());
        }
        let is_rtp = |media: &Media<'_>| !media.is_rejected() && !is_data(media);
        // RFC 9429 §5.2.1.
        offer.extmap_allow_mixed = offer.media.iter().any(is_rtp);
    }

    /// Mids that no section has, as browsers number them: short (RFC 9429 §5.2.1), and never one twice.
    pub(super) fn fresh_mids(&self) -> impl Iterator<Item = String> {
        let latest = [
            &self.local.current,
            &self.local.pending,
            &self.remote.current,
            &self.remote.pending,
        ];
        let media = latest.into_iter().flatten();
        let taken: Vec<String> = media
            .flat_map(|it| &it.description.media)
            .filter_map(|media| media.mid.as_deref().map(str::to_owned))
            .collect();
        let numbers = self.next_mid..;
        numbers
            .map(|number| number.to_string())
            .filter(move |mid| !taken.contains(mid))
    }
}

trait Push {
    fn push(&mut self, media: Media<'static>, transceiver: Option<TransceiverId>);
}

impl Push for Planned {
    fn push(&mut self, media: Media<'static>, transceiver: Option<TransceiverId>) {
        self.0.media.push(media);
        self.1.push(transceiver);
    }
}

/// RFC 9429 §5.2.1: a line for each stream, where it wants to send; `-` for a track in none. The track is not named any more.
/// An answer says so, too, where the peer does not want to receive: two that both only send would else each find that the
/// other's answer lacks it, and never stop to offer (WebRTC 1.0 §4.7.3, step 5.3.1).
pub(super) fn say_streams(media: &mut Media<'static>, transceiver: &Transceiver) {
    if !sends(transceiver.direction) {
        return;
    }
    media.msids = streams(transceiver)
        .map(|stream| Msid {
            stream: stream.to_owned().into(),
            track: None,
        })
        .collect();
}

/// The streams as msid lines name them.
pub(super) fn streams(transceiver: &Transceiver) -> impl Iterator<Item = &str> {
    let none = transceiver.streams.is_empty().then_some("-");
    let streams = transceiver.streams.iter().map(String::as_str);
    streams.chain(none)
}

/// RFC 8834 §4.1: what all WebRTC endpoints say.
const RTP: &str = "UDP/TLS/RTP/SAVPF";
