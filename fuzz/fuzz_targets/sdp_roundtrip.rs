//! Any text, any changes: a session is written byte for byte; a changed one reads back as it is; and what no change was about
//! is what it was.

#![no_main]

use ieum_sdp::Session;
use ieum_sdp::webrtc::Direction;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    changes: Vec<(u8, Change<'a>)>,
    text: &'a str,
}

#[derive(Debug, Arbitrary)]
enum Change<'a> {
    RemoveCodec(&'a str),
    RemoveFormat(&'a str),
    Direction,
    Bandwidth(&'a str, u64),
    Port(u16),
    Push(&'a str, Option<&'a str>),
    Set(&'a str, Option<&'a str>),
    Remove(&'a str),
    Candidate(&'a str),
}

fuzz_target!(|input: Input<'_>| {
    let Ok(mut session) = Session::parse(input.text) else {
        return;
    };
    assert_eq!(session.to_string(), input.text);
    for (section, change) in &input.changes {
        let before = session.clone();
        let mut part = match section.checked_sub(1) {
            None => session.session_mut(),
            Some(index) => match session.media_mut(index.into()) {
                Some(part) => part,
                None => continue,
            },
        };
        let is_refused = match change {
            Change::RemoveCodec(name) => part.remove_codec(name).is_err(),
            Change::RemoveFormat(format) => part.remove_format(format).is_err(),
            Change::Direction => {
                part.set_direction(Direction::RecvOnly);
                false
            }
            Change::Bandwidth(kind, value) => part.set_bandwidth(kind, *value).is_err(),
            Change::Port(port) => part.set_port(*port).is_err(),
            Change::Push(name, value) => part.push_attribute(name, *value).is_err(),
            Change::Set(name, value) => part.set_attribute(name, *value).is_err(),
            Change::Remove(name) => {
                part.remove_attributes(|it| it.name() == *name);
                false
            }
            Change::Candidate(line) => match line.parse() {
                Ok(candidate) => part.add_candidate(&candidate).is_err(),
                Err(_) => true,
            },
        };
        if is_refused {
            assert_eq!(session, before);
        }
        assert_eq!(session.media().count(), before.media().count());
        let text = session.to_string();
        let mut limits = ieum_sdp::Limits::default();
        (limits.lines, limits.line_len) = (usize::MAX, usize::MAX);
        // The last line may have ended without an ending, and lines are counted anew.
        assert_eq!(Session::parse_with(&text, &limits).as_ref(), Ok(&session));
    }
});
