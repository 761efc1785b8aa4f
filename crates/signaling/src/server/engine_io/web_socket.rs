//! A session on a WebSocket: one packet in each message.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::heartbeat::{Due, Heartbeat};
use super::packet::{self, Packet, Packets};
use super::sessions::Awaiting;
use crate::protocol::Code;
use crate::server::FAREWELL;
use crate::server::hub::Pass;
use crate::server::rfc6455::{Heard, Stream, Upgrade, Violation, frame};
use crate::server::socket_io::{Client, Over};

/// Waits for a new connection, and serves it to its end.
pub(super) async fn open(
    upgrade: Upgrade,
    open: Vec<u8>,
    client: Client,
    heartbeat: Heartbeat,
    awaiting: Awaiting,
) {
    let Some(mut stream) = upgrade.connection().await else {
        return;
    };
    frame::text(stream.output(), |out| out.extend_from_slice(&open));
    drop(open);
    Session::new(client, heartbeat, Some(awaiting), stream)
        .run()
        .await;
}

/// One client's connection, in one task.
pub(super) struct Session {
    client: Client,
    heartbeat: Heartbeat,
    awaiting: Option<Awaiting>,
    stream: Stream,
    /// How often in a row the hub was heard before the client.
    passes: u8,
}

/// What there is to do.
enum Woken {
    /// Bytes were read; false: the client has closed.
    Read(io::Result<bool>),
    Pass(Pass),
    Timer,
    /// The server ends.
    Ending,
}

/// Packets as frames.
pub(super) struct Frames<'a>(pub(super) &'a mut Vec<u8>);

impl Session {
    pub(super) fn new(
        client: Client,
        heartbeat: Heartbeat,
        awaiting: Option<Awaiting>,
        stream: Stream,
    ) -> Self {
        Self {
            client,
            heartbeat,
            awaiting,
            stream,
            passes: 0,
        }
    }

    pub(super) async fn run(mut self) {
        // Held to the end: the server waits for that.
        let mut ending = self.client.edge().ending.subscribe();
        let over = self.serve(&mut ending).await;
        let Self { client, stream, .. } = self;
        // Its id is free before it is told.
        drop(client);
        if let Some(code) = over {
            let _ = timeout(FAREWELL, stream.close(code)).await;
        }
    }

