//! Where the hub puts what is for a connection. Nothing here waits.
//!
//! A queue of our own: tokio's channels hold places for dozens of lines from the start, and most connections have none to hold.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::super::state::News;
use super::super::texts;
use super::Answer;
use crate::protocol::{Code, Goodbye, Reply};

/// A connection, as the hub sees it: its end of the queue. Dropped, the connection ends.
#[derive(Debug)]
pub(in crate::server) struct Outlet(Arc<Queue>);

/// The connection's end.
#[derive(Debug)]
pub(in crate::server) struct Lines(Arc<Queue>);

/// An end for answers to what the connection asked.
#[derive(Debug, Clone)]
pub(in crate::server) struct Answers(Arc<Queue>);

/// One thing to write.
#[derive(Debug)]
pub(in crate::server) enum Line {
    /// `None`: the connection counts.
    News(Option<u64>, News),
    Reply(Option<String>, Reply),
    /// What became of a registration, and under which id the client asked. Only for who has [`Answers`] put it there.
    Registered(Option<u64>, Answer),
}

/// What the connection does next.
#[derive(Debug)]
pub(in crate::server) enum Pass {
    Line(Line),
    /// Close, and say why. `None`: the hub is gone.
    Part(Option<Code>),
}

#[derive(Debug)]
struct Queue {
    most: usize,
    most_bytes: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Line>,
    messages: usize,
    bytes: usize,
    /// The hub has no more; it may have said why.
    over: Option<Option<Code>>,
    /// Nobody reads any more.
    closed: bool,
    reader: Option<Waker>,
}

/// A queue for one connection.
pub(in crate::server) fn queue(most: usize, most_bytes: usize) -> (Outlet, Lines) {
    let queue = Arc::new(Queue {
        most,
        most_bytes,
        waiting: Mutex::default(),
    });
    (Outlet(Arc::clone(&queue)), Lines(queue))
}

impl Outlet {
    /// Puts a message there. False: there is no place.
    pub(super) fn deliver(&self, seq: Option<u64>, news: News) -> bool {
        self.0.put(Line::News(seq, news))
    }

    /// Puts an answer there. False: the client asks and does not read.
    pub(super) fn reply(&self, id: Option<String>, reply: Reply) -> bool {
        self.0.put(Line::Reply(id, reply))
    }

    /// Ends the connection.
    pub(super) fn part(self, code: Code) {
        self.0.end(Some(code));
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.0.end(None);
    }
}

impl Answers {
    /// Puts an answer there. False: the client asks and does not read.
    pub(in crate::server) fn put(&self, line: Line) -> bool {
        self.0.put(line)
    }
}

impl Lines {
    pub(in crate::server) fn answers(&self) -> Answers {
        Answers(Arc::clone(&self.0))
    }

