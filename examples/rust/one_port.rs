//! A server with a thousand connections on one UDP port, and its clients, in one process:
//! `cargo run --release -p ieum-examples --bin one_port -- [CONNECTIONS] [SECONDS]`.
//! Every client first gets an echo, then all of them send at once for some seconds. It prints what the server got, and the
//! processor time of server and clients together. Clients have a socket each: `ulimit -n` must allow as many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ieum::peer::{
    Certificate, Configuration, DataChannel, DataChannelInit, Event, Events, Interfaces, Message,
    PeerConnection, UdpMux,
};
use tokio::task::JoinSet;

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse());
    let connections: usize = arguments.next().transpose()?.unwrap_or(1000);
    let seconds: usize = arguments.next().transpose()?.unwrap_or(5);
    let port = UdpMux::bind("0.0.0.0:0".parse()?)?;
    let certificate = Certificate::generate()?;
    let received = Arc::new(AtomicU64::new(0));

    let (started, cpu) = (Instant::now(), cpu_time());
    let (mut open, mut opening) = (Vec::new(), JoinSet::new());
    for _ in 0..connections {
        if opening.len() == AT_ONCE {
            open.extend(opening.join_next().await.transpose()?.transpose()?);
        }
        let server = configuration(&certificate, Some(port.clone()));
        let client = configuration(&certificate, None);
        opening.spawn(connect(server, client, received.clone()));
    }
    while let Some(opened) = opening.join_next().await {
        open.push(opened??);
    }
    let took = started.elapsed();
    println!(
        "{connections} connections on port {} in {took:.1?}",
        port.port()
    );
    print_cpu(cpu, took);

    let (started, cpu, before) = (Instant::now(), cpu_time(), received.load(Ordering::Relaxed));
    let until = started + Duration::from_secs(seconds as u64);
    let mut sending = JoinSet::new();
    for (_, _, channel) in &open {
        let sender = channel.sender();
        sending.spawn(async move {
            let message = vec![0; MESSAGE];
            while Instant::now() < until && sender.send(message.clone()).await.is_ok() {}
        });
    }
    while sending.join_next().await.is_some() {}
    let took = started.elapsed();
    let bytes = received.load(Ordering::Relaxed) - before;
    let rate = bytes as f64 / 1e6 / took.as_secs_f64();
    println!("all at once, {MESSAGE}-byte messages: {rate:.1} MB/s");
    print_cpu(cpu, took);
    println!("{:#?}", port.stats());
    Ok(())
}

/// The server's connection, the client's, and the client's channel.
type Pair = (PeerConnection, PeerConnection, DataChannel);

async fn connect(
    server: Configuration,
    client: Configuration,
    received: Arc<AtomicU64>,
) -> Result<Pair, Failed> {
    let (server, events) = PeerConnection::new(server)?;
    let (client, _events) = PeerConnection::new(client)?;
    tokio::spawn(serve(events, received));
    let init = DataChannelInit::default();
    let mut channel = client.create_data_channel("load", init).await?;
    client.set_implicit_local_description().await?;
    client.gathering_complete().await;
    let offer = client.local_description().ok_or("no offer")?;
    server.set_remote_description(offer).await?;
    server.set_implicit_local_description().await?;
    server.gathering_complete().await;
    let answer = server.local_description().ok_or("no answer")?;
    client.set_remote_description(answer).await?;
    channel.opened().await?;
    channel.send_text("hello").await?;
    channel.recv().await.ok_or("no echo")?;
    Ok((server, client, channel))
}

/// Echoes text, and counts bytes.
async fn serve(mut events: Events, received: Arc<AtomicU64>) {
    while let Some(event) = events.next().await {
        let Event::DataChannel(mut channel) = event else {
            continue;
        };
        while let Some(message) = channel.recv().await {
            match message {
                Message::Binary(bytes) => {
                    received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                }
                text => drop(channel.send_message(text).await),
            }
        }
    }
}

fn configuration(certificate: &Certificate, udp_mux: Option<UdpMux>) -> Configuration {
    Configuration {
        // One for all: else a thousand keys are made.
        certificate: Some(certificate.clone()),
        interfaces: Interfaces {
            ipv6: false,
            ..Interfaces::only_loopback()
        },
        udp_mux,
        ..Configuration::default()
    }
}

/// What this process has used; `None` where the system does not say it in `/proc`.
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    // In hundredths of a second.
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
}

fn print_cpu(before: Option<Duration>, took: Duration) {
    if let Some((before, after)) = before.zip(cpu_time()) {
        let used = after.saturating_sub(before);
        let share = used.as_secs_f64() / took.as_secs_f64();
        println!("    processor time, both sides: {used:.2?}, which is {share:.2} processors");
    }
}

const MESSAGE: usize = 16 * 1024;
/// Set-ups at a time.
const AT_ONCE: usize = 20;
