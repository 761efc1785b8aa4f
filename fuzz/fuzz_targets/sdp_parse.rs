//! Any text: no panic; errors and warnings lie inside it; the strict reader takes what has no warning, and nothing else; and
//! what is said of it can be shown.

#![no_main]

use ieum_sdp::{Inspection, Session};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Inspection::of(text).said().json();
    let is_inside = |line: usize, column: usize| line <= text.len() + 1 && column <= text.len() + 1;
    let strict = Session::parse_strict(text);
    match Session::parse(text) {
        Err(error) => {
            assert!(is_inside(error.line, error.column), "{error}");
            assert_eq!(strict, Err(error));
        }
        Ok(session) => {
            let first = session.warnings().next();
            assert_eq!(strict.as_ref().err().copied(), first.map(Into::into));
            for warning in session.warnings() {
                assert!(is_inside(warning.line, warning.column), "{warning}");
            }
            for line in session.lines() {
                if let Err(error) = line.content() {
                    assert!(is_inside(error.line, error.column), "{error}");
                }
            }
            let lines: usize = session.media().map(|it| it.lines().len()).sum();
            assert_eq!(
                session.session_lines().count() + lines,
                session.lines().len()
            );
        }
    }
});
