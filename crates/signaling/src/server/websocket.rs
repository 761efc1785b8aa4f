//! The WebSocket carrier: one JSON frame in each text message.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::SinkExt;
use tokio::time::{Instant, timeout};

use super::body::Body;
use super::edge::{self, Edge, Guard};
use super::hub::{Answer, Input, Line, Lines, Pass, goodbye, queue};
use super::metrics::Carrier;
use super::state::{ConnId, Entered, Entrance, News, Op, ReplyTo, Speaker};
use super::texts;
use crate::protocol::{
    ClientFrame, Code, Join, Refused, Reply, ServerFrame, Undelivered, message_frame,
};

/// `GET /ws`.
pub(super) async fn upgrade(
    State(edge): State<Arc<Edge>>,
    upgrade: WebSocketUpgrade,
    request: Request,
) -> Response {
    let host = edge::host(request.headers()).map(str::to_owned);
    // Twice the limit, so that what is a little over it is refused by name.
    let bytes = 2 * edge.config.limits.message_bytes + FRAME_BYTES;
    upgrade
        .max_message_size(bytes)
        .max_frame_size(bytes)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .on_upgrade(move |socket| async move {
            Connection::new(edge, socket).run(host.as_deref()).await;
        })
}

/// One client's connection, in one task.
struct Connection {
    edge: Arc<Edge>,
    socket: WebSocket,
    conn: ConnId,
    heard: Instant,
    pinged: bool,
    /// The number of the last message, where the session does not count.
    seq: u64,
}

/// The connection is over; what the client is told.
type Over = Option<(u16, ServerFrame)>;

impl Connection {
    fn new(edge: Arc<Edge>, socket: WebSocket) -> Self {
        Self {
            conn: edge.conn(),
            edge,
            socket,
            heard: Instant::now(),
            pinged: false,
            seq: 0,
        }
    }

    async fn run(mut self, host: Option<&str>) {
        let over = match timeout(self.edge.config.handshake, self.first()).await {
            Ok(Ok(join)) => self.join(*join, host).await,
            Ok(Err(over)) => over,
            Err(_) => self.refuse(Code::TooSlow, texts::of(Code::TooSlow)),
        };
        let goodbye = async {
            let close = match over {
                Some((code, frame)) => {
                    self.write(&frame.to_json()).await?;
                    code
                }
                None => CLOSE_NORMAL,
            };
            let close = CloseFrame {
                code: close,
                reason: Utf8Bytes::default(),
            };
            self.socket.send(Message::Close(Some(close))).await.ok()?;
            // Until the client has closed too: it may still be sending, and would get a reset in place of our last words.
            while let Some(Ok(_)) = self.socket.recv().await {}
            Some(())
        };
        let _ = timeout(FAREWELL, goodbye).await;
    }

