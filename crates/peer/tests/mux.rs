//! One UDP port for many connections.

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use common::{DEADLINE, Peer, binary, configuration, connected, echo, negotiate, within};
use ieum_peer::{
    Certificate, Configuration, DataChannelInit, Interfaces, Message, UdpMux, UdpMuxStats,
};

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn muxed(port: &UdpMux) -> Configuration {
    Configuration {
        udp_mux: Some(port.clone()),
        ..configuration()
    }
}

/// Waits until the port's task has come to it.
async fn until(port: &UdpMux, mut holds: impl FnMut(UdpMuxStats) -> bool) {
    let arrives = async {
        while !holds(port.stats()) {
            tokio::task::yield_now().await;
        }
    };
    let arrived = tokio::time::timeout(DEADLINE, arrives).await;
    assert!(arrived.is_ok(), "{:?}", port.stats());
}

async fn candidates(peer: &Peer) -> Vec<SocketAddr> {
    let report = peer.connection.report().await.unwrap();
    let addresses = report.local_candidates.iter();
    let udp = addresses.filter(|candidate| candidate.transport == ieum_candidate::Transport::Udp);
    udp.filter_map(ieum_peer::Candidate::socket_addr).collect()
}

#[tokio::test]
async fn two_connections_share_a_port_and_each_has_its_own_messages() {
    within(async {
        let port = UdpMux::bind(LOOPBACK).unwrap();
        let (_far, mut to_a, _near, theirs) = connected(configuration(), muxed(&port)).await;
        tokio::spawn(echo(theirs));
        // The second offers, the first answered.
        let (near, mut to_b, _far_too, theirs) = connected(muxed(&port), configuration()).await;
        tokio::spawn(echo(theirs));
        for round in 0..10_u8 {
            to_a.send(vec![round; 50_000]).await.unwrap();
            to_b.send(vec![100 + round; 50_000]).await.unwrap();
            assert_eq!(binary(&mut to_a).await, vec![round; 50_000]);
            assert_eq!(binary(&mut to_b).await, vec![100 + round; 50_000]);
        }
        assert_eq!(candidates(&near).await, port.local_addrs());
        assert_eq!(port.stats().connections, 2);
        assert_eq!((port.stats().overrun, port.stats().moved), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_closed_or_dropped_gives_its_ways_back_and_the_last_one_the_port() {
    within(async {
        let port = UdpMux::bind(LOOPBACK).unwrap();
        let (_far, _ours, closed, _theirs) = connected(configuration(), muxed(&port)).await;
        let (_other, _ours, dropped, _theirs) = connected(configuration(), muxed(&port)).await;
        until(&port, |stats| {
            stats.connections == 2 && stats.addresses >= 2
        })
        .await;
        closed.connection.close().await;
        until(&port, |stats| stats.connections == 1).await;
        drop(dropped);
        until(&port, |stats| {
            (stats.connections, stats.addresses) == (0, 0)
        })
        .await;

        // The connection that is left keeps the port, whoever holds a handle.
        let at = port.local_addrs()[0];
        let (_far, mut ours, last, theirs) = connected(configuration(), muxed(&port)).await;
        drop(port);
        tokio::spawn(echo(theirs));
        ours.send_text("still there").await.unwrap();
        assert_eq!(ours.recv().await, Some(Message::from("still there")));
        last.connection.close().await;
        while UdpSocket::bind(at).is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn ipv4_and_ipv6_are_one_port_and_the_interfaces_are_those_that_were_chosen() {
    within(async {
        let port = UdpMux::bind("[::]:0".parse().unwrap()).unwrap();
        let has_v6 = port.local_addrs().len() == 2;
        let peer = Peer::new(muxed(&port));
        let init = DataChannelInit::default();
        let _channel = peer.connection.create_data_channel("x", init).await;
        peer.connection
            .set_implicit_local_description()
            .await
            .unwrap();
        peer.connection.gathering_complete().await;
        let addresses = candidates(&peer).await;
        assert!(addresses.iter().all(|at| at.port() == port.port()));
        assert!(addresses.iter().all(|at| at.ip().is_loopback()));
        assert!(addresses.contains(&(Ipv4Addr::LOCALHOST, port.port()).into()));

        for ipv4 in [true, false] {
            if !ipv4 && (!has_v6 || !addresses.iter().any(SocketAddr::is_ipv6)) {
                // This machine has no IPv6.
                continue;
            }
            let one_family = Interfaces {
                ipv4,
                ipv6: !ipv4,
                ..Interfaces::only_loopback()
            };
            let far = Configuration {
                interfaces: one_family,
                ..configuration()
            };
            let (_far, mut ours, near, theirs) = connected(far, muxed(&port)).await;
            tokio::spawn(echo(theirs));
            ours.send_text("hello").await.unwrap();
            assert_eq!(ours.recv().await, Some(Message::from("hello")));
            let pair = near.connection.report().await.unwrap().selected_pair;
            assert_eq!(pair.unwrap().local.socket_addr().unwrap().is_ipv4(), ipv4);
        }
    })
    .await;
}

#[tokio::test]
async fn two_shared_ports_connect_and_the_later_of_two_connections_between_them_has_the_way() {
    within(async {
        let [a, b] = [(); 2].map(|()| UdpMux::bind(LOOPBACK).unwrap());
        let (_a, mut ours, _b, theirs) = connected(muxed(&a), muxed(&b)).await;
        tokio::spawn(echo(theirs));
        ours.send(vec![3; 100_000]).await.unwrap();
        assert_eq!(binary(&mut ours).await, vec![3; 100_000]);
        assert_eq!((a.stats().moved, b.stats().moved), (0, 0));
        let (_a_too, mut later, _b_too, theirs) = connected(muxed(&a), muxed(&b)).await;
        tokio::spawn(echo(theirs));
        later.send_text("later").await.unwrap();
        assert_eq!(later.recv().await, Some(Message::from("later")));
        assert_eq!((a.stats().moved, b.stats().moved), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn ice_lite_and_an_ice_restart_go_over_a_shared_port() {
    within(async {
        let port = UdpMux::bind(LOOPBACK).unwrap();
        let lite = Configuration {
            ice_lite: true,
            ..muxed(&port)
        };
        for near in [lite, muxed(&port)] {
            let (far, mut ours, near, theirs) = connected(configuration(), near).await;
            tokio::spawn(echo(theirs));
            far.connection.restart_ice().await.unwrap();
            negotiate(&far, &near).await;
            let before = far.connection.remote_description().unwrap();
            assert!(before.sdp.contains("ice-ufrag"));
            ours.send(vec![3; 100_000]).await.unwrap();
            assert_eq!(binary(&mut ours).await, vec![3; 100_000]);
        }
    })
    .await;
}

#[tokio::test]
async fn strangers_are_counted_and_disturb_nobody() {
    within(async {
        let port = UdpMux::bind(LOOPBACK).unwrap();
        let (_far, mut ours, _near, theirs) = connected(configuration(), muxed(&port)).await;
        tokio::spawn(echo(theirs));
        let stranger = UdpSocket::bind(LOOPBACK).unwrap();
        let at = port.local_addrs()[0];
        let check = {
            let mut buf = Vec::new();
            let id = ieum_stun::TransactionId([7; 12]);
            let request = ieum_stun::Class::Request;
            let binding = ieum_stun::Method::BINDING;
            ieum_stun::MessageBuilder::new(&mut buf, request, binding, id)
                .username("nobody:stranger")
                .fingerprint();
            buf
        };
        let mut answer = check.clone();
        // A success response to a binding request.
        (answer[0], answer[1]) = (1, 1);
        let data = [22, 254, 253, 0, 0];
        for datagram in [&check[..], &answer, &check[..30], &data] {
            for _ in 0..10 {
                stranger.send_to(datagram, at).unwrap();
            }
        }
        until(&port, |stats| {
            let counts = [
                stats.unknown_ufrag,
                stats.unknown_transaction,
                stats.malformed,
                stats.unknown_address,
            ];
            counts == [10; 4]
        })
        .await;
        assert_eq!(port.stats().connections, 1);
        ours.send_text("hello").await.unwrap();
        assert_eq!(ours.recv().await, Some(Message::from("hello")));
    })
    .await;
}

/// What happens to a thousand is the same as to two.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_echo_over_one_port() {
    let certificate = Certificate::generate().unwrap();
    let port = UdpMux::bind(LOOPBACK).unwrap();
    let ipv4 = Interfaces {
        ipv6: false,
        ..Interfaces::only_loopback()
    };
    let configuration = |mux: Option<&UdpMux>| Configuration {
        interfaces: ipv4.clone(),
        certificate: Some(certificate.clone()),
        udp_mux: mux.cloned(),
        ..configuration()
    };
    let all = async {
        let mut open = Vec::new();
        let mut opening = tokio::task::JoinSet::new();
        let count = as_many();
        for index in 0..count {
            if opening.len() == AT_ONCE {
                open.push(opening.join_next().await.unwrap().unwrap());
            }
            let (far, near) = (configuration(None), configuration(Some(&port)));
            opening.spawn(async move {
                let (far, mut ours, near, theirs) = connected(far, near).await;
                tokio::spawn(echo(theirs));
                let message = format!("{index}").repeat(1000);
                ours.send_text(message.clone()).await.unwrap();
                assert_eq!(ours.recv().await, Some(Message::from(message)));
                (far, ours, near)
            });
        }
        while let Some(opened) = opening.join_next().await {
            open.push(opened.unwrap());
        }
        assert_eq!(port.stats().connections, count);
        // All of them at once.
        for (_, ours, _) in &open {
            ours.send_text("all").await.unwrap();
        }
        for (_, ours, _) in &mut open {
            assert_eq!(ours.recv().await, Some(Message::from("all")));
        }
        let stats = port.stats();
        assert_eq!(
            (stats.moved, stats.refused, stats.malformed),
            (0, 0, 0),
            "{stats:?}"
        );
        drop(open);
        until(&port, |stats| {
            (stats.connections, stats.addresses) == (0, 0)
        })
        .await;
    };
    let done = tokio::time::timeout(Duration::from_secs(300), all).await;
    done.expect("the test took too long");
}

/// A thousand, or as many as the system lets this process open sockets for at the other end.
fn as_many() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let files = files.and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    files.map_or(THOUSAND, |files: usize| {
        THOUSAND.min(files.saturating_sub(100))
    })
}

const THOUSAND: usize = 1000;
/// Pairs that are set up at a time.
const AT_ONCE: usize = 20;