    /// Until the connection is over. `None`: there is nobody left to tell.
    async fn serve(&mut self, ending: &mut watch::Receiver<()>) -> Option<u16> {
        let mut timer = pin!(sleep_until(self.heartbeat.deadline()));
        let mut ending = pin!(ending.changed());
        // What came before this: an upgrade, and packets right behind it.
        let mut woken = Woken::Read(Ok(true));
        loop {
            let over = match woken {
                Woken::Read(Ok(true)) => self.hear(),
                Woken::Read(_) => return None,
                Woken::Pass(pass) => self.pass(pass),
                Woken::Timer => self.tick(timer.as_mut()),
                Woken::Ending => Err(CLOSE_RESTART),
            };
            let joined = self.client.is_member();
            self.heartbeat.joined(joined, Instant::now);
            if joined {
                self.awaiting = None;
            }
            // A later deadline is found out when the timer fires.
            if self.heartbeat.deadline() < timer.deadline() {
                timer.as_mut().reset(self.heartbeat.deadline());
            }
            self.flush().await?;
            if let Err(code) = over {
                return Some(code);
            }
            woken = poll_fn(|cx| {
                let ending = if joined { None } else { Some(ending.as_mut()) };
                self.poll(cx, timer.as_mut(), ending)
            })
            .await;
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        timer: Pin<&mut Sleep>,
        ending: Option<Pin<&mut impl Future>>,
    ) -> Poll<Woken> {
        // Most that wakes an idle client is for it. One that gets much must be heard too: it answers pings.
        if self.passes < PASSES
            && let Poll::Ready(pass) = self.client.poll_next(cx)
        {
            self.passes += 1;
            return Poll::Ready(Woken::Pass(pass));
        }
        if let Poll::Ready(read) = self.stream.poll_fill(cx) {
            self.passes = 0;
            return Poll::Ready(Woken::Read(read));
        }
        if std::mem::take(&mut self.passes) >= PASSES
            && let Poll::Ready(pass) = self.client.poll_next(cx)
        {
            return Poll::Ready(Woken::Pass(pass));
        }
        if ending.is_some_and(|ending| ending.poll(cx).is_ready()) {
            return Poll::Ready(Woken::Ending);
        }
        timer.poll(cx).map(|()| Woken::Timer)
    }

    /// Takes every message that was read.
    fn hear(&mut self) -> Result<(), u16> {
        let mut out = Vec::new();
        let heard = self.hear_all(&mut out);
        if !out.is_empty() {
            self.stream.output().extend_from_slice(&out);
        }
        heard
    }

    fn hear_all(&mut self, out: &mut Vec<u8>) -> Result<(), u16> {
        loop {
            let heard = match self.stream.heard() {
                Ok(Some(heard)) => heard,
                Ok(None) => return Ok(()),
                Err(violation) => {
                    tracing::debug!(?violation, "a WebSocket is closed");
                    let code = match violation {
                        Violation::TooBig => Code::TooLong,
                        Violation::Protocol | Violation::NoUtf8 => Code::Malformed,
                    };
                    self.client.edge().metrics.refused(code);
                    return Err(violation.close_code());
                }
            };
            self.heartbeat.heard();
            let taken = match heard {
                Heard::Text(text) => match Packet::parse(&text) {
                    Ok(Packet::Message(text)) => self.client.hear(text, &mut Frames(out)),
                    Ok(Packet::Ping | Packet::Pong) => Ok(()),
                    Ok(Packet::Close) => return Err(CLOSE_NORMAL),
                    _ => Err(self.client.malformed("an Engine.IO packet")),
                },
                Heard::Binary(bytes) => self.client.hear_bytes(&bytes),
                Heard::Ping(said) => {
                    frame::pong(out, &said);
                    Ok(())
                }
                Heard::Pong => Ok(()),
                Heard::Close(_) => return Err(CLOSE_NORMAL),
            };
            taken.map_err(|Over| CLOSE_NORMAL)?;
        }
    }

    /// Writes what the hub says, and what already waits behind it.
    fn pass(&mut self, first: Pass) -> Result<(), u16> {
        let mut pass = Some(first);
        while let Some(next) = pass {
            let out = self.stream.output();
            let over = self.client.pass(next, &mut Frames(out));
            over.map_err(|Over| CLOSE_NORMAL)?;
            let more = out.len() < BATCH_BYTES;
            pass = more.then(|| self.client.try_next()).flatten();
        }
        Ok(())
    }

    fn tick(&mut self, timer: Pin<&mut Sleep>) -> Result<(), u16> {
        let due = self.heartbeat.due(Instant::now());
        timer.reset(self.heartbeat.deadline());
        match due {
            Due::Nothing => Ok(()),
            Due::Ping => {
                Frames(self.stream.output()).text(|out| out.extend_from_slice(packet::PING));
                Ok(())
            }
            Due::End => {
                self.client.edge().metrics.refused(Code::TooSlow);
                Err(CLOSE_NORMAL)
            }
        }
    }

    /// `None`: the client does not read, or is gone.
    async fn flush(&mut self) -> Option<()> {
        // Mostly there is place for it, and no timer needed.
        if let Some(flushed) = self.stream.flush().now_or_never() {
            return flushed.ok();
        }
        let most = self.client.edge().config.ping_timeout;
        timeout(most, self.stream.flush()).await.ok()?.ok()
    }
}

impl Packets for Frames<'_> {
    fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        frame::text(self.0, write);
    }

    fn binary(&mut self, bytes: &[u8]) {
        frame::binary(self.0, bytes);
    }
}

/// RFC 6455 section 7.4.1, and the IANA registry that it began.
const CLOSE_NORMAL: u16 = 1000;
const CLOSE_RESTART: u16 = 1012;

/// How often in a row the hub may be heard before the client.
const PASSES: u8 = 8;

/// What is written before the connection is read again.
const BATCH_BYTES: usize = 64 * 1024;
