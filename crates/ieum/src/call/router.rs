//! The task of an endpoint: owns the signaling channel, and routes between it and the calls.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ieum_peer::IceCandidateInit;
use ieum_signaling::client::{self, Channel, Event};
use ieum_signaling::{Connection, DescriptionKind, Incoming, Signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{self, JoinSet};

use super::handle::{Call, Ended};
use super::held::Held;
use super::identity::Identity;
use super::line::{Input, Line, begin};
use super::session::{Begin, Setting};
use super::voice::Exchange;
use super::{CallError, Error, Options};

/// What handles ask of the endpoint's task.
#[derive(Debug)]
pub(super) enum Command {
    Call {
        peer: String,
        reply: oneshot::Sender<Result<Call, CallError>>,
    },
    Leave(oneshot::Sender<()>),
    Join(oneshot::Sender<Result<(), Error>>),
    Close,
}

pub(super) struct Router {
    options: Options,
    /// `None` while the endpoint has left.
    channel: Option<Channel>,
    exchange: Exchange,
    commands: mpsc::Receiver<Command>,
    arrivals: mpsc::Sender<Call>,
    closed: watch::Sender<Option<client::Closed>>,
    /// The registered peers, and whether we are polite to each; `None`: signaling did not say.
    roster: HashMap<String, Option<bool>>,
    lines: HashMap<String, Line>,
    sessions: JoinSet<()>,
    /// Candidates of peers whose offer has not come yet.
    early: HashMap<String, Held>,
}

impl Router {
    pub(super) fn new(
        options: Options,
        channel: Channel,
        commands: mpsc::Receiver<Command>,
        arrivals: mpsc::Sender<Call>,
        closed: watch::Sender<Option<client::Closed>>,
    ) -> Self {
        Self {
            options,
            exchange: Exchange::new(channel.sender()),
            roster: roster(&channel),
            channel: Some(channel),
            commands,
            arrivals,
            closed,
            lines: HashMap::new(),
            sessions: JoinSet::new(),
            early: HashMap::new(),
        }
    }

    /// Runs until the endpoint is closed or signaling is lost; or, when the endpoint was dropped, until its last call has
    /// ended.
    pub(super) async fn run(mut self) {
        let mut wanted = true;
        while wanted || !self.sessions.is_empty() {
            tokio::select! {
                command = self.commands.recv(), if wanted => match command {
                    Some(Command::Call { peer, reply }) => {
                        // A caller that is gone drops its call, which ends it.
                        let _ = reply.send(self.call(peer));
                    }
                    Some(Command::Leave(reply)) => {
                        self.go().await;
                        let _ = reply.send(());
                    }
                    Some(Command::Join(reply)) => {
                        let _ = reply.send(self.join().await);
                    }
                    Some(Command::Close) => break,
                    None => wanted = false,
                },
                event = next(&mut self.channel) => match event {
                    Some(Event::Message(message)) => self.message(message).await,
                    Some(Event::Undelivered { to, reason, .. }) => self.undelivered(&to, reason),
                    Some(Event::Back { resumed, peers }) => self.back(resumed, peers),
                    Some(Event::Closed(reason)) => return self.lost(reason),
                    Some(event) => tracing::debug!(?event, "signaling"),
                    None => return self.lost(client::Closed::ByUs),
                },
                () = self.exchange.wanted() => {
                    if let Err(error) = self.join().await {
                        tracing::warn!(%error, "signaling is not joined for a call");
                    }
                }
                Some(ended) = self.sessions.join_next_with_id() => self.remove(ended.map_or_else(|e| e.id(), |(id, ())| id)),
            }
        }
        self.end().await;
    }

    /// Ends every call, and leaves signaling once each has said what it has to say there: closing the connection to a peer
    /// that went without a word takes its time, and who waits for our id must not.
    async fn end(mut self) {
        let stop = |(_, line): (String, Line)| {
            let last_word = line.last_word();
            line.stop(Ended::Here);
            last_word
        };
        let last_words: Vec<_> = self.lines.drain().map(stop).collect();
        for last_word in last_words {
            last_word.await;
        }
        let closed = async { while self.sessions.join_next().await.is_some() {} };
        let left = async {
            if let Some(channel) = self.channel {
                channel.close().await;
            }
        };
        tokio::join!(left, closed);
    }

    /// Leaves signaling; the calls go on.
    async fn go(&mut self) {
        if let Some(channel) = self.channel.take() {
            self.exchange.set(None);
            self.roster.clear();
            self.early.clear();
            channel.close().await;
        }
    }

    /// Is in signaling again.
    async fn join(&mut self) -> Result<(), Error> {
        if self.channel.is_some() {
            return Ok(());
        }
        let channel = Channel::connect(self.options.signaling()).await?;
        self.roster = roster(&channel);
        self.exchange.set(Some(channel.sender()));
        self.channel = Some(channel);
        Ok(())
    }

    /// Connected calls go on without signaling; the others see their inbox close, and end.
    fn lost(mut self, reason: client::Closed) {
        tracing::debug!(%reason, "signaling lost");
        self.closed.send_replace(Some(reason));
        self.sessions.detach_all();
    }

    fn call(&mut self, peer: String) -> Result<Call, CallError> {
        if peer == self.options.id {
            return Err(CallError::Myself(peer));
        }
        if self.channel.is_none() {
            return Err(CallError::Closed);
        }
        if !self.roster.contains_key(&peer) {
            let mut others: Vec<_> = self.roster.keys().cloned().collect();
            others.sort_unstable();
            return Err(CallError::NoSuchPeer { peer, others });
        }
        if self.lines.get(&peer).is_some_and(|line| !line.ended()) {
            return Err(CallError::AlreadyInCall(peer));
        }
        if self.lines.len() >= self.options.max_calls {
            return Err(CallError::TooManyCalls(self.options.max_calls));
        }
        Ok(self.begin(peer, Begin::Offer)?)
    }

    async fn message(&mut self, Incoming { from, signal }: Incoming) {
        match signal {
            Signal::Open {
                connections,
                be_polite,
            } => {
                for peer in connections {
                    if let Some(line) = self.lines.get(&peer.peer_id) {
                        line.tell(Input::PeerCame);
                    }
                    self.roster.insert(peer.peer_id, Some(be_polite));
                }
            }
            Signal::Bye { .. } => self.bye(&from),
            Signal::Description {
                kind: DescriptionKind::Offer,
                sdp,
                ..
            } => self.offer(from, sdp).await,
            signal @ (Signal::Candidate { .. } | Signal::EndOfCandidates { .. })
                if !self.lines.contains_key(&from) =>
            {
                self.hold(from, signal);
            }
            signal => {
                let Some(line) = self.lines.get_mut(&from) else {
                    return tracing::debug!(from, "a message for no call is ignored");
                };
                if let Signal::Description { sdp, .. } = &signal {
                    line.identity = Some(Identity::of(sdp));
                }
                line.tell(Input::Signal(signal));
            }
        }
    }

    /// Signaling was away. Who left meanwhile is gone. Who came meanwhile was told of us if the session is the same; if
    /// not, all were told of us, as of one that comes.
    fn back(&mut self, resumed: bool, peers: Vec<Connection>) {
        let here: HashMap<String, Option<bool>> = peers
            .into_iter()
            .map(|peer| (peer.peer_id, Some(resumed)))
            .collect();
        let gone: Vec<String> = self
            .roster
            .keys()
            .filter(|peer| !here.contains_key(*peer))
            .cloned()
            .collect();
        for peer in gone {
            self.bye(&peer);
        }
        for (peer, polite) in here {
            match self.roster.entry(peer) {
                Entry::Occupied(_) if resumed => {}
                Entry::Occupied(mut entry) => drop(entry.insert(polite)),
                Entry::Vacant(entry) => drop(entry.insert(polite)),
            }
        }
    }

    /// An offer is a renegotiation of the call that exists, or begins a new one.
    async fn offer(&mut self, from: String, sdp: String) {
        let identity = Identity::of(&sdp);
        let signal = Signal::offer(sdp);
        if let Entry::Occupied(mut entry) = self.lines.entry(from.clone()) {
            let line = entry.get_mut();
            let known = line.identity.as_ref();
            if !line.ended() && known.is_none_or(|known| known.same_connection(&identity)) {
                line.identity = Some(identity);
                return line.tell(Input::Signal(signal));
            }
            entry.remove().stop(Ended::Replaced);
        }
        if self.lines.len() >= self.options.max_calls {
            tracing::warn!(
                from,
                most = self.options.max_calls,
                "an offer is refused: too many calls"
            );
            return self.refuse(&from).await;
        }
        let Ok(room) = self.arrivals.clone().try_reserve_owned() else {
            tracing::warn!(from, "an offer is refused: nobody accepts calls here");
            return self.refuse(&from).await;
        };
        match self.begin(from.clone(), Begin::Answer) {
            Ok(call) => {
                if let Some(line) = self.lines.get_mut(&from) {
                    line.identity = Some(identity);
                    line.tell(Input::Signal(signal));
                }
                room.send(call);
            }
            Err(error) => {
                tracing::warn!(from, %error, "an offer is refused: no connection can be made");
                self.refuse(&from).await;
            }
        }
    }

    fn begin(&mut self, peer: String, first: Begin) -> Result<Call, ieum_peer::Error> {
        let polite = self.roster.get(&peer).copied().flatten();
        let setting = Setting {
            // Where signaling did not say, both sides must come to opposite conclusions from what both know.
            polite: polite.unwrap_or_else(|| self.options.id < peer),
            trickle: self.options.trickle,
            channel: self.options.channel.clone(),
            begin: first,
            peer: peer.clone(),
        };
        let held = self.early.remove(&peer).unwrap_or_default();
        let configuration = (self.options.configuration)();
        let (call, line) = begin(
            setting,
            configuration,
            held,
            self.exchange.voice(),
            &mut self.sessions,
        )?;
        self.lines.insert(peer, line);
        Ok(call)
    }

    /// Candidates may overtake their offer.
    fn hold(&mut self, from: String, signal: Signal) {
        let Some(candidate) = candidate(signal) else {
            return;
        };
        if self.early.len() >= MOST_EARLY_PEERS && !self.early.contains_key(&from) {
            // Most likely what trailed in after a call: the newer ones are of more use than any of those.
            let gives_way = self.early.keys().next().cloned();
            gives_way.and_then(|peer| self.early.remove(&peer));
        }
        self.early.entry(from).or_default().push(candidate);
    }

    /// The server says that the peer has left; or the peer itself that it hangs up, which it says only to a call that
    /// is not connected. Then it may still be registered.
    fn bye(&mut self, from: &str) {
        self.early.remove(from);
        match self.lines.get(from) {
            Some(line) if !line.connected() => line.tell(Input::PeerLeft),
            _ => {
                self.roster.remove(from);
            }
        }
    }

    fn undelivered(&mut self, to: &str, reason: String) {
        self.roster.remove(to);
        if let Some(line) = self.lines.get(to) {
            line.tell(Input::Undelivered(reason));
        }
    }

    async fn refuse(&mut self, peer: &str) {
        // An error says that signaling is lost, which the next event tells.
        if let Some(channel) = &self.channel {
            let _ = channel.send(peer, Signal::bye()).await;
        }
    }

    fn remove(&mut self, task: task::Id) {
        self.lines.retain(|_, line| line.task != task);
    }
}

/// Who was there before us yields to us: the server says so to them when it announces us.
fn roster(channel: &Channel) -> HashMap<String, Option<bool>> {
    let peers = channel.peers().iter();
    peers
        .map(|peer| (peer.peer_id.clone(), Some(false)))
        .collect()
}

/// What signaling says next; nothing where the endpoint has left. Cancel safe.
async fn next(channel: &mut Option<Channel>) -> Option<Event> {
    match channel {
        Some(channel) => channel.next().await,
        None => std::future::pending().await,
    }
}

/// The W3C's form of a trickled candidate; `None` for any other signal.
pub(super) fn candidate(signal: Signal) -> Option<IceCandidateInit> {
    match signal {
        Signal::Candidate {
            candidate,
            sdp_mid,
            sdp_m_line_index,
            username_fragment,
            ..
        } => Some(IceCandidateInit {
            candidate,
            sdp_mid,
            sdp_m_line_index,
            username_fragment,
        }),
        Signal::EndOfCandidates { .. } => Some(IceCandidateInit::default()),
        _ => None,
    }
}

/// How many peers may have candidates here ahead of their offer.
const MOST_EARLY_PEERS: usize = 64;
