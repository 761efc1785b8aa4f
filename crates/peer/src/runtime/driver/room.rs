//! How much a connection gives to SCTP, and lets be on its way.

use std::time::Duration;

/// What bounds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Bytes that a receive buffer holds until it is read.
    pub(super) burst: usize,
    /// How long a round trip takes at the least.
    pub(super) round_trip: Duration,
}

/// What SCTP has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    /// Users' bytes that wait or are not acknowledged.
    pub(super) bytes: usize,
    /// The messages that they are of.
    pub(super) messages: usize,
    /// What is on its way takes up so many bytes of a receive buffer.
    pub(super) flight: usize,
}

impl Room {
    /// Users' bytes that may be on their way: what fits into a receive buffer and the way there. What overflows is lost, and
    /// the end of a burst is sent again after a second at the earliest (RFC 9260 §16, RTO.Min).
    pub(super) fn flight(self) -> usize {
        // Below this it is the time that a loaded machine takes.
        let way = self.round_trip.saturating_sub(NEAR);
        let on_the_way = (way.as_secs_f64() * RATE) as usize;
        let at_once = self.burst.min(AT_ONCE);
        at_once.saturating_add(on_the_way).min(HIGH_WATER)
    }

    /// Whether SCTP is given more to send: a little more than may be on its way, so that an acknowledgement finds something
    /// to send. Where small datagrams fill the receive buffer, messages wait until they can share some.
    pub(super) fn takes_more(self, held: Held) -> bool {
        let flight = self.flight();
        held.bytes < flight + IN_STOCK
            && held.messages < MANY_MESSAGES
            && held.flight < flight + flight / 2
    }
}

/// Bytes that are on their way at most: at 10 ms of round-trip time, 100 MB/s. More than a router's queue holds is lost.
const HIGH_WATER: usize = 1024 * 1024;
/// Bytes that are sent at once, however much a receive buffer takes: those of one batch are still in the cache when they are
/// acknowledged, and both sides work at the same time.
const AT_ONCE: usize = 512 * 1024;
/// Bytes that SCTP holds beyond those on their way.
const IN_STOCK: usize = 128 * 1024;
/// Messages that SCTP holds before no more are taken: it scans what is in flight, and can tell 32,768 apart in a stream.
const MANY_MESSAGES: usize = 8192;
/// Bytes a second that a path of some length is trusted to carry.
const RATE: f64 = 200e6;
/// A peer of which the round-trip time is shorter may be on this machine.
const NEAR: Duration = Duration::from_millis(4);

#[cfg(test)]
mod tests {
    use super::*;

    /// What Linux grants who does not ask, and counts for the smallest datagram.
    const GRANTED: usize = 212_992;
    const SMALLEST: usize = 768;

    #[test]
    fn datagrams_of_one_small_message_each_do_not_overflow_a_receive_buffer() {
        let room = Room {
            burst: GRANTED / 2,
            round_trip: Duration::ZERO,
        };
        let held = |messages: usize| Held {
            bytes: 100 * messages,
            messages,
            flight: SMALLEST * messages,
        };
        let taken = (0..).take_while(|messages| room.takes_more(held(*messages)));
        let taken = taken.count();
        assert!(SMALLEST * taken <= GRANTED);
        assert!(taken > 100, "{taken}");
    }

    #[test]
    fn the_time_that_a_loaded_machine_takes_is_no_way() {
        let flight = |ms| {
            let round_trip = Duration::from_millis(ms);
            let burst = GRANTED / 2;
            Room { burst, round_trip }.flight()
        };
        assert_eq!(flight(0), flight(4));
        assert!(flight(20) > 5 * flight(4));
        assert_eq!(flight(20), flight(1000));
    }
}
