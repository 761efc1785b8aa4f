//! One endpoint against a peer whose every message is scripted.

mod common;

use common::{Scripted, channel, connected, delivers, endpoint, signaling, wire, within};
use common::{call, options_with_stun, stun_server};
use ieum::peer::SdpType;
use ieum::signaling::{DescriptionKind, Signal};
use ieum::{Ended, Endpoint};

fn description(kind: DescriptionKind, sdp: String) -> Signal {
    Signal::description(kind, sdp)
}

#[tokio::test]
async fn a_peer_that_does_not_trickle_is_answered() {
    let url = signaling().await;
    let mut ours = endpoint(&url, "ours").await;
    let mut peer = Scripted::register(&url, "peer").await;
    let offer = peer.offer(true).await;
    assert!(offer.contains("a=candidate:"));
    peer.say("ours", description(DescriptionKind::Offer, offer))
        .await;
    let mut call = within("the call comes in", ours.accept()).await.unwrap();
    let answer = peer.hear_description(DescriptionKind::Answer).await;
    peer.apply(SdpType::Answer, answer).await;
    peer.connect().await;
    let here = channel(&mut call).await;
    delivers(&here, &mut peer.data, "hello").await;
}

#[tokio::test]
async fn candidates_found_after_the_description_are_sent_one_by_one() {
    let url = signaling().await;
    let options = options_with_stun(&url, "ours", stun_server().await);
    let ours = Endpoint::connect(options).await.unwrap();
    let mut peer = Scripted::register(&url, "peer").await;
    let _call = call(&ours, "peer").await;
    let offer = peer.hear_description(DescriptionKind::Offer).await;
    assert!(!offer.contains("typ srflx"), "{offer}");
    let mut reflexive = 0;
    loop {
        match peer.hear().await {
            Signal::Candidate { candidate, .. } => {
                assert!(!offer.contains(&candidate), "sent twice: {candidate}");
                reflexive += usize::from(candidate.contains("typ srflx"));
            }
            Signal::EndOfCandidates { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(reflexive > 0);
}

#[tokio::test]
async fn a_side_that_does_not_trickle_sends_whole_descriptions_and_nothing_else() {
    let url = signaling().await;
    let mut quiet = options_with_stun(&url, "ours", stun_server().await);
    quiet.trickle = false;
    let ours = Endpoint::connect(quiet).await.unwrap();
    let mut peer = Scripted::register(&url, "peer").await;
    let call = call(&ours, "peer").await;
    let offer = match peer.hear().await {
        Signal::Description {
            kind: DescriptionKind::Offer,
            sdp,
            ..
        } => sdp,
        other => panic!("{other:?}"),
    };
    assert!(offer.contains("typ srflx"), "{offer}");
    peer.answer("ours", offer).await;
    connected(&call).await;
    call.close().await;
    ours.close().await;
    // What follows the offer is the server's word that the peer has left.
    assert!(matches!(peer.hear().await, Signal::Bye { .. }));
}

#[tokio::test]
async fn candidates_ahead_of_their_offer_are_held() {
    let url = signaling().await;
    let mut ours = endpoint(&url, "ours").await;
    let mut peer = Scripted::register(&url, "peer").await;
    let offer = peer.offer(false).await;
    assert!(!offer.contains("a=candidate:"));
    let candidates = peer.own_candidates().await;
    assert!(!candidates.is_empty());
    for candidate in candidates {
        peer.say("ours", wire(candidate)).await;
    }
    peer.say("ours", description(DescriptionKind::Offer, offer))
        .await;
    let call = within("the call comes in", ours.accept()).await.unwrap();
    let answer = peer.hear_description(DescriptionKind::Answer).await;
    let told = call.recording().timeline().remote().host;
    assert!(
        told > 0,
        "the held candidates were applied before the answer"
    );
    peer.apply(SdpType::Answer, answer).await;
    peer.connect().await;
    connected(&call).await;
}

#[tokio::test]
async fn the_polite_side_takes_its_offer_back() {
    let url = signaling().await;
    let ours = endpoint(&url, "ours").await;
    // Who comes later is impolite: the server tells us to yield.
    let mut peer = Scripted::register(&url, "peer").await;
    let mut call = call(&ours, "peer").await;
    peer.hear_description(DescriptionKind::Offer).await;
    let offer = peer.offer(true).await;
    peer.say("ours", description(DescriptionKind::Offer, offer))
        .await;
    let answer = peer.hear_description(DescriptionKind::Answer).await;
    peer.apply(SdpType::Answer, answer).await;
    peer.connect().await;
    connected(&call).await;
    let _opened_here = channel(&mut call).await;
    let opened_there = channel(&mut call).await;
    assert_eq!(opened_there.label(), "scripted");
}

#[tokio::test]
async fn the_impolite_side_keeps_its_offer() {
    let url = signaling().await;
    let mut peer = Scripted::register(&url, "peer").await;
    let ours = endpoint(&url, "ours").await;
    let call = ours.call("peer").await.unwrap();
    let offer = peer.hear_description(DescriptionKind::Offer).await;
    let losing = peer.offer(true).await;
    peer.say("ours", description(DescriptionKind::Offer, losing))
        .await;
    // The scripted peer yields: applying the offer takes its own back.
    peer.answer("ours", offer).await;
    connected(&call).await;
}

#[tokio::test]
async fn a_second_offer_of_the_same_connection_is_a_renegotiation() {
    let url = signaling().await;
    let mut ours = endpoint(&url, "ours").await;
    let mut peer = Scripted::register(&url, "peer").await;
    let offer = peer.offer(true).await;
    peer.say("ours", description(DescriptionKind::Offer, offer))
        .await;
    let mut call = within("the call comes in", ours.accept()).await.unwrap();
    let answer = peer.hear_description(DescriptionKind::Answer).await;
    peer.apply(SdpType::Answer, answer).await;
    peer.connect().await;
    let here = channel(&mut call).await;

    let again = peer.offer(true).await;
    peer.say("ours", description(DescriptionKind::Offer, again))
        .await;
    let answer = peer.hear_description(DescriptionKind::Answer).await;
    peer.apply(SdpType::Answer, answer).await;
    delivers(&here, &mut peer.data, "the same call").await;
    assert!(
        tokio::time::timeout(std::time::Duration::ZERO, ours.accept())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_offer_of_a_new_connection_replaces_the_call() {
    let url = signaling().await;
    let mut ours = endpoint(&url, "ours").await;
    let mut peer = Scripted::register(&url, "peer").await;
    let mut calls = Vec::new();
    let mut old = Vec::new();
    for _ in 0..2 {
        let offer = peer.offer(true).await;
        peer.say("ours", description(DescriptionKind::Offer, offer))
            .await;
        let call = within("the call comes in", ours.accept()).await.unwrap();
        let answer = peer.hear_description(DescriptionKind::Answer).await;
        peer.apply(SdpType::Answer, answer).await;
        peer.connect().await;
        connected(&call).await;
        calls.push(call);
        old.push(peer.reload().await);
    }
    assert_eq!(
        within("the first call ends", calls[0].ended()).await,
        Ended::Replaced
    );
}

#[tokio::test]
async fn a_peer_that_leaves_ends_a_call_that_is_not_connected() {
    let url = signaling().await;
    let ours = endpoint(&url, "ours").await;
    let mut peer = Scripted::register(&url, "peer").await;
    let call = call(&ours, "peer").await;
    peer.hear_description(DescriptionKind::Offer).await;
    peer.channel.close().await;
    assert_eq!(within("the call ends", call.ended()).await, Ended::PeerLeft);
}

#[tokio::test]
async fn a_peer_that_leaves_does_not_end_a_connected_call() {
    let url = signaling().await;
    let ours = endpoint(&url, "ours").await;
    let mut peer = Scripted::register(&url, "peer").await;
    let mut call = call(&ours, "peer").await;
    let offer = peer.hear_description(DescriptionKind::Offer).await;
    peer.answer("ours", offer).await;
    peer.connect().await;
    let mut ours_channel = channel(&mut call).await;
    let theirs = peer.data;
    within("it opens", theirs.opened()).await.unwrap();
    peer.channel.close().await;
    // A third peer that comes after it left is heard of after it.
    let _third = endpoint(&url, "third").await;
    let later = common::call(&ours, "third").await;
    drop(later);
    let mut other = channel(&mut call).await;
    delivers(&theirs, &mut other, "still here").await;
    ours_channel.send_text("and here").await.unwrap();
    assert!(
        tokio::time::timeout(std::time::Duration::ZERO, ours_channel.recv())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_useless_offer_ends_its_call_and_the_peer_is_told() {
    let url = signaling().await;
    let mut ours = endpoint(&url, "ours").await;
    let mut peer = Scripted::register(&url, "peer").await;
    peer.say(
        "ours",
        description(DescriptionKind::Offer, "v=0\r\nnonsense".to_owned()),
    )
    .await;
    let call = within("the call comes in", ours.accept()).await.unwrap();
    let ended = within("the call ends", call.ended()).await;
    assert!(matches!(ended, Ended::Negotiation(_)), "{ended:?}");
    assert!(matches!(peer.hear().await, Signal::Bye { .. }));

    // The next offer begins a new call.
    let offer = peer.offer(true).await;
    peer.say("ours", description(DescriptionKind::Offer, offer))
        .await;
    let call = within("the next call comes in", ours.accept())
        .await
        .unwrap();
    let answer = peer.hear_description(DescriptionKind::Answer).await;
    peer.apply(SdpType::Answer, answer).await;
    peer.connect().await;
    connected(&call).await;
}
