//! The task that owns a connection: the core by value, its sockets, one timer. Everything comes to it over bounded
//! channels, and it waits for nobody: an application that does not read stops reads from SCTP, and nothing else.

mod changes;
mod gather;
mod names;
mod settings;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::Sleep;

use self::changes::Watch;
use self::gather::Gathering;
use self::names::Names;
use super::command::{Command, Outgoing, Reply};
use super::handles::Handles;
use super::interfaces::Machine;
use super::mailbox::Mailbox;
use super::outbox::{Inbox, outbox};
use super::peer_connection::State;
use super::sockets::{Ready, Sockets};
use super::streams::{Happened, Streams};
use super::wake::Wake;
use super::{Configuration, Error, Event, Report};
use crate::core::{self, Connection};

pub(super) struct Driver {
    core: Connection,
    sockets: Sockets,
    streams: Streams,
    gathering: Gathering,
    watch: Watch,
    names: Names,
    commands: mpsc::Receiver<Box<Command>>,
    outgoing: Inbox,
    handles: Handles,
    mailbox: Mailbox,
    state: watch::Sender<State>,
    wake: Arc<Wake>,
    timer: Pin<Box<Sleep>>,
    /// Who waits for the end.
    closing: Vec<Reply<()>>,
    abandoned: bool,
}

impl Driver {
    pub(super) fn new(
        configuration: Configuration,
        machine: Machine,
        commands: mpsc::Receiver<Box<Command>>,
        events: mpsc::Sender<Box<Event>>,
        state: watch::Sender<State>,
        wake: Arc<Wake>,
    ) -> Result<Box<Self>, Error> {
        let (config, configuration) = settings::core(configuration)?;
        let (sender, outgoing) = outbox();
        Ok(Box::new(Self {
            core: Connection::new(config),
            sockets: Sockets::new(configuration.udp_mux.as_ref(), configuration.socket_buffers),
            streams: Streams::new(&configuration.tls_roots),
            gathering: Gathering::new(
                configuration.interfaces,
                machine,
                configuration.ports,
                configuration.ice_servers,
                configuration.ice_tcp,
            ),
            watch: Watch::new(configuration.watch_interfaces),
            names: Names::default(),
            commands,
            outgoing,
            handles: Handles::new(sender, wake.clone()),
            mailbox: Mailbox::new(events, wake.clone()),
            state,
            wake,
            timer: Box::pin(tokio::time::sleep_until(tokio::time::Instant::now())),
            closing: Vec::new(),
            abandoned: false,
        }))
    }

    /// Until the connection is closed, or its handle is dropped. The box keeps what is large out of the future, which would
    /// hold it twice.
    pub(super) async fn run(mut self: Box<Self>) {
        self.gathering.prepare();
        loop {
            self.settle();
            if self.core.is_closed() {
                break;
            }
            let deadlines = [self.core.poll_timeout(), self.names.poll_timeout()];
            let deadline = deadlines.into_iter().flatten().min();
            self.set_timer(deadline);
            let takes_more = self.takes_more();
            self.core.limit_flight(self.flight_limit());
            tokio::select! {
                command = self.commands.recv(), if !self.abandoned => {
                    self.command(command.map(|command| *command));
                }
                Some(outgoing) = self.outgoing.next(), if takes_more => self.send(outgoing),
                ready = poll_fn(|cx| self.sockets.poll_ready(cx)) => match ready {
                    Ready::Readable(index) => self.receive(index),
                    Ready::Shared => self.receive_shared(),
                    // What waited is sent as everything else is.
                    Ready::Writable => {}
                },
                happened = poll_fn(|cx| self.streams.poll_happened(cx)) => self.happened(happened),
                () = self.timer.as_mut(), if deadline.is_some() => {
                    self.core.handle_timeout(now());
                    self.names.handle_timeout(now());
                    self.look_if_due(now());
                }
                () = poll_fn(|cx| self.names.poll_readable(cx)) => self.names.receive(now()),
                () = self.wake.woken() => self.handles.close_orphans(now(), &mut self.core),
                resolved = self.gathering.resolved() => {
                    self.gathering.add(now(), &mut self.core, resolved);
                }
            }
        }
        self.streams.finish().await;
        self.names.close();
        tracing::debug!("closed");
    }

