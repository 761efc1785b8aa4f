//! What a relayed packet costs a TURN server, and what an idle allocation holds: ours, and beside it coturn with the feature
//! `rivals-turn` (which needs `turnserver` on the path).
//!
//! The same client opens allocations on each, and echoes packets through their channels: every flow has one packet on its way, so
//! that flows interleave and nothing is lost by overload; then one flow alone sends bursts. The server is a process of its own,
//! whose CPU time is read from `/proc/PID/stat` and whose memory from `/proc/PID/status`.
//!
//! `cargo bench -p ieum-benches --bench turn_load -- [SECONDS] [ALLOCATIONS]`; a flood of requests without credentials comes at the
//! end, and alone, for so long, with `-- abuse [SECONDS]`.

mod abuse;
mod flows;
mod process;
mod report;

use std::io::{self, Read, Write};
use std::time::Duration;

use flows::{Flows, WINDOW};
use ieum_server::turn::{Config, Turn};
use ieum_turn::server::{Config as Machine, PeerPolicy};
use process::{Kind, Server};
use report::{Row, Table};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let first = arguments.next();
    if first.as_deref() == Some(SERVE) {
        return serve();
    }
    let number =
        |text: Option<String>, default| text.and_then(|text| text.parse().ok()).unwrap_or(default);
    if first.as_deref() == Some(ABUSE) {
        let seconds = number(arguments.next(), 10.0);
        return abuse::measure(Duration::from_secs_f64(seconds));
    }
    let seconds = Duration::from_secs_f64(number(first, 3.0));
    let allocations = number(arguments.next(), 1000.0) as usize;

    let mut table = Table::default();
    for kind in Kind::all() {
        table.add(measure(kind, seconds, allocations)?);
    }
    println!("{table}");
    abuse::measure(seconds)
}

/// One server, from its start to its end.
fn measure(kind: Kind, seconds: Duration, allocations: usize) -> io::Result<Row> {
    let server = Server::start(kind)?;
    // The first allocation brings in what is made once.
    let _warm = Flows::open(server.address, 1, "warm")?;
    let empty = server.resident()?;
    let mut flows = Flows::open(server.address, allocations, "load")?;
    let idle = server.resident()?;
    let mut row = Row::new(
        kind.name(),
        empty,
        (idle.saturating_sub(empty)) / allocations as u64,
    );
    for size in SIZES {
        row.interleaved
            .push(server.cost_of(|| flows.interleaved(size, seconds, WINDOW))?);
    }
    for size in SIZES {
        row.bursts
            .push(server.cost_of(|| flows.bursts(size, seconds))?);
    }
    Ok(row)
}

/// Our server, as a process of its own: says its address on standard output and serves until standard input ends.
fn serve() -> io::Result<()> {
    let mut machine = Machine::new(process::REALM, process::SECRET, 0, [7; 32]);
    machine.peers = PeerPolicy {
        loopback: true,
        ..PeerPolicy::default()
    };
    machine.limits.relays = 100_000;
    machine.limits.relays_per_user = 100_000;
    let mut config = Config::new(machine);
    config.listen.udp.push(([127, 0, 0, 1], 0).into());
    config.workers = std::thread::available_parallelism()?.get();
    let turn = Turn::start(config).map_err(io::Error::other)?;
    for at in &turn.listening().udp {
        println!("{at}");
    }
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new()).map(|_| ())
}

/// What this program is called with to be a server.
const SERVE: &str = "serve";
/// What it is called with to be flooded and nothing else.
const ABUSE: &str = "abuse";
/// Payloads: a packet of speech, and one of video.
const SIZES: [usize; 2] = [160, 1200];