    /// The frame that comes first, which must be a join.
    async fn first(&mut self) -> Result<Box<Join>, Over> {
        loop {
            match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => {
                    return match ClientFrame::parse(&text) {
                        Ok(ClientFrame::Join(join)) => Ok(join),
                        Ok(_) => Err(self.refuse(Code::NotJoined, texts::of(Code::NotJoined))),
                        Err(malformed) => Err(self.refuse(Code::Malformed, &malformed.to_string())),
                    };
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    return Err(self.refuse(Code::Malformed, "Frames are text."));
                }
                Some(Err(_)) => return Err(self.refuse(Code::TooLong, texts::of(Code::TooLong))),
                Some(Ok(Message::Close(_))) | None => return Err(None),
            }
        }
    }

    async fn join(&mut self, join: Join, host: Option<&str>) -> Over {
        if let Err((code, error)) = self.edge.check(&join) {
            return refused(code, error);
        }
        let place = match self.edge.place(Carrier::WebSocket) {
            Ok(place) => place,
            Err(code) => return refused(code, texts::of(code).into()),
        };
        let limits = &self.edge.config.limits;
        let (outlet, lines) = queue(limits.queue, limits.queue_bytes);
        if !self.edge.tell(Input::Open(self.conn, outlet)).await {
            return refused(Code::Restart, texts::of(Code::Restart).into());
        }
        let guard = Guard::new(&self.edge, self.conn);
        let over = match self.entrance(join) {
            Some(entrance) => match self.edge.ask(entrance).await {
                Answer::Joined(entered) => self.serve(*entered, host, lines).await,
                Answer::Reply(reply) => refused(
                    reply.code.unwrap_or(Code::Unknown),
                    reply.error.unwrap_or_default(),
                ),
            },
            None => refused(Code::Busy, texts::of(Code::Busy).into()),
        };
        drop((guard, place));
        over
    }

    fn entrance(&self, join: Join) -> Option<impl FnOnce(ReplyTo) -> Op + use<>> {
        let conn = self.conn;
        let (socket_id, token) = (edge::secret()?, edge::secret()?);
        Some(move |to| {
            Op::Join(Box::new(Entrance {
                conn: Some(conn),
                to,
                socket_id: socket_id[..20].to_owned(),
                room: join.room,
                peer: join.peer,
                kind: join.peer_type,
                token: join.resume.wanted().then_some(token),
                claim: join.resume.claim().cloned(),
                hello: false,
            }))
        })
    }

    async fn serve(&mut self, entered: Entered, host: Option<&str>, mut lines: Lines) -> Over {
        tracing::debug!(peer = %entered.peer, "registered");
        let joined = self.edge.joined(entered, host);
        let frame = ServerFrame::Joined(Box::new(joined)).to_json();
        self.write(&frame).await?;
        loop {
            let silence = if self.pinged {
                self.edge.config.ping_timeout
            } else {
                self.edge.config.ping_interval
            };
            let step = tokio::select! {
                frame = self.socket.recv() => self.hear(frame).await,
                pass = lines.next() => self.pass(pass, &mut lines).await,
                () = tokio::time::sleep_until(self.heard + silence) => self.silent().await,
            };
            if let ControlFlow::Break(over) = step {
                return over;
            }
        }
    }

    async fn hear(&mut self, frame: Option<Result<Message, axum::Error>>) -> ControlFlow<Over> {
        (self.heard, self.pinged) = (Instant::now(), false);
        match frame {
            Some(Ok(Message::Text(text))) => self.obey(&text).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => ControlFlow::Continue(()),
            Some(Ok(Message::Binary(_))) => {
                self.complain(None, Code::Malformed, "Frames are text.")
                    .await
            }
            Some(Ok(Message::Close(_))) | None => ControlFlow::Break(None),
            Some(Err(error)) => {
                tracing::debug!(%error, "a WebSocket broke");
                // Most broken connections have nobody left to read this; one that sent too much does.
                ControlFlow::Break(Some((CLOSE_TOO_BIG, self.ended(Code::TooLong))))
            }
        }
    }

    async fn obey(&mut self, text: &str) -> ControlFlow<Over> {
        let by = Speaker::Conn(self.conn);
        let (id, message, all) = match ClientFrame::parse(text) {
            Ok(ClientFrame::Send { id, message }) => (id, message, false),
            Ok(ClientFrame::Broadcast { id, message }) => (id, message, true),
            Ok(ClientFrame::Received { seq }) => return self.step(Op::Received { by, seq }).await,
            Ok(ClientFrame::Leave) => {
                let to = ReplyTo::Nobody;
                return self.step(Op::Leave { by, to }).await;
            }
            Ok(ClientFrame::Join(_)) => {
                return self
                    .complain(None, Code::Malformed, "A join comes once.")
                    .await;
            }
            Err(malformed) => {
                return self
                    .complain(None, Code::Malformed, &malformed.to_string())
                    .await;
            }
        };
        match self.edge.said(Body::Text(message), id.clone(), all) {
            Ok(said) => {
                let to = ReplyTo::Frame(self.conn, id);
                self.step(Op::Say { by, to, said }).await
            }
            Err(code) => {
                let frame = answer(id, Reply::refused(code, texts::of(code)));
                self.put(&frame.to_json()).await
            }
        }
    }

    async fn step(&mut self, op: Op) -> ControlFlow<Over> {
        match self.edge.tell(Input::Step(op, None)).await {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(Some((CLOSE_RESTART, self.ended(Code::Restart)))),
        }
    }

    /// Writes what the hub says, and all that already waits behind it.
    async fn pass(&mut self, first: Pass, lines: &mut Lines) -> ControlFlow<Over> {
        let mut pass = Some(first);
        let mut fed = 0;
        while let Some(next) = pass {
            let text = match next {
                Pass::Line(line) => self.frame(line),
                Pass::Part(code) => return ControlFlow::Break(self.parted(code)),
            };
            let write = self.socket.feed(Message::Text(text.into()));
            match timeout(self.edge.config.ping_timeout, write).await {
                Ok(Ok(())) => fed += 1,
                _ => return ControlFlow::Break(None),
            }
            pass = if fed < BATCH { lines.try_next() } else { None };
        }
        match timeout(self.edge.config.ping_timeout, self.socket.flush()).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(None),
        }
    }

    fn frame(&mut self, line: Line) -> String {
        match line {
            Line::News(seq, news) => {
                let seq = seq.unwrap_or(self.seq + 1);
                self.seq = seq;
                news_frame(seq, news)
            }
            Line::Reply(id, reply) => answer(id, reply).to_json(),
        }
    }

    async fn silent(&mut self) -> ControlFlow<Over> {
        if self.pinged {
            self.edge.metrics.refused(Code::TooSlow);
            return ControlFlow::Break(None);
        }
        (self.heard, self.pinged) = (Instant::now(), true);
        let ping = self.socket.send(Message::Ping(Default::default()));
        match timeout(self.edge.config.ping_timeout, ping).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(None),
        }
    }

    async fn complain(&mut self, id: Option<String>, code: Code, text: &str) -> ControlFlow<Over> {
        self.edge.metrics.refused(code);
        let frame = answer(id, Reply::refused(code, text));
        self.put(&frame.to_json()).await
    }

    async fn put(&mut self, text: &str) -> ControlFlow<Over> {
        match self.write(text).await {
            Some(()) => ControlFlow::Continue(()),
            None => ControlFlow::Break(None),
        }
    }

    /// `None`: the client does not read, or is gone.
    async fn write(&mut self, text: &str) -> Option<()> {
        let write = self.socket.send(Message::Text(text.into()));
        timeout(self.edge.config.ping_timeout, write)
            .await
            .ok()?
            .ok()
    }

    fn parted(&self, code: Option<Code>) -> Over {
        match code {
            Some(Code::Left) => None,
            None | Some(Code::Restart) => Some((CLOSE_RESTART, self.ended(Code::Restart))),
            Some(code) => Some((CLOSE_POLICY, self.ended(code))),
        }
    }

    fn ended(&self, code: Code) -> ServerFrame {
        ServerFrame::Goodbye(goodbye(code))
    }

    fn refuse(&self, code: Code, text: &str) -> Over {
        self.edge.metrics.refused(code);
        refused(code, text.into())
    }
}

