//! The WebSocket carrier: one JSON frame in each text message.

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until, timeout};

use super::FAREWELL;
use super::body::Body;
use super::edge::{self, Edge, Guard};
use super::hub::{Answer, Input, Line, Lines, Pass, goodbye, queue};
use super::metrics::Carrier;
use super::rfc6455::{self, Heard, Stream, Violation, frame};
use super::state::{ConnId, Entered, Entrance, News, Op, ReplyTo, Speaker};
use super::texts;
use crate::protocol::{
    ClientFrame, Code, Join, Refused, Reply, ServerFrame, Undelivered, message_frame,
};

/// `GET /ws`.
pub(super) async fn upgrade(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    let host = edge::host(request.headers()).map(str::to_owned);
    let (response, upgrade) = rfc6455::upgrade(request, edge.packet_bytes());
    if let Some(upgrade) = upgrade {
        tokio::spawn(async move {
            if let Some(stream) = upgrade.connection().await {
                Connection::new(edge, stream).run(host.as_deref()).await;
            }
        });
    }
    response
}

/// One client's connection, in one task.
struct Connection {
    edge: Arc<Edge>,
    stream: Stream,
    conn: ConnId,
    heard: Instant,
    pinged: bool,
    /// The number of the last message, where the session does not count.
    seq: u64,
}

/// The connection is over; what the client is told.
type Over = Option<(u16, ServerFrame)>;

impl Connection {
    fn new(edge: Arc<Edge>, stream: Stream) -> Self {
        Self {
            conn: edge.conn(),
            edge,
            stream,
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
            self.stream.close(close).await;
            Some(())
        };
        let _ = timeout(FAREWELL, goodbye).await;
    }

    /// The frame that comes first, which must be a join.
    async fn first(&mut self) -> Result<Box<Join>, Over> {
        loop {
            match self.stream.next().await {
                Ok(Some(Heard::Text(text))) => {
                    return match ClientFrame::parse(&text) {
                        Ok(ClientFrame::Join(join)) => Ok(join),
                        Ok(_) => Err(self.refuse(Code::NotJoined, texts::of(Code::NotJoined))),
                        Err(malformed) => Err(self.refuse(Code::Malformed, &malformed.to_string())),
                    };
                }
                Ok(Some(Heard::Ping(said))) => self.pong(&said).await.ok_or(None)?,
                Ok(Some(Heard::Pong)) => {}
                Ok(Some(Heard::Binary(_))) => {
                    return Err(self.refuse(Code::Malformed, "Frames are text."));
                }
                Err(_) => return Err(self.refuse(Code::TooLong, texts::of(Code::TooLong))),
                Ok(Some(Heard::Close(_)) | None) => return Err(None),
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
        let mut timer = pin!(sleep_until(self.heard + self.silence()));
        loop {
            let step = tokio::select! {
                frame = self.stream.next() => self.hear(frame).await,
                pass = lines.next() => self.pass(pass, &mut lines).await,
                () = &mut timer => self.silent().await,
            };
            if let ControlFlow::Break(over) = step {
                return over;
            }
            let deadline = self.heard + self.silence();
            // A later deadline is found out when the timer fires.
            if deadline < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
        }
    }

    /// How long the client may be silent from here on.
    fn silence(&self) -> Duration {
        if self.pinged {
            self.edge.config.ping_timeout
        } else {
            self.edge.config.ping_interval
        }
    }

    async fn hear(
        &mut self,
        frame: Result<Option<Heard<'static>>, Violation>,
    ) -> ControlFlow<Over> {
        (self.heard, self.pinged) = (Instant::now(), false);
        match frame {
            Ok(Some(Heard::Text(text))) => self.obey(&text).await,
            Ok(Some(Heard::Ping(said))) => match self.pong(&said).await {
                Some(()) => ControlFlow::Continue(()),
                None => ControlFlow::Break(None),
            },
            Ok(Some(Heard::Pong)) => ControlFlow::Continue(()),
            Ok(Some(Heard::Binary(_))) => {
                self.complain(None, Code::Malformed, "Frames are text.")
                    .await
            }
            Ok(Some(Heard::Close(_)) | None) => ControlFlow::Break(None),
            Err(violation) => {
                tracing::debug!(?violation, "a WebSocket is closed");
                let code = match violation {
                    Violation::TooBig => Code::TooLong,
                    Violation::Protocol | Violation::NoUtf8 => Code::Malformed,
                };
                ControlFlow::Break(Some((violation.close_code(), self.ended(code))))
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
        match self.edge.said(Body::from(message), id.clone(), all) {
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
        while let Some(next) = pass {
            match next {
                Pass::Line(line) => self.line(line),
                Pass::Part(code) => return ControlFlow::Break(self.parted(code)),
            }
            let more = self.stream.output().len() < BATCH_BYTES;
            pass = more.then(|| lines.try_next()).flatten();
        }
        self.flushed().await
    }

    fn line(&mut self, line: Line) {
        match line {
            Line::News(seq, news) => {
                let seq = seq.unwrap_or(self.seq + 1);
                self.seq = seq;
                let text = news_frame(seq, news);
                self.put_text(&text);
            }
            Line::Reply(id, reply) => self.put_text(&answer(id, reply).to_json()),
            // This carrier waits for its answers by itself.
            Line::Registered(..) => {}
        }
    }

    async fn silent(&mut self) -> ControlFlow<Over> {
        if self.heard + self.silence() > Instant::now() {
            return ControlFlow::Continue(());
        }
        if self.pinged {
            self.edge.metrics.refused(Code::TooSlow);
            return ControlFlow::Break(None);
        }
        (self.heard, self.pinged) = (Instant::now(), true);
        frame::ping(self.stream.output());
        self.flushed().await
    }

    async fn complain(&mut self, id: Option<String>, code: Code, text: &str) -> ControlFlow<Over> {
        self.edge.metrics.refused(code);
        let frame = answer(id, Reply::refused(code, text));
        self.put(&frame.to_json()).await
    }

    async fn put(&mut self, text: &str) -> ControlFlow<Over> {
        self.put_text(text);
        self.flushed().await
    }

    /// `None`: the client does not read, or is gone.
    async fn write(&mut self, text: &str) -> Option<()> {
        self.put_text(text);
        self.flush().await
    }

    async fn pong(&mut self, said: &[u8]) -> Option<()> {
        frame::pong(self.stream.output(), said);
        self.flush().await
    }

    fn put_text(&mut self, text: &str) {
        let out = self.stream.output();
        frame::text(out, |out| out.extend_from_slice(text.as_bytes()));
    }

    async fn flushed(&mut self) -> ControlFlow<Over> {
        match self.flush().await {
            Some(()) => ControlFlow::Continue(()),
            None => ControlFlow::Break(None),
        }
    }

    async fn flush(&mut self) -> Option<()> {
        // Mostly there is place for it, and no timer needed.
        if let Some(flushed) = self.stream.flush().now_or_never() {
            return flushed.ok();
        }
        let most = self.edge.config.ping_timeout;
        timeout(most, self.stream.flush()).await.ok()?.ok()
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
const CLOSE_RESTART: u16 = 1012;

/// What is written before the connection is read again.
const BATCH_BYTES: usize = 64 * 1024;
