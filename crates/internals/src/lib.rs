//! A record of one WebRTC connection: what happened and when, put in order as the six steps of set-up.
//!
//! A [`Recorder`] is a connection's observer; a [`Recording`] reads what it wrote, at any time, from any task; a
//! [`Timeline`] is what is known at one moment:
//!
//! 1. this side's candidates are gathered, 2. the offer and 3. the answer are applied, 4. candidates of both sides are
//!    known, 5. a pair is chosen, 6. DTLS is done and a data channel is open ([`Step`]);
//! - how many candidates of each kind there were on both sides, and how many added nothing ([`Counts`]);
//! - the chosen [`Pair`], the failures, and every single [`Entry`] as a line for a terminal.
//!
//! It leaves out verdicts (why did it fail, and what to change) and dumps; they stand on the same entries.
//!
//! # Contracts
//! - Memory is bounded: the newest 256 entries and 32 failures are kept, and what was dropped is counted.
//! - Text from the network is cut to 200 characters and cannot move a terminal's cursor. Nothing secret is in it.
//! - A step's time is that of its first completion; a renegotiation does not move it.
//! - Nothing polls: [`Changes`] wakes when something was recorded.
//!
//! # Example
//!
//! ```
//! use std::time::Instant;
//! use ieum_internals::{Recorder, Step};
//! use ieum_peer::{Observer, Occurrence, SdpType};
//!
//! let start = Instant::now();
//! let (mut recorder, recording) = Recorder::new(start);
//! // `Configuration { observer: Some(Box::new(recorder)), .. }` lets a connection write. Here we do:
//! recorder.observe(start, &Occurrence::LocalDescription { kind: SdpType::Offer });
//!
//! let timeline = recording.timeline();
//! assert!(timeline.step(Step::Offer).is_some());
//! assert_eq!(timeline.missing(), Some(Step::Gathered));
//! assert!(timeline.to_string().contains("step 2  offer  0.0 ms  made here"));
//! ```

mod counts;
mod entry;
mod recorder;
mod step;
mod timeline;

pub use counts::Counts;
pub use entry::{Entry, Machine, Pair, Side, Source, What};
pub use recorder::{Changes, Recorder, Recording};
pub use step::Step;
pub use timeline::Timeline;
