//! Names in place of addresses, by real multicast on loopback.

mod common;

use common::{Peer, configuration, negotiate, within};
use ieum_peer::{Configuration, DataChannelInit, Interfaces, Kind, Report, SessionDescription};

fn hidden(interfaces: Interfaces) -> Configuration {
    Configuration {
        hide_host_addresses: true,
        interfaces,
        ..configuration()
    }
}

/// Linux carries no IPv6 multicast on loopback.
fn v4() -> Interfaces {
    Interfaces {
        ipv6: false,
        ..Interfaces::only_loopback()
    }
}

fn candidates(sdp: &str) -> Vec<&str> {
    let lines = sdp.lines();
    lines
        .filter(|line| line.starts_with("a=candidate:"))
        .collect()
}

/// Whether the pair ends at an address that was signaled as a name.
fn ends_at_a_name(report: &Report) -> bool {
    let pair = report.selected_pair.as_ref().expect("a pair was selected");
    pair.remote.kind == Kind::Host && pair.remote.address.ip().is_none()
}

#[tokio::test]
async fn a_hidden_peer_is_found_by_its_name() {
    within(async {
        let (a, b) = (Peer::new(hidden(v4())), Peer::new(configuration()));
        let init = DataChannelInit::default();
        let channel = a.connection.create_data_channel("test", init).await;
        a.connection.set_implicit_local_description().await.unwrap();
        a.connection.gathering_complete().await;
        let offer = a.connection.local_description().unwrap();
        assert!(!candidates(&offer.sdp).is_empty(), "{}", offer.sdp);
        for line in candidates(&offer.sdp) {
            assert!(line.contains(".local "), "{line}");
        }
        b.connection.set_remote_description(offer).await.unwrap();
        b.connection.set_implicit_local_description().await.unwrap();
        b.connection.gathering_complete().await;
        // A does not know where B is, so that no check of A's can tell B where A is: only the name does.
        let SessionDescription { kind, sdp } = b.connection.local_description().unwrap();
        let unknown = |line: &&str| !line.starts_with("a=candidate:");
        let sdp = sdp.split_inclusive('\n').filter(unknown).collect();
        let answer = SessionDescription { kind, sdp };
        a.connection.set_remote_description(answer).await.unwrap();
        channel.unwrap().opened().await.unwrap();
        assert!(ends_at_a_name(&b.connection.report().await.unwrap()));
    })
    .await;
}

#[tokio::test]
async fn two_hidden_peers_connect() {
    within(async {
        let (a, b) = (Peer::new(hidden(v4())), Peer::new(hidden(v4())));
        let init = DataChannelInit::default();
        let channel = a.connection.create_data_channel("test", init).await;
        negotiate(&a, &b).await;
        channel.unwrap().opened().await.unwrap();
        for peer in [&a, &b] {
            let sdp = peer.connection.local_description().unwrap().sdp;
            let mut told = candidates(&sdp).into_iter();
            assert!(told.all(|line| !line.contains("127.0.0.1")), "{sdp}");
        }
    })
    .await;
}
