//! A server on a port of its own, and a client that speaks frames, not a library.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod frames;
pub(crate) mod proxy;
pub(crate) mod signals;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ieum_signaling::client::{Channel, Event, Options};
use ieum_signaling::server::{Config, Handle, router};
use ieum_signaling::{Connection, Incoming, Signal};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Fails a broken run; no test waits for it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
    pub(crate) handle: Handle,
}

impl Server {
    pub(crate) async fn start(config: Config) -> Self {
        let (router, handle) = router(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, router).into_future());
        Self {
            address,
            url: format!("http://{address}"),
            handle,
        }
    }

    pub(crate) async fn connections(&self) -> Vec<Connection> {
        self.handle.connections("").await
    }

    pub(crate) async fn channel(&self, id: &str) -> Channel {
        within(Channel::connect(Options::new(&self.url, id)))
            .await
            .unwrap()
    }

    /// A raw client that has joined the namespace.
    pub(crate) async fn raw(&self) -> Raw {
        let mut raw = self.raw_session().await;
        raw.send("40").await;
        raw.expect("40").await;
        raw
    }

    /// A raw client with an Engine.IO session.
    pub(crate) async fn raw_session(&self) -> Raw {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", self.address);
        let (socket, _) = within(client_async(url, stream)).await.unwrap();
        let mut raw = Raw { socket };
        raw.expect("0{").await;
        raw
    }

    /// A raw client that is registered.
    pub(crate) async fn raw_peer(&self, id: &str) -> Raw {
        let mut raw = self.raw().await;
        raw.send(&format!(r#"42["ready","{id}"]"#)).await;
        raw.expect(r#"42["message",{"from":"all""#).await;
        raw
    }
}

pub(crate) struct Raw {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Raw {
    pub(crate) async fn send(&mut self, packet: &str) {
        self.socket.send(Message::text(packet)).await.unwrap();
    }

    /// The next packet that is no ping; pings are answered.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            match self.next_packet().await?.as_str() {
                // Fails only where the server is gone, which the next packet will say.
                "2" => drop(self.socket.send(Message::text("3")).await),
                packet => return Some(packet.to_owned()),
            }
        }
    }

    /// The next packet; `None` where the server has closed.
    pub(crate) async fn next_packet(&mut self) -> Option<String> {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next packet, which must begin so; what follows.
    pub(crate) async fn expect(&mut self, begin: &str) -> String {
        let packet = self
            .next()
            .await
            .unwrap_or_else(|| panic!("closed before {begin}"));
        packet
            .strip_prefix(begin)
            .unwrap_or_else(|| panic!("{packet} does not begin with {begin}"))
            .to_owned()
    }

    /// The argument of the next packet, which must be this event.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        let list: Value = serde_json::from_str(&self.expect("42").await).unwrap();
        assert_eq!(list[0], name);
        list[1].clone()
    }

    /// Asks for an acknowledgement of an event, and returns it; messages that come first are passed over.
    pub(crate) async fn ask(&mut self, id: u32, event: &Value) -> Value {
        self.send(&format!("42{id}{event}")).await;
        loop {
            let packet = self.next().await.expect("an acknowledgement");
            if let Some(list) = packet.strip_prefix(&format!("43{id}")) {
                return serde_json::from_str::<Value>(list).unwrap()[0].clone();
            }
        }
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future)
        .await
        .expect("came to an end in time")
}

/// The next message that is not about peers coming.
pub(crate) async fn next_said(channel: &mut Channel) -> Incoming {
    loop {
        match within(channel.next()).await {
            Some(Event::Message(Incoming {
                signal: Signal::Open { .. },
                ..
            })) => {}
            Some(Event::Message(incoming)) => return incoming,
            other => panic!("{other:?}"),
        }
    }
}

/// The next event that is not about peers coming.
pub(crate) async fn next_event(channel: &mut Channel) -> Option<Event> {
    loop {
        match within(channel.next()).await {
            Some(Event::Message(Incoming {
                signal: Signal::Open { .. },
                ..
            })) => {}
            other => return other,
        }
    }
}

/// Sends and makes sure that the server has handled it: an acknowledgement comes after what came before.
pub(crate) async fn settle(raw: &mut Raw) {
    assert_eq!(
        raw.ask(9999, &json!(["message", { "settled": true }]))
            .await["ok"],
        true
    );
}
