//! Chromium opens the page, presses the button, and talks with a native peer.

use std::process::Command;
use std::time::Duration;

use ieum_interop::{Process, Up, binary, call, partner, wait};

#[test]
fn chromium_calls_ieum_with_the_hidden_addresses_that_are_its_default() {
    let mut up = Up::start(&[]);
    let mut page = page(&["call", &up.page(""), "--binary"]);
    page.expect("pressed", SOON);
    page.expect("equal text", SOON);
    page.expect("binary equal", SOON);
    let local = page.expect("local host", SOON);
    assert!(local.contains(".local:"), "mDNS hides the address: {local}");
    page.expect("pair host -> ", SOON);
    page.expect("steps 6", SOON);
    assert!(page.finish(SOON).success());
    up.process().assert_no_panic();
}

#[test]
fn chromium_calls_ieum_with_real_addresses() {
    let mut up = Up::start(&[]);
    let mut page = page(&["call", &up.page(""), "--binary", "--real-addresses"]);
    page.expect("equal text", SOON);
    page.expect("binary equal", SOON);
    let local = page.expect("local host", SOON);
    assert!(!local.contains(".local:"), "a real address: {local}");
    page.expect("pair host -> host", SOON);
    page.expect("steps 6", SOON);
    assert!(page.finish(SOON).success());
    up.process().assert_no_panic();
}

// Through a relay the addresses must be real: a TURN server lets in only peers that the client has named, and nobody
// can name `<uuid>.local` to it.

#[test]
fn chromium_calls_a_native_peer_that_allows_itself_the_relay_only() {
    let up = Up::start(&[]);
    let mut native = wait(
        Command::new(binary()),
        up.url(),
        "relayed",
        &["--relay-only"],
    );
    let mut page = page(&[
        "call",
        &up.page("?peer=relayed"),
        "--text",
        "over the relay",
        "--real-addresses",
    ]);
    native.expect("over the relay", SOON);
    native.say("over the relay");
    page.expect("equal text", SOON);
    page.expect("pair host -> relay", SOON);
    assert_relayed(&native);
    native.assert_no_panic();
}

#[test]
fn a_native_peer_that_allows_itself_the_relay_only_calls_chromium() {
    let up = Up::start(&[]);
    let mut page = page(&[
        "called",
        &up.page(""),
        "--text",
        "over the relay",
        "--real-addresses",
    ]);
    let tab = page
        .expect("self ", SOON)
        .trim_start_matches("self ")
        .to_owned();
    let mut native = call(Command::new(binary()), up.url(), &tab, &["--relay-only"]);
    native.expect("over the relay", SOON);
    native.say("over the relay");
    page.expect("equal text", SOON);
    page.expect("pair host -> relay", SOON);
    assert_relayed(&native);
    native.assert_no_panic();
}

fn page(arguments: &[&str]) -> Process {
    let mut command = partner::chromium();
    command.args(arguments);
    Process::spawn("Chromium", command)
}

/// The pair that the native side has chosen begins with its relayed candidate.
fn assert_relayed(native: &Process) {
    let pair = native
        .seen()
        .iter()
        .find(|line| line.contains("pair") && line.contains(" -> "));
    let pair = pair.unwrap_or_else(|| panic!("no pair in {:#?}", native.seen()));
    let (local, _) = pair.split_once(" -> ").expect("it was looked for");
    assert!(local.contains("relay"), "{pair}");
}

/// More than Chromium takes to start on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
