//! Any text: no panic, a session is written byte for byte, and a description that was read reads back equal.

#![no_main]

use ieum_sdp::Session;
use ieum_sdp::webrtc::Description;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let session = match Session::parse(text) {
        Ok(session) => session,
        Err(error) => {
            assert!(error.line <= text.len() + 1 && error.column <= text.len() + 1);
            return;
        }
    };
    assert_eq!(session.to_string(), text);
    if let Ok(description) = Description::from_session(&session) {
        assert_eq!(
            Description::parse(&description.to_string()),
            Ok(description)
        );
    }
});
