//! Our signaling server beside a Node.js Socket.IO relay of the same behaviour, driven by the same clients in one run.
//!
//! ```sh
//! bash crates/interop/install.sh
//! cargo bench -p ieum-benches --bench signaling -- --seconds 5 --idle 10000
//! ```
//!
//! 200 clients on WebSocket send 1.5 kB from one to another and back, one message in flight for each pair: messages per
//! CPU-second of the server process, and how long they take. Then idle clients: resident memory of the server per
//! client. Without Node or its packages, ours runs alone, and says so.

mod clients;
mod process;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use ieum_signaling::server::{Config, Limits, Serve, router, serve};
use tokio::net::TcpListener;

use clients::Traffic;
use process::Server;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "serve") {
        // One thread, as Node has.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("timers").block_on(ours());
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("threads and timers");
    let number = |name: &str, default: u64| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse().ok().or(Some(default))
    };
    let seconds = Duration::from_secs(number("--seconds", 1).unwrap_or(1));
    let idle = number("--idle", 200).unwrap_or(200);
    runtime.block_on(compare(seconds, usize::try_from(idle).unwrap_or(200)));
    ExitCode::SUCCESS
}

/// What the rival was measured at first, then ours.
async fn compare(seconds: Duration, idle: usize) {
    println!(
        "{:<22} {:>14} {:>9} {:>9} {:>9} {:>12}",
        "", "messages/CPU s", "mean ms", "p99 ms", "CPU s", "kB per idle"
    );
    let node = if installed() {
        Some(measure("socket.io 4.8 (Node)", relay, seconds, idle).await)
    } else {
        println!("socket.io 4.8 (Node)   not installed: bash crates/interop/install.sh");
        None
    };
    let ours = measure("ieum-signaling", ourselves, seconds, idle).await;
    if let Some(node) = node {
        println!(
            "ours: {:.1}x the messages per CPU-second, {:.2}x the p99, 1/{:.1} of the memory per idle client",
            ours.traffic.per_cpu_second() / node.traffic.per_cpu_second(),
            ours.traffic.p99().as_secs_f64() / node.traffic.p99().as_secs_f64(),
            node.idle_bytes / ours.idle_bytes,
        );
    }
}

struct Measured {
    traffic: Traffic,
    idle_bytes: f64,
}

async fn measure(name: &str, server: fn() -> Command, seconds: Duration, idle: usize) -> Measured {
    let talking = Server::start(server());
    let traffic = clients::talk(&talking, CLIENTS, seconds).await;
    drop(talking);
    // A new process: what the talking left in memory is not what clients cost.
    let waiting = Server::start(server());
    let before = waiting.resident_bytes();
    let connected = clients::idle(&waiting, idle).await;
    let after = waiting.resident_bytes();
    drop(connected);
    let idle_bytes = (after.saturating_sub(before)) as f64 / idle as f64;
    println!(
        "{name:<22} {:>14.0} {:>9.2} {:>9.2} {:>9.2} {:>12.1}",
        traffic.per_cpu_second(),
        traffic.mean().as_secs_f64() * 1e3,
        traffic.p99().as_secs_f64() * 1e3,
        traffic.cpu.as_secs_f64(),
        idle_bytes / 1e3,
    );
    Measured {
        traffic,
        idle_bytes,
    }
}

/// Our server, in a process of its own.
async fn ours() {
    let limits = Limits {
        clients: 100_000,
        room_clients: 100_000,
        rate: 0,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..Config::default()
    };
    let (routes, _handle) = router(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("port {}", listener.local_addr().expect("an address").port());
    let how = Serve {
        connections: 100_000,
        ..Serve::default()
    };
    serve(listener, routes, how, std::future::pending()).await;
}

fn ourselves() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("our own path"));
    command.arg("serve");
    command
}

fn relay() -> Command {
    let mut command = Command::new("node");
    command.arg(partners().join("signaling/relay.mjs"));
    command
}

fn installed() -> bool {
    partners().join("node_modules/socket.io").exists()
}

fn partners() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/interop/partners")
}

const CLIENTS: usize = 200;
