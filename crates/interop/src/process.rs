//! A child process whose output is read line by line under a deadline.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A running program: its lines can be awaited, lines can be said to it, and it is killed (by its id) when dropped.
///
/// What it writes to standard error is kept among its lines, marked with `stderr: `, for the message of a failure.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    seen: Vec<String>,
    /// How many of `seen` an `expect` has already gone past.
    read: usize,
}

impl Process {
    /// Starts `command`; `name` stands in the messages of failures.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[must_use]
    pub fn spawn(name: &str, mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: cannot start {command:?}: {error}"));
        let (sender, lines) = channel();
        forward(child.stdout.take(), "", sender.clone());
        forward(child.stderr.take(), "stderr: ", sender);
        let stdin = child.stdin.take();
        Self {
            name: name.to_owned(),
            child,
            stdin,
            lines,
            seen: Vec::new(),
            read: 0,
        }
    }

    /// Everything that it has written so far, as far as it was awaited.
    #[must_use]
    pub fn seen(&self) -> &[String] {
        &self.seen
    }

    /// Waits for the next line of standard output that contains `part`, and returns it.
    ///
    /// # Panics
    /// When none came `within` that time or before the program ended; the message holds all that it wrote.
    pub fn expect(&mut self, part: &str, within: Duration) -> String {
        self.expect_where(&format!("a line with {part:?}"), within, |line| {
            line.contains(part)
        })
    }

    /// Waits for the next line of standard output for which `wanted` holds, and returns it; `what` describes it.
    ///
    /// # Panics
    /// As [`Process::expect`].
    pub fn expect_where(
        &mut self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        let deadline = Instant::now() + within;
        loop {
            while self.read < self.seen.len() {
                let line = &self.seen[self.read];
                self.read += 1;
                if !line.starts_with(STDERR) && wanted(line) {
                    return line.clone();
                }
            }
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    self.fail(&format!("{what} did not come within {within:?}"))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.fail(&format!("ended before {what} came"))
                }
            }
        }
    }

    /// Writes a line to its standard input.
    ///
    /// # Panics
    /// When it no longer reads.
    pub fn say(&mut self, line: &str) {
        let stdin = self
            .stdin
            .as_mut()
            .expect("standard input is open until `finish`");
        if let Err(error) = writeln!(stdin, "{line}").and_then(|()| stdin.flush()) {
            self.fail(&format!("does not read what is said to it: {error}"));
        }
    }

    /// Closes its standard input and waits for it to end by itself.
    ///
    /// # Panics
    /// When it has not ended `within` that time.
    pub fn finish(&mut self, within: Duration) -> ExitStatus {
        drop(self.stdin.take());
        self.ended(within)
    }

    /// Waits for it to end by itself.
    ///
    /// # Panics
    /// When it has not ended `within` that time.
    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    self.fail(&format!("did not end within {within:?}"))
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.child
            .wait()
            .unwrap_or_else(|error| self.fail(&format!("cannot be waited for: {error}")))
    }

    /// Sends it a signal by its name, such as `HUP`.
    ///
    /// # Panics
    /// When there is no `kill`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(
            sent.is_ok_and(|sent| sent.success()),
            "{}: no signal",
            self.name
        );
    }

    /// Kills it at once (SIGKILL), as a crash or a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Fails where it panicked: a Rust panic in any of its threads leaves a line on standard error.
    ///
    /// # Panics
    /// When such a line is there.
    pub fn assert_no_panic(&mut self) {
        self.seen.extend(self.lines.try_iter());
        if self.seen.iter().any(|line| line.contains("panicked at")) {
            self.fail("panicked");
        }
    }

    /// Panics with everything that the program wrote.
    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let written: String = self
            .seen
            .iter()
            .map(|line| format!("\n    {line}"))
            .collect();
        panic!("{}: {what}; it wrote:{written}", self.name);
    }
}

impl Drop for Process {
    /// Asks first: a partner that drives a browser ends it too, and killed it would leave it behind.
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-TERM", &id]).status();
        }
        let deadline = Instant::now() + FAREWELL;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        self.kill();
    }
}

/// Reads `stream` to its end in a thread of its own.
fn forward(stream: Option<impl Read + Send + 'static>, mark: &'static str, to: Sender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            if to.send(format!("{mark}{}", line.trim_end())).is_err() {
                return;
            }
        }
    });
}

/// How long a process that was asked to end may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What marks a line of standard error.
const STDERR: &str = "stderr: ";

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::spawn("shell", command)
    }

    #[test]
    fn a_line_is_awaited_once_and_in_order() {
        let mut process = shell("echo one 1; echo two; echo one 2");
        assert_eq!(process.expect("one", LONG), "one 1");
        assert_eq!(process.expect("one", LONG), "one 2");
    }

    #[test]
    #[should_panic(expected = "stderr: no such thing")]
    fn a_program_that_ends_early_fails_with_what_it_wrote() {
        shell("echo no such thing >&2; exit 3").expect("ready", LONG);
    }

    #[test]
    #[should_panic(expected = "did not come within")]
    fn a_program_that_stays_silent_fails_at_the_deadline() {
        shell("read line").expect("ready", Duration::from_millis(50));
    }

    #[test]
    fn a_program_ends_when_its_input_does() {
        assert_eq!(shell("cat; exit 7").finish(LONG).code(), Some(7));
    }

    #[test]
    #[should_panic(expected = "panicked")]
    fn a_panic_on_standard_error_is_found() {
        let mut process = shell("echo \"thread 'main' panicked at src/x.rs:1:1\" >&2");
        process.ended(LONG);
        process.assert_no_panic();
    }
}
