//! The W3C's statistics, and whom a connection takes for its peer.

mod common;

use common::{Peer, configuration, connected, echo, negotiate, within};
use ieum_peer::core::{CandidatePairStats, DtlsRole};
use ieum_peer::{
    Certificate, Configuration, ConnectionState, DataChannelInit, DataChannelState, DtlsVersion,
    Fingerprint, PairState, SessionDescription, Stats,
};

async fn stats(peer: &Peer) -> Stats {
    peer.connection.get_stats().await.unwrap()
}

#[tokio::test]
async fn the_dictionaries_name_each_other_and_count_what_went_over_the_wire() {
    within(async {
        let (a, mut ours, b, theirs) = connected(configuration(), configuration()).await;
        tokio::spawn(echo(theirs));
        ours.send(vec![1; 10_000]).await.unwrap();
        ours.recv().await.unwrap();
        let (at_a, at_b) = (stats(&a).await, stats(&b).await);

        let channel = &at_a.data_channels[0];
        assert_eq!(
            (channel.label.as_str(), channel.data_channel_identifier),
            ("test", ours.id())
        );
        assert_eq!((channel.messages_sent, channel.bytes_sent), (1, 10_000));
        assert_eq!(
            (channel.messages_received, channel.bytes_received),
            (1, 10_000)
        );
        assert_eq!(channel.state, DataChannelState::Open);
        assert_eq!(at_a.peer_connection.data_channels_opened, 1);

        let transport = &at_a.transport;
        assert!(transport.bytes_sent > 10_000 && transport.bytes_received > 10_000);
        assert!(transport.packets_sent > 10 && transport.packets_received > 10);
        assert_eq!(transport.dtls_state, ConnectionState::Connected);
        assert_ne!(transport.dtls_role, at_b.transport.dtls_role);
        assert_eq!(at_b.transport.dtls_role, Some(DtlsRole::Client));
        assert!(transport.selected_candidate_pair_changes >= 1);
        assert_eq!(
            transport.tls_version.map(DtlsVersion::to_wire),
            Some(0xFEFC)
        );
        let cipher = transport.dtls_cipher.unwrap();
        assert!(cipher.starts_with("TLS_AES_"), "{cipher}");
        assert_eq!(at_b.transport.dtls_cipher, Some(cipher));

        let pair = at_a.selected_pair().unwrap();
        assert_eq!((pair.state, pair.nominated), (PairState::Succeeded, true));
        assert!(pair.responses_received > 0 && pair.requests_sent >= pair.responses_received);
        // All data went over this pair, and what one side sent the other got.
        assert!(pair.bytes_sent > 10_000 && pair.packets_sent > 10);
        let sum = |of: fn(&CandidatePairStats) -> u64| at_a.candidate_pairs.iter().map(of).sum();
        let sums: [u64; 4] = [
            sum(|pair| pair.packets_sent),
            sum(|pair| pair.bytes_sent),
            sum(|pair| pair.packets_received),
            sum(|pair| pair.bytes_received),
        ];
        let all = [
            transport.packets_sent,
            transport.bytes_sent,
            transport.packets_received,
            transport.bytes_received,
        ];
        assert_eq!(sums, all);
        assert!(pair.total_round_trip_time >= pair.current_round_trip_time.unwrap_or_default());
        let local = at_a
            .local_candidates
            .iter()
            .find(|it| it.id == pair.local_candidate_id);
        let remote = at_b.remote_candidates.iter();
        let mut remote = remote.filter_map(|it| it.candidate.socket_addr());
        let local = local.unwrap().candidate.socket_addr().unwrap();
        assert!(remote.any(|known| known == local));

        // Each knows the other's certificate.
        assert_eq!(at_a.certificates[0].der, at_b.certificates[1].der);
        assert_eq!(
            at_a.certificates[1].fingerprint,
            at_b.certificates[0].fingerprint
        );
        assert_eq!(
            transport.remote_certificate_id.as_ref(),
            Some(&at_a.certificates[1].id)
        );

        ours.close().await;
        ours.closed().await;
        let after = stats(&a).await;
        assert_eq!(after.peer_connection.data_channels_closed, 1);
        assert!(after.data_channels.is_empty());
    })
    .await;
}

#[tokio::test]
async fn before_anything_has_begun_there_are_statistics_too() {
    within(async {
        let alone = Peer::new(configuration());
        let stats = stats(&alone).await;
        assert!(stats.candidate_pairs.is_empty() && stats.data_channels.is_empty());
        assert_eq!(stats.transport.dtls_state, ConnectionState::New);
        assert_eq!(stats.certificates.len(), 1);
        assert_eq!(stats.remote_address(), None);
        alone.connection.close().await;
        assert!(alone.connection.get_stats().await.is_err());
    })
    .await;
}

/// Who has this certificate, and expects one of those.
fn identified(certificate: &Certificate, expected: &[&Certificate]) -> Configuration {
    let fingerprint = |of: &&Certificate| Fingerprint::new("sha-256", &of.fingerprint()).unwrap();
    Configuration {
        certificate: Some(certificate.clone()),
        expected_fingerprints: Some(expected.iter().map(fingerprint).collect()),
        ..configuration()
    }
}

#[tokio::test]
async fn a_peer_that_is_expected_is_taken_and_one_that_signaling_puts_in_its_place_is_not() {
    within(async {
        let [a, b, other] = [(); 3].map(|()| Certificate::generate().unwrap());
        // Kept over a restart.
        let b = Certificate::from_der(b.der().to_vec(), b.private_key_der().to_vec());
        let (_a, ours, _b, _theirs) =
            connected(identified(&a, &[&other, &b]), identified(&b, &[&a])).await;
        assert_eq!(ours.ready_state(), DataChannelState::Open);

        let mut deceived = Peer::new(identified(&a, &[&b]));
        let impostor = Peer::new(identified(&other, &[&a]));
        let init = DataChannelInit::default();
        let channel = deceived.connection.create_data_channel("x", init).await;
        let channel = channel.unwrap();
        negotiate(&deceived, &impostor).await;
        deceived.reaches(ConnectionState::Failed).await;
        assert!(channel.opened().await.is_err());
        let error = channel.error().unwrap();
        assert_eq!(error.detail(), "dtls-failure");
        assert!(
            error.to_string().contains("none of the expected"),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn after_close_every_operation_is_an_invalid_state() {
    within(async {
        let (a, ours, _b, _theirs) = connected(configuration(), configuration()).await;
        let connection = &a.connection;
        connection.close().await;
        // Again does nothing.
        connection.close().await;
        let description = || SessionDescription::offer("v=0");
        let candidate = Default::default();
        let errors = [
            connection.create_offer().await.err(),
            connection.create_answer().await.err(),
            connection.set_local_description(description()).await.err(),
            connection.set_remote_description(description()).await.err(),
            connection.add_ice_candidate(candidate).await.err(),
            connection.restart_ice().await.err(),
            ours.send_text("late").await.err(),
            ours.try_send_text("late").err(),
        ];
        for (index, error) in errors.into_iter().enumerate() {
            let error = error.expect("an error").to_string();
            assert!(error.starts_with("InvalidStateError"), "{index}: {error}");
        }
    })
    .await;
}
