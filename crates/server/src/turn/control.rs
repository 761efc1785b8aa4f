//! What other threads tell a worker.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use ieum_turn::server::{self, QuotaReached, RelayId};
use ieum_turn::{FiveTuple, Transport};
use mio::Waker;

use super::certificate::Certificate;
use super::dtls::{Session, is_dtls, over_udp};
use super::report::WorkerReport;
use super::stream::Stream;
use super::streams::Limits;
use super::worker::Worker;

/// What other threads tell a worker.
pub(super) enum Command {
    /// Close every socket and end.
    Stop,
    /// Say what was done so far, and what there is.
    Report(SyncSender<WorkerReport>),
    /// Go on with this configuration.
    Reconfigure(Box<Reconfiguration>),
    /// Show this certificate from now on.
    Renew(Certificate),
    /// Make no new allocations, and end the others at this time.
    Drain(Instant),
    /// The owner of the quotas has decided.
    Admitted(RelayId, Result<(), QuotaReached>),
    /// A client of another worker has its allocation here, or will have.
    Steered {
        client: FiveTuple,
        message: Vec<u8>,
        moved: Moved,
    },
}

/// What moves with a client from one worker to another.
pub(super) enum Moved {
    /// Over UDP there is nothing, and after the first time.
    Nothing,
    Stream(Box<Stream>),
    Session(Box<Session>),
}

/// What can change while it runs.
pub(super) struct Reconfiguration {
    pub(super) machine: server::Config,
    pub(super) certificate: Option<Certificate>,
    pub(super) limits: Limits,
}

/// A way to a worker.
#[derive(Clone)]
pub(super) struct Mailbox {
    pub(super) commands: SyncSender<Command>,
    pub(super) waker: Arc<Waker>,
}

impl Mailbox {
    /// Waits for room where the worker is behind. A worker that has ended takes nothing.
    pub(super) fn send(&self, command: Command) {
        if self.commands.send(command).is_ok() {
            let _ = self.waker.wake();
        }
    }

    /// Drops it where the worker is behind.
    pub(super) fn try_send(&self, command: Command) {
        if self.commands.try_send(command).is_ok() {
            let _ = self.waker.wake();
        }
    }
}

impl Worker {
    /// Takes what other threads said; whether it has to end.
    pub(super) fn obey(&mut self, now: Instant) -> bool {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Stop => return true,
                Command::Report(to) => {
                    // Who asked may have stopped waiting.
                    let _ = to.try_send(self.report());
                }
                Command::Reconfigure(new) => {
                    self.certificate = new.certificate;
                    self.exits.streams.set_limits(new.limits);
                    self.machine.reconfigure(now, new.machine);
                }
                Command::Renew(certificate) => self.certificate = Some(certificate),
                Command::Drain(until) => self.machine.drain(now, until),
                Command::Admitted(id, outcome) => self.machine.admitted(now, id, outcome),
                Command::Steered {
                    client,
                    message,
                    moved,
                } => self.take_over(now, client, &message, moved),
            }
            self.settle(now);
        }
        self.exits.flush();
        false
    }

    fn report(&self) -> WorkerReport {
        WorkerReport {
            counters: *self.machine.counters(),
            gauges: self.machine.gauges(),
            streams: self.exits.streams.counters(),
            open_streams: self.exits.streams.len(),
            dtls: self.exits.dtls.counters(),
            open_dtls: self.exits.dtls.len(),
            dropped: self.exits.dropped(),
        }
    }

    fn take_over(&mut self, now: Instant, client: FiveTuple, message: &[u8], moved: Moved) {
        match moved {
            Moved::Nothing => {}
            Moved::Session(session) => self.exits.dtls.adopt(*session),
            Moved::Stream(stream) => {
                let adopted = self.exits.streams.adopt(self.poll.registry(), *stream);
                if adopted.is_err() {
                    return;
                }
            }
        }
        // What the session's worker hands on is as it came.
        if client.transport == Transport::Udp && is_dtls(message) {
            return self.take_record(now, client, message);
        }
        if let Some(forward) = self.machine.handle_datagram(now, client, message) {
            self.exits.forward(now, &forward);
        }
    }

    /// Hands a client over to the worker that has what it asks for.
    pub(super) fn steer(&mut self, now: Instant, worker: u8, client: FiveTuple, message: Vec<u8>) {
        let Some(other) = self.others.get(usize::from(worker)).cloned() else {
            return;
        };
        let moved = match client.transport {
            Transport::Udp => Some(Moved::Nothing),
            Transport::Dtls => {
                let session = self.exits.dtls.give(client);
                session.map(|session| Moved::Session(Box::new(session)))
            }
            Transport::Tcp | Transport::Tls => self.give_stream(client),
        };
        let Some(moved) = moved else { return };
        if !client.transport.is_stream() {
            self.steering.set(now, over_udp(client), worker);
        }
        other.try_send(Command::Steered {
            client,
            message,
            moved,
        });
    }

    fn give_stream(&mut self, client: FiveTuple) -> Option<Moved> {
        let index = self.exits.streams.find(client)?;
        let mut stream = self.exits.streams.remove(index)?;
        self.poll.registry().deregister(&mut stream.socket).ok()?;
        Some(Moved::Stream(Box::new(stream)))
    }
}
