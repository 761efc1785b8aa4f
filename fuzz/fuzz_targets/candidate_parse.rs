//! Any text: no panic, an error lies inside the line, and what is read and written reads back equal.

#![no_main]

use ieum_candidate::{Candidate, CandidateLine};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &str| {
    match CandidateLine::parse(line) {
        Ok(view) => {
            let candidate = view.to_owned();
            assert_eq!(candidate.to_string().parse::<Candidate>(), Ok(candidate));
        }
        Err(error) => assert!(line.is_char_boundary(error.offset)),
    }
});
