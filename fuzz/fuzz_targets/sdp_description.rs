//! Any text: a description that was read is written and reads back equal, whichever way it was read.

#![no_main]

use ieum_sdp::Session;
use ieum_sdp::webrtc::Description;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let read = Description::parse(text);
    if let Ok(session) = Session::parse(text) {
        assert_eq!(Description::from_session(&session), read);
    }
    let Ok(description) = read else {
        return;
    };
    let written = description.to_string();
    let again = Description::parse(&written);
    assert_eq!(again.as_ref(), Ok(&description));
    assert_eq!(description.clone().into_owned(), description);
    // Canonical: writing it once more changes nothing.
    assert_eq!(again.map(|it| it.to_string()), Ok(written));
    // A rejected m-line reads back, too.
    let mut answer = description.clone();
    answer.media = description.media.iter().map(|it| it.rejected()).collect();
    let text = answer.to_string();
    assert_eq!(Description::parse(&text).as_ref(), Ok(&answer));
});
