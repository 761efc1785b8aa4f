//! SDP: reading, changing and writing the offers of Chromium, beside the rivals (feature `rivals`).
//!
//! ```sh
//! cargo bench -p ieum-benches --features rivals --bench sdp --bench allocations
//! ```
//!
//! First criterion, each by itself; then, because a busy machine is not equally busy all the time, all of them in turn,
//! many rounds, as a table of medians and of the ratios that the crate promises.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput};
use ieum_sdp::webrtc::Description;
use ieum_sdp::{Candidate, Session};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for offer in OFFERS {
        let mut group = criterion.benchmark_group(offer.name);
        group.throughput(Throughput::Bytes(offer.text.len() as u64));
        for (name, run) in contestants(offer) {
            group.bench_function(name, |bencher| bencher.iter(|| run(black_box(offer.text))));
        }
    }
    criterion.final_summary();
    // `cargo test --benches` and filters only want to see that it runs.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    for offer in OFFERS {
        print_table(offer);
    }
    print_growth();
}

struct Offer {
    name: &'static str,
    text: &'static str,
    /// Of the codec to be removed; none is, where there is none.
    codec: Option<&'static str>,
}

const OFFERS: &[Offer] = &[
    Offer {
        name: "audio-video-data",
        text: include_str!(
            "../crates/sdp/tests/samples/browsers/chromium-156-audio-video-data-offer.sdp"
        ),
        codec: Some("VP8"),
    },
    Offer {
        name: "data",
        text: include_str!("../crates/sdp/tests/samples/browsers/chromium-156-data-offer.sdp"),
        codec: None,
    },
];

const CANDIDATE: &str = "candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host";

/// A program under test: it returns something that depends on all of its work.
type Run = fn(&str) -> usize;

fn contestants(offer: &Offer) -> Vec<(&'static str, Run)> {
    let mut all: Vec<(&'static str, Run)> = vec![
        ("ieum-sdp session", |text| {
            Session::parse(text).unwrap().lines().len()
        }),
        ("ieum-sdp session, strict", |text| {
            Session::parse_strict(text).unwrap().lines().len()
        }),
        ("ieum-sdp description", |text| {
            Description::parse(text).unwrap().media.len()
        }),
        ("ieum-sdp description, owned", |text| {
            Description::parse(text).unwrap().into_owned().media.len()
        }),
        ("ieum-sdp session and write", |text| {
            let mut out = String::new();
            Session::parse(text).unwrap().write_to(&mut out);
            out.len()
        }),
        ("ieum-sdp description and write", |text| {
            Description::parse(text).unwrap().to_string().len()
        }),
    ];
    if offer.codec.is_some() {
        all.push(("ieum-sdp change and write", change));
    }
    #[cfg(feature = "rivals-sdp")]
    rivals::add(&mut all, offer);
    all
}

/// Reads, removes a codec and what repairs it, adds a candidate, writes.
fn change(text: &str) -> usize {
    let mut session = Session::parse(text).unwrap();
    let candidate: Candidate = CANDIDATE.parse().unwrap();
    let mut video = session.media_mut(1).unwrap();
    video.remove_codec("VP8").unwrap();
    video.add_candidate(&candidate).unwrap();
    let mut out = String::new();
    session.write_to(&mut out);
    out.len()
}

#[cfg(feature = "rivals-sdp")]
mod rivals {
    use std::io::Cursor;

    use super::{CANDIDATE, Offer, Run};