    fn set_timer(&mut self, deadline: Option<Instant>) {
        let deadline = deadline.map(tokio::time::Instant::from_std);
        match deadline {
            Some(deadline) if deadline != self.timer.deadline() => {
                self.timer.as_mut().reset(deadline);
            }
            _ => {}
        }
    }

    /// Takes and gives until nothing moves: everything that happened is told, and everything that can be sent is.
    fn settle(&mut self) {
        let now = now();
        loop {
            self.names.tell(now, &mut self.core);
            while let Some(event) = self.core.poll_event() {
                self.event(event);
            }
            self.handles.deliver(now, &mut self.core);
            self.flush(now);
            match self.core.poll_event() {
                Some(event) => self.event(event),
                None => break,
            }
        }
        if let Some(shared) = self.sockets.shared() {
            shared.name(self.core.local_ufrags());
        }
        self.mailbox.deliver();
        self.publish();
        if self.core.wants_gathering() {
            let (sockets, streams) = (&mut self.sockets, &mut self.streams);
            self.gathering.begin(now, &mut self.core, sockets, streams);
            self.settle();
        }
    }

    /// Sends what is to be sent, and does what the agent asks for. What goes over a connection that is to be closed is
    /// written before it is.
    fn flush(&mut self, now: Instant) {
        let Self {
            sockets,
            streams,
            core,
            ..
        } = self;
        sockets.send_all(|buffer| {
            loop {
                let transmit = core.poll_transmit_if(now, streams.has_room(), buffer)?;
                if !transmit.five_tuple.transport.is_stream() {
                    return Some(transmit);
                }
                streams.send(transmit, buffer);
                buffer.clear();
            }
        });
        while let Some(request) = core.poll_stream() {
            streams.handle(request);
        }
    }

    fn happened(&mut self, happened: Happened) {
        let now = now();
        match happened {
            Happened::Accepted(io, local, remote) => {
                if let Some(id) = self.core.stream_accepted(now, local, remote) {
                    self.streams.accept(id, io, local, remote);
                }
            }
            Happened::Opened(id, local) => self.core.stream_opened(now, id, local),
            Happened::Failed(id, error) => self.core.stream_failed(now, id, error),
            Happened::Readable(id) => {
                let Self { streams, core, .. } = self;
                let take = |from, message: &[u8]| core.handle_datagram(now, from, message);
                if streams.receive(id, take).is_err() {
                    streams.drop_stream(id);
                    core.stream_closed(now, id);
                }
            }
            Happened::Closed(id) => self.core.stream_closed(now, id),
            // What waited is sent as everything else is.
            Happened::Room => {}
        }
    }

    fn receive(&mut self, index: usize) {
        let now = now();
        let Self { sockets, core, .. } = self;
        sockets.receive(index, |from, datagrams, segment| {
            core.handle_datagrams(now, from, datagrams, segment);
        });
    }

    /// The same at a shared port; where the agent finds that its peer is there, it is told.
    fn receive_shared(&mut self) {
        let now = now();
        let Self { sockets, core, .. } = self;
        let Some(shared) = sockets.shared() else {
            return;
        };
        for _ in 0..SHARED_BATCHES {
            let Some(batch) = shared.next() else { return };
            let from = batch.from();
            core.handle_datagrams(now, from, batch.bytes(), batch.stride());
            if !batch.is_bound()
                && let Some(proof) = core.proof(from)
            {
                shared.claim(from, proof);
            }
        }
    }

