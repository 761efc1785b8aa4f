//! Clients over DTLS (RFC 7350): sessions on the UDP sockets that have a certificate.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use dimpl::Output;
use ieum_turn::{FiveTuple, Transport};

use super::certificate::Dtls;
use super::slab::Slab;

/// All DTLS sessions of a worker.
#[derive(Default)]
pub(super) struct Sessions {
    by_client: HashMap<FiveTuple, usize>,
    sessions: Slab<Session>,
    /// Retransmissions of handshakes, and ends of patience.
    timers: BTreeSet<(Instant, usize)>,
    /// Sessions whose clients have not proven who they are.
    strangers: usize,
    /// What records are read into.
    buffer: Vec<u8>,
    counters: Counters,
}

/// What happened to sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Handshakes that were done.
    pub(super) connected: u64,
    /// Handshakes that were not, or whose client did nothing after it.
    pub(super) failed: u64,
    /// First messages that were not answered: too many strangers already.
    pub(super) refused: u64,
}

/// One client's session.
pub(super) struct Session {
    client: FiveTuple,
    dtls: Box<dimpl::Dtls>,
    connected: bool,
    /// Whether the client has an allocation, or had one.
    proven: bool,
    /// Bytes taken before the handshake was done.
    handshake: usize,
    /// When it is over if nothing comes; moved on by what comes.
    patience: Instant,
    timer: Instant,
}

