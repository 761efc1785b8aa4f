//! Check lists: N local candidates, then N remote ones, one at a time; beside the rivals (feature `rivals-ice`).
//!
//! `cargo bench -p ieum-benches --features rivals-ice --bench pairing`
//!
//! Criterion measures the whole; the table before it has medians of a few runs, and what each added remote candidate and each next check cost. Ours is
//! uncapped here, ordered and pruned, as is `is` "uncapped". `rtc-ice` neither orders, prunes, freezes nor caps its list.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ieum_pairing::{Candidate, CheckList, Forming, Role};

const SIZES: [u32; 4] = [10, 30, 100, 300];

fn address(net: u32, n: u32) -> SocketAddr {
    let ip = [10, net as u8, (n / 200) as u8, (n % 200 + 1) as u8];
    SocketAddr::new(ip.into(), 10000 + n as u16)
}

fn candidates(net: u32, count: u32) -> Vec<(SocketAddr, u32, String)> {
    (0..count)
        .map(|n| {
            (
                address(net, n),
                (126 << 24) + ((65535 - n) << 8) + 255,
                n.to_string(),
            )
        })
        .collect()
}

fn candidate(
    (n, (address, priority, foundation)): (usize, &(SocketAddr, u32, String)),
) -> Candidate<'_> {
    Candidate {
        id: n as u32,
        address: *address,
        priority: *priority,
        foundation,
        transport: ieum_candidate::Transport::Udp,
    }
}

fn with_locals(locals: &[(SocketAddr, u32, String)]) -> CheckList {
    let mut list = CheckList::new(Role::Controlling, usize::MAX);
    for local in locals.iter().enumerate() {
        list.add_local(candidate(local), Forming::Automatic);
    }
    list
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn table(_: &mut Criterion) {
    println!("N    who                    all pairs   per pair   next check");
    for size in SIZES {
        let (locals, remotes) = (candidates(1, size), candidates(2, size));
        let runs = if size > 100 { 15 } else { 31 };
        let (mut all, mut next) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            let mut list = with_locals(&locals);
            let begin = Instant::now();
            for remote in remotes.iter().enumerate() {
                list.add_remote(candidate(remote));
            }
            all.push(begin.elapsed());
            let pairs = list.len() as u32;
            let begin = Instant::now();
            while black_box(list.next_waiting()).is_some() {}
            next.push(begin.elapsed() / pairs);
        }
        let all = median(all);
        let per_pair = all.as_nanos() as f64 / f64::from(size * size);
        println!(
            "{size:<4} {:<20} {all:>11.1?} {per_pair:>7.0} ns {:>12.0?}",
            "ieum-pairing",
            median(next)
        );
        #[cfg(feature = "rivals-ice")]
        rivals::rows(size);
    }
}

fn trickle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pairs, uncapped");
    group.sample_size(10);
    for size in SIZES {
        let (locals, remotes) = (candidates(1, size), candidates(2, size));
        group.throughput(Throughput::Elements(u64::from(size * size)));
        group.bench_function(BenchmarkId::from_parameter(size), |bench| {
            bench.iter_with_large_drop(|| {
                let mut list = with_locals(&locals);
                for remote in remotes.iter().enumerate() {
                    list.add_remote(candidate(remote));
                }
                list
            });
        });
    }
    group.finish();
}

#[cfg(feature = "rivals-ice")]
mod rivals {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use rtc_ice::candidate::CandidateConfig;
    use rtc_ice::candidate::candidate_host::CandidateHostConfig;

    use super::{address, median};

    pub(super) fn rows(size: u32) {
        let row = |who: &str, all: Duration, pairs: u32| {
            let per_pair = all.as_nanos() as f64 / f64::from(pairs);
            println!("{size:<4} {who:<20} {all:>11.1?} {per_pair:>7.0} ns");
        };
        let runs = if size >= 100 { 1 } else { 5 };
        row(
            "is, 100 pairs",
            median((0..runs).map(|_| is(size, 100)).collect()),
            size * size,
        );
        // 300 would take a quarter of an hour.
        if size <= 100 {
            row(
                "is, uncapped",
                median((0..runs).map(|_| is(size, usize::MAX)).collect()),
                size * size,
            );
        }
        row(
            "rtc-ice",
            median((0..runs).map(|_| rtc(size)).collect()),
            size * size,
        );
        if size <= 30 {
            row("rice-proto", rice(size), size * size);
        }
    }

    fn is(size: u32, cap: usize) -> Duration {
        let mut agent = is::IceAgent::new(is::IceCreds::new());
        agent.set_controlling(true);
        agent.set_max_candidate_pairs(cap);
        agent.set_remote_credentials(is::IceCreds::new());
        for n in 0..size {
            agent.add_local_candidate(is::Candidate::host(address(1, n), "udp").unwrap());
        }
        let remotes: Vec<_> = (0..size)
            .map(|n| is::Candidate::host(address(2, n), "udp").unwrap())
            .collect();
        let begin = Instant::now();
        for remote in remotes {
            agent.add_remote_candidate(remote);
        }
        begin.elapsed()
    }

    fn rtc_host(net: u32, n: u32) -> rtc_ice::candidate::Candidate {
        let address = address(net, n);
        let base_config = CandidateConfig {
            network: "udp".into(),
            address: address.ip().to_string(),
            port: address.port(),
            component: 1,
            ..Default::default()
        };
        CandidateHostConfig {
            base_config,
            ..Default::default()
        }
        .new_candidate_host()
        .unwrap()
    }

    fn rtc(size: u32) -> Duration {
        let config = rtc_ice::AgentConfig {
            is_controlling: true,
            ..Default::default()
        };
        let provider = rtc_crypto::default_provider().unwrap();
        let mut agent = rtc_ice::Agent::new(Instant::now(), Arc::new(config), provider).unwrap();
        for n in 0..size {
            agent.add_local_candidate(rtc_host(1, n)).unwrap();
        }
        let remotes: Vec<_> = (0..size).map(|n| rtc_host(2, n)).collect();
        let begin = Instant::now();
        for remote in remotes {
            agent.add_remote_candidate(remote).unwrap();
        }
        begin.elapsed()
    }

    fn rice(size: u32) -> Duration {
        use rice_proto::candidate::{Candidate, CandidateType};
        use stun_proto::types::TransportType;
        let host = |net, n: u32| {
            let at = address(net, n);
            Candidate::builder(
                1,
                CandidateType::Host,
                TransportType::Udp,
                &n.to_string(),
                at,
            )
            .base_address(at)
            .priority((126 << 24) + ((65535 - n) << 8) + 255)
            .build()
        };
        let mut agent = rice_proto::agent::Agent::builder()
            .trickle_ice(true)
            .controlling(true)
            .build();
        let id = agent.add_stream();
        let mut stream = agent.mut_stream(id).unwrap();
        let _ = stream.add_component().unwrap();
        let credentials = |ufrag: &str| {
            rice_proto::stream::Credentials::new(ufrag.into(), "aaaaaaaaaaaaaaaaaaaaaaaa".into())
        };
        stream.set_local_credentials(credentials("aaaa"));
        stream.set_remote_credentials(credentials("bbbb"));
        for n in 0..size {
            stream.add_local_candidate(host(1, n));
        }
        let remotes: Vec<_> = (0..size).map(|n| host(2, n)).collect();
        let begin = Instant::now();
        for remote in remotes {
            stream.add_remote_candidate(remote);
        }
        begin.elapsed()
    }
}

criterion_group!(benches, table, trickle);
criterion_main!(benches);
