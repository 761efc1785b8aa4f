//! aiortc over python-socketio: it calls `ieum`, and is called by `ieum call`; trickling its candidates, and not.

use std::process::Command;
use std::time::Duration;

use ieum_interop::{Process, Up, binary, call, partner};

#[test]
fn aiortc_calls_ieum_with_all_candidates_in_its_offer() {
    calls_ieum(&[], "trickled 0");
}

#[test]
fn aiortc_calls_ieum_and_trickles() {
    calls_ieum(&["--trickle"], "sent offer trickled");
}

#[test]
fn aiortc_is_called_and_answers_with_all_candidates_in_its_answer() {
    is_called(&[], "trickled 0");
}

#[test]
fn aiortc_is_called_and_trickles() {
    is_called(&["--trickle"], "sent answer trickled");
}

fn calls_ieum(arguments: &[&str], sent: &str) {
    let mut up = Up::start(&[]);
    let mut caller = peer(&up, &[&["aiortc", "--call", "ieum"], arguments].concat());
    caller.expect(sent, SOON);
    caller.expect("state connected", SOON);
    caller.expect("equal text", SOON);
    caller.expect("equal binary 1048576", SOON);
    assert!(caller.finish(SOON).success());
    up.process().assert_no_panic();
}

fn is_called(arguments: &[&str], sent: &str) {
    let up = Up::start(&[]);
    let mut answerer = peer(&up, &[&["aiortc"], arguments].concat());
    answerer.expect("ready", SOON);
    let mut native = call(Command::new(binary()), up.url(), "aiortc", &[]);
    answerer.expect(sent, SOON);
    answerer.expect("channel", SOON);
    native.expect("step 6", SOON);
    native.say("한 줄");
    native.expect("한 줄", SOON);
    assert!(native.finish(SOON).success());
    native.assert_no_panic();
}

fn peer(up: &Up, arguments: &[&str]) -> Process {
    let mut command = partner::python("crates/interop/partners/aiortc_peer.py");
    command.arg(up.url()).args(arguments);
    Process::spawn("aiortc", command)
}

/// More than a call takes on a loaded machine.
const SOON: Duration = Duration::from_secs(30);
