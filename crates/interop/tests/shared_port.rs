//! One UDP port for many: two Chromiums and an aiortc call a native peer at the same time, and all of them come to one port.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ieum::peer::{Configuration, IceServer, IceTransportPolicy, Message, UdpMux};
use ieum::{Call, Endpoint, Options};
use ieum_interop::{Process, Up, partner};
use tokio::runtime::Runtime;

#[test]
fn chromium_twice_and_aiortc_call_one_port() {
    let up = Up::start(&[]);
    let runtime = Runtime::new().expect("a runtime with threads can be made");
    let (port, endpoint) = runtime.block_on(shared("shared", up.url(), IceTransportPolicy::All));
    runtime.spawn(echo_all(endpoint));

    let mut pages = [(); 2].map(|()| {
        let mut command = partner::chromium();
        command.args(["call", &up.page("?peer=shared"), "--binary"]);
        Process::spawn("Chromium", command)
    });
    let mut command = partner::python("crates/interop/partners/aiortc_peer.py");
    command.args([up.url(), "aiortc", "--call", "shared"]);
    let mut aiortc = Process::spawn("aiortc", command);

    for page in &mut pages {
        page.expect("equal text", SOON);
        page.expect("binary equal", SOON);
        page.expect_where("a direct pair", SOON, |line| {
            line.starts_with("pair ") && !line.contains("relay")
        });
    }
    aiortc.expect("equal text", SOON);
    aiortc.expect("equal binary 1048576", SOON);
    let stats = port.stats();
    assert!(stats.delivered > 1000, "{stats:?}");
    assert_eq!((stats.malformed, stats.moved), (0, 0), "{stats:?}");
    assert!(aiortc.finish(SOON).success());
    for mut page in pages {
        assert!(page.finish(SOON).success());
    }
}

#[test]
fn connections_at_one_port_have_a_relay_each() {
    let up = Up::start(&[]);
    let runtime = Runtime::new().expect("a runtime with threads can be made");
    runtime.block_on(async {
        let relay = IceTransportPolicy::Relay;
        let (_port, endpoint) = shared("shared", up.url(), relay).await;
        tokio::spawn(echo_all(endpoint));
        let mut calls = Vec::new();
        for id in ["one", "two"] {
            let (_port, caller) = shared(id, up.url(), IceTransportPolicy::All).await;
            let call = tokio::time::timeout(SOON, called(&caller, id)).await;
            calls.push((call.expect("the call connects in time"), caller));
        }
        for (call, _caller) in calls {
            call.close().await;
        }
    });
}

async fn called(caller: &Endpoint, text: &str) -> Call {
    let mut call = caller.call("shared").await.expect("the call is accepted");
    let mut channel = call.channel().await.expect("the call has a channel");
    channel.opened().await.expect("the channel opens");
    channel.send_text(text).await.expect("the text is sent");
    assert_eq!(channel.recv().await, Some(Message::from(text)));
    call
}

/// A native peer within this test, all of whose connections are at one port.
async fn shared(id: &str, url: &str, policy: IceTransportPolicy) -> (UdpMux, Endpoint) {
    let port = UdpMux::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0).into()).expect("a port");
    let servers = ieum::ice_servers(url, None).await;
    let servers: Vec<IceServer> = servers.expect("the server hands out its STUN and TURN");
    let mut options = Options::new(url, id);
    let mux = port.clone();
    options.configuration = Box::new(move || Configuration {
        ice_servers: servers.clone(),
        ice_transport_policy: policy,
        udp_mux: Some(mux.clone()),
        ..Configuration::default()
    });
    let endpoint = Endpoint::connect(options).await;
    (port, endpoint.expect("signaling takes the id"))
}

/// Accepts every call, and echoes on its channel until that is closed.
async fn echo_all(mut endpoint: Endpoint) {
    while let Some(mut call) = endpoint.accept().await {
        tokio::spawn(async move {
            let Some(mut channel) = call.channel().await else {
                return;
            };
            while let Some(message) = channel.recv().await {
                if channel.send_message(message).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// More than Chromium takes to start on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
