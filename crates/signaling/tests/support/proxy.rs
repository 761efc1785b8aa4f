//! What stands between a client and a server: a relay of bytes that can be cut, and one that adds TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// A relay to a server.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: watch::Sender<State>,
}

/// Each new number cuts what is open.
#[derive(Clone, Copy, PartialEq)]
struct State {
    cuts: u32,
    /// Whether connections are taken and then say nothing.
    deaf: bool,
    /// Whether nothing passes for now.
    held: bool,
}

impl Proxy {
    pub(crate) async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, watched) = watch::channel(State {
            cuts: 0,
            deaf: false,
            held: false,
        });
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, to, watched.clone()));
            }
        });
        Self { address, state }
    }

    /// Cuts every connection in the middle.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// From here on new connections are closed at once, or not any more.
    pub(crate) fn refuse(&self, deaf: bool) {
        self.state.send_modify(|state| state.deaf = deaf);
    }

    /// From here on what is sent waits, or goes on.
    pub(crate) fn hold(&self, held: bool) {
        self.state.send_modify(|state| state.held = held);
    }
}

async fn relay(mut client: TcpStream, to: SocketAddr, mut state: watch::Receiver<State>) {
    let before = *state.borrow_and_update();
    if before.deaf {
        return;
    }
    let Ok(mut server) = TcpStream::connect(to).await else {
        return;
    };
    let mut held = before.held;
    let copying = copy_bidirectional(&mut client, &mut server);
    tokio::pin!(copying);
    loop {
        tokio::select! {
            _ = &mut copying, if !held => return,
            changed = state.changed() => {
                let now = *state.borrow_and_update();
                if changed.is_err() || now.cuts != before.cuts {
                    return;
                }
                held = now.held;
            }
        }
    }
}

/// TLS before a server on `localhost`: its address, and the certificate in DER.
pub(crate) async fn tls(to: SocketAddr) -> (SocketAddr, Vec<u8>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut client = acceptor.accept(client).await.ok()?;
                let mut server = TcpStream::connect(to).await.ok()?;
                copy_bidirectional(&mut client, &mut server).await.ok()
            });
        }
    });
    (address, cert.der().to_vec())
}
