//! The binary as a person or a script sees it: lines, exit status.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Only a broken run takes this long.
const DEADLINE: Duration = Duration::from_secs(60);

fn ieum(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ieum"));
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// Runs to the end, which must come within the deadline.
fn run(arguments: &[&str]) -> Output {
    let mut child = ieum(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (done, ended) = mpsc::channel();
    let id = child.id();
    let reader = std::thread::spawn(move || {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        out.read_to_end(&mut stdout).unwrap();
        err.read_to_end(&mut stderr).unwrap();
        let status = child.wait().unwrap();
        // The test may have given up.
        let _ = done.send(Output {
            status,
            stdout,
            stderr,
        });
    });
    match ended.recv_timeout(DEADLINE) {
        Ok(output) => {
            reader.join().unwrap();
            output
        }
        Err(_) => {
            signal(id, "KILL");
            panic!("ieum {arguments:?} does not end");
        }
    }
}

fn signal(process: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .status();
    assert!(status.unwrap().success());
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// One line on standard error that begins with `error: `, and nothing that looks like a panic.
fn one_error(output: &Output, status: i32) -> &str {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{error}");
    assert!(error.starts_with("error: "), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(!error.contains("panicked"), "{error}");
    error
}

/// What a process prints, line by line. One that keeps still for too long ends the test, and not the other way round.
struct Lines(mpsc::Receiver<String>);

impl Lines {
    fn of(stdout: ChildStdout) -> Self {
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let mut printed = BufReader::new(stdout).lines().map_while(Result::ok);
            printed.try_for_each(|line| sender.send(line))
        });
        Self(lines)
    }

    /// The next line that begins so; those before it are gone.
    fn expect(&mut self, prefix: &str) -> String {
        self.find(|line| line.starts_with(prefix))
            .unwrap_or_else(|| panic!("no line begins with {prefix:?}"))
    }
}

impl Iterator for Lines {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        match self.0.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no line came"),
        }
    }
}

/// `ieum up` on free ports; killed when dropped.
struct Up {
    child: Child,
    lines: Lines,
    url: String,
}

