//! A TURN server over TCP or TLS on loopback: `ieum_turn`'s, with tokio's sockets.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ieum_ice::framing::{Deframer, Framing, frame};
use ieum_stun::{FiveTuple, Transport};
use ieum_turn::credentials;
use ieum_turn::server::{Config, Event, Forward, RelayId, Server, Side};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use ieum_peer::{IceServer, TlsRoots};

const SECRET: &[u8] = b"a secret of the test";
const UNIX_TIME: u64 = 1_800_000_000;

/// What its task is told.
enum Input {
    Connected(FiveTuple, mpsc::UnboundedSender<Vec<u8>>),
    Message(FiveTuple, Vec<u8>),
    Relayed(RelayId, SocketAddr, Vec<u8>),
}

/// A self-signed certificate for `localhost`, and its roots for clients.
pub(crate) fn certificate() -> (TlsAcceptor, TlsRoots) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let roots = TlsRoots::from_pem(cert.pem().as_bytes()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), roots)
}

/// Starts a server that lives as long as the test, and says how to use it.
pub(crate) async fn start(tls: Option<TlsAcceptor>) -> IceServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let local = listener.local_addr().unwrap();
    let url = match tls {
        Some(_) => format!("turns:localhost:{}", local.port()),
        None => format!("turn:{local}?transport=tcp"),
    };
    let (inputs, input) = mpsc::unbounded_channel();
    tokio::spawn(serve(inputs.clone(), input));
    tokio::spawn(async move {
        while let Ok((stream, remote)) = listener.accept().await {
            let way = FiveTuple {
                transport: if tls.is_some() {
                    Transport::Tls
                } else {
                    Transport::Tcp
                },
                local,
                remote,
            };
            let (tls, inputs) = (tls.clone(), inputs.clone());
            tokio::spawn(async move {
                match tls {
                    None => connection(way, stream, inputs).await,
                    // A client that does not trust the certificate goes away again.
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            connection(way, stream, inputs).await;
                        }
                    }
                }
            });
        }
    });
    let issued = credentials::issue(SECRET, "test", UNIX_TIME + 86_400);
    IceServer::turn(url, issued.username, issued.password)
}

async fn connection(
    way: FiveTuple,
    stream: impl AsyncRead + AsyncWrite,
    inputs: mpsc::UnboundedSender<Input>,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (out, mut outgoing) = mpsc::unbounded_channel::<Vec<u8>>();
    inputs.send(Input::Connected(way, out)).ok();
    let write = async {
        while let Some(bytes) = outgoing.recv().await {
            writer.write_all(&bytes).await.ok();
            writer.flush().await.ok();
        }
    };
    let read = async {
        let mut deframer = Deframer::new(Framing::Turn);
        let mut buffer = vec![0; 65_536];
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            deframer.push(&buffer[..count]);
            while let Ok(Some(message)) = deframer.next_frame() {
                inputs.send(Input::Message(way, message.to_vec())).ok();
            }
        }
    };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
}

async fn serve(inputs: mpsc::UnboundedSender<Input>, mut input: mpsc::UnboundedReceiver<Input>) {
    let mut config = Config::new("test", SECRET, UNIX_TIME, [7; 32]);
    config.peers.loopback = true;
    let mut driver = Driver {
        server: Server::new(Instant::now(), config),
        clients: HashMap::new(),
        relays: HashMap::new(),
        inputs,
    };
    while let Some(input) = input.recv().await {
        driver.take(input);
        driver.drain().await;
    }
}

struct Driver {
    server: Server,
    clients: HashMap<FiveTuple, mpsc::UnboundedSender<Vec<u8>>>,
    relays: HashMap<RelayId, Arc<UdpSocket>>,
    inputs: mpsc::UnboundedSender<Input>,
}

impl Driver {
    fn take(&mut self, input: Input) {
        let now = Instant::now();
        match input {
            Input::Connected(way, out) => {
                self.clients.insert(way, out);
            }
            Input::Message(way, message) => {
                let forward = self.server.handle_datagram(now, way, &message);
                send(&self.clients, &self.relays, forward);
            }
            Input::Relayed(relay, peer, datagram) => {
                let forward = self.server.handle_relayed(now, relay, peer, &datagram);
                send(&self.clients, &self.relays, forward);
            }
        }
    }

    async fn drain(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::OpenRelay { id, .. } => {
                    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                    let address = socket.local_addr().unwrap();
                    tokio::spawn(relay(id, socket.clone(), self.inputs.clone()));
                    self.relays.insert(id, socket);
                    self.server.relay_opened(Instant::now(), id, Ok(address));
                }
                Event::CloseRelay { id } => {
                    self.relays.remove(&id);
                }
                _ => {}
            }
        }
        let mut buffer = Vec::new();
        while let Some(transmit) = self.server.poll_transmit(Instant::now(), &mut buffer) {
            write(&self.clients, transmit.five_tuple, &buffer);
            buffer.clear();
        }
    }
}

fn send(
    clients: &HashMap<FiveTuple, mpsc::UnboundedSender<Vec<u8>>>,
    relays: &HashMap<RelayId, Arc<UdpSocket>>,
    forward: Option<Forward<'_>>,
) {
    let Some(forward) = forward else { return };
    let mut bytes = Vec::new();
    forward.write_to(&mut bytes);
    match forward.from {
        Side::Listener => write(clients, forward.five_tuple, &bytes),
        Side::Relay(id) => {
            // What the socket does not take is lost.
            relays[&id]
                .try_send_to(&bytes, forward.five_tuple.remote)
                .ok();
        }
    }
}

fn write(
    clients: &HashMap<FiveTuple, mpsc::UnboundedSender<Vec<u8>>>,
    way: FiveTuple,
    message: &[u8],
) {
    let mut bytes = Vec::new();
    assert!(frame(Framing::Turn, message, &mut bytes));
    clients[&way].send(bytes).ok();
}

async fn relay(id: RelayId, socket: Arc<UdpSocket>, inputs: mpsc::UnboundedSender<Input>) {
    let mut buffer = vec![0; 65_536];
    while let Ok((count, peer)) = socket.recv_from(&mut buffer).await {
        if inputs
            .send(Input::Relayed(id, peer, buffer[..count].to_vec()))
            .is_err()
        {
            break;
        }
    }
}
