//! A connectivity check's message, written and read, beside the rivals' codecs (feature `rivals-stun`).
//!
//! `cargo bench -p ieum-benches --features rivals-stun --bench stun`

mod codec;
#[cfg(feature = "rivals-stun")]
mod rivals;

use std::hint::black_box;

use codec::{Check, Codec, Ours};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};

fn parse(criterion: &mut Criterion) {
    fn one<C: Codec>(group: &mut BenchmarkGroup<'_, WallTime>, request: &[u8]) {
        let codec = C::new();
        assert_eq!(codec.parse(request), Some(Check::EXPECTED), "{}", C::NAME);
        group.bench_function(C::NAME, |bench| {
            bench.iter(|| codec.parse(black_box(request)));
        });
    }
    let request = request();
    let mut group = criterion.benchmark_group("parse, no integrity");
    one::<Ours>(&mut group, &request);
    #[cfg(feature = "rivals-stun")]
    {
        one::<rivals::Is>(&mut group, &request);
        one::<rivals::StunTypes>(&mut group, &request);
        one::<rivals::RtcStun>(&mut group, &request);
        one::<rivals::Stun>(&mut group, &request);
    }
}

fn verify(criterion: &mut Criterion) {
    fn one<C: Codec>(group: &mut BenchmarkGroup<'_, WallTime>, request: &[u8]) {
        let codec = C::new();
        assert_eq!(codec.verify(request), Some(Check::EXPECTED), "{}", C::NAME);
        group.bench_function(C::NAME, |bench| {
            bench.iter(|| codec.verify(black_box(request)));
        });
    }
    let request = request();
    let mut group = criterion.benchmark_group("parse and verify");
    one::<Ours>(&mut group, &request);
    #[cfg(feature = "rivals-stun")]
    {
        one::<rivals::Is>(&mut group, &request);
        one::<rivals::StunTypes>(&mut group, &request);
        one::<rivals::RtcStun>(&mut group, &request);
        one::<rivals::Stun>(&mut group, &request);
    }
}

fn build(criterion: &mut Criterion) {
    fn one<C: Codec>(group: &mut BenchmarkGroup<'_, WallTime>) {
        let mut codec = C::new();
        let built = Ours::new().verify(codec.build());
        assert_eq!(built, Some(Check::EXPECTED), "{}", C::NAME);
        group.bench_function(C::NAME, |bench| {
            bench.iter(|| black_box(codec.build()).len());
        });
    }
    let mut group = criterion.benchmark_group("build and sign");
    one::<Ours>(&mut group);
    #[cfg(feature = "rivals-stun")]
    {
        one::<rivals::Is>(&mut group);
        one::<rivals::StunTypes>(&mut group);
        one::<rivals::RtcStun>(&mut group);
        one::<rivals::Stun>(&mut group);
    }
}

fn request() -> Vec<u8> {
    Ours::new().build().to_vec()
}

criterion_group!(benches, parse, verify, build);
criterion_main!(benches);
