//! Reading candidate lines, beside the rivals' parsers (feature `rivals-ice`).
//!
//! `cargo bench -p ieum-benches --features rivals-ice --bench candidate`

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ieum_candidate::CandidateLine;

const LINES: [(&str, &str); 2] = [
    (
        "host",
        "candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0 network-id 1 network-cost 10",
    ),
    (
        "srflx",
        "candidate:1853887674 1 udp 1686052607 47.61.61.61 36768 typ srflx raddr 192.168.0.196 rport 36768 generation 0 network-id 1 network-cost 10",
    ),
];

fn parse(criterion: &mut Criterion) {
    for (name, line) in LINES {
        let mut group = criterion.benchmark_group(format!("candidate line, {name}"));
        group.sample_size(50);
        group.bench_function("ieum-candidate, view", |bench| {
            bench.iter(|| CandidateLine::parse(black_box(line)).unwrap());
        });
        group.bench_function("ieum-candidate, value", |bench| {
            bench.iter(|| CandidateLine::parse(black_box(line)).unwrap().to_owned());
        });
        #[cfg(feature = "rivals-ice")]
        rivals(&mut group, line);
        group.finish();
    }
}

#[cfg(feature = "rivals-ice")]
fn rivals(group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>, line: &str) {
    use std::str::FromStr;
    let bare = line.trim_start_matches("candidate:");
    let attribute = format!("a={line}");
    group.bench_function("is", |bench| {
        bench.iter(|| is::Candidate::from_sdp_string(black_box(line)).unwrap());
    });
    group.bench_function("rice-proto", |bench| {
        bench.iter(|| rice_proto::candidate::Candidate::from_str(black_box(&attribute)).unwrap());
    });
    group.bench_function("rtc-ice", |bench| {
        bench.iter(|| rtc_ice::candidate::unmarshal_candidate(black_box(bare)).unwrap());
    });
    group.bench_function("webrtc-ice", |bench| {
        bench.iter(|| {
            webrtc_ice::candidate::candidate_base::unmarshal_candidate(black_box(bare)).unwrap()
        });
    });
}

criterion_group!(benches, parse);
criterion_main!(benches);
