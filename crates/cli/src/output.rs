//! Lines for people and for programs that read them.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::args::USAGE;

/// Why the command did not do what it was asked to, in one line: what, where, what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    status: u8,
}

impl Failure {
    /// It did not work: exit status 1.
    pub(crate) fn new(what: String) -> Self {
        Self { what, status: 1 }
    }

    /// The command line, or a configuration file, cannot be understood: exit status 2.
    pub(crate) fn usage(what: String) -> Self {
        let status = USAGE;
        Self { what, status }
    }
}

/// Prints one line or several. A reader that has gone away is no reason to stop a call.
pub(crate) fn say(lines: impl fmt::Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{lines}").and_then(|()| out.flush());
}

/// Prints `error: ...` on standard error, and gives the exit status for it.
pub(crate) fn complain(failure: &Failure) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {}", failure.what);
    ExitCode::from(failure.status)
}

/// Text from the network as one line each, with nothing in it that moves the cursor.
pub(crate) fn arrived(text: &str) -> String {
    if text.is_empty() {
        return "< ".to_owned();
    }
    let lines = text.lines().map(|line| {
        let shown = |c: char| if c.is_control() && c != '\t' { ' ' } else { c };
        format!("< {}", line.chars().map(shown).collect::<String>())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::arrived;

    #[test]
    fn text_that_arrives_cannot_move_the_cursor() {
        assert_eq!(arrived("hello "), "< hello ");
        assert_eq!(arrived(""), "< ");
        assert_eq!(arrived("two\r\nlines"), "< two\n< lines");
        assert_eq!(arrived("\u{1b}[2Jgone"), "<  [2Jgone");
    }
}
