//! The task that owns a registered peer's connection.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::connect::Registered;
use super::envelope::{EVERYBODY, NotOurs, Spellings};
use super::packet::{self, Malformed, Packet, Session};
use super::wire::Wire;
use super::{Closed, Event, Ignored};
use crate::Signal;

/// What a handle asks the task to send.
#[derive(Debug)]
pub(super) struct Command {
    /// `None`: to everybody.
    pub(super) to: Option<String>,
    pub(super) signal: Signal,
}

/// The task's state.
#[derive(Debug)]
pub(super) struct Driver {
    wire: Wire,
    session: Session,
    peer_id: String,
    spellings: Spellings,
    /// Whom the messages were for that the server has not acknowledged, by acknowledgement id. An old server never does.
    unacknowledged: BTreeMap<u64, String>,
    next_ack: u64,
    events: mpsc::Sender<Event>,
    ignored: watch::Sender<Ignored>,
}

impl Driver {
    pub(super) fn new(
        registered: Registered,
        peer_id: String,
        events: mpsc::Sender<Event>,
        ignored: watch::Sender<Ignored>,
    ) -> (Self, Vec<Value>) {
        let Registered {
            wire,
            session,
            early,
            ..
        } = registered;
        let (spellings, unacknowledged) = (Spellings::default(), BTreeMap::new());
        (
            Self {
                wire,
                session,
                peer_id,
                spellings,
                unacknowledged,
                next_ack: 0,
                events,
                ignored,
            },
            early,
        )
    }

    /// Runs until either side closes, and says which did and why.
    pub(super) async fn run(
        mut self,
        early: Vec<Value>,
        mut commands: mpsc::Receiver<Command>,
    ) -> Closed {
        let closed = match self.serve(early, &mut commands).await {
            Ok(()) => Closed::ByUs,
            Err(closed) => closed,
        };
        if matches!(closed, Closed::ByUs | Closed::Overflow) {
            self.wire.leave().await;
        }
        tracing::debug!(peer = %self.peer_id, reason = %closed, "signaling closed");
        closed
    }

    async fn serve(
        &mut self,
        early: Vec<Value>,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<(), Closed> {
        for message in early {
            self.deliver(message)?;
        }
        let events = self.events.clone();
        loop {
            tokio::select! {
                packet = self.wire.next() => self.handle(packet?).await?,
                Some(command) = commands.recv() => self.send(command).await?,
                // The channel is closed or dropped. What it asked for before goes out first.
                () = events.closed() => {
                    commands.close();
                    while let Ok(command) = commands.try_recv() {
                        self.send(command).await?;
                    }
                    return Ok(());
                }
            }
        }
    }

    async fn handle(&mut self, packet: Result<Packet, Malformed>) -> Result<(), Closed> {
        match packet {
            Ok(Packet::Ping(probe)) => self.wire.send(packet::pong(&probe)).await?,
            Ok(Packet::Event(name, message)) if name == "message" => self.deliver(message)?,
            Ok(Packet::Event(name, argument)) if name == "uniquenessError" => {
                return Err(Closed::ByServer(
                    argument["message"].as_str().unwrap_or_default().to_owned(),
                ));
            }
            Ok(Packet::Ack(id, reply)) => self.acknowledged(id, &reply)?,
            Ok(Packet::Disconnected | Packet::Close) => {
                return Err(Closed::ByServer(String::new()));
            }
            Ok(Packet::Refused(text)) => return Err(Closed::ByServer(text)),
            Ok(Packet::Idle) => {}
            Ok(Packet::Binary) => self.ignore(|ignored| ignored.binary += 1),
            Ok(Packet::Event(..) | Packet::Elsewhere | Packet::Connected | Packet::Open(_)) => {
                self.ignore(|ignored| ignored.unexpected += 1);
            }
            Err(malformed) => {
                tracing::debug!(%malformed, "a packet was ignored");
                self.ignore(|ignored| ignored.malformed += 1);
            }
        }
        Ok(())
    }

    fn deliver(&mut self, message: Value) -> Result<(), Closed> {
        match self.spellings.open(message, &self.peer_id) {
            Ok(incoming) => self.report(Event::Message(incoming))?,
            Err(NotOurs::OtherTarget) => self.ignore(|ignored| ignored.other_target += 1),
            Err(NotOurs::Malformed) => self.ignore(|ignored| ignored.malformed += 1),
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

    fn ignore(&self, count: impl FnOnce(&mut Ignored)) {
        self.ignored.send_modify(count);
    }

    async fn send(&mut self, command: Command) -> Result<(), Closed> {
        let event = if command.to.is_some() {
            "messageOne"
        } else {
            "message"
        };
        let to = command.to.unwrap_or_else(|| EVERYBODY.to_owned());
        let message = self.spellings.seal(&self.peer_id, &to, command.signal);
        let ack = self.next_ack;
        self.next_ack += 1;
        let packet = packet::event(event, &[&message], Some(ack));
        let limit = self.session.max_payload();
        if packet.len() > limit {
            let reason = format!(
                "The message of {} bytes is over the server's limit of {limit}.",
                packet.len()
            );
            return self.report(Event::Undelivered { to, reason });
        }
        self.unacknowledged.insert(ack, to);
        if self.unacknowledged.len() > UNACKNOWLEDGED {
            self.unacknowledged.pop_first();
        }
        self.wire.send(packet).await
    }

    fn acknowledged(&mut self, id: u64, reply: &Value) -> Result<(), Closed> {
        match self.unacknowledged.remove(&id) {
            Some(to) if reply["ok"] == Value::Bool(false) => {
                let reason = reply["error"]
                    .as_str()
                    .unwrap_or("The server dropped the message.")
                    .to_owned();
                self.report(Event::Undelivered { to, reason })
            }
            Some(_) => Ok(()),
            None => {
                self.ignore(|ignored| ignored.unexpected += 1);
                Ok(())
            }
        }
    }
}

/// How many messages are remembered for the server's answer.
const UNACKNOWLEDGED: usize = 256;
