//! The task that owns a registered peer's session: reads and writes the link, and makes another one when it breaks.

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::envelope::{NotOurs, Spellings};
use super::event::{Event, Ignored, Outcome};
use super::link::{GOODBYE_TIMEOUT, Heard, Link, Opened, Outgoing, Reason, Target};
use super::session::{Order, Sent, Session};
use super::{Closed, ConnectError};
use crate::Signal;
use crate::protocol::{Code, EVERYBODY, Goodbye, Reply, Undelivered};

/// What a handle asks the task to send.
#[derive(Debug)]
pub(super) struct Command {
    /// `None`: to everybody.
    pub(super) to: Option<String>,
    pub(super) signal: Signal,
    /// Who wants to know what became of it. Where nobody does, a failure is an event.
    pub(super) waiter: Option<oneshot::Sender<Outcome>>,
}

/// The task's state.
#[derive(Debug)]
pub(super) struct Driver {
    target: Target,
    session: Session,
    /// The longest message, in bytes of JSON.
    limit: usize,
    acknowledges: bool,
    /// For how long the server keeps the session without a connection.
    kept_for: Duration,
    spellings: Spellings,
    events: mpsc::Sender<Event>,
    ignored: watch::Sender<Ignored>,
}

/// Why serving a link ended.
enum End {
    /// The application wants no more.
    Leave,
    /// It cannot go on.
    Closed(Closed),
    /// The link broke.
    Broken(Closed),
    /// The server wants it made anew, in that time.
    Restart(Duration),
}

impl From<Closed> for End {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::ByUs | Closed::Overflow | Closed::Replaced => Self::Closed(closed),
            closed => Self::Broken(closed),
        }
    }
}

impl Driver {
    pub(super) fn new(
        target: Target,
        events: mpsc::Sender<Event>,
        ignored: watch::Sender<Ignored>,
    ) -> Self {
        Self {
            target,
            session: Session::default(),
            limit: usize::MAX,
            acknowledges: false,
            kept_for: Duration::ZERO,
            spellings: Spellings::default(),
            events,
            ignored,
        }
    }

    /// Runs until either side closes, and says which did and why.
    pub(super) async fn run(
        mut self,
        opened: Opened,
        mut commands: mpsc::Receiver<Command>,
    ) -> Closed {
        let mut link = opened.link;
        self.session.joined(&opened.joined);
        self.kept_for = Duration::from_secs(opened.joined.resume_for);
        (self.limit, self.acknowledges) = (opened.limit, opened.acknowledges);
        let closed = loop {
            let (why, wait) = match self.serve(&mut link, &mut commands).await {
                End::Leave => {
                    self.finish(link, &mut commands).await;
                    break Closed::ByUs;
                }
                End::Closed(Closed::Overflow) => {
                    link.leave().await;
                    break Closed::Overflow;
                }
                End::Closed(closed) => break closed,
                End::Broken(why) => (why, Duration::ZERO),
                End::Restart(wait) => (Closed::ByServer("it restarts".into()), wait),
            };
            if self.session.claim().is_none() {
                break why;
            }
            if let Err(closed) = self.salvaged(link.salvage()) {
                break closed;
            }
            drop(link);
            match self.come_back(why, wait).await {
                Ok(again) => link = again,
                Err(closed) => break closed,
            }
        };
        tracing::debug!(peer = %self.target.options.peer_id, reason = %closed, "signaling closed");
        closed
    }

