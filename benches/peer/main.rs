//! From `create_offer` to a channel that is open on both sides: two peers in one process, over loopback UDP.
//!
//! `cargo bench -p ieum-benches --bench connect [--features rivals] [-- RUNS]`; RUNS (or the variable `RUNS`) is 50
//! where nothing is said. Rivals take turns with us, so that all see the same machine.

mod ours;
#[cfg(feature = "rivals-connect")]
mod str0m_peer;
#[cfg(feature = "rivals-connect")]
mod webrtc_peer;

use ieum_benches::Samples;

fn main() {
    let runs = runs();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a tokio runtime");
    let mut ours = Samples::default();
    #[cfg(feature = "rivals-connect")]
    let (mut str0m, mut webrtc) = (Samples::default(), Samples::default());
    // The first one of each warms up what is made once per process.
    for run in 0..=runs {
        let sample = runtime.block_on(async { tokio::spawn(ours::connect()).await });
        let sample = sample.expect("our peers connect");
        #[cfg(feature = "rivals-connect")]
        let rivals = {
            let webrtc = runtime.block_on(async { tokio::spawn(webrtc_peer::connect()).await });
            (
                str0m_peer::connect(),
                webrtc.expect("webrtc's peers connect"),
            )
        };
        if run == 0 {
            continue;
        }
        ours.push(sample);
        #[cfg(feature = "rivals-connect")]
        {
            str0m.push(rivals.0);
            webrtc.push(rivals.1);
        }
    }
    println!("create_offer to a channel open on both sides, loopback UDP, one process");
    println!("ieum           {ours}");
    #[cfg(feature = "rivals-connect")]
    {
        println!("str0m 0.25.0   {str0m}");
        println!("webrtc 0.21.1  {webrtc}");
    }
}

fn runs() -> usize {
    // cargo passes `--bench`.
    let argument = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let given = argument.or_else(|| std::env::var("RUNS").ok());
    given.map_or(50, |runs| runs.parse().expect("RUNS is a number"))
}
