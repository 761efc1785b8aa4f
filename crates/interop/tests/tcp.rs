//! Where UDP does not get through: TCP candidates with ourselves and with Chromium.

use std::time::Duration;

use ieum_interop::{Host, Lab, Nat, Process, Up, binary, call, partner, wait};

/// Host one sends no UDP; `ieum up` is in public.
fn laboratory() -> (Up, Lab) {
    let lab = Lab::up(Nat::PortRestricted, Nat::PortRestricted);
    lab.block_udp(Host::One);
    let up = Up::start_as(lab.command(Host::Public, binary()), &["--bind", PUBLIC]);
    (up, lab)
}

#[test]
fn a_peer_whose_udp_is_blocked_reaches_one_that_listens_on_tcp() {
    let (up, lab) = laboratory();
    let mut callee = wait(
        lab.command(Host::Public, binary()),
        up.url(),
        "two",
        &["--ice-tcp", "passive"],
    );
    let mut caller = call(lab.command(Host::One, binary()), up.url(), "two", &[]);
    caller.expect_where("a pair of TCP candidates", SOON, over_tcp);
    caller.say("over TCP");
    callee.expect("over TCP", SOON);
    callee.say("and back");
    caller.expect("and back", SOON);
}

#[test]
fn chromium_whose_udp_is_blocked_reaches_us_over_tcp() {
    let (mut up, lab) = laboratory();
    let mut chromium = partner::chromium();
    let page = up.page("");
    chromium.args([
        "call",
        &page,
        "--binary",
        "--real-addresses",
        "--microphone",
        // Our relay is reached over TCP as well, and Chromium nominates what answers first.
        "--no-servers",
    ]);
    let mut page = Process::spawn("Chromium", lab.inside(Host::One, &chromium));
    page.expect("equal text", SOON);
    page.expect("binary equal", SOON);
    let pair = page.expect("pair ", SOON);
    assert!(!pair.contains("relay"), "{pair}");
    assert!(page.finish(SOON).success());
    up.process().assert_no_panic();
}

fn over_tcp(line: &str) -> bool {
    line.contains("pair") && line.contains(" -> ") && line.contains("(tcp)")
}

const PUBLIC: &str = "203.0.113.10";
/// More than Chromium takes to start on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
