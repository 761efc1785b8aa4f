//! The TCP sockets of a peer or of a TURN server: framing, and who is connected to whom.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ieum_ice::framing::{Deframer, Framing, frame};
use ieum_ice::{Agent, Base, FiveTuple, OpenStream, Server, StreamError, StreamRequest, Transport};
use ieum_netsim::{StreamAction, StreamEvent, StreamId};

use super::Call;

impl Call {
    /// Both sides gather on these bases, and tell the other all that they find.
    pub fn start(&mut self, bases: [&[Base]; 2], servers: &[Server]) {
        let now = self.now();
        for (id, bases) in self.both().into_iter().zip(bases) {
            self.peer(id).gather_on(now, bases, servers);
        }
        self.exchange_options();
        self.exchange_credentials();
    }
}

/// An open connection.
pub struct Connection {
    /// The agent's number for it.
    pub id: Option<ieum_ice::StreamId>,
    pub way: FiveTuple,
    framing: Framing,
    deframer: Deframer,
}

#[derive(Default)]
pub struct Tcp {
    /// Where it listens.
    pub passive: Vec<SocketAddr>,
    pub open: BTreeMap<StreamId, Connection>,
    opening: BTreeMap<u64, OpenStream>,
    next_key: u64,
    /// What is said on connections that the agent has not asked for.
    stray: BTreeMap<u64, Vec<u8>>,
    actions: VecDeque<StreamAction>,
    /// Whatever the agent has asked for.
    pub requests: Vec<StreamRequest>,
}

impl Tcp {
    pub fn listens(&self, address: SocketAddr) -> bool {
        self.passive.contains(&address)
    }

    /// Does what the agent asks for.
    pub fn serve(&mut self, agent: &mut Agent) {
        while let Some(request) = agent.poll_stream() {
            self.requests.push(request.clone());
            match request {
                StreamRequest::Open(open) => {
                    self.next_key += 1;
                    self.actions.push_back(StreamAction::Connect {
                        key: self.next_key,
                        from: open.local,
                        to: open.remote,
                    });
                    self.opening.insert(self.next_key, open);
                }
                StreamRequest::Close(id) => {
                    self.opening.retain(|_, open| open.id != id);
                    let it = self.open.iter().find(|(_, it)| it.id == Some(id));
                    if let Some(stream) = it.map(|(stream, _)| *stream) {
                        self.close(stream);
                    }
                }
            }
        }
    }

    pub fn close(&mut self, stream: StreamId) {
        self.open.remove(&stream);
        self.actions.push_back(StreamAction::Close(stream));
    }

    pub fn poll(&mut self) -> Option<StreamAction> {
        self.actions.pop_front()
    }

    /// Writes a message, if there is such a connection.
    pub fn send(&mut self, way: FiveTuple, message: &[u8]) {
        let Some((stream, connection)) = self.open.iter().find(|(_, it)| it.way == way) else {
            return;
        };
        let mut bytes = Vec::new();
        assert!(frame(connection.framing, message, &mut bytes));
        self.actions.push_back(StreamAction::Write(*stream, bytes));
    }

    /// Writes anything.
    pub fn write(&mut self, stream: StreamId, bytes: &[u8]) {
        self.actions
            .push_back(StreamAction::Write(stream, bytes.to_vec()));
    }

    /// Connects without the agent, and says this.
    pub fn write_to(&mut self, from: IpAddr, to: SocketAddr, says: &[u8]) {
        self.next_key += 1;
        let key = self.next_key;
        self.stray.insert(key, says.to_vec());
        self.actions
            .push_back(StreamAction::Connect { key, from, to });
    }

    /// A connection was accepted, of a peer or of a client.
    pub fn accept(
        &mut self,
        id: Option<ieum_ice::StreamId>,
        stream: StreamId,
        way: FiveTuple,
        framing: Framing,
    ) {
        let connection = Connection {
            id,
            way,
            framing,
            deframer: Deframer::new(framing),
        };
        self.open.insert(stream, connection);
    }

    /// The messages that have arrived.
    pub fn receive(&mut self, stream: StreamId, bytes: &[u8]) -> Vec<(FiveTuple, Vec<u8>)> {
        let Some(connection) = self.open.get_mut(&stream) else {
            return Vec::new();
        };
        connection.deframer.push(bytes);
        let mut messages = Vec::new();
        while let Some(message) = connection.deframer.next_frame().unwrap() {
            messages.push((connection.way, message.to_vec()));
        }
        messages
    }

    /// Tells the agent what has happened; what has arrived is given back.
    pub fn handle(
        &mut self,
        now: Instant,
        agent: &mut Agent,
        event: StreamEvent,
    ) -> Vec<(FiveTuple, Vec<u8>)> {
        match event {
            StreamEvent::Opened { key, stream, local } => match self.opening.remove(&key) {
                Some(open) => {
                    let way = FiveTuple {
                        transport: open.transport,
                        local,
                        remote: open.remote,
                    };
                    self.accept(Some(open.id), stream, way, open.framing);
                    agent.stream_opened(now, open.id, local);
                }
                None => match self.stray.remove(&key) {
                    Some(says) => self.write(stream, &says),
                    None => self.close(stream),
                },
            },
            StreamEvent::Refused { key } => {
                if let Some(open) = self.opening.remove(&key) {
                    agent.stream_failed(now, open.id, StreamError::Refused);
                }
            }
            StreamEvent::Accepted {
                stream,
                local,
                remote,
            } => {
                let way = FiveTuple {
                    transport: Transport::Tcp,
                    local,
                    remote,
                };
                match agent.stream_accepted(now, local, remote) {
                    Some(id) => self.accept(Some(id), stream, way, Framing::Rfc4571),
                    None => self.close(stream),
                }
            }
            StreamEvent::Data(stream, bytes) => return self.receive(stream, &bytes),
            StreamEvent::Closed(stream) => {
                let id = self.open.remove(&stream).and_then(|it| it.id);
                if let Some(id) = id {
                    agent.stream_closed(now, id);
                }
            }
        }
        Vec::new()
    }
}
