//! Whole peers, both in one process on loopback UDP: throughput, time to open, what a connection costs.
//!
//! ```sh
//! cargo bench -p ieum-benches [--features rivals] --bench peer -- [MEASURE...] [OPTION N...]
//! ```
//!
//! | measure | what is printed |
//! |---|---|
//! | `bulk` | MB/s one way with messages of 16 and 64 KiB, with the system's default socket buffers and with 4 MiB |
//! | `small` | messages of 100 bytes a second |
//! | `open` | `create_offer` to a channel open on both sides, and the CPU that this took |
//! | `wire` | the same over a wire of 50 ms (round trip) |
//! | `loss` | MB/s over wires of 100 Mbit/s with round trips of 20 and 100 ms, of which 0, 0.1 and 1 % is lost; only where it is named |
//! | `idle` | memory and CPU of connected pairs that nobody uses |
//! | `crowd` | many connections that all send at once |
//!
//! All of them where none is named. Options: `--seconds` for each transfer (0.4), `--runs` of each opening (10), `--pairs`
//! that are idle (20), `--crowd` connections (50), `--rounds` (1): how often each transfer is measured; the best counts.
//! `--only NAME` leaves out the other stacks. Rivals (feature `rivals`) are driven as their documents advise, take turns with
//! us, and every figure comes from a process of its own. `IEUM_BENCH_THREADS`: worker threads of the runtime (2).

mod child;
mod measure;
mod ours;
#[cfg(feature = "rivals-connect")]
mod rustrtc_peer;
mod stack;
#[cfg(feature = "rivals-connect")]
mod str0m_peer;
#[cfg(feature = "rivals-connect")]
mod webrtc17;
#[cfg(feature = "rivals-connect")]
mod webrtc21;
#[cfg(feature = "rivals-connect")]
mod webrtc21_runtime;
mod wire;

use std::time::Duration;

use child::Buffers;
use stack::Stack;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if let Some(words) = child::words(&words) {
        return figures(words);
    }
    let run = Run {
        options: Options::parse(&words),
    };
    for (name, print) in MEASURES {
        let is_named = run.options.measures.iter().any(|word| word == name);
        if is_named || run.options.measures.is_empty() && name != ONLY_WHERE_NAMED {
            print(&run);
        }
    }
}

type Print = fn(&Run);

const MEASURES: [(&str, Print); 7] = [
    ("open", Run::open),
    ("wire", Run::wire),
    ("bulk", Run::bulk),
    ("small", Run::small),
    ("idle", Run::idle),
    ("crowd", Run::crowd),
    ("loss", Run::loss),
];
/// It takes minutes.
const ONLY_WHERE_NAMED: &str = "loss";

struct Options {
    measures: Vec<String>,
    only: Option<String>,
    seconds: f64,
    runs: usize,
    pairs: usize,
    crowd: usize,
    rounds: usize,
}

impl Options {
    fn parse(words: &[String]) -> Self {
        let mut options = Self {
            measures: Vec::new(),
            only: None,
            seconds: 0.4,
            runs: 10,
            pairs: 20,
            crowd: 50,
            rounds: 1,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || {
                words
                    .next()
                    .and_then(|n| n.parse::<f64>().ok())
                    .expect("a number")
            };
            match word.as_str() {
                "--seconds" => options.seconds = number(),
                "--runs" => options.runs = number() as usize,
                "--pairs" => options.pairs = number() as usize,
                "--crowd" => options.crowd = number() as usize,
                "--rounds" => options.rounds = number() as usize,
                "--only" => options.only = words.next().cloned(),
                name if MEASURES.iter().any(|(known, _)| *known == name) => {
                    options.measures.push(name.to_owned());
                }
                other => panic!("no such measure or option: {other}"),
            }
        }
        options
    }
}

/// One run of this program: what was asked for, and the tables that it prints.
struct Run {
    options: Options,
}

