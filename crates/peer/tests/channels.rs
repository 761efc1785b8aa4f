//! Two PeerConnections over loopback: what arrives on their channels.

mod common;

use bytes::Bytes;
use common::{binary, configuration, connected, echo, within};
use ieum_peer::{
    Configuration, ConnectionState, DataChannelInit, DataChannelState, Error, Message, UsageError,
};

#[tokio::test]
async fn text_and_binary_come_back_equal() {
    within(async {
        let (_a, mut ours, _b, theirs) = connected(configuration(), configuration()).await;
        assert_eq!((theirs.label(), theirs.ordered()), ("test", true));
        assert_eq!(ours.id(), theirs.id());
        tokio::spawn(echo(theirs));
        for message in [
            Message::from("hello"),
            Message::from(&[0u8, 1, 255][..]),
            Message::from(""),
            Message::from(&[][..]),
        ] {
            ours.send_message(message.clone()).await.unwrap();
            assert_eq!(ours.recv().await, Some(message));
        }
    })
    .await;
}

#[tokio::test]
async fn a_mebibyte_goes_both_ways_in_one_message_where_both_allow_it() {
    within(async {
        let large = || Configuration {
            max_message_size: 2 * MIB as u32,
            ..configuration()
        };
        let (_a, mut ours, _b, theirs) = connected(large(), large()).await;
        assert_eq!(ours.max_message_size(), 2 * MIB);
        tokio::spawn(echo(theirs));
        let message = pattern();
        ours.send(message.clone()).await.unwrap();
        assert!(binary(&mut ours).await == message);
    })
    .await;
}

#[tokio::test]
async fn a_mebibyte_goes_in_chunks_where_the_peer_takes_less() {
    within(async {
        let (_a, mut ours, _b, theirs) = connected(configuration(), configuration()).await;
        assert_eq!(ours.max_message_size(), 262_144);
        tokio::spawn(echo(theirs));
        let message = pattern();
        let refused = ours.send(message.clone()).await.unwrap_err();
        assert_eq!(
            refused,
            UsageError::MessageTooLarge {
                len: MIB,
                max: 262_144
            }
            .into()
        );
        let mut back = Vec::new();
        for chunk in message.chunks(262_144) {
            ours.send(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        while back.len() < MIB {
            back.extend_from_slice(&binary(&mut ours).await);
        }
        assert!(back == message);
    })
    .await;
}

#[tokio::test]
async fn everything_sent_before_close_arrives() {
    within(async {
        let (a, ours, _b, mut theirs) = connected(configuration(), configuration()).await;
        let sent: Vec<Bytes> = (0..500u32)
            .map(|n| n.to_be_bytes().repeat(500).into())
            .collect();
        let (closing, arrived) = tokio::join!(
            async {
                for message in &sent {
                    ours.send(message.clone()).await.unwrap();
                }
                a.connection.close().await;
                ours.ready_state()
            },
            async {
                let mut arrived = Vec::new();
                while let Some(Message::Binary(bytes)) = theirs.recv().await {
                    arrived.push(bytes);
                    // A reader slower than the sender.
                    tokio::task::yield_now().await;
                }
                arrived
            }
        );
        assert_eq!(closing, DataChannelState::Closed);
        assert_eq!(arrived.len(), sent.len());
        assert!(arrived == sent);
    })
    .await;
}

#[tokio::test]
async fn a_channel_closed_by_either_side_closes_on_both_and_the_connection_stays() {
    within(async {
        let (a, first, mut b, mut theirs) = connected(configuration(), configuration()).await;
        first.send_text("last words").await.unwrap();
        first.close().await;
        assert_eq!(theirs.recv().await, Some(Message::from("last words")));
        assert_eq!(theirs.recv().await, None);
        first.closed().await;
        assert_eq!(theirs.ready_state(), DataChannelState::Closed);

        let second = a
            .connection
            .create_data_channel("2", DataChannelInit::default())
            .await;
        let mut second = second.unwrap();
        let theirs = b.channels.recv().await.unwrap();
        assert_eq!(theirs.label(), "2");
        theirs.close().await;
        assert_eq!(second.recv().await, None);
        second.closed().await;
        let refused = second.send_text("too late").await.unwrap_err();
        let expected: Error = UsageError::ChannelNotOpen(DataChannelState::Closed).into();
        assert_eq!(refused, expected);
        assert_eq!(a.connection.connection_state(), ConnectionState::Connected);
    })
    .await;
}

#[tokio::test]
async fn dropping_every_handle_of_a_channel_closes_it_after_what_was_sent() {
    within(async {
        let (_a, ours, _b, mut theirs) = connected(configuration(), configuration()).await;
        ours.send_text("kept").await.unwrap();
        drop(ours);
        assert_eq!(theirs.recv().await, Some(Message::from("kept")));
        assert_eq!(theirs.recv().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_does_not_read_slows_the_sender_and_loses_nothing() {
    within(async {
        let (a, ours, _b, mut theirs) = connected(configuration(), configuration()).await;
        let sender = ours.sender();
        let total = 400;
        let sending = tokio::spawn(async move {
            for n in 0..total {
                sender.send(vec![n as u8; 65_536]).await.unwrap();
            }
        });
        // 25 MiB do not fit between the two: the sender has to wait, and the connection lives on.
        while ours.buffered_amount() < 4 * MIB {
            tokio::task::yield_now().await;
        }
        assert!(!sending.is_finished());
        assert_eq!(a.connection.connection_state(), ConnectionState::Connected);
        for n in 0..total {
            assert_eq!(binary(&mut theirs).await[0], n as u8);
        }
        sending.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn negotiated_and_unordered_channels_work() {
    within(async {
        let (a, _ours, mut b, _theirs) = connected(configuration(), configuration()).await;
        let init = || DataChannelInit {
            negotiated: true,
            id: Some(100),
            ..DataChannelInit::default()
        };
        let ours = a.connection.create_data_channel("n", init()).await.unwrap();
        let mut theirs = b.connection.create_data_channel("n", init()).await.unwrap();
        ours.send_text("without a word").await.unwrap();
        assert_eq!(theirs.recv().await, Some(Message::from("without a word")));

        let init = DataChannelInit {
            ordered: false,
            max_retransmits: Some(0),
            protocol: "p".to_owned(),
            ..DataChannelInit::default()
        };
        let ours = a.connection.create_data_channel("u", init).await.unwrap();
        let mut theirs = b.channels.recv().await.unwrap();
        assert_eq!((theirs.ordered(), theirs.protocol()), (false, "p"));
        ours.send_text("whenever").await.unwrap();
        assert_eq!(theirs.recv().await, Some(Message::from("whenever")));
    })
    .await;
}

fn pattern() -> Bytes {
    (0..MIB).map(|at| (at * 7 % 251) as u8).collect()
}

const MIB: usize = 1024 * 1024;
