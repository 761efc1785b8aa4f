//! Where the hub puts what is for a connection. Nothing here waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use serde::Serialize;
use socketioxide::extract::SocketRef;
use tokio::sync::{mpsc, oneshot};

use super::super::state::News;
use super::super::texts;
use crate::protocol::{Code, Goodbye, Reply};

/// A connection, as the hub sees it.
#[derive(Debug)]
pub(in crate::server) enum Outlet {
    /// socketioxide has a bounded queue of its own. `modern`: the client asked for more than the old protocol.
    SocketIo {
        socket: SocketRef,
        modern: bool,
        /// Whether it was found disconnected before.
        gone: bool,
    },
    /// A queue that the connection's own task reads.
    Queue(Queue),
}

/// The hub's end of a queue.
#[derive(Debug)]
pub(in crate::server) struct Queue {
    lines: mpsc::Sender<Line>,
    part: oneshot::Sender<Code>,
    bytes: Arc<AtomicUsize>,
    most_bytes: usize,
}

/// The connection's end.
#[derive(Debug)]
pub(in crate::server) struct Lines {
    lines: mpsc::Receiver<Line>,
    part: oneshot::Receiver<Code>,
    bytes: Arc<AtomicUsize>,
}

/// One thing to write.
#[derive(Debug)]
pub(in crate::server) enum Line {
    /// `None`: the connection counts.
    News(Option<u64>, News),
    Reply(Option<String>, Reply),
}

/// What the connection does next.
#[derive(Debug)]
pub(in crate::server) enum Pass {
    Line(Line),
    /// Close, and say why. `None`: the hub is gone.
    Part(Option<Code>),
}

/// A queue for one connection.
pub(in crate::server) fn queue(most: usize, most_bytes: usize) -> (Outlet, Lines) {
    let (lines, lines_out) = mpsc::channel(most + REPLIES);
    let (part, part_out) = oneshot::channel();
    let bytes = Arc::new(AtomicUsize::new(0));
    let queue = Queue {
        lines,
        part,
        bytes: Arc::clone(&bytes),
        most_bytes,
    };
    let lines = Lines {
        lines: lines_out,
        part: part_out,
        bytes,
    };
    (Outlet::Queue(queue), lines)
}

impl Outlet {
    /// Puts a message there. False: there is no place.
    pub(super) fn deliver(&self, seq: Option<u64>, news: News) -> bool {
        match self {
            Self::SocketIo { socket, modern, .. } => match (news, seq, modern) {
                (News::Message(body), Some(seq), true) => emit(socket, "message", &(&*body, seq)),
                (News::Message(body), ..) => emit(socket, "message", &*body),
                (News::Undelivered(lost), _, true) => emit(socket, "undelivered", &lost),
                (News::Undelivered(_), _, false) => true,
            },
            Self::Queue(queue) => queue.deliver(seq, news),
        }
    }

    /// Puts an answer there. False: the client asks and does not read.
    pub(super) fn reply(&self, id: Option<String>, reply: Reply) -> bool {
        match self {
            // Socket.IO has callbacks for it.
            Self::SocketIo { .. } => true,
            Self::Queue(queue) => queue.lines.try_send(Line::Reply(id, reply)).is_ok(),
        }
    }

    /// Whether the connection is gone without having said so: it was found disconnected twice.
    pub(super) fn is_stale(&mut self) -> bool {
        match self {
            Self::SocketIo { socket, gone, .. } => {
                let before = std::mem::replace(gone, !socket.connected());
                before && *gone
            }
            Self::Queue(_) => false,
        }
    }

    /// Ends the connection.
    pub(super) fn part(self, code: Code) {
        match self {
            Self::SocketIo { socket, modern, .. } => {
                if modern {
                    // It is going either way.
                    let _ = socket.emit("goodbye", &goodbye(code));
                }
                let _ = socket.disconnect();
            }
            // A connection that is gone has no need to be told.
            Self::Queue(queue) => drop(queue.part.send(code)),
        }
    }
}

impl Queue {
    fn deliver(&self, seq: Option<u64>, news: News) -> bool {
        let len = news.len();
        let waiting = self.bytes.fetch_add(len, Ordering::Relaxed);
        let fits = waiting == 0 || waiting + len <= self.most_bytes;
        if fits && self.lines.try_send(Line::News(seq, news)).is_ok() {
            return true;
        }
        self.bytes.fetch_sub(len, Ordering::Relaxed);
        false
    }
}

impl Lines {
    /// What to do next. A farewell comes before what waits. Cancel safe.
    pub(in crate::server) async fn next(&mut self) -> Pass {
        tokio::select! {
            biased;
            code = &mut self.part => Pass::Part(code.ok()),
            line = self.lines.recv() => match line {
                Some(line) => self.take(line),
                // The hub has dropped its end; it may have said why.
                None => Pass::Part((&mut self.part).await.ok()),
            },
        }
    }

    /// What else is there to do at once.
    pub(in crate::server) fn try_next(&mut self) -> Option<Pass> {
        let line = self.lines.try_recv().ok()?;
        Some(self.take(line))
    }

    fn take(&self, line: Line) -> Pass {
        if let Line::News(_, news) = &line {
            self.bytes.fetch_sub(news.len(), Ordering::Relaxed);
        }
        Pass::Line(line)
    }
}

/// Sends one event to one client. socketioxide counts a client as connected a little after it has told the client so; until
/// then only the room that has the socket's name reaches it.
fn emit<T: Serialize + ?Sized>(socket: &SocketRef, event: &str, data: &T) -> bool {
    if socket.connected() {
        return socket.emit(event, data).is_ok();
    }
    let sent = socket.within(socket.id).emit(event, data).now_or_never();
    matches!(sent, Some(Ok(())))
}

/// What a client is told whose connection ends.
pub(in crate::server) fn goodbye(code: Code) -> Goodbye {
    Goodbye {
        code,
        error: texts::of(code).to_owned(),
        reconnect_after_ms: (code == Code::Restart).then_some(RECONNECT_AFTER_MS),
    }
}

/// Places for answers, beside those for messages.
const REPLIES: usize = 64;

/// Clients add a random part to it by themselves; this only keeps them from coming back before the port is free.
const RECONNECT_AFTER_MS: u64 = 500;
