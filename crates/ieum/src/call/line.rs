//! What the endpoint's task keeps of a call, and how a call begins.

use std::sync::Arc;
use std::time::Instant;

use ieum_internals::Recorder;
use ieum_peer::{Configuration, Observer, Occurrence, PeerConnection};
use ieum_signaling::Signal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{self, JoinSet};

use super::handle::{Call, Ended, Progress};
use super::held::Held;
use super::identity::Identity;
use super::session::{Session, Setting};
use super::voice::Voice;

/// The endpoint's end of the line to one call.
#[derive(Debug)]
pub(super) struct Line {
    /// The task that negotiates it.
    pub(super) task: task::Id,
    /// Of the last description that the peer sent.
    pub(super) identity: Option<Identity>,
    inbox: mpsc::Sender<Input>,
    stop: oneshot::Sender<Ended>,
    progress: watch::Receiver<Progress>,
}

/// What the endpoint's task hands to a call.
#[derive(Debug)]
pub(super) enum Input {
    /// The peer says something.
    Signal(Signal),
    /// The peer has left signaling, or hung up before the connection was there.
    PeerLeft,
    /// The peer is in signaling: an offer that did not reach it may be sent again.
    PeerCame,
    /// What was sent did not reach the peer: the server's own text.
    Undelivered(String),
}

impl Line {
    /// Hands `input` over. A call that does not keep up misses it: waiting here would hold up every other call.
    pub(super) fn tell(&self, input: Input) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.inbox.try_send(input) {
            tracing::warn!("a call does not keep up with its peer's messages; one is dropped");
        }
    }

    /// Ends the call for `reason`, gracefully.
    pub(super) fn stop(self, reason: Ended) {
        // An error says that it has ended already.
        let _ = self.stop.send(reason);
    }

    /// Returns when the call has nothing more to say to signaling. Its connection may still be closing.
    pub(super) fn last_word(&self) -> impl Future<Output = ()> + use<> {
        let inbox = self.inbox.clone();
        async move { inbox.closed().await }
    }

    /// Whether it has been connected.
    pub(super) fn connected(&self) -> bool {
        self.progress.borrow().connected
    }

    /// Whether it has ended; its task may still be closing the connection.
    pub(super) fn ended(&self) -> bool {
        self.progress.borrow().ended.is_some()
    }
}

/// Begins a call: makes its connection and runs its session as one of `sessions`. Gives the application's handle and
/// the endpoint's end of the line.
///
/// # Errors
/// No connection can be made.
pub(super) fn begin(
    setting: Setting,
    mut configuration: Configuration,
    held: Held,
    voice: Voice,
    sessions: &mut JoinSet<()>,
) -> Result<(Call, Line), ieum_peer::Error> {
    let (recorder, recording) = Recorder::new(Instant::now());
    configuration.observer = Some(match configuration.observer.take() {
        Some(other) => Box::new(Both(recorder, other)),
        None => Box::new(recorder),
    });
    let (connection, events) = PeerConnection::new(configuration)?;
    let connection = Arc::new(connection);

    let (inbox, read_inbox) = mpsc::channel(INBOX);
    let (give_channel, channels) = mpsc::channel(CHANNELS);
    let (tell_progress, progress) = watch::channel(Progress::default());
    let (stop, stopped) = oneshot::channel();
    let (hang_up, hung_up) = oneshot::channel();
    let peer = setting.peer.clone();
    let session = Session {
        setting,
        connection: connection.clone(),
        events,
        recording: recording.clone(),
        inbox: read_inbox,
        voice,
        channels: give_channel,
        progress: tell_progress,
        held,
        ignoring_offer: false,
        unsent: None,
        sent: String::new(),
    };
    let task = sessions.spawn(session.run(stopped, hung_up)).id();
    let line = Line {
        task,
        identity: None,
        inbox,
        stop,
        progress: progress.clone(),
    };
    Ok((
        Call {
            peer,
            connection,
            recording,
            channels,
            progress,
            hang_up,
        },
        line,
    ))
}

/// The call's own recorder, and the observer of the application.
struct Both(Recorder, Box<dyn Observer>);

impl Observer for Both {
    fn observe(&mut self, now: Instant, event: &Occurrence) {
        self.0.observe(now, event);
        self.1.observe(now, event);
    }
}

/// Messages of the peer that wait for the call's task: several descriptions and all of a peer's candidates.
const INBOX: usize = 256;

/// Data channels that wait for the application.
const CHANNELS: usize = 64;