    /// How much may be on its way: what fits into a receive buffer and the way there. What overflows is lost, and the end of
    /// a burst is sent again after a second at the earliest (RFC 9260 §16, RTO.Min).
    fn flight_limit(&self) -> usize {
        // Below this it is the time that a loaded machine takes.
        let way = self.core.round_trip().saturating_sub(NEAR);
        let on_the_way = (way.as_secs_f64() * RATE) as usize;
        let limit = self.sockets.burst().saturating_add(on_the_way);
        limit.min(HIGH_WATER)
    }

    /// Whether SCTP is given more to send: a little more than may be on its way, so that an acknowledgement finds something
    /// to send. Where small datagrams fill the receive buffer, messages wait here until they can share some.
    fn takes_more(&self) -> bool {
        let limit = self.flight_limit();
        self.core.buffered_amount() < limit + IN_STOCK
            && self.core.buffered_messages() < MANY_MESSAGES
            && self.core.flight() < limit + limit / 2
    }

    /// Takes what waits to be sent, so that small messages share datagrams.
    fn send(&mut self, first: Outgoing) {
        let now = now();
        let mut next = Some(first);
        while let Some(outgoing) = next {
            self.take(now, outgoing);
            next = if self.takes_more() {
                self.outgoing.try_next()
            } else {
                None
            };
        }
        self.outgoing.release();
        self.handles.close_orphans(now, &mut self.core);
    }

