//! Real connections where UDP does not get through: TCP candidates, and TURN over TCP and TLS.

mod common;
#[path = "common/turn.rs"]
mod turn;

use common::{Peer, binary, configuration, connected, echo, within};
use ieum_peer::{
    Configuration, DataChannel, DataChannelInit, Event, IceServer, IceTcp, IceTransportPolicy,
    Kind, PeerConnection, SessionDescription, TlsRoots,
};

fn with_tcp(ice_tcp: IceTcp) -> Configuration {
    Configuration {
        ice_tcp,
        ..configuration()
    }
}

/// As if nobody had UDP: its candidates are not told.
fn without_udp(mut description: SessionDescription) -> SessionDescription {
    let lines = description.sdp.split_inclusive('\n');
    description.sdp = lines
        .filter(|line| !(line.starts_with("a=candidate") && line.contains(" udp ")))
        .collect();
    description
}

/// Two peers that do not know each other's UDP candidates.
async fn without_udp_connected(
    a: Configuration,
    b: Configuration,
) -> (Peer, DataChannel, Peer, DataChannel) {
    let (a, mut b) = (Peer::new(a), Peer::new(b));
    let init = DataChannelInit::default();
    let channel = a.connection.create_data_channel("test", init).await;
    let ours = channel.unwrap();
    a.connection.set_implicit_local_description().await.unwrap();
    a.connection.gathering_complete().await;
    let offer = without_udp(a.connection.local_description().unwrap());
    b.connection.set_remote_description(offer).await.unwrap();
    b.connection.set_implicit_local_description().await.unwrap();
    b.connection.gathering_complete().await;
    let answer = without_udp(b.connection.local_description().unwrap());
    a.connection.set_remote_description(answer).await.unwrap();
    ours.opened().await.unwrap();
    let theirs = b.channels.recv().await.unwrap();
    (a, ours, b, theirs)
}

/// More than all buffers hold, and back.
async fn send_a_lot(ours: &mut DataChannel) {
    let message = vec![7; 200_000];
    for _ in 0..20 {
        ours.send(message.clone()).await.unwrap();
    }
    for _ in 0..20 {
        assert_eq!(binary(ours).await, message);
    }
}

