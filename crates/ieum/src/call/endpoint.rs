//! One registered peer id.

use ieum_signaling::client::{self, Channel};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::router::{Command, Router};
use super::{Call, Options};

/// A peer id, registered with a signaling server: it calls and is called.
///
/// Dropping it leaves signaling once its last call has ended, and accepts no more calls; [`close`](Self::close) ends
/// them all.
#[derive(Debug)]
pub struct Endpoint {
    id: String,
    commands: mpsc::Sender<Command>,
    arrivals: mpsc::Receiver<Call>,
    closed: watch::Receiver<Option<client::Closed>>,
    task: JoinHandle<()>,
}

/// Why an endpoint could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Signaling could not be reached, or refused the id or the token.
    #[error(transparent)]
    Signaling(#[from] client::ConnectError),
    /// The endpoint is not registered any more; [`Endpoint::closed`] says why.
    #[error("the endpoint has lost signaling")]
    Closed,
}

/// Why a call could not be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Nobody has registered under this id.
    #[error("no peer {peer:?} is registered with signaling")]
    NoSuchPeer {
        /// The id that was asked for.
        peer: String,
        /// Who is registered.
        others: Vec<String>,
    },
    /// A peer cannot call itself.
    #[error("{0:?} is this endpoint's own id")]
    Myself(String),
    /// There is a call with this peer already.
    #[error("there is a call with {0:?} already")]
    AlreadyInCall(String),
    /// There are as many calls as there may be.
    #[error("there are {0} calls already, as many as this endpoint may have")]
    TooManyCalls(usize),
    /// No connection could be made.
    #[error(transparent)]
    Connection(#[from] ieum_peer::Error),
    /// The endpoint is not registered: it has left, or [`Endpoint::closed`] says why.
    #[error("the endpoint has left signaling")]
    Closed,
}

impl Endpoint {
    /// Connects to signaling, registers the id, and begins to take calls. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// Signaling cannot be reached, or refuses the id or the token.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let channel = Channel::connect(options.signaling()).await?;

        let id = options.id.clone();
        let (commands, receive_commands) = mpsc::channel(COMMANDS);
        let (arrive, arrivals) = mpsc::channel(ARRIVALS);
        let (tell_closed, closed) = watch::channel(None);
        let router = Router::new(options, channel, receive_commands, arrive, tell_closed);
        let task = tokio::spawn(router.run());
        Ok(Self {
            id,
            commands,
            arrivals,
            closed,
            task,
        })
    }

    /// The id it is registered under.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Why signaling was lost; `None` while the endpoint is registered.
    #[must_use]
    pub fn closed(&self) -> Option<client::Closed> {
        self.closed.borrow().clone()
    }

    /// Calls a registered peer: opens a data channel to it and sends the offer. Returns as soon as the call exists; it
    /// is not connected yet ([`Call::connected`]).
    ///
    /// # Errors
    /// The peer is not registered, a call with it exists, there are too many, or no connection can be made.
    pub async fn call(&self, peer: &str) -> Result<Call, CallError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Call {
            peer: peer.to_owned(),
            reply,
        };
        self.commands
            .send(command)
            .await
            .map_err(|_| CallError::Closed)?;
        answer.await.map_err(|_| CallError::Closed)?
    }

    /// The next call that came in; it answers by itself. `None` once signaling is lost ([`closed`](Self::closed) says why)
    /// and all have been taken. At most 64 wait here; further ones are refused. Cancel safe.
    pub async fn accept(&mut self) -> Option<Call> {
        self.arrivals.recv().await
    }

    /// Leaves signaling, and keeps the calls: those that are connected go on, and their peers do not take it for a hang-up. Nobody can
    /// call this endpoint until it [joins](Self::join) again. It does so by itself for a call that has a description to send (one
    /// that is not connected yet, or an ICE restart) or whose connection is disturbed. Returns when it has left.
    pub async fn leave(&self) {
        let (reply, left) = oneshot::channel();
        if self.commands.send(Command::Leave(reply)).await.is_ok() {
            // An error says that the endpoint has ended, which left too.
            let _ = left.await;
        }
    }

    /// Registers again after [`leave`](Self::leave); where it is registered, it does nothing.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); it may be tried again. [`Error::Closed`] where the endpoint was lost for good.
    pub async fn join(&self) -> Result<(), Error> {
        let (reply, joined) = oneshot::channel();
        let asked = self.commands.send(Command::Join(reply)).await;
        asked.map_err(|_| Error::Closed)?;
        joined.await.map_err(|_| Error::Closed)?
    }

    /// Ends every call, gracefully where it is connected, and leaves signaling; returns when all of that is done.
    pub async fn close(self) {
        let Self {
            commands,
            arrivals,
            task,
            ..
        } = self;
        // Calls that nobody has accepted end here.
        drop(arrivals);
        // Both errors say that the task has ended already.
        let _ = commands.send(Command::Close).await;
        let _ = task.await;
    }
}

const COMMANDS: usize = 16;

/// Calls that wait to be accepted.
const ARRIVALS: usize = 64;