    fn take(&mut self, now: Instant, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Message(channel, message) => {
                self.handles.taken(channel);
                let len = message.len();
                if let Err(error) = self.core.send(now, channel, message) {
                    // It was closed while this waited.
                    tracing::debug!(%error, "a message was dropped");
                    self.handles.released(channel, len);
                }
            }
            Outgoing::Close(channel) => self.core.close_channel(now, channel),
        }
    }

    fn command(&mut self, command: Option<Command>) {
        let now = now();
        let Some(command) = command else {
            self.abandoned = true;
            self.core.close_now(now);
            return;
        };
        match command {
            Command::CreateOffer(reply) => {
                let offer = self.core.create_offer(now);
                self.answer(reply, offer);
            }
            Command::CreateAnswer(reply) => {
                let answer = self.core.create_answer(now);
                self.answer(reply, answer);
            }
            Command::SetLocal(description, reply) => {
                let result = self.set_local(now, description);
                self.answer(reply, result);
            }
            Command::SetRemote(description, reply) => {
                let result = self.core.set_remote_description(now, description);
                self.answer(reply, result);
            }
            Command::AddCandidate(init, reply) => {
                let result = self.core.add_ice_candidate(now, &init);
                self.answer(reply, result);
            }
            Command::CreateChannel(label, init, reply) => {
                let created = self.core.create_data_channel(now, label, init);
                let channel = created.map_err(Error::from).and_then(|channel| {
                    self.handles
                        .create(&self.core, channel)
                        .ok_or(Error::Closed)
                });
                let _ = reply.send(channel);
            }
            Command::NetworkChanged(reply) => {
                self.look(now);
                let _ = reply.send(());
            }
            Command::RestartIce(reply) => {
                self.look(now);
                self.core.restart_ice();
                let _ = reply.send(());
            }
            Command::Report(reply) => {
                let _ = reply.send(self.report());
            }
            Command::Stats(reply) => {
                let _ = reply.send(self.core.stats());
            }
            Command::Close(reply) => {
                // What was sent before is taken first, whatever waits already.
                while let Some(outgoing) = self.outgoing.try_next() {
                    self.take(now, outgoing);
                }
                self.outgoing.release();
                self.core.close(now);
                self.closing.push(reply);
            }
        }
    }

    /// Answers once the handle can see what the operation changed. Who asked may have gone.
    fn answer<T>(&mut self, reply: Reply<Result<T, Error>>, result: Result<T, core::Error>) {
        self.settle();
        let _ = reply.send(result.map_err(Error::from));
    }

    fn event(&mut self, event: core::Event) {
        let told = match event {
            core::Event::NegotiationNeeded => Event::NegotiationNeeded,
            core::Event::IceCandidate(candidate) => Event::IceCandidate(candidate),
            core::Event::IceCandidateError {
                url,
                local,
                code,
                reason,
            } => Event::IceCandidateError {
                url,
                local,
                code,
                reason,
            },
            core::Event::RegisterName { name, ip } => {
                let links = || self.gathering.links();
                let registered = self.names.register(links, &name, ip);
                return self.tell_names_failed(registered);
            }
            core::Event::ResolveName(name) => {
                let links = || self.gathering.links();
                let asked = self.names.resolve(now(), links, &name);
                return self.tell_names_failed(asked);
            }
            core::Event::SignalingStateChange(state) => Event::SignalingStateChange(state),
            core::Event::IceConnectionStateChange(state) => {
                self.look_if_troubled(now(), state);
                Event::IceConnectionStateChange(state)
            }
            core::Event::IceGatheringStateChange(state) => Event::IceGatheringStateChange(state),
            core::Event::ConnectionStateChange(state) => {
                tracing::debug!(%state, "connection");
                Event::ConnectionStateChange(state)
            }
            core::Event::DataChannel(channel) => match self.handles.create(&self.core, channel) {
                Some(channel) => Event::DataChannel(channel),
                None => return,
            },
            core::Event::ChannelReadable(channel) => return self.handles.mark_readable(channel),
            core::Event::Released { channel, bytes } => {
                return self.handles.released(channel, bytes);
            }
            core::Event::ChannelError { channel, error } => {
                return self.handles.failed(channel, error);
            }
            core::Event::ChannelOpen(channel)
            | core::Event::ChannelClosing(channel)
            | core::Event::ChannelClosed(channel) => {
                return self.handles.update(&self.core, channel);
            }
        };
        self.mailbox.push(told);
    }

    fn tell_names_failed(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            let reason = format!("no multicast DNS for the names of candidates: {error}");
            self.core
                .report_candidate_error(now(), String::new(), None, reason);
        }
    }

    /// Shows the handle what changed.
    fn publish(&self) {
        let core = &self.core;
        self.state.send_if_modified(|state| {
            let new = State {
                signaling: core.signaling_state(),
                ice: core.ice_connection_state(),
                gathering: core.ice_gathering_state(),
                connection: core.connection_state(),
                can_trickle: core.can_trickle_ice_candidates(),
                ..State::default()
            };
            let version = core.descriptions_version();
            let described = state.version != version;
            if described {
                (state.local, state.remote) = (core.local_description(), core.remote_description());
                state.version = version;
            }
            let (local, remote) = (state.local.take(), state.remote.take());
            let moved = (
                state.signaling,
                state.ice,
                state.gathering,
                state.connection,
            ) != (new.signaling, new.ice, new.gathering, new.connection);
            *state = State {
                local,
                remote,
                version,
                ..new
            };
            described || moved
        });
    }

    fn report(&self) -> Report {
        Report {
            local_candidates: self.core.local_candidates().cloned().collect(),
            remote_candidates: self.core.remote_candidates().cloned().collect(),
            pairs: self.core.ice_report().pairs,
            selected_pair: self.core.selected_pair().cloned(),
            dtls_version: self.core.dtls_version(),
        }
    }
}

/// The runtime's clock, which a test may have stopped.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Bytes that are on their way at most: at 10 ms of round-trip time, 200 MB/s.
const HIGH_WATER: usize = 2 * 1024 * 1024;
/// Bytes that SCTP holds beyond those on their way.
const IN_STOCK: usize = 128 * 1024;
/// Messages that SCTP holds before no more are taken: it scans what is in flight, and can tell 32,768 apart in a stream.
const MANY_MESSAGES: usize = 8192;
/// Bytes a second that a path of some length is trusted to carry.
const RATE: f64 = 200e6;
/// A peer of which the round-trip time is shorter may be on this machine.
const NEAR: Duration = Duration::from_millis(4);
/// Batches of a shared port that are taken before something else has its turn.
const SHARED_BATCHES: usize = 32;
