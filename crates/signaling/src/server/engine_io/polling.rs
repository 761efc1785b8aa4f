//! A session that polls: what is for its client waits for the next GET, and what the client says comes by POST.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::Engine;
use super::heartbeat::{Due, Heartbeat};
use super::packet::{CLOSE, NOOP, PING, Packet, Packets, Payload};
use super::sessions::{Awaiting, Command, Entry};
use super::web_socket::{self, Frames};
use crate::protocol::Code;
use crate::server::FAREWELL;
use crate::server::rfc6455::Stream;
use crate::server::socket_io::{Client, Over};

/// One client, in one task, for as long as it polls.
pub(super) struct Session {
    client: Client,
    heartbeat: Heartbeat,
    awaiting: Option<Awaiting>,
    /// What the next poll gets before all else.
    payload: Payload,
    /// The poll that waits.
    poll: Option<oneshot::Sender<Vec<u8>>>,
    /// A WebSocket is there: polls do not wait.
    probed: bool,
}

/// How polling ends.
enum End {
    /// The server parts with the client, which gets its last words with this poll or the next.
    Told,
    /// The client broke the rules: it hears no more than that, and only where it polls.
    Broken,
    /// The client has closed the session.
    Closed,
    /// Nobody is left to tell.
    Silent,
    /// It goes on there.
    Upgrade(Box<Stream>),
}

impl Session {
    pub(super) fn new(client: Client, heartbeat: Heartbeat, awaiting: Awaiting) -> Self {
        Self {
            client,
            heartbeat,
            awaiting: Some(awaiting),
            payload: Payload::default(),
            poll: None,
            probed: false,
        }
    }

    /// Starts the session's task; requests find it from now on.
    pub(super) fn begin(self, engine: &Arc<Engine>, id: String) {
        let (entry, commands) = Entry::new(engine, id);
        tokio::spawn(self.run(entry, commands));
    }

    async fn run(mut self, entry: Entry, mut commands: mpsc::Receiver<Command>) {
        // Held to the end: the server waits for that.
        let mut ending = self.client.edge().ending.subscribe();
        let end = tokio::select! {
            end = self.serve(&mut commands) => end,
            Ok(()) = ending.changed() => End::Told,
        };
        match end {
            End::Upgrade(stream) => {
                drop((entry, commands));
                self.go_on(*stream).await;
            }
            End::Told => {
                // What the hub may have said of it.
                let _ = self.collect();
                self.client.leave();
                let _ = timeout(FAREWELL, self.last(&mut commands)).await;
            }
            End::Broken => {
                self.client.leave();
                self.say(CLOSE);
                let _ = self.give();
            }
            End::Closed => {
                self.client.leave();
                self.say(NOOP);
                let _ = self.give();
            }
            End::Silent => {}
        }
    }