    pub(super) fn add(all: &mut Vec<(&'static str, Run)>, offer: &Offer) {
        let rivals: [(&'static str, Run); 8] = [
            ("sdp", |text| {
                let session = sdp::SessionDescription::unmarshal(&mut Cursor::new(text));
                session.unwrap().media_descriptions.len()
            }),
            ("sdp and write", |text| {
                let session = sdp::SessionDescription::unmarshal(&mut Cursor::new(text));
                session.unwrap().marshal().len()
            }),
            ("rtc-sdp", |text| {
                let session = rtc_sdp::SessionDescription::unmarshal(&mut Cursor::new(text));
                session.unwrap().media_descriptions.len()
            }),
            ("rtc-sdp and write", |text| {
                let session = rtc_sdp::SessionDescription::unmarshal(&mut Cursor::new(text));
                session.unwrap().marshal().len()
            }),
            ("webrtc-sdp", |text| {
                webrtc_sdp::parse_sdp(text, false).unwrap().media.len()
            }),
            ("webrtc-sdp and write", |text| {
                let session = webrtc_sdp::parse_sdp(text, false).unwrap();
                session.to_string().len()
            }),
            ("sdp-types", |text| {
                let session = sdp_types::Session::parse(text.as_bytes());
                session.unwrap().medias.len()
            }),
            ("sdp-types and write", |text| {
                let mut out = Vec::new();
                let session = sdp_types::Session::parse(text.as_bytes());
                session.unwrap().write(&mut out).unwrap();
                out.len()
            }),
        ];
        all.extend(rivals);
        if offer.codec.is_some() {
            all.push(("sdp change and write", change));
        }
    }

    /// What `super::change` does, with the means that the crate gives.
    fn change(text: &str) -> usize {
        let mut session = sdp::SessionDescription::unmarshal(&mut Cursor::new(text)).unwrap();
        let video = &mut session.media_descriptions[1];
        // VP8 and its rtx, whose numbers are looked for as one has to.
        let mut removed: Vec<String> = Vec::new();
        for attribute in &video.attributes {
            let value = attribute.value.as_deref().unwrap_or_default();
            let Some((payload_type, rest)) = value.split_once(' ') else {
                continue;
            };
            let is_it = match attribute.key.as_str() {
                "rtpmap" => rest.starts_with("VP8/"),
                "fmtp" => rest
                    .strip_prefix("apt=")
                    .is_some_and(|of| removed.iter().any(|it| it == of)),
                _ => false,
            };
            if is_it {
                removed.push(payload_type.to_owned());
            }
        }
        let is_removed = |format: &str| removed.iter().any(|it| it == format);
        video.media_name.formats.retain(|it| !is_removed(it));
        video.attributes.retain(|attribute| {
            let about_one = matches!(attribute.key.as_str(), "rtpmap" | "fmtp" | "rtcp-fb");
            let value = attribute.value.as_deref().unwrap_or_default();
            let format = value.split(' ').next().unwrap_or_default();
            !(about_one && is_removed(format))
        });
        let (_, value) = CANDIDATE.split_once(':').unwrap();
        video.attributes.push(sdp::description::common::Attribute {
            key: "candidate".to_owned(),
            value: Some(value.to_owned()),
        });
        session.marshal().len()
    }
}

/// Nanoseconds of each, the median of many rounds in which each has its turn.
fn medians(all: &[(&'static str, Run)], text: &str) -> Vec<f64> {
    const ROUNDS: usize = 61;
    const PER_ROUND: u32 = 200;
    let mut samples = vec![Vec::with_capacity(ROUNDS); all.len()];
    for _ in 0..ROUNDS {
        for ((_, run), samples) in all.iter().zip(&mut samples) {
            samples.push(time(PER_ROUND, || run(black_box(text))));
        }
    }
    samples.into_iter().map(median).collect()
}

/// Nanoseconds of one run.
fn time<T>(runs: u32, mut run: impl FnMut() -> T) -> f64 {
    let began = Instant::now();
    for _ in 0..runs {
        black_box(run());
    }
    began.elapsed().as_nanos() as f64 / f64::from(runs)
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn print_table(offer: &Offer) {
    let all = contestants(offer);
    let medians = medians(&all, offer.text);
    println!(
        "\n| {}, {} bytes | µs |\n|---|---|",
        offer.name,
        offer.text.len()
    );
    for ((name, _), nanos) in all.iter().zip(&medians) {
        println!("| {name} | {:.2} |", nanos / 1000.0);
    }
    let of = |name: &str| {
        let at = all.iter().position(|(own, _)| *own == name)?;
        medians.get(at).copied()
    };
    let is_small = offer.codec.is_none();
    let fastest = ["sdp", "rtc-sdp", "webrtc-sdp", "sdp-types"]
        .into_iter()
        .filter_map(of)
        .reduce(f64::min);
    let lossless = if is_small { 3.0 } else { 5.0 };
    println!();
    bar(
        "lossless, to the fastest rival",
        of("ieum-sdp session"),
        fastest,
        lossless,
    );
    bar(
        "description, to sdp untyped",
        of("ieum-sdp description"),
        of("sdp"),
        2.0,
    );
    bar(
        "description, to webrtc-sdp",
        of("ieum-sdp description"),
        of("webrtc-sdp"),
        6.0,
    );
    bar(
        "change and write, to sdp",
        of("ieum-sdp change and write"),
        of("sdp change and write"),
        6.0,
    );
}

fn bar(what: &str, ours: Option<f64>, theirs: Option<f64>, promised: f64) {
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        let ratio = theirs / ours;
        let held = if ratio >= promised {
            "holds"
        } else {
            "DOES NOT HOLD"
        };
        println!("{what}: 1/{ratio:.1} (promised 1/{promised}: {held})");
    }
}

/// The time of a line must not grow with their number.
fn print_growth() {
    let session = |lines: usize| {
        let head =
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
        let line = "a=rtcp-fb:96 nack pli\r\n";
        format!("{head}{}", line.repeat(lines - 5))
    };
    println!();
    let readers: [(&str, Run); 2] = [
        ("session", |text| {
            Session::parse(text).unwrap().lines().len()
        }),
        ("description", |text| {
            Description::parse(text).unwrap().media.len()
        }),
    ];
    for (name, run) in readers {
        let per_line = |lines: usize| {
            let text = session(lines);
            let runs = u32::try_from(200_000 / lines).unwrap_or(1);
            let samples = (0..31).map(|_| time(runs, || run(black_box(&text))));
            median(samples.collect()) / lines as f64
        };
        let (few, many) = (per_line(100), per_line(10_000));
        let held = if many <= 2.0 * few {
            "holds"
        } else {
            "DOES NOT HOLD"
        };
        println!(
            "{name}: {few:.1} ns a line of 100, {many:.1} ns a line of 10,000: {:.2} times (promised at most 2: {held})",
            many / few
        );
    }
}
