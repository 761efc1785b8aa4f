//! What was published and the broker has not taken yet.

use std::collections::BTreeMap;

use super::super::state::ConnId;
use crate::client::Closed;
use crate::client::mqtt::broker::Broker;

/// Messages in flight, oldest first. They outlive a connection.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    flights: BTreeMap<u64, Flight>,
    last: u64,
}

/// One message.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) what: What,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A retained presence; it is published again with every connection.
    Presence,
    /// The message to itself, behind all that is retained.
    Mirror,
    /// Something that a session got, and its number.
    News(ConnId, u64),
    /// What tells a peer of the broker of a message that did not arrive.
    Notice,
}

impl Outgoing {
    /// Whether one more may be published.
    pub(super) fn has_room(&self) -> bool {
        self.flights.len() < WINDOW
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// The number that the next one gets.
    pub(super) fn next(&self) -> u64 {
        self.last + 1
    }

    pub(super) fn publish(&mut self, broker: &mut Broker, flight: Flight) -> Result<(), Closed> {
        self.last += 1;
        let (name, sent) = (self.last, flight.clone());
        self.flights.insert(name, flight);
        let retain = sent.what == What::Presence;
        broker.publish(name, sent.topic, retain, sent.payload)
    }

    /// The broker has answered.
    pub(super) fn answered(&mut self, name: u64) -> Option<Flight> {
        self.flights.remove(&name)
    }

    /// Publishes again, in order, what the last connection did not get an answer for.
    pub(super) fn again(&mut self, broker: &mut Broker) -> Result<(), Closed> {
        let lasting = |what| matches!(what, What::News(..) | What::Notice);
        self.flights.retain(|_, flight| lasting(flight.what));
        for (name, flight) in &self.flights {
            broker.publish(*name, flight.topic.clone(), false, flight.payload.clone())?;
        }
        Ok(())
    }

    /// Forgets what was for a session that is over.
    pub(super) fn forget(&mut self, conn: ConnId) {
        let of = |what| matches!(what, What::News(at, _) if at == conn);
        self.flights.retain(|_, flight| !of(flight.what));
    }
}

/// Messages on their way to the broker; more wait in the queues of their sessions, whose senders are told when those are full.
const WINDOW: usize = 256;
