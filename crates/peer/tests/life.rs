//! How connections end: closed, dropped, killed; and what is left of them: nothing.

mod common;

use std::time::{Duration, Instant};

use common::{Peer, configuration, connected, echo, impatient, negotiate, within};
use ieum_peer::{
    Configuration, ConnectionState, DataChannelInit, Error, Event, IceCandidateInit,
    IceConnectionState, IceServer, Interfaces, Message, PeerConnection, SessionDescription,
    SignalingState,
};

#[tokio::test]
async fn the_other_side_of_a_close_closes_at_once() {
    within(async {
        let (a, _ours, mut b, mut theirs) = connected(configuration(), configuration()).await;
        a.connection.close().await;
        assert_eq!(a.connection.connection_state(), ConnectionState::Closed);
        assert_eq!(a.connection.signaling_state(), SignalingState::Closed);
        b.reaches(ConnectionState::Closed).await;
        assert_eq!(theirs.recv().await, None);
        assert_eq!(
            a.connection.create_offer().await.unwrap_err(),
            Error::Closed
        );
    })
    .await;
}

#[tokio::test]
async fn dropping_the_handle_tells_the_other_side_too() {
    within(async {
        let (a, ours, mut b, _theirs) = connected(configuration(), configuration()).await;
        drop(a);
        b.reaches(ConnectionState::Closed).await;
        ours.closed().await;
        assert!(ours.send_text("nobody there").await.is_err());
    })
    .await;
}

#[test]
fn the_other_side_of_a_killed_one_is_disconnected_and_then_fails_within_the_consent_timeout() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    };
    let (killed, alive) = (runtime(), runtime());
    let (a, ours) = {
        let _on = killed.enter();
        let a = Peer::new(impatient());
        let channel = a
            .connection
            .create_data_channel("test", DataChannelInit::default());
        let ours = alive.block_on(channel).unwrap();
        (a, ours)
    };
    alive.block_on(within(async {
        let mut b = Peer::new(impatient());
        negotiate(&a, &b).await;
        ours.opened().await.unwrap();
        let mut theirs = b.channels.recv().await.unwrap();
        // Its task goes without a word, as when its process is killed.
        killed.shutdown_background();
        let died = Instant::now();
        b.reaches(ConnectionState::Disconnected).await;
        b.reaches(ConnectionState::Failed).await;
        // The consent time-out is 1.5 s; the rest is a slow machine's.
        assert!(
            died.elapsed() < Duration::from_secs(5),
            "{:?}",
            died.elapsed()
        );
        assert_eq!(
            b.connection.ice_connection_state(),
            IceConnectionState::Failed
        );
        b.connection.close().await;
        assert_eq!(theirs.recv().await, None);
    }));
}