/// The frame of something that a session gets.
pub(super) fn news_frame(seq: u64, news: News) -> String {
    match news {
        News::Message(body) => message_frame(seq, &body.json()),
        News::Undelivered(lost) => ServerFrame::Undelivered(Undelivered { seq, ..lost }).to_json(),
    }
}

/// An acknowledgement, or the complaint about what had no id.
pub(super) fn answer(id: Option<String>, reply: Reply) -> ServerFrame {
    match id {
        Some(id) => ServerFrame::Ack { id, reply },
        None => ServerFrame::Error(Refused {
            code: reply.code.unwrap_or(Code::Unknown),
            error: reply.error.unwrap_or_default(),
        }),
    }
}

fn refused(code: Code, error: String) -> Over {
    let close = if code == Code::Restart {
        CLOSE_RESTART
    } else {
        CLOSE_POLICY
    };
    Some((close, ServerFrame::Refused(Refused { code, error })))
}

/// RFC 6455 section 7.4.1, and the IANA registry that it began.
const CLOSE_NORMAL: u16 = 1000;
const CLOSE_POLICY: u16 = 1008;
const CLOSE_TOO_BIG: u16 = 1009;
const CLOSE_RESTART: u16 = 1012;

/// What a frame has beside its message.
const FRAME_BYTES: usize = 4096;

/// Messages of this protocol are a few kilobytes; an idle client costs as much as its buffer.
const READ_BUFFER: usize = 4096;

/// Frames that are written before the connection is read again.
const BATCH: usize = 32;

/// What the client has to close in.
const FAREWELL: Duration = Duration::from_secs(2);
