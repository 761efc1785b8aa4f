//! Sending one track in several encodings at once: in offers RFC 9429 §5.2.1, in answers, of which that says nothing,
//! RFC 8853 §5.3.2; WebRTC 1.0 §5.1 (sendEncodings).
//!
//! Receiving several is left out: what the peer offers so is answered as one layer. So is beginning to send several because
//! the peer's offer asks for them: which there are, the application says when it adds the transceiver.

use ieum_sdp::webrtc::{Alternative, Media, Rid, Simulcast, StreamDirection};

use super::transceiver::{TrackKind, Transceiver, sends};
use crate::core::UsageError;

/// The rids that an application may ask for (W3C addTransceiver): the surplus is left off, and one alone needs none.
pub(super) fn checked(kind: TrackKind, mut rids: Vec<String>) -> Result<Vec<String>, UsageError> {
    if !rids.iter().all(|rid| is_rid(rid)) {
        return Err(UsageError::InvalidRid);
    }
    let is_twice = |(at, rid): (usize, &String)| rids[..at].contains(rid);
    if rids.iter().enumerate().any(is_twice) {
        return Err(UsageError::DuplicateRid);
    }
    rids.truncate(match kind {
        TrackKind::Audio => 1,
        TrackKind::Video => MAX_ENCODINGS,
    });
    if rids.len() == 1 {
        rids.clear();
    }
    Ok(rids)
}

/// RFC 9429 §5.2.1: where it sends, a line for each rid, and where there are several, one for all.
pub(super) fn say_encodings(media: &mut Media<'static>, rids: &[String]) {
    if !sends(media.direction) {
        return;
    }
    let rid = |id: &String| Rid {
        id: id.clone().into(),
        direction: StreamDirection::Send,
        restrictions: None,
    };
    let alone = |id: &String| Alternative {
        rid: id.clone().into(),
        paused: false,
    };
    media.rids = rids.iter().map(rid).collect();
    media.simulcast = (rids.len() > 1).then(|| Simulcast {
        send: rids.iter().map(|id| vec![alone(id)]).collect(),
        recv: Vec::new(),
    });
}

/// Those of our rids that the peer wants to receive, in our order (RFC 8853 §5.3.2, §5.3.3). One that it wants paused is one.
pub(super) fn taken(rids: &[String], theirs: &Media<'_>) -> Vec<String> {
    let wanted = |rid: &&String| {
        let streams = theirs.simulcast.iter().flat_map(|it| &it.recv);
        streams.flatten().any(|it| it.rid == **rid)
    };
    rids.iter().filter(wanted).cloned().collect()
}

impl Transceiver {
    /// WebRTC 1.0 §4.4.1.5: encodings that the peer leaves out are gone; where it leaves all out, the first is sent.
    pub(super) fn narrow_encodings(&mut self, theirs: &Media<'_>) {
        let taken = taken(&self.send_encodings, theirs);
        if taken.is_empty() {
            self.send_encodings.truncate(1);
        } else {
            self.send_encodings = taken;
        }
    }
}

/// RFC 8851 §10, as RFC 8852 §3 narrows what is sent with the packets: letters and digits, at most 255.
fn is_rid(rid: &str) -> bool {
    (1..=255).contains(&rid.len()) && rid.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// More than browsers send (3), and few enough for one line.
const MAX_ENCODINGS: usize = 8;
