//! Which addresses and ports a connection takes, as its configuration says.

mod common;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use common::{Peer, configuration, negotiate, within};
use ieum_peer::{
    AddressMapping, Configuration, DataChannelInit, Event, IceTcp, Interfaces, Kind, MappingMode,
    PeerConnection, Report,
};

/// What a peer gathers, and the candidate errors that it tells meanwhile.
async fn gathered(configuration: Configuration) -> (Report, Vec<String>) {
    let (connection, mut events) = PeerConnection::new(configuration).unwrap();
    let init = DataChannelInit::default();
    let _channel = connection.create_data_channel("test", init).await.unwrap();
    connection.set_implicit_local_description().await.unwrap();
    connection.gathering_complete().await;
    let report = connection.report().await.unwrap();
    connection.close().await;
    let mut errors = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::IceCandidateError { reason, .. } = event {
            errors.push(reason);
        }
    }
    (report, errors)
}

/// A port that is free on 127.0.0.1 at the moment, and what holds it.
fn port() -> (u16, UdpSocket) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    (socket.local_addr().unwrap().port(), socket)
}

#[tokio::test]
async fn sockets_are_bound_within_the_range() {
    within(async {
        let (low, held) = port();
        drop(held);
        let high = low.saturating_add(30);
        let (report, errors) = gathered(Configuration {
            interfaces: Interfaces {
                ipv6: false,
                ..Interfaces::only_loopback()
            },
            ports: Some(low..=high),
            ice_tcp: IceTcp::Passive,
            ..Configuration::default()
        })
        .await;
        assert_eq!(errors, [""; 0]);
        // Of a connection that we shall open, there is no port to tell (RFC 6544 §4.5).
        let bound = report.local_candidates.iter();
        let bound = bound.filter(|candidate| candidate.port != 9);
        assert_eq!(bound.clone().count(), 2, "UDP and TCP");
        for candidate in bound {
            assert!((low..=high).contains(&candidate.port), "{candidate}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_range_without_a_free_port_is_one_error_that_names_it() {
    within(async {
        let (port, _held) = port();
        let interfaces = Interfaces {
            ipv6: false,
            ..Interfaces::only_loopback()
        };
        let (report, errors) = gathered(Configuration {
            interfaces,
            ports: Some(port..=port),
            ice_tcp: IceTcp::Off,
            ..Configuration::default()
        })
        .await;
        assert!(report.local_candidates.is_empty());
        assert_eq!(
            errors,
            [format!("every port from {port} to {port} is taken")]
        );
    })
    .await;
}

#[tokio::test]
async fn filters_that_leave_no_address_are_one_error_that_says_why() {
    within(async {
        let interfaces = Interfaces {
            include: vec!["no-such-interface".to_owned()],
            ..Interfaces::default()
        };
        let (report, errors) = gathered(Configuration {
            interfaces,
            ..Configuration::default()
        })
        .await;
        assert!(report.local_candidates.is_empty());
        let [error] = &errors[..] else {
            panic!("{errors:?}")
        };
        assert!(error.contains("its name is not among"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn an_external_address_takes_the_place_of_the_host_s_or_comes_beside_it() {
    let external: IpAddr = "198.51.100.7".parse().unwrap();
    for (mode, kinds) in [
        (MappingMode::ReplaceHost, &[Kind::Host][..]),
        (
            MappingMode::AddReflexive,
            &[Kind::Host, Kind::ServerReflexive],
        ),
    ] {
        within(async {
            let mapping = AddressMapping {
                internal: Some(Ipv4Addr::LOCALHOST.into()),
                external,
                mode,
            };
            let (report, _) = gathered(Configuration {
                interfaces: Interfaces {
                    ipv6: false,
                    ..Interfaces::only_loopback()
                },
                address_mappings: vec![mapping],
                ice_tcp: IceTcp::Off,
                ..Configuration::default()
            })
            .await;
            let candidates = &report.local_candidates;
            let found: Vec<_> = candidates.iter().map(|candidate| candidate.kind).collect();
            assert_eq!(found, kinds);
            let last = candidates.last().unwrap();
            assert_eq!(last.address.ip(), Some(external), "{last}");
            assert_eq!(last.port, candidates[0].port);
        })
        .await;
    }
}

#[tokio::test]
async fn a_lite_peer_is_connected_to_by_a_full_one() {
    within(async {
        let lite = Configuration {
            ice_lite: true,
            ..configuration()
        };
        let (a, b) = (Peer::new(lite), Peer::new(configuration()));
        let init = DataChannelInit::default();
        let channel = a.connection.create_data_channel("test", init).await;
        negotiate(&a, &b).await;
        channel.unwrap().opened().await.unwrap();
    })
    .await;
}
