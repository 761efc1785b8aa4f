//! What a data channel tells of its life, as a stream of events and by callbacks, and how it holds a sender back.

mod common;

use common::{configuration, connected, echo, within};
use ieum_peer::{
    ChannelError, ChannelEvent, ChannelHandlers, ConnectionState, DataChannelInit,
    DataChannelState, Error, Handlers, Message, PeerConnection, Priority, UsageError,
};
use tokio::sync::mpsc;

#[tokio::test]
async fn the_events_of_a_channel_come_in_order_and_end_with_its_close() {
    within(async {
        let (_a, ours, _b, mut theirs) = connected(configuration(), configuration()).await;
        ours.send_text("one").await.unwrap();
        ours.send(vec![2]).await.unwrap();
        ours.close().await;
        let mut told = Vec::new();
        while let Some(event) = theirs.next().await {
            told.push(event);
        }
        let expected = [
            ChannelEvent::Open,
            ChannelEvent::Message("one".into()),
            ChannelEvent::Message(Message::Binary(vec![2].into())),
            ChannelEvent::Closing,
            ChannelEvent::Closed,
        ];
        assert_eq!(told, expected);
        assert_eq!(theirs.next().await, None);
        assert_eq!(theirs.error(), None);
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_goes_away_without_closing_its_channels_is_an_error_of_them() {
    within(async {
        let (a, _ours, _b, mut theirs) = connected(configuration(), configuration()).await;
        drop(a);
        let mut told = Vec::new();
        while let Some(event) = theirs.next().await {
            told.push(event);
        }
        let error = ChannelError::Sctp;
        let expected = [
            ChannelEvent::Open,
            ChannelEvent::Closing,
            ChannelEvent::Error(error),
            ChannelEvent::Closed,
        ];
        assert_eq!(told, expected);
        assert_eq!(
            (theirs.error(), error.detail()),
            (Some(error), "sctp-failure")
        );
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_never_opened_is_told_closed_and_nothing_else() {
    within(async {
        let (peer, _events) = PeerConnection::new(configuration()).unwrap();
        let channel = peer
            .create_data_channel("x", DataChannelInit::default())
            .await;
        let mut channel = channel.unwrap();
        assert_eq!(channel.ready_state(), DataChannelState::Connecting);
        peer.close().await;
        assert_eq!(channel.next().await, Some(ChannelEvent::Closed));
        assert_eq!(channel.next().await, None);
    })
    .await;
}

#[tokio::test]
async fn the_buffered_amount_counts_what_is_not_acknowledged_and_says_when_it_is_low() {
    within(async {
        let (_a, mut ours, _b, theirs) = connected(configuration(), configuration()).await;
        tokio::spawn(echo(theirs));
        assert_eq!(ours.next().await, Some(ChannelEvent::Open));
        assert_eq!(ours.buffered_amount_low_threshold(), 0);
        ours.set_buffered_amount_low_threshold(50_000);
        for _ in 0..10 {
            ours.try_send(vec![0; 10_000]).unwrap();
        }
        assert_eq!(ours.buffered_amount(), 100_000);
        while ours.next().await.unwrap() != ChannelEvent::BufferedAmountLow {}
        assert!(ours.buffered_amount() <= 50_000);
        // It is not told where the amount was never above the threshold.
        while ours.buffered_amount() > 0 {
            tokio::task::yield_now().await;
        }
        ours.send_text("below").await.unwrap();
        loop {
            match ours.next().await.unwrap() {
                ChannelEvent::Message(Message::Text(text)) if text == "below" => break,
                ChannelEvent::Message(_) => {}
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn try_send_says_that_the_buffer_is_full_and_sends_nothing() {
    within(async {
        let (_a, ours, _b, mut theirs) = connected(configuration(), configuration()).await;
        let mut sent = 0;
        // The peer's application does not read.
        let refused = loop {
            match ours.try_send(vec![sent as u8; 200_000]) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
            assert!(sent < 1000);
            tokio::task::yield_now().await;
        };
        assert_eq!(refused, Error::Full);
        let read = async {
            let mut arrived = 0;
            while theirs.recv().await.is_some() {
                arrived += 1;
            }
            arrived
        };
        let ((), arrived) = tokio::join!(ours.close(), read);
        assert_eq!(arrived, sent);
    })
    .await;
}

#[tokio::test]
async fn what_a_channel_was_made_with_both_sides_can_read() {
    within(async {
        let (a, _ours, mut b, _theirs) = connected(configuration(), configuration()).await;
        let init = DataChannelInit {
            max_retransmits: Some(3),
            priority: Priority::VeryLow,
            protocol: "p".into(),
            ..DataChannelInit::default()
        };
        let ours = a.connection.create_data_channel("x", init).await.unwrap();
        let theirs = b.channels.recv().await.unwrap();
        for channel in [&ours, &theirs] {
            assert_eq!(channel.max_retransmits(), Some(3));
            assert_eq!(channel.max_packet_life_time_ms(), None);
            assert_eq!(
                (channel.priority(), channel.negotiated()),
                (Priority::VeryLow, false)
            );
            assert_eq!((channel.label(), channel.protocol()), ("x", "p"));
        }
    })
    .await;
}

#[tokio::test]
async fn options_that_cannot_be_have_the_names_of_the_w3c() {
    within(async {
        let (peer, _events) = PeerConnection::new(configuration()).unwrap();
        let init = DataChannelInit::default;
        let long = "x".repeat(65_536);
        let cases = [
            (
                DataChannelInit {
                    max_retransmits: Some(1),
                    max_packet_life_time_ms: Some(1),
                    ..init()
                },
                "TypeError",
            ),
            (
                DataChannelInit {
                    negotiated: true,
                    ..init()
                },
                "TypeError",
            ),
            (
                DataChannelInit {
                    id: Some(65_535),
                    ..init()
                },
                "TypeError",
            ),
            (
                DataChannelInit {
                    protocol: long,
                    ..init()
                },
                "TypeError",
            ),
        ];
        for (init, name) in cases {
            let refused = peer.create_data_channel("x", init).await.unwrap_err();
            assert!(refused.to_string().starts_with(name), "{refused}");
        }
        let channel = peer.create_data_channel("x", init()).await.unwrap();
        let early = channel.try_send_text("early").unwrap_err();
        let expected = UsageError::ChannelNotOpen(DataChannelState::Connecting);
        assert_eq!(early, expected.into());
        peer.close().await;
        let late = peer.create_data_channel("x", init()).await.unwrap_err();
        assert!(late.to_string().starts_with("InvalidStateError"), "{late}");
    })
    .await;
}

#[tokio::test]
async fn callbacks_are_told_what_the_stream_of_events_would_be() {
    within(async {
        let (a, a_events) = PeerConnection::new(configuration()).unwrap();
        let (states, mut connected) = mpsc::unbounded_channel();
        let (candidates, mut gathered) = mpsc::unbounded_channel();
        let handlers = Handlers::new()
            .on_connection_state_change(move |state| states.send(state).unwrap())
            .on_ice_candidate(move |candidate| candidates.send(candidate).unwrap());
        a_events.dispatch(handlers);

        let (b, b_events) = PeerConnection::new(configuration()).unwrap();
        let (senders, mut replies) = mpsc::unbounded_channel();
        b_events.dispatch(Handlers::new().on_data_channel(move |channel| {
            let sender = channel.sender();
            // A handler that answers hands the work on; this one has room, and need not wait.
            let handlers = ChannelHandlers::new()
                .on_message(move |message| sender.try_send_message(message).unwrap());
            senders.send(channel.dispatch(handlers)).unwrap();
        }));

        let channel = a.create_data_channel("x", DataChannelInit::default()).await;
        let (told, mut heard) = mpsc::unbounded_channel();
        let (opened, closed) = (told.clone(), told.clone());
        let ours = channel.unwrap().dispatch(
            ChannelHandlers::new()
                .on_open(move || opened.send("open".to_owned()).unwrap())
                .on_message(move |message| told.send(format!("{message:?}")).unwrap())
                .on_close(move || closed.send("close".to_owned()).unwrap()),
        );
        let offer = a.create_offer().await.unwrap();
        a.set_local_description(offer).await.unwrap();
        a.gathering_complete().await;
        b.set_remote_description(a.local_description().unwrap())
            .await
            .unwrap();
        b.set_implicit_local_description().await.unwrap();
        b.gathering_complete().await;
        a.set_remote_description(b.local_description().unwrap())
            .await
            .unwrap();

        assert_eq!(heard.recv().await.unwrap(), "open");
        ours.send_text("hello").await.unwrap();
        assert_eq!(heard.recv().await.unwrap(), "Text(\"hello\")");
        assert!(replies.recv().await.is_some());
        assert!(matches!(gathered.recv().await, Some(Some(_))));
        a.close().await;
        assert_eq!(heard.recv().await.unwrap(), "close");
        let mut last = None;
        while let Some(state) = connected.recv().await {
            last = Some(state);
        }
        assert_eq!(last, Some(ConnectionState::Closed));
    })
    .await;
}
