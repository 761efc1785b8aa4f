//! When a request is sent again, and when it is given up (RFC 8489 §6.2.1 over UDP and DTLS, §6.2.2 over TCP and TLS).

use std::time::{Duration, Instant};

use crate::five_tuple::Transport;

/// The timer of one request.
///
/// On a stream a request is sent once and given up after 39.5 s. Over UDP, with the defaults (`Rc` = 7, `Rm` = 16) and an RTO of 500 ms a request goes out at 0, 500, 1500, 3500, 7500, 15500
/// and 31500 ms, and is given up at 39500 ms.
#[derive(Debug, Clone)]
pub struct Retransmission {
    rto: Duration,
    interval: Duration,
    sent: u32,
    requests: u32,
    next: Option<Instant>,
}

/// What a timeout means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// Send the same bytes again.
    Resend,
    /// No answer will come.
    GiveUp,
}

impl Retransmission {
    /// Starts with the first request, which is sent at `now`. `rto` is the first interval: [`Self::RTO`] where the
    /// round trip is not known.
    pub fn new(now: Instant, rto: Duration) -> Self {
        Self::with_requests(now, rto, REQUESTS)
    }

    /// The same with another number of requests (RFC 8489's `Rc`, at least 1).
    pub fn with_requests(now: Instant, rto: Duration, requests: u32) -> Self {
        let mut timer = Self {
            rto,
            interval: rto,
            sent: 1,
            requests: requests.max(1),
            next: None,
        };
        timer.arm(now);
        timer
    }

    /// On TCP and TLS: one request, sent at `now`, and no other (RFC 8489 §6.2.2).
    pub fn reliable(now: Instant) -> Self {
        Self {
            rto: TI,
            interval: TI,
            sent: 1,
            requests: 1,
            next: Some(now + TI),
        }
    }

    /// Whichever of [`new`](Self::new) and [`reliable`](Self::reliable) the transport asks for; the latter needs no
    /// `rto`.
    pub fn over(now: Instant, transport: Transport, rto: Duration) -> Self {
        match transport.is_stream() {
            true => Self::reliable(now),
            false => Self::new(now, rto),
        }
    }

    /// RFC 8489 §6.2.1: the RTO "SHOULD be 500 ms or greater".
    pub const RTO: Duration = Duration::from_millis(500);

    /// How many requests have been sent.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` once given up.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// What to do at `now`: `None` while it is too early, or after giving up. After a late call the schedule goes on
    /// from `now`: requests are never sent in a burst.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Timeout> {
        if now < self.next? {
            return None;
        }
        if self.sent >= self.requests {
            self.next = None;
            return Some(Timeout::GiveUp);
        }
        self.sent += 1;
        self.interval = self.interval.saturating_mul(2).min(MAX_INTERVAL);
        self.arm(now);
        Some(Timeout::Resend)
    }

    fn arm(&mut self, now: Instant) {
        let wait = match self.sent == self.requests {
            true => self.rto * LAST_WAIT,
            false => self.interval,
        };
        self.next = Some(now + wait);
    }
}

/// RFC 8489 §6.2.1: `Rc`, how often a request is sent.
const REQUESTS: u32 = 7;
/// Keeps an unusual number of requests from overflowing the clock; the RFC's own schedule stays below it.
const MAX_INTERVAL: Duration = Duration::from_secs(3600);
/// RFC 8489 §6.2.1: `Rm`, how many RTOs to wait after the last one.
const LAST_WAIT: u32 = 16;
/// RFC 8489 §6.2.2: `Ti`, how long to wait on a stream.
const TI: Duration = Duration::from_millis(39_500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_that_of_the_rfc() {
        let start = Instant::now();
        let mut timer = Retransmission::new(start, Retransmission::RTO);
        let mut seen = Vec::new();
        while let Some(at) = timer.poll_timeout() {
            assert_eq!(timer.handle_timeout(at - Duration::from_millis(1)), None);
            let what = timer.handle_timeout(at).unwrap();
            seen.push(((at - start).as_millis(), what));
        }
        let (last, resends) = seen.split_last().unwrap();
        assert_eq!(*last, (39_500, Timeout::GiveUp));
        let times: Vec<_> = resends.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [500, 1500, 3500, 7500, 15_500, 31_500]);
        assert!(resends.iter().all(|(_, what)| *what == Timeout::Resend));
        assert_eq!(timer.handle_timeout(start + Duration::from_secs(100)), None);
    }

    #[test]
    fn on_a_stream_there_is_one_request_and_as_long_a_wait() {
        let start = Instant::now();
        for transport in [Transport::Tcp, Transport::Tls] {
            let mut timer = Retransmission::over(start, transport, Retransmission::RTO);
            let end = start + Duration::from_millis(39_500);
            assert_eq!(timer.poll_timeout(), Some(end));
            assert_eq!(timer.handle_timeout(end - Duration::from_millis(1)), None);
            assert_eq!(timer.handle_timeout(end), Some(Timeout::GiveUp));
            assert_eq!((timer.poll_timeout(), timer.sent()), (None, 1));
        }
        for transport in [Transport::Udp, Transport::Dtls] {
            let timer = Retransmission::over(start, transport, Retransmission::RTO);
            assert_eq!(timer.poll_timeout(), Some(start + Retransmission::RTO));
        }
    }

    #[test]
    fn a_late_call_sends_once() {
        let start = Instant::now();
        let mut timer = Retransmission::new(start, Retransmission::RTO);
        let late = start + Duration::from_secs(60);
        assert_eq!(timer.handle_timeout(late), Some(Timeout::Resend));
        assert_eq!(timer.handle_timeout(late), None);
    }
}