impl Run {
    fn bulk(&self) {
        for size in [16 * 1024, 64 * 1024] {
            for buffers in [Buffers::Default, Buffers::Tuned] {
                println!(
                    "bulk, messages of {} KiB, {} socket buffers",
                    size / 1024,
                    buffers.name()
                );
                self.transfers(size, buffers);
            }
        }
    }

    fn small(&self) {
        for buffers in [Buffers::Default, Buffers::Tuned] {
            println!(
                "small messages, 100 bytes, {} socket buffers",
                buffers.name()
            );
            self.transfers(100, buffers);
        }
    }

    fn transfers(&self, size: usize, buffers: Buffers) {
        for name in self.stacks().filter(|name| stack::takes(name, buffers)) {
            let words = [
                "transfer".into(),
                size.to_string(),
                self.options.seconds.to_string(),
            ];
            let rounds = (0..self.options.rounds).filter_map(|_| self.take(name, &words, buffers));
            let best = rounds.max_by(|a, b| a[0].total_cmp(&b[0]));
            let Some(best) = best else { continue };
            let [megabytes, messages, cpu] = best[..] else {
                continue;
            };
            println!(
                "  {name:16} {megabytes:8.1} MB/s {messages:10.0} messages/s {cpu:7.2} CPU s/GB"
            );
        }
        println!();
    }

    fn open(&self) {
        println!("create_offer to a channel open on both sides, loopback");
        self.openings(Duration::ZERO, self.options.runs);
    }

    fn wire(&self) {
        println!("create_offer to a channel open on both sides, a round trip takes 50 ms");
        self.openings(Duration::from_millis(25), (self.options.runs / 3).max(1));
    }

    fn openings(&self, delay: Duration, runs: usize) {
        for name in self.stacks() {
            let words = [
                "open".into(),
                runs.to_string(),
                delay.as_millis().to_string(),
            ];
            let Some(figures) = self.take(name, &words, Buffers::Default) else {
                continue;
            };
            let [median, least, greatest, cpu] = figures[..] else {
                continue;
            };
            let cpu = if delay.is_zero() {
                format!("  {cpu:.2} CPU ms")
            } else {
                trips(median, delay)
            };
            println!(
                "  {name:16} median {median:8.2} ms  (min {least:.2}, max {greatest:.2}, n = {runs}){cpu}"
            );
        }
        println!();
    }

    fn loss(&self) {
        let span = self.options.seconds.max(LOSS_SECONDS);
        println!("MB/s in the first {span} s, messages of 16 KiB, 100 Mbit/s");
        println!(
            "  {:16} {}",
            "",
            WIRES
                .map(|(ms, loss)| format!("{:>14}", format!("{ms} ms, {loss} %")))
                .concat()
        );
        for name in self.stacks() {
            let figure = |(ms, loss): (u64, f64)| {
                let words = [
                    "loss".into(),
                    ms.to_string(),
                    span.to_string(),
                    loss.to_string(),
                ];
                let figures = self.take(name, &words, Buffers::Default);
                figures.map_or("-".to_owned(), |figures| format!("{:.2}", figures[0]))
            };
            let row = WIRES.map(|wire| format!("{:>14}", figure(wire))).concat();
            println!("  {name:16} {row}");
        }
        println!();
    }

    fn idle(&self) {
        let pairs = self.options.pairs;
        println!("{pairs} connected pairs that nobody uses, each");
        for name in self.stacks() {
            let words = [
                "idle".into(),
                pairs.to_string(),
                self.options.seconds.to_string(),
            ];
            let Some(figures) = self.take(name, &words, Buffers::Default) else {
                continue;
            };
            let [memory, cpu] = figures[..] else { continue };
            println!("  {name:16} {memory:8.1} kB {cpu:8.3} CPU ms/s");
        }
        println!();
    }