#[tokio::test]
async fn a_side_that_listens_is_reached_over_tcp_whoever_offers() {
    within(async {
        for (a, b) in [
            (IceTcp::Active, IceTcp::Passive),
            (IceTcp::Passive, IceTcp::Active),
        ] {
            let (a, mut ours, b, theirs) = without_udp_connected(with_tcp(a), with_tcp(b)).await;
            tokio::spawn(echo(theirs));
            send_a_lot(&mut ours).await;
            for peer in [&a, &b] {
                let pair = peer
                    .connection
                    .report()
                    .await
                    .unwrap()
                    .selected_pair
                    .unwrap();
                assert!(pair.local.transport.tcp_type().is_some(), "{pair:?}");
            }
            a.connection.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn udp_is_taken_where_both_work() {
    within(async {
        let passive = || with_tcp(IceTcp::Passive);
        let (a, ours, _b, theirs) = connected(passive(), passive()).await;
        tokio::spawn(echo(theirs));
        ours.send_text("hello").await.unwrap();
        let pair = a.connection.report().await.unwrap().selected_pair.unwrap();
        assert_eq!(pair.local.transport.tcp_type(), None);
    })
    .await;
}

#[tokio::test]
async fn a_side_without_tcp_tells_no_tcp_candidate() {
    within(async {
        for (ice_tcp, expected) in [
            (IceTcp::Off, vec![]),
            (IceTcp::Active, vec!["active"]),
            (IceTcp::Passive, vec!["active", "passive"]),
        ] {
            let peer = Peer::new(Configuration {
                interfaces: ieum_peer::Interfaces {
                    ipv6: false,
                    ..configuration().interfaces
                },
                ..with_tcp(ice_tcp)
            });
            peer.connection.set_implicit_local_description().await.ok();
            let channel = peer
                .connection
                .create_data_channel("x", DataChannelInit::default());
            let _channel = channel.await.unwrap();
            peer.connection
                .set_implicit_local_description()
                .await
                .unwrap();
            peer.connection.gathering_complete().await;
            let report = peer.connection.report().await.unwrap();
            let types = report.local_candidates.iter();
            let mut types: Vec<_> = types
                .filter_map(|it| it.transport.tcp_type())
                .map(|it| it.as_str())
                .collect();
            types.sort_unstable();
            assert_eq!(types, expected);
        }
    })
    .await;
}

fn relayed(server: &IceServer, tls_roots: TlsRoots) -> Configuration {
    Configuration {
        ice_servers: vec![server.clone()],
        ice_transport_policy: IceTransportPolicy::Relay,
        tls_roots,
        ..configuration()
    }
}

async fn relayed_call(server: IceServer, roots: TlsRoots) {
    let configuration = || relayed(&server, roots.clone());
    let (a, mut ours, _b, theirs) = connected(configuration(), configuration()).await;
    tokio::spawn(echo(theirs));
    send_a_lot(&mut ours).await;
    let pair = a.connection.report().await.unwrap().selected_pair.unwrap();
    assert_eq!(pair.local.kind, Kind::Relayed);
    assert_eq!(pair.remote.kind, Kind::Relayed);
    a.connection.close().await;
}

#[tokio::test]
async fn a_call_is_relayed_over_tcp() {
    within(async { relayed_call(turn::start(None).await, TlsRoots::System).await }).await;
}

#[tokio::test]
async fn a_call_is_relayed_over_tls_where_the_certificate_is_trusted() {
    within(async {
        let (acceptor, roots) = turn::certificate();
        relayed_call(turn::start(Some(acceptor)).await, roots).await;
    })
    .await;
}

/// The reason that the server gave no candidate for.
async fn reason(configuration: Configuration) -> String {
    let (peer, mut events) = PeerConnection::new(configuration).unwrap();
    let channel = peer
        .create_data_channel("x", DataChannelInit::default())
        .await;
    let _channel = channel.unwrap();
    peer.set_implicit_local_description().await.unwrap();
    loop {
        if let Event::IceCandidateError { reason, .. } = events.next().await.unwrap() {
            return reason;
        }
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_names_another_is_told() {
    within(async {
        let (acceptor, roots) = turn::certificate();
        let server = turn::start(Some(acceptor)).await;
        let (_, others) = turn::certificate();
        let told = reason(relayed(&server, others)).await;
        assert_eq!(told, "the server's certificate is not trusted");
        let by_address = server.urls[0].replace("localhost", "127.0.0.1");
        let server = IceServer {
            urls: vec![by_address],
            ..server
        };
        let told = reason(relayed(&server, roots)).await;
        assert_eq!(told, "the server's certificate is not trusted");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    within(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let free = listener.local_addr().unwrap();
        drop(listener);
        let url = format!("turn:{free}?transport=tcp");
        let server = IceServer::turn(url, "alice", "secret");
        let told = reason(relayed(&server, TlsRoots::System)).await;
        assert_eq!(told, "the connection was refused");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_told() {
    within(async {
        let (acceptor, _) = turn::certificate();
        let server = turn::start(Some(acceptor)).await;
        // Plain TURN to a port that speaks TLS.
        let url = server.urls[0].replace("turns:localhost", "turn:127.0.0.1");
        let server = IceServer {
            urls: vec![url + "?transport=tcp"],
            ..server
        };
        let told = reason(relayed(&server, TlsRoots::System)).await;
        assert_eq!(told, "the server has closed the connection");
    })
    .await;
}

#[test]
fn roots_are_read_from_pem_or_refused() {
    assert!(TlsRoots::from_pem(b"no certificate").is_err());
}
