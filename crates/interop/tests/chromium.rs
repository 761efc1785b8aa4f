//! Chromium opens the page, presses the button, and talks with a native peer.

use std::net::{IpAddr, UdpSocket};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use ieum::internals::Recording;
use ieum::peer::{AddressMapping, Configuration, IceTransportPolicy, Interfaces, MappingMode};
use ieum::{Endpoint, Options};
use ieum_interop::{Process, Up, binary, call, partner};
use tokio::runtime::Runtime;

#[test]
fn chromium_calls_ieum_with_the_hidden_addresses_that_are_its_default() {
    let mut up = Up::start(&[]);
    let mut page = page(&["call", &up.page(""), "--binary"]);
    page.expect("pressed", SOON);
    page.expect("equal text", SOON);
    page.expect("binary equal", SOON);
    page.expect_where("a direct pair", SOON, direct);
    // The name may be announced too late to be a candidate at all; an address must never stand in its place.
    let mut local = page
        .seen()
        .iter()
        .filter(|line| line.starts_with("local host"));
    assert!(
        local.all(|line| line.contains(".local:")),
        "{:#?}",
        page.seen()
    );
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
    page.expect_where("a direct pair", SOON, direct);
    page.expect("steps 6", SOON);
    assert!(page.finish(SOON).success());
    up.process().assert_no_panic();
}

#[test]
fn a_native_peer_finds_chromium_by_its_name() {
    // All that Chromium is told of it leads nowhere: the first check must come from the native side, which knows no more
    // of Chromium than a name.
    let own = own_address();
    let nowhere = AddressMapping {
        internal: Some(own),
        external: "198.51.100.7".parse().expect("an address"),
        mode: MappingMode::ReplaceHost,
    };
    let recording = called_by_chromium("finder", move || Configuration {
        interfaces: only(own),
        address_mappings: vec![nowhere],
        ..Configuration::default()
    });
    let timeline = recording.timeline();
    let pair = timeline.chosen().expect("a pair was chosen").to_string();
    let (_, remote) = pair.split_once(" -> ").expect("a pair has two ends");
    assert!(
        remote.starts_with("host ") && remote.contains(".local"),
        "{pair}"
    );
}

#[test]
fn chromium_finds_a_native_peer_by_its_name() {
    // A lite peer checks nothing: who connects has resolved its name.
    let own = own_address();
    let recording = called_by_chromium("hidden", move || Configuration {
        interfaces: only(own),
        hide_host_addresses: true,
        ice_lite: true,
        ..Configuration::default()
    });
    let timeline = recording.timeline();
    let pair = timeline.chosen().expect("a pair was chosen").to_string();
    let (local, _) = pair.split_once(" -> ").expect("a pair has two ends");
    assert!(
        local.starts_with("host ") && local.contains(".local"),
        "{pair}"
    );
}

// Through a relay the addresses must be real: a TURN server lets in only peers that the client has named, and nobody
// can name `<uuid>.local` to it.

#[test]
fn chromium_calls_a_native_peer_that_allows_itself_the_relay_only() {
    let up = Up::start(&[]);
    let runtime = Runtime::new().expect("a runtime with threads can be made");
    let url = up.url().to_owned();
    let endpoint = runtime.block_on(relay_only("relayed", &url));
    let (accepted, recording) = channel();
    runtime.spawn(echo(endpoint, accepted));

    let mut page = page(&[
        "call",
        &up.page("?peer=relayed"),
        "--binary",
        "--real-addresses",
    ]);
    page.expect("pressed", SOON);
    page.expect("equal text", SOON);
    page.expect("binary equal", SOON);
    page.expect_where("a pair that ends at the relay", SOON, ends_at_the_relay);
    assert!(page.finish(SOON).success());

    let recording = recording
        .recv_timeout(SOON)
        .expect("the page's call was accepted");
    let timeline = recording.timeline();
    let pair = timeline.chosen().expect("a pair was chosen").to_string();
    assert!(pair.starts_with("relay "), "{pair}");
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
    page.expect_where("a pair that ends at the relay", SOON, ends_at_the_relay);
    assert_relayed(&native);
    assert!(page.finish(SOON).success());
    native.assert_no_panic();
}

fn page(arguments: &[&str]) -> Process {
    let mut command = partner::chromium();
    command.args(arguments);
    Process::spawn("Chromium", command)
}

fn direct(line: &str) -> bool {
    line.starts_with("pair ") && !line.contains("relay")
}

fn ends_at_the_relay(line: &str) -> bool {
    line.starts_with("pair ") && line.ends_with("-> relay")
}

/// A native peer within this test, registered under `id`.
async fn relay_only(id: &str, url: &str) -> Endpoint {
    let servers = ieum::ice_servers(url, None)
        .await
        .expect("the server hands out its TURN");
    let mut options = Options::new(url, id);
    options.configuration = Box::new(move || Configuration {
        ice_servers: servers.clone(),
        ice_transport_policy: IceTransportPolicy::Relay,
        ..Configuration::default()
    });
    Endpoint::connect(options)
        .await
        .expect("signaling takes the id")
}

/// Chromium, which hides its addresses as it does by default and knows no STUN server that tells it one, calls a native peer
/// and talks with it.
fn called_by_chromium(
    id: &str,
    configuration: impl FnMut() -> Configuration + Send + 'static,
) -> Recording {
    let mut up = Up::start(&[]);
    let runtime = Runtime::new().expect("a runtime with threads can be made");
    let mut options = Options::new(up.url(), id);
    options.configuration = Box::new(configuration);
    let endpoint = runtime
        .block_on(Endpoint::connect(options))
        .expect("signaling takes the id");
    let (accepted, recording) = channel();
    runtime.spawn(echo(endpoint, accepted));
    let mut page = page(&["call", &up.page(&format!("?peer={id}")), "--no-servers"]);
    page.expect("pressed", SOON);
    page.expect("equal text", SOON);
    page.expect_where("a direct pair", SOON, direct);
    assert!(page.finish(SOON).success());
    up.process().assert_no_panic();
    recording
        .recv_timeout(SOON)
        .expect("the page's call was accepted")
}

/// The address that packets to the world leave from. Connecting a UDP socket sends nothing.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
    let routed = socket.connect("198.51.100.7:9");
    routed.expect("these tests need a network: Chromium has no candidates on loopback");
    socket.local_addr().expect("it is bound").ip()
}

fn only(ip: IpAddr) -> Interfaces {
    Interfaces {
        networks: vec![ip.into()],
        ..Interfaces::default()
    }
}

/// Accepts one call, gives its record away, and echoes on its channel until that is closed.
async fn echo(mut endpoint: Endpoint, accepted: Sender<Recording>) {
    let mut call = endpoint.accept().await.expect("the page calls");
    let _ = accepted.send(call.recording().clone());
    let channel = call.channel().await.expect("the page opens a channel");
    let (sender, mut receiver) = channel.split();
    while let Some(message) = receiver.recv().await {
        sender
            .send_message(message)
            .await
            .expect("the page takes what it sends");
    }
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
