//! Socket.IO clients on WebSocket, no more than the load needs.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::process::Server;

/// What the talking came to.
pub(crate) struct Traffic {
    pub(crate) cpu: Duration,
    /// From one client's write to the other's read.
    times: Vec<Duration>,
}

impl Traffic {
    pub(crate) fn per_cpu_second(&self) -> f64 {
        self.times.len() as f64 / self.cpu.as_secs_f64().max(0.01)
    }

    pub(crate) fn mean(&self) -> Duration {
        let sum: Duration = self.times.iter().sum();
        sum / u32::try_from(self.times.len()).unwrap_or(1).max(1)
    }

    pub(crate) fn p99(&self) -> Duration {
        let place = self.times.len() * 99 / 100;
        self.times.get(place).copied().unwrap_or_default()
    }
}

/// Pairs of clients that send one message back and forth for `seconds`.
pub(crate) async fn talk(server: &Server, clients: usize, seconds: Duration) -> Traffic {
    let mut all = Vec::new();
    for n in 0..clients {
        let mut client = Client::connect(server.port()).await;
        client.say(&format!(r#"["ready","{n}"]"#)).await;
        client.hear_until(&format!(r#""target":"{n}""#)).await;
        all.push(client);
    }
    // Each hears of those who came after it.
    for (n, client) in all.iter_mut().enumerate() {
        for _ in n + 1..clients {
            client.hear_until("").await;
        }
    }
    let mut pairs = JoinSet::new();
    let before = server.cpu();
    let end = Instant::now() + seconds;
    let mut all = all.into_iter();
    for n in (0..clients).step_by(2) {
        if let (Some(a), Some(b)) = (all.next(), all.next()) {
            pairs.spawn(pair(n, a, b, end));
        }
    }
    let mut times = Vec::new();
    while let Some(pair) = pairs.join_next().await {
        times.extend(pair.expect("a pair that talks"));
    }
    times.sort_unstable();
    Traffic {
        cpu: server.cpu() - before,
        times,
    }
}

async fn pair(n: usize, mut a: Client, mut b: Client, end: Instant) -> Vec<Duration> {
    let sdp = "x".repeat(1400);
    let message = |from: usize, to: usize| {
        format!(
            r#"["messageOne",{{"from":"{from}","target":"{to}","payload":{{"type":"offer","sdp":"{sdp}"}}}}]"#
        )
    };
    let (there, back) = (message(n, n + 1), message(n + 1, n));
    let mut times = Vec::new();
    while Instant::now() < end {
        let sent = Instant::now();
        a.say(&there).await;
        b.hear_until("").await;
        times.push(sent.elapsed());
        let sent = Instant::now();
        b.say(&back).await;
        a.hear_until("").await;
        times.push(sent.elapsed());
    }
    times
}

/// Clients that are connected and say nothing.
pub(crate) async fn idle(server: &Server, clients: usize) -> Vec<Client> {
    let mut connecting = JoinSet::new();
    let mut connected = Vec::with_capacity(clients);
    for _ in 0..clients {
        let port = server.port();
        connecting.spawn(async move { Client::connect(port).await });
        if connecting.len() >= 100
            && let Some(client) = connecting.join_next().await
        {
            connected.push(client.expect("a client"));
        }
    }
    while let Some(client) = connecting.join_next().await {
        connected.push(client.expect("a client"));
    }
    connected
}

/// One client in the namespace.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("connected");
        stream.set_nodelay(true).expect("set");
        let url = format!("ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = client_async(url, stream).await.expect("a WebSocket");
        let mut client = Self { socket };
        client.hear("0").await;
        client.send("40").await;
        client.hear("40").await;
        client
    }

    async fn say(&mut self, event: &str) {
        self.send(&format!("42{event}")).await;
    }

    async fn send(&mut self, packet: &str) {
        self.socket.send(Message::text(packet)).await.expect("sent");
    }

    /// The next event that has this in it.
    async fn hear_until(&mut self, part: &str) {
        while !self.hear("42").await.contains(part) {}
    }

    /// The next packet that begins so; pings are answered.
    async fn hear(&mut self, begin: &str) -> String {
        loop {
            let frame = self.socket.next().await.expect("open").expect("a frame");
            let Message::Text(text) = frame else { continue };
            match text.as_str() {
                "2" => self.send("3").await,
                text if text.starts_with(begin) => return text.to_owned(),
                _ => {}
            }
        }
    }
}