    async fn serve(&mut self, commands: &mut mpsc::Receiver<Command>) -> End {
        loop {
            let deadline = self.heartbeat.deadline();
            let step = tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => Err(End::Silent),
                },
                end = poll_fn(|cx| self.poll(cx)) => end,
                () = sleep_until(deadline) => self.tick(),
            };
            if let Err(end) = step.and_then(|()| self.settle()) {
                return end;
            }
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), End> {
        match command {
            Command::Poll(poll) => {
                if self.poll.is_some() {
                    // Dropped, the second is refused; the first gets the close.
                    drop(poll);
                    return Err(End::Broken);
                }
                self.poll = Some(poll);
                Ok(())
            }
            Command::Post(text, taken) => {
                let heard = self.hear(&text);
                // Who sent it may have gone.
                let _ = taken.send(!matches!(heard, Err(End::Broken)));
                heard
            }
            Command::Probe => {
                self.probed = true;
                Ok(())
            }
            Command::ProbeOver => {
                self.probed = false;
                Ok(())
            }
            Command::Upgrade(stream) => Err(End::Upgrade(stream)),
        }
    }

    fn hear(&mut self, text: &str) -> Result<(), End> {
        self.heartbeat.heard();
        for (number, packet) in Packet::payload(text).enumerate() {
            if number >= PACKETS {
                self.client.edge().metrics.refused(Code::TooMany);
                return Err(End::Broken);
            }
            let heard = match packet {
                Ok(Packet::Message(text)) => self.client.hear(text, &mut self.payload),
                Ok(Packet::Binary(bytes)) => self.client.hear_bytes(&bytes),
                Ok(Packet::Ping | Packet::Pong | Packet::Noop) => Ok(()),
                Ok(Packet::Close) => return Err(End::Closed),
                _ => Err(self.client.malformed("an Engine.IO packet")),
            };
            heard.map_err(|Over| End::Broken)?;
        }
        Ok(())
    }

    /// Waits for what concerns a client that polls: something to give it, that it has hung up, and that the hub parts with it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let Some(poll) = &mut self.poll else {
            return self.client.poll_part(cx).map(|_| Err(End::Told));
        };
        if poll.poll_closed(cx).is_ready() {
            return Poll::Ready(Err(End::Silent));
        }
        let Poll::Ready(pass) = self.client.poll_next(cx) else {
            return Poll::Pending;
        };
        let passed = self.client.pass(pass, &mut self.payload);
        Poll::Ready(passed.map_err(|Over| End::Told))
    }

    fn tick(&mut self) -> Result<(), End> {
        match self.heartbeat.due(Instant::now()) {
            Due::Nothing => Ok(()),
            Due::Ping => {
                self.say(PING);
                Ok(())
            }
            Due::End => {
                self.client.edge().metrics.refused(Code::TooSlow);
                Err(End::Broken)
            }
        }
    }

    /// Answers the poll, where there is something for it.
    fn settle(&mut self) -> Result<(), End> {
        let joined = self.client.is_member();
        self.heartbeat.joined(joined, Instant::now);
        if joined {
            self.awaiting = None;
        }
        if self.poll.is_some() {
            self.collect()?;
            if self.payload.packets() == 0 && self.probed {
                self.say(NOOP);
            }
            if self.payload.packets() > 0 {
                return self.give();
            }
        }
        if self.payload.len() > self.client.edge().packet_bytes() {
            // It asks and does not poll.
            self.client.edge().metrics.refused(Code::Full);
            return Err(End::Broken);
        }
        Ok(())
    }

    /// Puts what waits in the client's queue into the payload.
    fn collect(&mut self) -> Result<(), End> {
        while self.payload.packets() < PACKETS_AT_ONCE
            && self.payload.len() < self.client.edge().packet_bytes()
            && let Some(pass) = self.client.try_next()
        {
            let passed = self.client.pass(pass, &mut self.payload);
            passed.map_err(|Over| End::Told)?;
        }
        Ok(())
    }

    fn say(&mut self, packet: &[u8]) {
        self.payload.text(|out| out.extend_from_slice(packet));
    }

    fn give(&mut self) -> Result<(), End> {
        let payload = std::mem::take(&mut self.payload).into_bytes();
        match self.poll.take().map(|poll| poll.send(payload)) {
            Some(Err(_)) => Err(End::Silent),
            _ => Ok(()),
        }
    }

    /// Gives the last words to the poll that waits, or to the one that comes, and the close to the one after it: clients drop
    /// what stands in one payload with a close.
    async fn last(&mut self, commands: &mut mpsc::Receiver<Command>) {
        loop {
            if self.poll.is_some() {
                let over = self.payload.packets() == 0;
                if over {
                    self.say(CLOSE);
                }
                if self.give().is_err() || over {
                    return;
                }
            }
            match commands.recv().await {
                Some(Command::Poll(poll)) => self.poll = Some(poll),
                Some(Command::Post(text, taken)) => {
                    // Who sent it may have gone.
                    let _ = taken.send(true);
                    if Packet::payload(&text).any(|packet| packet == Ok(Packet::Close)) {
                        return;
                    }
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    /// The same session on a WebSocket.
    async fn go_on(mut self, mut stream: Stream) {
        let mut out = Frames(stream.output());
        for packet in self.payload.texts() {
            out.text(|out| out.extend_from_slice(packet));
        }
        if let Some(poll) = self.poll.take() {
            // A client that goes over has no poll any more that it waits for.
            let _ = poll.send(NOOP.to_vec());
        }
        let Self {
            client,
            heartbeat,
            awaiting,
            ..
        } = self;
        web_socket::Session::new(client, heartbeat, awaiting, stream)
            .run()
            .await;
    }
}

/// Packets in one POST: clients put what they have to say before they are connected into one.
const PACKETS: usize = 4096;

/// Packets in one answer to a poll: `python-engineio` takes no more.
const PACKETS_AT_ONCE: usize = 16;
