//! Any bytes as a message of the Data Channel Establishment Protocol: no panic, and what was read is written and read back
//! equal.

#![no_main]

use ieum_peer::core::dcep::Dcep;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    if let Some(read) = Dcep::parse(message) {
        assert_eq!(Dcep::parse(&read.to_bytes()), Some(read));
    }
});
