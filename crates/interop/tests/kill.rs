//! One side's process is killed: the other side's state changes within the consent time-out, and nothing panics.

use std::process::Command;
use std::time::Duration;

use ieum_interop::{Process, Up, binary, call, partner, wait};

#[test]
fn the_caller_is_killed() {
    let mut up = Up::start(&[]);
    let (mut caller, mut callee) = connected(&up);
    caller.kill();
    assert_notices(&mut callee);
    up.process().assert_no_panic();
}

#[test]
fn the_called_peer_is_killed() {
    let mut up = Up::start(&[]);
    let (mut caller, mut callee) = connected(&up);
    callee.kill();
    assert_notices(&mut caller);
    up.process().assert_no_panic();
}

#[test]
fn the_server_is_killed_with_the_echo_peer_in_it() {
    let mut up = Up::start(&[]);
    let mut caller = call(Command::new(binary()), up.url(), "ieum", &[]);
    caller.expect("step 6", SOON);
    up.process().kill();
    assert_notices(&mut caller);
}

#[test]
fn chromium_notices_that_the_native_peer_is_killed() {
    let mut up = Up::start(&[]);
    let mut page = partner::chromium();
    page.args(["call", &up.page(""), "--hold"]);
    let mut page = Process::spawn("Chromium", page);
    page.expect("steps 6", SOON);
    up.process().kill();
    page.expect_where("a state after `connected`", CONSENT_TIMEOUT, changed);
    assert!(page.finish(SOON).success());
}

#[test]
fn who_ends_a_call_with_a_peer_that_has_vanished_can_return_under_its_id() {
    let up = Up::start(&[]);
    let (mut caller, mut callee) = connected(&up);
    caller.kill();
    callee.signal("TERM");
    callee.ended(SOON);
    // It waits until it is registered.
    let mut again = wait(Command::new(binary()), up.url(), "called", &[]);
    again.assert_no_panic();
}

fn connected(up: &Up) -> (Process, Process) {
    let mut callee = wait(Command::new(binary()), up.url(), "called", &[]);
    let mut caller = call(Command::new(binary()), up.url(), "called", &[]);
    caller.expect("step 6", SOON);
    callee.expect("step 6", SOON);
    (caller, callee)
}

fn assert_notices(survivor: &mut Process) {
    survivor.expect_where("a state after `connected`", CONSENT_TIMEOUT, changed);
    survivor.assert_no_panic();
}

fn changed(line: &str) -> bool {
    line.contains("state")
        && ["disconnected", "failed", "closed"]
            .iter()
            .any(|state| line.contains(state))
}

/// RFC 7675 §5.1: consent expires 30 s after the last valid response.
const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);

/// More than a call takes on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