    fn crowd(&self) {
        let pairs = self.options.crowd;
        println!("{pairs} pairs that all send messages of 1 KiB at once");
        for name in self.stacks() {
            let words = [
                "crowd".into(),
                pairs.to_string(),
                self.options.seconds.to_string(),
            ];
            let Some(figures) = self.take(name, &words, Buffers::Tuned) else {
                continue;
            };
            let [connected, megabytes, messages, cpu, memory] = figures[..] else {
                continue;
            };
            println!(
                "  {name:16} connected in {connected:6.2} s, {memory:6.1} kB a pair; {megabytes:7.1} MB/s \
                 {messages:9.0} messages/s {cpu:7.2} CPU s/GB"
            );
        }
        println!();
    }

    fn stacks(&self) -> impl Iterator<Item = &'static str> {
        let only = self.options.only.clone().unwrap_or_default();
        stack::NAMES
            .iter()
            .copied()
            .filter(move |name| name.contains(&only))
    }

    fn take(&self, name: &str, words: &[String], buffers: Buffers) -> Option<Vec<f64>> {
        let mut line = vec![name.to_owned()];
        line.extend_from_slice(words);
        match child::run(&line, buffers) {
            Ok(figures) => Some(figures),
            Err(error) => {
                println!("  {name:16} {error}");
                None
            }
        }
    }
}

/// Round trips in milliseconds, and per cent of loss.
const WIRES: [(u64, f64); 6] = [
    (20, 0.0),
    (20, 0.1),
    (20, 1.0),
    (100, 0.0),
    (100, 0.1),
    (100, 1.0),
];
/// Long enough for some losses.
const LOSS_SECONDS: f64 = 10.0;

fn trips(median: f64, delay: Duration) -> String {
    format!(
        "  {:.1} round trips",
        median / 1e3 / (2.0 * delay.as_secs_f64())
    )
}

/// The child: one figure, or some, on one line.
fn figures(words: &[String]) {
    let threads = std::env::var("IEUM_BENCH_THREADS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .expect("a tokio runtime");
    let (name, rest) = (words[0].clone(), words[1..].to_vec());
    let figures = runtime.block_on(async {
        let task = tokio::spawn(async move {
            match name.as_str() {
                "ieum" => figures_of::<ours::Ours>(&rest).await,
                #[cfg(feature = "rivals-connect")]
                "str0m 0.25.0" => figures_of::<str0m_peer::Str0m>(&rest).await,
                #[cfg(feature = "rivals-connect")]
                "webrtc 0.17.2" => figures_of::<webrtc17::Webrtc>(&rest).await,
                #[cfg(feature = "rivals-connect")]
                "webrtc 0.21.1" => figures_of::<webrtc21::Webrtc>(&rest).await,
                #[cfg(feature = "rivals-connect")]
                "rustrtc 0.4.20" => figures_of::<rustrtc_peer::Rustrtc>(&rest).await,
                other => panic!("no such stack: {other}"),
            }
        });
        task.await.expect("a figure")
    });
    let words: Vec<String> = figures.iter().map(f64::to_string).collect();
    println!("{}", words.join(" "));
    // Whatever still floods need not end by itself.
    std::process::exit(0);
}

async fn figures_of<S: Stack>(words: &[String]) -> Vec<f64> {
    let number = |index: usize| words[index].parse::<f64>().expect("a number");
    let count = |index: usize| number(index) as usize;
    let span = || Duration::from_secs_f64(number(2));
    match words[0].as_str() {
        "transfer" => measure::transfer::<S>(count(1), span()).await.to_vec(),
        "open" => measure::open::<S>(count(1), Duration::from_millis(count(2) as u64))
            .await
            .to_vec(),
        "loss" => {
            let delay = Duration::from_secs_f64(number(1) / 2e3);
            let loss = measure::loss::<S>(delay, number(3) / 100.0, span());
            loss.await.to_vec()
        }
        "idle" => measure::idle::<S>(count(1), span()).await.to_vec(),
        "crowd" => measure::crowd::<S>(count(1), 1024, span()).await.to_vec(),
        other => panic!("no such measure: {other}"),
    }
}
