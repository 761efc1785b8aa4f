//! What a relayed packet costs a TURN server, how long it takes, and what an idle allocation holds: ours, and beside it coturn
//! where `turnserver` is on the path.
//!
//! The same client opens allocations on each, and echoes packets through their channels: with interleaved flows each has one
//! packet on its way; at a steady rate they come whatever comes back; then one flow alone sends bursts. The servers are
//! processes of their own, and beside them a bare loop that receives and sends, the floor. They are measured in turns
//! within each round: CPU time from `/proc/PID/task/*/schedstat`, memory from `/proc/PID/status`.
//!
//! `cargo bench -p ieum-benches --bench turn_load -- [SECONDS] [ALLOCATIONS] [ROUNDS]`; the seconds are those of each measurement. A flood
//! of requests without credentials comes at the end, and alone, for so long, with `-- abuse [SECONDS]`.

mod abuse;
mod floor;
mod flows;
mod process;
mod report;

use std::io::{self, Read, Write};
use std::time::Duration;

use floor::Floor;
use flows::{Echoes, Flows, WINDOW};
use ieum_server::turn::{Config, Turn};
use ieum_turn::server::{Config as Machine, PeerPolicy};
use process::{Kind, Server};
use report::Table;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let first = arguments.next();
    match first.as_deref() {
        Some(SERVE) => return serve(),
        Some(FLOOR) => return bare(),
        _ => {}
    }
    let number =
        |text: Option<String>, default| text.and_then(|text| text.parse().ok()).unwrap_or(default);
    if first.as_deref() == Some(ABUSE) {
        let seconds = number(arguments.next(), 10.0);
        return abuse::measure(Duration::from_secs_f64(seconds));
    }
    let seconds = Duration::from_secs_f64(number(first, 1.0));
    let allocations = number(arguments.next(), 1000.0) as usize;
    let rounds = number(arguments.next(), 9.0) as usize;

    let mut servers = Vec::new();
    for kind in [Kind::Coturn, Kind::Floor, Kind::Ours] {
        match Server::start(kind) {
            Ok(server) => servers.push((kind, server)),
            Err(error) if kind == Kind::Coturn && error.kind() == io::ErrorKind::NotFound => {
                println!("turnserver is not on the path: ours alone");
            }
            Err(error) => return Err(error),
        }
    }
    let mut table = Table::new(servers.iter().map(|(kind, _)| kind.name()).collect());
    let mut subjects = Vec::new();
    for (column, (kind, server)) in servers.into_iter().enumerate() {
        subjects.push(Subject::load(
            &mut table,
            column,
            kind,
            server,
            allocations,
        )?);
    }
    for _ in 0..rounds {
        for (what, work) in WORK {
            for subject in subjects.iter_mut().filter(|it| it.does(*work)) {
                subject.measure(&mut table, what, *work, seconds)?;
            }
        }
    }
    println!("{table}");
    drop(subjects);
    abuse::measure(seconds)
}

/// What is done through a server.
#[derive(Clone, Copy)]
enum Work {
    /// Payloads of so many bytes, all flows in turn.
    Interleaved(usize),
    /// Payloads of so many bytes, one flow.
    Bursts(usize),
    /// So many packets in a second; with the names of the lines for the median delay and for what 99 of 100 do not pass.
    Steady(f64, [&'static str; 2]),
}

/// A server, and the clients that have allocations there.
struct Subject {
    column: usize,
    kind: Kind,
    server: Server,
    flows: Flows,
}

impl Subject {
    /// Opens the allocations, and says what they hold.
    fn load(
        table: &mut Table,
        column: usize,
        kind: Kind,
        server: Server,
        allocations: usize,
    ) -> io::Result<Self> {
        if kind == Kind::Floor {
            let flows = Flows::open(kind, server.address, allocations, "load")?;
            return Ok(Self {
                column,
                kind,
                server,
                flows,
            });
        }
        // The first allocation brings in what is made once.
        let _warm = Flows::open(kind, server.address, 1, "warm")?;
        let empty = server.resident()?;
        let flows = Flows::open(kind, server.address, allocations, "load")?;
        let each = server.resident()?.saturating_sub(empty) / allocations as u64;
        table.add(
            column,
            "memory of an empty server",
            "kB",
            empty as f64 / 1024.0,
            0,
        );
        table.add(column, "memory of an idle allocation", "B", each as f64, 0);
        Ok(Self {
            column,
            kind,
            server,
            flows,
        })
    }

    /// The floor takes one datagram of a flow at a time.
    fn does(&self, work: Work) -> bool {
        self.kind != Kind::Floor || !matches!(work, Work::Bursts(_))
    }

    fn measure(
        &mut self,
        table: &mut Table,
        what: &'static str,
        work: Work,
        time: Duration,
    ) -> io::Result<()> {
        let before = self.server.cpu()?;
        let flows = &mut self.flows;
        let Echoes {
            relayed,
            lost,
            delays,
        } = match work {
            Work::Interleaved(size) => flows.interleaved(size, time, WINDOW)?,
            Work::Bursts(size) => flows.bursts(size, time)?,
            Work::Steady(rate, _) => flows.steady(SIZES[0], time, rate)?,
        };
        let cpu = self.server.cpu()?.saturating_sub(before).as_secs_f64();
        table.add(self.column, what, "/s", relayed as f64 / cpu, lost);
        if let Work::Steady(_, names) = work {
            let (median, high) = report::delays(delays);
            table.add(self.column, names[0], "us", median, 0);
            table.add(self.column, names[1], "us", high, 0);
        }
        Ok(())
    }
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

/// What is no server, in the same way.
fn bare() -> io::Result<()> {
    let floor = Floor::new()?;
    println!("{}", floor.local_addr()?);
    io::stdout().flush()?;
    std::thread::spawn(|| floor.run());
    io::stdin().read_to_end(&mut Vec::new()).map(|_| ())
}

/// What this program is called with to be a server.
const SERVE: &str = "serve";
/// What it is called with to be no more than the floor.
const FLOOR: &str = "floor";
/// What it is called with to be flooded and nothing else.
const ABUSE: &str = "abuse";
/// Payloads: a packet of speech, and one of video.
const SIZES: [usize; 2] = [160, 1200];
/// What is measured in each round, in packets per CPU-second.
const WORK: &[(&str, Work)] = &[
    ("interleaved, 160 B", Work::Interleaved(SIZES[0])),
    ("interleaved, 1200 B", Work::Interleaved(SIZES[1])),
    ("one flow's bursts, 160 B", Work::Bursts(SIZES[0])),
    ("one flow's bursts, 1200 B", Work::Bursts(SIZES[1])),
    (
        "1,000 a second",
        Work::Steady(
            1000.0,
            ["1,000 a second, delay", "1,000 a second, 99% of delays"],
        ),
    ),
    (
        "20,000 a second",
        Work::Steady(
            20_000.0,
            ["20,000 a second, delay", "20,000 a second, 99% of delays"],
        ),
    ),
    (
        "40,000 a second",
        Work::Steady(
            40_000.0,
            ["40,000 a second, delay", "40,000 a second, 99% of delays"],
        ),
    ),
];
