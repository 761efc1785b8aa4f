//! What a configuration asks for, and what of it shows.

mod common;

use std::time::Duration;

use common::{Peer, binary, configuration, connected, echo, negotiate, within};
use ieum_peer::{
    BundlePolicy, Configuration, ConnectionState, DataChannelInit, Error, Event, IceGatheringState,
    PeerConnection, RtcpMuxPolicy,
};

/// RFC 9429 §3.5.4.
#[tokio::test]
async fn a_pool_is_gathered_at_once_and_told_with_the_first_description() {
    within(async {
        let pooled = Configuration {
            ice_candidate_pool_size: 1,
            ..configuration()
        };
        let (peer, mut events) = PeerConnection::new(pooled).unwrap();
        while peer.report().await.unwrap().local_candidates.is_empty() {}
        assert_eq!(peer.ice_gathering_state(), IceGatheringState::New);
        let init = DataChannelInit::default();
        let _channel = peer.create_data_channel("x", init).await.unwrap();
        let offer = peer.create_offer().await.unwrap();
        assert!(offer.sdp.contains("a=candidate:"), "{}", offer.sdp);
        assert!(!offer.sdp.contains("a=end-of-candidates"), "{}", offer.sdp);
        peer.set_local_description(offer).await.unwrap();

        let mut told = Vec::new();
        while told.last().is_none_or(|last| last != "complete") {
            match events.next().await.unwrap() {
                Event::IceGatheringStateChange(state) => told.push(state.to_string()),
                Event::IceCandidate(Some(init)) => {
                    assert_eq!(init.sdp_m_line_index, Some(0));
                    told.push("candidate".to_owned());
                }
                Event::IceCandidate(None) => told.push("no more".to_owned()),
                _ => {}
            }
        }
        told.dedup();
        assert_eq!(told, ["gathering", "candidate", "no more", "complete"]);
    })
    .await;
}

#[tokio::test]
async fn pools_on_both_sides_connect() {
    within(async {
        let pooled = || Configuration {
            ice_candidate_pool_size: 2,
            ..configuration()
        };
        let (_a, mut ours, _b, theirs) = connected(pooled(), pooled()).await;
        tokio::spawn(echo(theirs));
        ours.send(vec![1; 10]).await.unwrap();
        assert_eq!(binary(&mut ours).await, vec![1; 10]);
    })
    .await;
}

#[tokio::test]
async fn whatever_the_bundle_policys_name_all_sections_share_one_transport() {
    within(async {
        for bundle_policy in [
            BundlePolicy::Balanced,
            BundlePolicy::MaxCompat,
            BundlePolicy::MaxBundle,
        ] {
            let named = Configuration {
                bundle_policy,
                ..configuration()
            };
            let peer = Peer::new(named).connection;
            let offer = peer.create_offer().await.unwrap();
            assert!(offer.sdp.contains("a=group:BUNDLE 0"), "{}", offer.sdp);
        }
    })
    .await;
}

#[tokio::test]
async fn rtcp_beside_rtp_is_not_supported() {
    let beside = Configuration {
        rtcp_mux_policy: RtcpMuxPolicy::Negotiate,
        ..configuration()
    };
    let error = PeerConnection::new(beside).unwrap_err();
    assert!(matches!(error, Error::NotSupported(_)));
    assert!(error.to_string().starts_with("NotSupportedError"));
}

#[tokio::test]
async fn no_datagram_is_longer_than_the_mtu() {
    within(async {
        for (mtu, longest) in [(700, 700), (1228, 1228), (9000, 9000), (10, 576)] {
            let tuned = Configuration {
                mtu,
                ..configuration()
            };
            let (a, mut ours, _b, theirs) = connected(tuned, configuration()).await;
            tokio::spawn(echo(theirs));
            ours.send(vec![1; 200_000]).await.unwrap();
            assert_eq!(binary(&mut ours).await.len(), 200_000);
            let transport = a.connection.get_stats().await.unwrap().transport;
            let average = transport.bytes_sent / transport.packets_sent;
            assert!(average <= longest, "{mtu}: {average}");
            // Most of them are full.
            assert!(average > longest / 3, "{mtu}: {average}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_does_not_answer_dtls_is_given_up_when_the_configuration_says() {
    within(async {
        let impatient = Configuration {
            dtls_timeout: Duration::from_millis(500),
            ..configuration()
        };
        let (mut a, b) = (Peer::new(impatient), Peer::new(configuration()));
        let init = DataChannelInit::default();
        let channel = a.connection.create_data_channel("x", init).await.unwrap();
        // Its answer is replaced by one that makes both wait for the other's ClientHello: ICE connects, DTLS does not.
        a.connection.set_implicit_local_description().await.unwrap();
        a.connection.gathering_complete().await;
        let offer = a.connection.local_description().unwrap();
        b.connection.set_remote_description(offer).await.unwrap();
        b.connection.set_implicit_local_description().await.unwrap();
        b.connection.gathering_complete().await;
        let mut answer = b.connection.local_description().unwrap();
        answer.sdp = answer.sdp.replace("a=setup:active", "a=setup:passive");
        a.connection.set_remote_description(answer).await.unwrap();
        a.reaches(ConnectionState::Failed).await;
        let error = channel.opened().await.unwrap_err().to_string();
        assert!(error.contains("timed out"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn closing_waits_for_a_silent_peer_as_long_as_the_configuration_says() {
    within(async {
        let hasty = Configuration {
            close_timeout: Duration::from_millis(100),
            ..configuration()
        };
        let (a, b) = (Peer::new(hasty), Peer::new(configuration()));
        let init = DataChannelInit::default();
        let ours = a.connection.create_data_channel("x", init).await.unwrap();
        negotiate(&a, &b).await;
        ours.opened().await.unwrap();
        // The other side's channel is never read, so that what is sent does not all arrive.
        while ours.try_send(vec![0; 100_000]).is_ok() {}
        let started = tokio::time::Instant::now();
        a.connection.close().await;
        assert!(started.elapsed() < Duration::from_secs(8));
    })
    .await;
}
