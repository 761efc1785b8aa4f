//! The writing side and the reading side of a recording.

use std::fmt;
use std::time::Instant;

use ieum_peer::{IceConnectionState, IceGatheringState, Observer, Occurrence, SdpType};
use tokio::sync::watch;

use crate::{Machine, Pair, Side, Source, Step, Timeline};

/// Writes down what happens in one connection: give it to the connection as its observer.
///
/// It costs a lock that readers hold only while they copy, and bounded memory.
pub struct Recorder {
    timeline: watch::Sender<Timeline>,
}

/// Reads what a [`Recorder`] writes, while it is written and after. Clones read the same recording.
#[derive(Clone)]
pub struct Recording {
    timeline: watch::Sender<Timeline>,
}

/// Waits for changes of one [`Recording`].
#[derive(Debug)]
pub struct Changes {
    timeline: watch::Receiver<Timeline>,
}

impl Recorder {
    /// A recording whose times count from `now`, and its reading side.
    #[must_use]
    pub fn new(now: Instant) -> (Self, Recording) {
        let (timeline, _) = watch::channel(Timeline::new(now));
        let recording = Recording {
            timeline: timeline.clone(),
        };
        (Self { timeline }, recording)
    }
}

impl Observer for Recorder {
    fn observe(&mut self, now: Instant, event: &Occurrence) {
        self.timeline
            .send_modify(|timeline| record(timeline, now, event));
    }
}

/// A connection that is gone without a word has ended too.
impl Drop for Recorder {
    fn drop(&mut self) {
        self.timeline
            .send_modify(|timeline| timeline.end(Instant::now()));
    }
}

impl Recording {
    /// A copy of everything that is known so far.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        self.timeline.borrow().clone()
    }

    /// Reads the timeline without copying it. The recorder waits meanwhile, so `look` must be short and must not
    /// wait.
    pub fn with<T>(&self, look: impl FnOnce(&Timeline) -> T) -> T {
        look(&self.timeline.borrow())
    }

    /// Something to wait for changes with.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes {
            timeline: self.timeline.subscribe(),
        }
    }

    /// Adds what the program around the connection knows: of signaling, of a TURN server.
    pub fn note(&self, now: Instant, source: Source, text: &str) {
        self.timeline
            .send_modify(|timeline| timeline.note(now, source, text));
    }

    /// Adds a failure that the connection itself cannot know of: the peer left, its description was unusable.
    pub fn failure(&self, now: Instant, text: &str) {
        self.timeline
            .send_modify(|timeline| timeline.failure(now, text));
    }
}

impl Changes {
    /// Waits until the recording has changed since the last call, or since these changes were asked for. It waits
    /// for ever once the recording has [ended](Timeline::ended) and that has been seen. Cancel safe.
    pub async fn next(&mut self) {
        if self.timeline.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").finish_non_exhaustive()
    }
}

fn record(timeline: &mut Timeline, now: Instant, event: &Occurrence) {
    match event {
        Occurrence::LocalCandidate(candidate) => timeline.candidate(now, Side::Local, candidate),
        Occurrence::RemoteCandidate(candidate) => timeline.candidate(now, Side::Remote, candidate),
        Occurrence::EndOfRemoteCandidates => timeline.remote_gathered(),
        Occurrence::LocalCandidateRedundant { kind, .. } => {
            timeline.redundant_candidate(now, *kind)
        }
        Occurrence::CandidateError {
            url, code, reason, ..
        } => {
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            timeline.failure(now, &format!("{url}{code}: {reason}"));
        }
        Occurrence::GatheringState(state) => {
            timeline.state(now, Machine::Gathering, state.as_str());
            if *state == IceGatheringState::Complete {
                timeline.gathered(now);
            }
        }
        Occurrence::LocalDescription { kind } => described(timeline, now, *kind, "made here"),
        Occurrence::RemoteDescription { kind } => described(timeline, now, *kind, "received"),
        Occurrence::SignalingState(state) => {
            timeline.state(now, Machine::Signaling, state.as_str())
        }
        Occurrence::IceState(state) => {
            timeline.state(now, Machine::Ice, state.as_str());
            if *state == IceConnectionState::Failed {
                timeline.ice_failed(now);
            }
        }
        Occurrence::PairSelected { local, remote } => {
            timeline.pair(
                now,
                Pair {
                    local: local.clone(),
                    remote: remote.clone(),
                },
            );
        }
        Occurrence::DtlsConnected { version } => timeline.dtls(&format!("DTLS {version}")),
        Occurrence::DtlsFailed { reason } => {
            timeline.failure(now, &format!("DTLS failed: {reason}"))
        }
        Occurrence::ChannelOpen { label, .. } => timeline.channel_open(now, label),
        Occurrence::ChannelClosed { label, .. } => timeline.channel_closed(now, label),
        Occurrence::ConnectionState(state) => {
            timeline.state(now, Machine::Connection, state.as_str())
        }
        Occurrence::Closed => timeline.end(now),
        // SCTP alone makes no step; later kinds of occurrence are not known here yet.
        _ => {}
    }
}

fn described(timeline: &mut Timeline, now: Instant, kind: SdpType, how: &str) {
    let step = match kind {
        SdpType::Offer => Step::Offer,
        SdpType::Answer => Step::Answer,
        SdpType::Pranswer | SdpType::Rollback => return,
    };
    timeline.finish(now, step, how.to_owned());
}

#[cfg(test)]
mod tests;