impl Up {
    fn start(arguments: &[&str]) -> Self {
        let mut child = ieum(&["up", "--port", "0", "--stun-port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = Lines::of(child.stdout.take().unwrap());
        let url = lines.expect("ready  ").replacen("ready  ", "", 1);
        Self { child, lines, url }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn help_names_every_command_and_flag() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let help = text(&output.stdout);
    for word in [
        "up",
        "call",
        "--bind",
        "--port",
        "--stun-port",
        "--turns-port",
        "--cert",
        "--token",
        "--check",
    ] {
        assert!(help.contains(word), "{word} in {help}");
    }
    let output = run(&["call", "--help"]);
    let help = text(&output.stdout);
    for word in [
        "--url",
        "--token",
        "--wait",
        "--id",
        "--relay-only",
        "--ice-tcp",
    ] {
        assert!(help.contains(word), "{word} in {help}");
    }
}

#[test]
fn a_bad_command_line_is_one_line_and_status_2() {
    assert!(one_error(&run(&["--bnid", "1.2.3.4"]), 2).contains("--bnid"));
    assert!(one_error(&run(&["up", "--port", "many"]), 2).contains("many"));
    assert!(one_error(&run(&["call"]), 2).contains("PEER"));
    assert!(one_error(&run(&["dance"]), 2).contains("dance"));
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_changes_it() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port().to_string();
    let output = run(&["up", "--check", "--port", &port, "--stun-port", "0"]);
    let error = one_error(&output, 1);
    assert!(error.contains(&port) && error.contains("--port"), "{error}");

    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = udp.local_addr().unwrap().port().to_string();
    let output = run(&["up", "--check", "--port", "0", "--stun-port", &port]);
    let error = one_error(&output, 1);
    assert!(
        error.contains(&port) && error.contains("--stun-port"),
        "{error}"
    );
}

#[test]
fn an_address_of_another_machine_is_refused() {
    let output = run(&[
        "up",
        "--check",
        "--bind",
        "192.0.2.77",
        "--port",
        "0",
        "--stun-port",
        "0",
    ]);
    assert!(one_error(&output, 1).contains("--bind"));
}

#[test]
fn the_check_shows_the_six_steps_and_ends_well() {
    let output = run(&["up", "--check", "--port", "0", "--stun-port", "0"]);
    let out = text(&output.stdout);
    assert!(output.status.success(), "{out}{}", text(&output.stderr));
    let steps: Vec<&str> = out
        .lines()
        .filter(|line| line.starts_with("step "))
        .collect();
    assert_eq!(steps.len(), 6, "{out}");
    assert!(steps.iter().all(|line| line.contains(" ms")), "{out}");
    let pair = out.lines().find(|line| line.starts_with("pair  "));
    assert!(pair.is_some_and(|line| line.contains(" -> ")), "{out}");
    for word in [
        "candidates  local  ",
        "candidates  remote  ",
        "1000 messages",
    ] {
        assert!(out.contains(word), "{word} in {out}");
    }
}

#[test]
fn a_server_that_is_open_to_everybody_says_so() {
    for (token, is_open) in [(&[][..], true), (&["--token", "secret"][..], false)] {
        let mut up = ieum(&["up", "--bind", "0.0.0.0", "--port", "0", "--stun-port", "0"])
            .args(token)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said: Vec<String> = Lines::of(up.stdout.take().unwrap())
            .take_while(|line| !line.starts_with("ready  "))
            .collect();
        up.kill().unwrap();
        up.wait().unwrap();
        let noted = said.iter().any(|line| line.contains("--token"));
        assert_eq!(noted, is_open, "{said:?}");
    }
}

#[test]
fn nobody_there_and_an_unknown_peer_are_clear_errors() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let error = one_error(&run(&["call", "ieum", "--url", &nobody]), 1).to_owned();
    assert!(
        error.contains("cannot reach") && error.contains("--url"),
        "{error}"
    );
    let nobody = nobody.replace("http:", "https:");
    let error = one_error(&run(&["call", "ieum", "--url", &nobody]), 1).to_owned();
    assert!(error.contains("cannot reach"), "{error}");

    let up = Up::start(&["--token", "right"]);
    let output = run(&["call", "nobody", "--url", &up.url, "--token", "right"]);
    let error = one_error(&output, 1);
    assert!(
        error.contains("\"nobody\"") && error.contains("\"ieum\""),
        "{error}"
    );
    let output = run(&["call", "ieum", "--url", &up.url, "--token", "wrong"]);
    assert!(
        one_error(&output, 1).contains("token"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn what_is_typed_comes_back_and_the_end_of_input_ends_the_call() {
    let up = Up::start(&[]);
    for arguments in [&[][..], &["--relay-only"]] {
        let mut call = ieum(&["call", "ieum", "--url", &up.url])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        call.stdin
            .take()
            .unwrap()
            .write_all("first\n한 줄\n".as_bytes())
            .unwrap();
        let output = call.wait_with_output().unwrap();
        let out = text(&output.stdout);
        assert!(output.status.success(), "{out}");
        for line in [
            "< first",
            "< 한 줄",
            "state  connected",
            "open  channel \"ieum\"",
        ] {
            assert!(out.lines().any(|it| it == line), "{line:?} in {out}");
        }
        let pair = out
            .lines()
            .find(|line| line.starts_with("step 5  pair chosen  "))
            .unwrap();
        assert_eq!(pair.contains("relay "), !arguments.is_empty(), "{pair}");
    }
}

#[test]
fn one_terminal_calls_another_that_waits() {
    let up = Up::start(&[]);
    let mut waiting = ieum(&["call", "--wait", "--id", "other", "--url", &up.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut their_input = waiting.stdin.take().unwrap();
    let mut theirs = Lines::of(waiting.stdout.take().unwrap());
    theirs.expect("wait  as \"other\"");
    let mut caller = ieum(&["call", "other", "--id", "one", "--url", &up.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = caller.stdin.take().unwrap();
    writeln!(input, "knock knock").unwrap();
    theirs.expect("call  from \"one\"");
    theirs.expect("step 6  channel open  ");
    theirs.expect("< knock knock");
    writeln!(their_input, "who is there").unwrap();
    Lines::of(caller.stdout.take().unwrap()).expect("< who is there");
    drop(input);
    assert!(caller.wait().unwrap().success());
    theirs.expect("ended  ");
    assert!(waiting.wait().unwrap().success());
}

#[cfg(unix)]
#[test]
fn sigterm_and_ctrl_c_end_everything_with_status_0() {
    for name in ["TERM", "INT"] {
        let mut up = Up::start(&[]);
        let mut call = ieum(&["call", "ieum", "--url", &up.url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Lines::of(call.stdout.take().unwrap()).expect("open  channel");
        signal(call.id(), name);
        assert_eq!(call.wait().unwrap().code(), Some(0));
        signal(up.child.id(), name);
        assert_eq!(up.child.wait().unwrap().code(), Some(0));
        assert!(up.lines.all(|line| !line.contains("panicked")));
    }
}