/// What comes out of a session.
pub(super) enum Out<'a> {
    /// To be sent to the client as it is.
    Datagram(&'a [u8]),
    /// The client's STUN message or ChannelData.
    Plain(&'a [u8]),
}

/// What came out of sessions, kept until nobody holds them.
#[derive(Default)]
pub(super) struct Records {
    bytes: Vec<u8>,
    /// Whether each is for us, and its length.
    cuts: Vec<(bool, usize)>,
}

impl Records {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.cuts.clear();
    }

    pub(super) fn push(&mut self, out: &Out<'_>) {
        let (plain, bytes) = match out {
            Out::Plain(bytes) => (true, bytes),
            Out::Datagram(bytes) => (false, bytes),
        };
        self.bytes.extend_from_slice(bytes);
        self.cuts.push((plain, bytes.len()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Out<'_>> {
        self.cuts
            .iter()
            .scan(&self.bytes[..], |rest, (plain, len)| {
                let (bytes, after) = rest.split_at(*len);
                *rest = after;
                Some(match plain {
                    true => Out::Plain(bytes),
                    false => Out::Datagram(bytes),
                })
            })
    }
}

/// A session is over: the client's allocation goes with it.
#[derive(Debug)]
pub(super) struct Ended;

/// RFC 7983 §7: first bytes 20 to 63 are DTLS.
pub(super) fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(20..=63))
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes a datagram of a client; `client.transport` is DTLS. `None` where nothing comes of it.
    pub(super) fn handle_datagram(
        &mut self,
        now: Instant,
        server: &Dtls,
        client: FiveTuple,
        datagram: &[u8],
        mut out: impl FnMut(Out<'_>),
    ) -> Result<(), Ended> {
        let index = match self.by_client.get(&client) {
            Some(index) => *index,
            None if is_too_old(datagram) => {
                self.counters.refused += 1;
                out(Out::Datagram(&PROTOCOL_VERSION));
                return Ok(());
            }
            // A handshake record (22) whose first message is a ClientHello (1).
            None if is_client_hello(datagram) => {
                let Some(index) = self.open(now, server, client) else {
                    self.counters.refused += 1;
                    return Ok(());
                };
                index
            }
            None => return Ok(()),
        };
        let Some(session) = self.sessions.get_mut(index) else {
            return Ok(());
        };
        session.patience = now + session.limit();
        if !session.connected {
            session.handshake += datagram.len();
        }
        let taken = session
            .dtls
            .handle_timeout(now)
            .and_then(|()| session.dtls.handle_packet(datagram));
        let too_long = !session.connected && session.handshake > MAX_HANDSHAKE;
        if too_long || !matches!(taken, Ok(()) | Err(dimpl::Error::ReceiveQueueFull)) {
            return Err(self.end(index));
        }
        self.drain(now, index, &mut out)
    }

    /// Seals what goes to a client. A session that is gone drops it.
    pub(super) fn send(
        &mut self,
        now: Instant,
        client: FiveTuple,
        plain: &[u8],
        mut out: impl FnMut(Out<'_>),
    ) -> Result<(), Ended> {
        let Some(index) = self.by_client.get(&client).copied() else {
            return Ok(());
        };
        let Some(session) = self.sessions.get_mut(index) else {
            return Ok(());
        };
        if is_allocate_success(plain) && !std::mem::replace(&mut session.proven, true) {
            session.patience = now + session.limit();
            self.strangers -= 1;
        }
        if session.connected && session.dtls.send_application_data(plain).is_err() {
            return Err(self.end(index));
        }
        self.drain(now, index, &mut out)
    }

    /// What is due: retransmissions go out, and sessions that waited too long end. Gives the clients of those.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        mut out: impl FnMut(FiveTuple, &[u8]),
        mut ended: impl FnMut(FiveTuple),
    ) {
        while let Some((at, index)) = self.timers.first().copied() {
            if at > now {
                return;
            }
            self.timers.remove(&(at, index));
            let Some(session) = self.sessions.get_mut(index) else {
                continue;
            };
            let client = session.client;
            let over = session.patience <= now || session.dtls.handle_timeout(now).is_err();
            let outcome = match over {
                true => Err(self.end(index)),
                false => self.drain(now, index, &mut |found| {
                    if let Out::Datagram(datagram) = found {
                        out(client, datagram);
                    }
                }),
            };
            if outcome.is_err() {
                ended(client);
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    fn open(&mut self, now: Instant, server: &Dtls, client: FiveTuple) -> Option<usize> {
        if self.strangers >= MAX_STRANGERS || self.sessions.len() >= MAX_SESSIONS {
            return None;
        }
        let certificate = server.certificate.clone();
        let mut dtls = Box::new(dimpl::Dtls::new_auto(
            server.config.clone(),
            certificate,
            now,
        ));
        dtls.set_active(false);
        let timer = now + HANDSHAKE;
        let index = self.sessions.insert(Session {
            client,
            dtls,
            connected: false,
            proven: false,
            handshake: 0,
            patience: timer,
            timer,
        });
        self.timers.insert((timer, index));
        self.by_client.insert(client, index);
        self.strangers += 1;
        Some(index)
    }

    /// Gives a session away, to another worker's.
    pub(super) fn give(&mut self, client: FiveTuple) -> Option<Session> {
        let index = self.by_client.remove(&client)?;
        let session = self.sessions.remove(index)?;
        self.timers.remove(&(session.timer, index));
        self.strangers -= usize::from(!session.proven);
        Some(session)
    }

    /// Takes another worker's session.
    pub(super) fn adopt(&mut self, session: Session) {
        let (client, timer) = (session.client, session.timer);
        self.strangers += usize::from(!session.proven);
        let index = self.sessions.insert(session);
        self.timers.insert((timer, index));
        self.by_client.insert(client, index);
    }

    fn end(&mut self, index: usize) -> Ended {
        if let Some(session) = self.sessions.remove(index) {
            self.by_client.remove(&session.client);
            self.timers.remove(&(session.timer, index));
            if !session.proven {
                self.strangers -= 1;
                self.counters.failed += 1;
            }
        }
        Ended
    }

    fn drain(
        &mut self,
        now: Instant,
        index: usize,
        out: &mut impl FnMut(Out<'_>),
    ) -> Result<(), Ended> {
        let Some(session) = self.sessions.get_mut(index) else {
            return Ok(());
        };
        let buffer = &mut self.buffer;
        loop {
            // `dimpl` panics where the peer's certificate is larger than the buffer; it cannot be larger than all that
            // came so far.
            let room = DATAGRAM.max(session.handshake);
            if buffer.len() < room {
                buffer.resize(room, 0);
            }
            match session.dtls.poll_output(buffer) {
                Output::Packet(packet) => out(Out::Datagram(packet)),
                Output::ApplicationData(data) => out(Out::Plain(data)),
                Output::Connected => {
                    session.connected = true;
                    session.handshake = 0;
                    session.patience = now + session.limit();
                    self.counters.connected += 1;
                }
                Output::CloseNotify => return Err(self.end(index)),
                Output::Timeout(at) => {
                    let timer = at.min(session.patience);
                    let before = std::mem::replace(&mut session.timer, timer);
                    self.timers.remove(&(before, index));
                    self.timers.insert((timer, index));
                    return Ok(());
                }
                Output::BufferTooSmall { needed } => {
                    let room = needed.max(buffer.len() + 1);
                    buffer.resize(room, 0);
                }
                _ => {}
            }
        }
    }
}

impl Session {
    fn limit(&self) -> Duration {
        match (self.connected, self.proven) {
            (false, _) => HANDSHAKE,
            (true, false) => STRANGER,
            (true, true) => IDLE,
        }
    }
}

/// What a session's records travel on.
pub(super) fn over_udp(client: FiveTuple) -> FiveTuple {
    FiveTuple {
        transport: Transport::Udp,
        ..client
    }
}

fn is_client_hello(datagram: &[u8]) -> bool {
    datagram.first() == Some(&22) && datagram.get(13) == Some(&1)
}

/// A ClientHello of DTLS 1.0: behind the headers of its record (13 bytes) and of its message (12) stands the newest
/// version that the client knows (RFC 6347 §4.3.2).
fn is_too_old(datagram: &[u8]) -> bool {
    is_client_hello(datagram) && datagram.get(25..27) == Some(&[0xFE, 0xFF])
}

/// Whether an answer is the success of an Allocate (RFC 8489 §5: method 3, class success): its client is proven.
pub(super) fn is_allocate_success(answer: &[u8]) -> bool {
    answer.starts_with(&[0x01, 0x03])
}

/// A client's five-tuple as its DTLS session has it.
pub(super) fn over_dtls(five_tuple: FiveTuple) -> FiveTuple {
    FiveTuple {
        transport: Transport::Dtls,
        ..five_tuple
    }
}

/// A fatal alert, protocol_version (RFC 5246 §7.2.2), in a record of DTLS 1.0: or its client would ask for ever.
const PROTOCOL_VERSION: [u8; 15] = [21, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 70];
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client that is connected may do nothing before it has an allocation.
const STRANGER: Duration = Duration::from_secs(60);
/// How long a client with an allocation may be silent: the longest lifetime that RFC 8656 §7.2 recommends.
const IDLE: Duration = Duration::from_secs(3600);
/// Clients of one worker that have not proven who they are.
const MAX_STRANGERS: usize = 1024;
/// Sessions of one worker.
const MAX_SESSIONS: usize = 65_536;
/// All bytes of a handshake, retransmissions too; one takes about 2 kB a side.
const MAX_HANDSHAKE: usize = 64 * 1024;
/// A buffer for one datagram; it grows where a record is larger.
const DATAGRAM: usize = 2048;