    /// What to do next. A farewell comes before what waits. Cancel safe.
    pub(in crate::server) async fn next(&mut self) -> Pass {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What to do next. One task may wait at a time.
    pub(in crate::server) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Pass> {
        let mut waiting = self.0.lock();
        match waiting.next() {
            Some(pass) => Poll::Ready(pass),
            None => {
                waiting.wake_later(cx);
                Poll::Pending
            }
        }
    }

    /// Waits for the farewell alone; lines stay where they are.
    pub(in crate::server) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Code>> {
        let mut waiting = self.0.lock();
        match waiting.over {
            Some(code) => Poll::Ready(code),
            None => {
                waiting.wake_later(cx);
                Poll::Pending
            }
        }
    }

    /// What else is there to do at once.
    pub(in crate::server) fn try_next(&mut self) -> Option<Pass> {
        self.0.lock().next()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.closed = true;
        waiting.lines = VecDeque::new();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here panics with the lock held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, line: Line) -> bool {
        let mut waiting = self.lock();
        let fits = match &line {
            Line::News(_, News::Message(body)) => {
                waiting.messages < self.most
                    && (waiting.bytes == 0 || waiting.bytes + body.len() <= self.most_bytes)
            }
            _ => waiting.lines.len() < self.most + REPLIES,
        };
        if !fits || waiting.closed || waiting.over.is_some() {
            return false;
        }
        if let Line::News(_, News::Message(body)) = &line {
            waiting.messages += 1;
            waiting.bytes += body.len();
        }
        waiting.lines.push_back(line);
        waiting.wake();
        true
    }

    fn end(&self, code: Option<Code>) {
        let mut waiting = self.lock();
        if waiting.over.is_none() {
            waiting.over = Some(code);
            waiting.wake();
        }
    }
}

impl Waiting {
    fn next(&mut self) -> Option<Pass> {
        // Who was told to go does not get what waits; what the hub said before it ended is still good.
        if let Some(Some(code)) = self.over {
            return Some(Pass::Part(Some(code)));
        }
        let Some(line) = self.lines.pop_front() else {
            return self.over.map(Pass::Part);
        };
        if let Line::News(_, News::Message(body)) = &line {
            self.messages -= 1;
            self.bytes -= body.len();
        }
        if self.lines.is_empty() && self.lines.capacity() > PLACES {
            self.lines = VecDeque::new();
        }
        Some(Pass::Line(line))
    }

    fn wake_later(&mut self, cx: &Context<'_>) {
        match &mut self.reader {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.reader = Some(cx.waker().clone()),
        }
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
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

/// Places that an empty queue may keep.
const PLACES: usize = 4;

/// Clients add a random part to it by themselves; this only keeps them from coming back before the port is free.
const RECONNECT_AFTER_MS: u64 = 500;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::protocol::Delivery;
    use crate::server::body::Body;

    fn news(text: &str) -> News {
        News::Message(Arc::new(Body::of(&text)))
    }

    #[test]
    fn messages_are_bounded_by_number_and_answers_have_places_of_their_own() {
        let (outlet, mut lines) = queue(2, 1000);
        assert_eq!(
            [0; 3].map(|_| outlet.deliver(None, news("x"))),
            [true, true, false]
        );
        let reply = || Reply::accepted(Delivery::Delivered);
        for _ in 0..REPLIES {
            assert!(outlet.reply(None, reply()));
        }
        assert!(!outlet.reply(None, reply()));
        assert!(matches!(lines.try_next(), Some(Pass::Line(Line::News(..)))));
        assert!(outlet.deliver(None, news("x")), "a place is free again");
    }

    #[test]
    fn messages_are_bounded_by_bytes_and_one_always_fits() {
        let (outlet, mut lines) = queue(9, 10);
        assert!(outlet.deliver(None, news("over ten bytes")));
        assert!(!outlet.deliver(None, news("")));
        while lines.try_next().is_some() {}
        assert!(outlet.deliver(None, news("12345")));
        assert!(!outlet.deliver(None, news("12345")));
    }

    #[test]
    fn a_farewell_comes_before_what_waits_and_the_end_of_the_hub_after_it() {
        let (outlet, mut lines) = queue(9, 100);
        outlet.deliver(None, news("x"));
        outlet.part(Code::Restart);
        assert!(matches!(
            lines.try_next(),
            Some(Pass::Part(Some(Code::Restart)))
        ));
        let (outlet, mut lines) = queue(9, 100);
        outlet.deliver(None, news("x"));
        drop(outlet);
        assert!(matches!(lines.try_next(), Some(Pass::Line(_))));
        assert!(matches!(lines.try_next(), Some(Pass::Part(None))));
    }

    #[test]
    fn what_nobody_reads_is_not_taken() {
        let (outlet, lines) = queue(9, 100);
        drop(lines);
        assert!(!outlet.deliver(None, news("x")));
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let (outlet, mut lines) = queue(9, 100);
        let waiting = tokio::spawn(async move { lines.next().await });
        tokio::task::yield_now().await;
        assert!(outlet.deliver(None, news("x")));
        assert!(matches!(waiting.await, Ok(Pass::Line(_))));
    }
}