    async fn serve(&mut self, link: &mut Link, commands: &mut mpsc::Receiver<Command>) -> End {
        let events = self.events.clone();
        loop {
            // An answer that does not come says that the connection is of no use, before any ping does.
            let late = self.session.waiting_since().map(|since| since + ANSWER);
            let step = tokio::select! {
                heard = link.next() => match heard {
                    Ok(heard) => self.handle(link, heard).await,
                    Err(closed) => Err(closed.into()),
                },
                Some(command) = commands.recv(), if self.session.has_room() => {
                    self.send(link, command).await
                }
                () = sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => {
                    Err(Closed::Silent.into())
                }
                // The channel is closed or dropped.
                () = events.closed() => Err(End::Leave),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Sends what was asked for before the channel was closed, and leaves.
    async fn finish(&mut self, mut link: Link, commands: &mut mpsc::Receiver<Command>) {
        commands.close();
        let rest = async {
            while let Some(command) = commands.recv().await {
                while !self.session.has_room() {
                    let Ok(heard) = link.next().await else { return };
                    if self.handle(&mut link, heard).await.is_err() {
                        return;
                    }
                }
                if self.send(&mut link, command).await.is_err() {
                    return;
                }
            }
        };
        // A server that takes nothing more is left all the same.
        let _ = timeout(GOODBYE_TIMEOUT, rest).await;
        if let Some(seq) = self.session.confirm_last() {
            let _ = timeout(GOODBYE_TIMEOUT, link.received(seq)).await;
        }
        link.leave().await;
    }

    async fn handle(&mut self, link: &mut Link, heard: Heard) -> Result<(), End> {
        match heard {
            Heard::Message(seq, message) => {
                if self.is_new(seq)? {
                    self.deliver(message)?;
                }
            }
            Heard::Once(id, message) => self.once(id, message)?,
            Heard::Counted(seq) => drop(self.is_new(Some(seq))?),
            Heard::Ack(id, reply) => self.acknowledged(id, &reply)?,
            Heard::Undelivered(lost) => {
                if self.is_new(Some(lost.seq))? {
                    self.lost(lost)?;
                }
            }
            Heard::Lost(id, lost) => self.lost_once(id, lost)?,
            Heard::Goodbye(goodbye) => return Err(parted(goodbye)),
            Heard::Ignored(reason) => self.ignore(reason),
            Heard::Nothing => {}
        }
        if let Some(seq) = self.session.confirm() {
            link.received(seq).await?;
        }
        Ok(())
    }

    fn once(&mut self, id: String, message: Value) -> Result<(), Closed> {
        let from = message["from"].as_str().unwrap_or_default();
        if self.session.is_new(from, id) {
            return self.deliver(message);
        }
        self.ignore(Reason::Repeated);
        Ok(())
    }

    fn lost_once(&mut self, id: String, lost: Undelivered) -> Result<(), Closed> {
        if self.session.is_new(EVERYBODY, id) {
            return self.lost(lost);
        }
        self.ignore(Reason::Repeated);
        Ok(())
    }

    /// Delivers what came on a link that is given up, and will not come again.
    fn salvaged(&mut self, all: Vec<Heard>) -> Result<(), Closed> {
        for heard in all {
            match heard {
                Heard::Once(id, message) => self.once(id, message)?,
                Heard::Lost(id, lost) => self.lost_once(id, lost)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn is_new(&mut self, seq: Option<u64>) -> Result<bool, End> {
        match seq.map_or(Order::New, |seq| self.session.count(seq)) {
            Order::New => Ok(true),
            Order::Repeated => {
                self.ignore(Reason::Repeated);
                Ok(false)
            }
            // Asking again from where we are brings it.
            Order::Gap => Err(Closed::Broken("a message is missing".into()).into()),
        }
    }

    fn deliver(&mut self, message: Value) -> Result<(), Closed> {
        match self.spellings.open(message, &self.target.options.peer_id) {
            Ok(incoming) => self.report(Event::Message(incoming))?,
            Err(NotOurs::OtherTarget) => self.ignored.send_modify(|it| it.other_target += 1),
            Err(NotOurs::Malformed) => self.ignore(Reason::Malformed),
        }
        Ok(())
    }

    /// An application that does not read loses the channel and not single messages: it would never know which.
    fn report(&self, event: Event) -> Result<(), Closed> {
        match self.events.try_send(event) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Closed::Overflow),
            Err(TrySendError::Closed(_)) => Ok(()),
        }
    }

    fn ignore(&self, reason: Reason) {
        self.ignored.send_modify(|ignored| {
            *match reason {
                Reason::Malformed => &mut ignored.malformed,
                Reason::Binary => &mut ignored.binary,
                Reason::Unexpected => &mut ignored.unexpected,
                Reason::Repeated => &mut ignored.repeated,
            } += 1;
        });
    }

    async fn send(&mut self, link: &mut Link, command: Command) -> Result<(), End> {
        let Command { to, signal, waiter } = command;
        let target = to.as_deref().unwrap_or(EVERYBODY);
        let own = &self.target.options.peer_id;
        let message = self.spellings.seal(own, target, signal).to_string();
        if message.len() > self.limit {
            let (bytes, limit) = (message.len(), self.limit);
            let error =
                format!("The message of {bytes} bytes is over the server's limit of {limit}.");
            let reply = Reply::refused(Code::TooLong, error);
            return Ok(self.tell(to, waiter, &reply)?);
        }
        // What was written as JSON is JSON.
        let Ok(message) = RawValue::from_string(message) else {
            return Ok(());
        };
        let id = self.session.next_id();
        let said = Outgoing { id, to, message };
        let sending = link.send(&said).await;
        let waiter = match (self.acknowledges, waiter) {
            (false, Some(waiter)) => {
                // It may have gone away meanwhile.
                let _ = waiter.send(Outcome::Accepted);
                None
            }
            (_, waiter) => waiter,
        };
        let at = Instant::now();
        let forgotten = self.session.sent(Sent { said, at, waiter });
        if let Some(waiter) = forgotten.and_then(|sent| sent.waiter) {
            // It may have gone away meanwhile.
            let _ = waiter.send(Outcome::Unknown);
        }
        Ok(sending?)
    }

    fn acknowledged(&mut self, id: u64, reply: &Reply) -> Result<(), Closed> {
        match self.session.acknowledged(id) {
            Some(sent) => self.tell(sent.said.to, sent.waiter, reply),
            None => {
                self.ignore(Reason::Unexpected);
                Ok(())
            }
        }
    }

    /// Says what became of a message: to the one who waits for it, or else, if it did not arrive, as an event.
    fn tell(
        &self,
        to: Option<String>,
        waiter: Option<oneshot::Sender<Outcome>>,
        reply: &Reply,
    ) -> Result<(), Closed> {
        match waiter {
            Some(waiter) => {
                // It may have gone away meanwhile.
                let _ = waiter.send(Outcome::of(reply));
                Ok(())
            }
            None if reply.ok => Ok(()),
            None => self.report(Event::Undelivered {
                to: to.unwrap_or_else(|| EVERYBODY.to_owned()),
                code: reply.code,
                reason: reply
                    .error
                    .clone()
                    .unwrap_or_else(|| "The server dropped the message.".to_owned()),
            }),
        }
    }

    fn lost(&self, lost: Undelivered) -> Result<(), Closed> {
        self.report(Event::Undelivered {
            to: lost.to,
            code: Some(lost.code),
            reason: lost.error,
        })
    }

    /// Makes another link, for as long as the server keeps the session.
    async fn come_back(&mut self, why: Closed, wait: Duration) -> Result<Link, Closed> {
        tracing::debug!(reason = %why, "signaling is away");
        self.report(Event::Away(why.clone()))?;
        let deadline = Instant::now() + self.kept_for.max(wait + self.target.options.timeout);
        let mut next = Instant::now() + wait;
        let mut pause = FIRST_PAUSE;
        let events = self.events.clone();
        loop {
            let mut salvaged = Vec::new();
            let opening = async {
                sleep_until(next).await;
                let claim = self.session.claim();
                self.target.open(claim, &mut salvaged).await
            };
            let opened = tokio::select! {
                opened = opening => opened,
                () = events.closed() => return Err(Closed::ByUs),
            };
            self.salvaged(salvaged)?;
            match opened {
                Ok(opened) => {
                    if let Some(link) = self.back(opened).await? {
                        return Ok(link);
                    }
                }
                Err(error) if error.may_pass() => tracing::debug!(%error, "not back yet"),
                Err(ConnectError::Refused(text) | ConnectError::IdRefused(text)) => {
                    return Err(Closed::ByServer(text));
                }
                Err(error) => return Err(Closed::Broken(error.to_string())),
            }
            next = Instant::now() + pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if next > deadline {
                return Err(why);
            }
        }
    }

    /// Takes up a new link, and sends again what the server may not have. `None`: it broke at once.
    async fn back(&mut self, opened: Opened) -> Result<Option<Link>, Closed> {
        let Opened {
            mut link,
            joined,
            limit,
            acknowledges,
        } = opened;
        (self.limit, self.acknowledges) = (limit, acknowledges);
        let lost = self.session.joined(&joined);
        let resumed = joined.resumed;
        tracing::debug!(resumed, "signaling is back");
        self.report(Event::Back {
            resumed,
            peers: joined.peers,
        })?;
        for sent in lost {
            match sent.waiter {
                // It may have gone away meanwhile.
                Some(waiter) => drop(waiter.send(Outcome::Unknown)),
                None => self.report(Event::Undelivered {
                    to: sent.said.to.unwrap_or_else(|| EVERYBODY.to_owned()),
                    code: None,
                    reason: "The session ended before the message was acknowledged.".to_owned(),
                })?,
            }
        }
        for said in self.session.repeat(Instant::now()) {
            if link.send(&said).await.is_err() {
                self.salvaged(link.salvage())?;
                return Ok(None);
            }
        }
        Ok(Some(link))
    }
}

fn parted(goodbye: Goodbye) -> End {
    match goodbye.code {
        Code::Restart => End::Restart(Duration::from_millis(
            goodbye
                .reconnect_after_ms
                .unwrap_or_default()
                .min(MOST_WAIT),
        )),
        Code::Replaced => End::Closed(Closed::Replaced),
        // The server had its reason, and would have it again.
        _ => End::Closed(Closed::ByServer(goodbye.error)),
    }
}

/// A server answers at once; one that takes longer is not there any more.
const ANSWER: Duration = Duration::from_secs(10);

/// Between attempts to come back; the first one is made at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// No server needs longer to come back, in milliseconds; one that says so is not waited for.
const MOST_WAIT: u64 = 20_000;
