//! TURN clients over TCP and TLS, and certificates for the servers that they come to.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod asking;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ieum_server::turn::{Certificate, Config, machine};
use ieum_stun::{ChannelData, Frame};
use ieum_turn::client::{self, Client, Event, Received};
use ieum_turn::{FiveTuple, HEADROOM, Transport};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A stream to the server.
pub(crate) trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// A TURN client on a stream of its own.
pub(crate) struct Streamed {
    pub(crate) machine: Client,
    stream: Box<dyn Stream>,
    /// What has come and was not looked at yet.
    came: Vec<u8>,
}

/// What a client is told.
pub(crate) enum Happening<'a> {
    Event(&'a Event),
    Data(SocketAddr, &'a [u8]),
}

impl Streamed {
    /// Alice with the password `secret`, over TCP.
    pub(crate) fn tcp(server: SocketAddr) -> Self {
        let stream = connect(server);
        let way = way(Transport::Tcp, &stream);
        Self::new(way, Box::new(stream), ("alice", "secret"))
    }

    /// The same over TLS, to a server that must have this certificate.
    pub(crate) fn tls(
        server: SocketAddr,
        certificate: &CertificateDer<'static>,
    ) -> io::Result<Self> {
        let (way, stream) = handshake(server, certificate)?;
        Ok(Self::new(way, Box::new(stream), ("alice", "secret")))
    }

    pub(crate) fn new(
        way: FiveTuple,
        stream: Box<dyn Stream>,
        (name, password): (&str, &str),
    ) -> Self {
        let config = client::Config::new(way, name, password, [1; 32]);
        let mut machine = Client::new(Instant::now(), config);
        machine.connected(Instant::now());
        Self {
            machine,
            stream,
            came: Vec::new(),
        }
    }

    /// Runs until `done` makes something of an event or of relayed data.
    pub(crate) fn until<T>(&mut self, mut done: impl FnMut(Happening<'_>) -> Option<T>) -> T {
        let deadline = Instant::now() + SOON;
        let (mut out, mut buffer) = (Vec::new(), vec![0; 65_536]);
        while Instant::now() < deadline {
            while let Some((_, len)) = Frame::split(&self.came).expect("frames") {
                let frame: Vec<u8> = self.came.drain(..len).collect();
                let received = self.machine.handle_datagram(Instant::now(), &frame);
                if let Received::Data { peer, payload } = received
                    && let Some(made) = done(Happening::Data(peer, payload))
                {
                    return made;
                }
            }
            let now = Instant::now();
            if self.machine.poll_timeout().is_some_and(|due| due <= now) {
                self.machine.handle_timeout(now);
            }
            while self.machine.poll_transmit(now, &mut out).is_some() {
                self.stream.write_all(&out).expect("the server is there");
                out.clear();
            }
            while let Some(event) = self.machine.poll_event() {
                if let Some(made) = done(Happening::Event(&event)) {
                    return made;
                }
            }
            let len = match self.stream.read(&mut buffer) {
                Ok(0) => panic!("the server has closed the connection"),
                Ok(len) => len,
                Err(error) if is_late(&error) => continue,
                Err(error) => panic!("{error}"),
            };
            self.came.extend_from_slice(&buffer[..len]);
        }
        panic!("not in time")
    }

    /// The relayed address.
    pub(crate) fn allocate(&mut self) -> SocketAddr {
        self.until(|happening| match happening {
            Happening::Event(Event::Allocated { relayed, .. }) => Some(*relayed),
            Happening::Event(other) => panic!("no allocation: {other:?}"),
            Happening::Data(..) => None,
        })
    }

    pub(crate) fn bind_channel(&mut self, peer: SocketAddr) {
        self.machine.bind_channel(Instant::now(), peer);
        self.until(|happening| {
            matches!(happening, Happening::Event(Event::ChannelBound { .. })).then_some(())
        });
    }

    /// Sends to a peer that there is a channel to.
    pub(crate) fn send(&mut self, peer: SocketAddr, payload: &[u8]) {
        let mut message = [&[0; HEADROOM][..], payload].concat();
        assert!(self.machine.wrap(peer, &mut message), "there is a channel");
        message.extend_from_slice(ChannelData::padding(payload.len()));
        self.stream
            .write_all(&message)
            .expect("the server is there");
    }

    /// What a peer has sent.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        self.until(|happening| match happening {
            Happening::Data(_, payload) => Some(payload.to_vec()),
            Happening::Event(_) => None,
        })
    }
}

/// Whether nothing came in time.
pub(crate) fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

pub(crate) fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).expect("it listens");
    stream.set_read_timeout(Some(TICK)).expect("not zero");
    stream
}

/// A TLS connection with a server that must have this certificate, for localhost.
pub(crate) fn handshake(
    server: SocketAddr,
    certificate: &CertificateDer<'static>,
) -> io::Result<(FiveTuple, StreamOwned<ClientConnection, TcpStream>)> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let socket = connect(server);
    let way = way(Transport::Tls, &socket);
    let mut stream = StreamOwned::new(connection, socket);
    let deadline = Instant::now() + SOON;
    while stream.conn.is_handshaking() && Instant::now() < deadline {
        match stream.conn.complete_io(&mut stream.sock) {
            Err(error) if !is_late(&error) => return Err(error),
            _ => {}
        }
    }
    Ok((way, stream))
}

fn way(transport: Transport, stream: &TcpStream) -> FiveTuple {
    FiveTuple {
        transport,
        local: stream.local_addr().expect("it is bound"),
        remote: stream.peer_addr().expect("it is connected"),
    }
}

/// A configuration with nothing but the user `alice` and their password `secret`; loopback peers are let in.
pub(crate) fn config() -> Config {
    let mut config = Config::fresh("test.example").expect("randomness");
    config.machine.peers.loopback = true;
    config.machine.users.push(machine::User {
        name: "alice".to_owned(),
        password: "secret".to_owned(),
    });
    config
}

/// Any free port of loopback.
pub(crate) fn anywhere() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A new certificate for localhost, as the server reads it from two files, and as its clients know it.
pub(crate) fn certificate() -> (Certificate, CertificateDer<'static>) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("ieum-server-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (at, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&at, cert.pem()).expect("room for it");
    fs::write(&key, signing_key.serialize_pem()).expect("room for it");
    let read = Certificate::read(&at, &key).expect("it was just made");
    let _ = fs::remove_dir_all(&folder);
    (read, cert.der().clone())
}

/// Only a broken run takes so long.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// How long a read waits before timers are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(20);
