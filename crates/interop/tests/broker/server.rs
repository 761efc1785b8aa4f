//! A server of ours that has joined a broker, and clients of either.

use std::net::SocketAddr;
use std::time::Duration;

use ieum_signaling::client::{Channel, Event, Options, TlsRoots};
use ieum_signaling::server::{Config, Handle, Mqtt, router};
use ieum_signaling::{Connection, Incoming, Signal};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// A server that has joined a broker.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
}

impl Server {
    pub(crate) async fn start(broker: &str, config: Config) -> Self {
        let mqtt = Mqtt::new(broker, TlsRoots::System).unwrap();
        let config = Config {
            mqtt: Some(mqtt),
            ..config
        };
        let (router, handle) = router(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, router).into_future());
        let server = Self { address, handle };
        until(async || server.handle.counters().broker_connections > 0).await;
        server
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    pub(crate) async fn has(&self, room: &str, ids: &[&str]) {
        let there = async || {
            let mut there = self.handle.connections(room).await;
            there.sort_by(|a, b| a.peer_id.cmp(&b.peer_id));
            there
        };
        let all = async {
            while self::ids(&there().await) != ids {
                tokio::task::yield_now().await;
            }
        };
        if timeout(SOON, all).await.is_err() {
            let there = there().await;
            panic!("{:?} in place of {ids:?}", self::ids(&there));
        }
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("came in time")
}

pub(crate) async fn until(done: impl AsyncFn() -> bool) {
    within(async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

pub(crate) async fn connect(url: &str, id: &str) -> Channel {
    within(Channel::connect(Options::new(url, id)))
        .await
        .unwrap()
}

/// The next message that is not about peers coming.
pub(crate) async fn said(channel: &mut Channel) -> Incoming {
    loop {
        match within(channel.next()).await {
            Some(Event::Message(Incoming {
                signal: Signal::Open { .. },
                ..
            })) => {}
            Some(Event::Message(said)) => return said,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn ids(peers: &[Connection]) -> Vec<&str> {
    peers.iter().map(|peer| peer.peer_id.as_str()).collect()
}

/// A deadline for broken runs only.
pub(crate) const SOON: Duration = Duration::from_secs(30);