#[tokio::test]
async fn no_task_and_no_socket_is_left_after_close_or_drop() {
    within(async {
        let tasks = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        let before = tasks();
        let (a, ours, b, theirs) = connected(configuration(), configuration()).await;
        let address = host_address(&a).await;
        // The port is taken while the connection lives.
        assert!(std::net::UdpSocket::bind(address).is_err());
        a.connection.close().await;
        std::net::UdpSocket::bind(address).expect("the port is free after close");

        drop((a, ours, b, theirs));
        while tasks() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_was_never_connected_closes_too() {
    within(async {
        let tasks = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        let before = tasks();
        let alone = Peer::new(configuration());
        alone
            .connection
            .set_implicit_local_description()
            .await
            .unwrap();
        alone.connection.close().await;
        drop(Peer::new(configuration()));
        drop(alone);
        while tasks() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_peer_without_any_address_gathers_nothing_and_says_so() {
    within(async {
        let interfaces = Interfaces {
            ipv4: false,
            ipv6: false,
            ..Interfaces::default()
        };
        let peer = Peer::new(Configuration {
            interfaces,
            ..Configuration::default()
        });
        peer.connection
            .set_implicit_local_description()
            .await
            .unwrap();
        peer.connection.gathering_complete().await;
        assert!(
            peer.connection
                .report()
                .await
                .unwrap()
                .local_candidates
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_named_and_delays_nothing() {
    within(async {
        let urls = ["stuns:example.org", "stun:no-such-host.invalid"]
            .map(str::to_owned)
            .to_vec();
        let ice_servers = vec![IceServer {
            urls,
            ..IceServer::default()
        }];
        let configuration = Configuration {
            ice_servers,
            ..configuration()
        };
        let (peer, mut events) = PeerConnection::new(configuration).unwrap();
        peer.set_implicit_local_description().await.unwrap();
        let (mut errors, mut candidates) = (Vec::new(), 0);
        loop {
            match events.next().await.unwrap() {
                Event::IceCandidateError { url, reason, .. } => errors.push((url, reason)),
                Event::IceCandidate(Some(_)) => candidates += 1,
                // The end comes once, after the last server was given up.
                Event::IceCandidate(None) => break,
                _ => {}
            }
        }
        assert!(candidates > 0);
        assert_eq!(errors[0].0, "stuns:example.org");
        assert_eq!(errors[1].0, "stun:no-such-host.invalid");
        assert!(errors[1].1.contains("was not resolved"), "{}", errors[1].1);
    })
    .await;
}

#[tokio::test]
async fn ice_restarts_and_channels_stay_open() {
    within(async {
        let (a, mut ours, b, theirs) = connected(configuration(), configuration()).await;
        tokio::spawn(echo(theirs));
        let ufrag = |description: Option<SessionDescription>| {
            let sdp = description.unwrap().sdp;
            sdp.lines()
                .find(|line| line.starts_with("a=ice-ufrag"))
                .unwrap()
                .to_owned()
        };
        let before = (
            ufrag(a.connection.local_description()),
            ufrag(b.connection.local_description()),
        );
        a.connection.restart_ice().await.unwrap();
        negotiate(&a, &b).await;
        assert_ne!(ufrag(a.connection.local_description()), before.0);
        assert_ne!(ufrag(b.connection.local_description()), before.1);
        ours.send_text("still there").await.unwrap();
        assert_eq!(ours.recv().await, Some(Message::from("still there")));
        a.connection
            .wait_for_state(|state| state == ConnectionState::Connected)
            .await;
    })
    .await;
}

#[tokio::test]
async fn an_offer_that_meets_an_offer_takes_it_back() {
    within(async {
        let (a, mut b) = (Peer::new(configuration()), Peer::new(configuration()));
        let ours = a
            .connection
            .create_data_channel("x", DataChannelInit::default())
            .await
            .unwrap();
        // Both offer; `b` is the polite one.
        b.connection.set_implicit_local_description().await.unwrap();
        negotiate(&a, &b).await;
        ours.opened().await.unwrap();
        assert_eq!(b.channels.recv().await.unwrap().label(), "x");
    })
    .await;
}

#[tokio::test]
async fn errors_name_state_and_operation() {
    within(async {
        let (peer, _events) = PeerConnection::new(configuration()).unwrap();
        let error = peer.create_answer().await.unwrap_err();
        let expected = "InvalidStateError: create_answer in signaling state stable";
        assert_eq!(error.to_string(), expected);
        let error = peer
            .add_ice_candidate(IceCandidateInit::default())
            .await
            .unwrap_err();
        let expected = "InvalidStateError: add_ice_candidate before a remote description";
        assert_eq!(error.to_string(), expected);
        let answer = SessionDescription::answer("v=0");
        let error = peer.set_remote_description(answer).await.unwrap_err();
        let expected = "InvalidStateError: set_remote_description in signaling state stable";
        assert_eq!(error.to_string(), expected);
        let offer = SessionDescription::offer("nonsense");
        assert!(matches!(
            peer.set_remote_description(offer).await.unwrap_err(),
            Error::Connection(ieum_peer::core::Error::Remote(ieum_peer::RemoteError::Sdp(
                _
            )))
        ));
        assert_eq!(peer.signaling_state(), SignalingState::Stable);
    })
    .await;
}

#[test]
fn without_a_runtime_there_is_an_error() {
    assert_eq!(
        PeerConnection::new(configuration()).err(),
        Some(Error::NoRuntime)
    );
}

/// An address that the connection has bound.
async fn host_address(peer: &Peer) -> std::net::SocketAddr {
    let report = peer.connection.report().await.unwrap();
    report.local_candidates[0].socket_addr().unwrap()
}
