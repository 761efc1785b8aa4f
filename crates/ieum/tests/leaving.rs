//! Leaving signaling in a call, and joining it again for an ICE restart.

mod common;

use common::{call, channel, connected, delivers, endpoint, signaling, within};
use ieum::peer::ConnectionState;
use ieum::{Call, CallError, Ended, Endpoint};

/// Two endpoints in a call.
async fn in_a_call(url: &str) -> (Endpoint, Endpoint, Call, Call) {
    let mut callee = endpoint(url, "callee").await;
    let caller = endpoint(url, "caller").await;
    let ours = call(&caller, "callee").await;
    connected(&ours).await;
    let theirs = within("the call comes in", callee.accept()).await.unwrap();
    connected(&theirs).await;
    (caller, callee, ours, theirs)
}

/// The ICE user name fragment of the description that a side has from the other.
fn generation(call: &Call) -> String {
    let sdp = call.connection().remote_description().unwrap().sdp;
    let line = sdp.lines().find(|line| line.starts_with("a=ice-ufrag:"));
    line.unwrap().to_owned()
}

#[tokio::test]
async fn a_peer_that_leaves_signaling_stays_in_its_call_and_a_restart_joins_it_again() {
    let url = signaling().await;
    let mut witness = endpoint(&url, "witness").await;
    let (caller, callee, mut ours, mut theirs) = in_a_call(&url).await;
    let a = channel(&mut ours).await;
    let mut b = channel(&mut theirs).await;
    within("the caller leaves", caller.leave()).await;
    within("the callee leaves", callee.leave()).await;
    assert!(matches!(
        caller.call("witness").await,
        Err(CallError::Closed)
    ));
    assert!(matches!(
        within("nobody is there", witness_calls(&witness)).await,
        CallError::NoSuchPeer { .. }
    ));
    delivers(&a, &mut b, "without signaling").await;
    assert_eq!(ours.state(), ConnectionState::Connected);
    assert_eq!(theirs.state(), ConnectionState::Connected);

    // The callee is back, because it wants to be called; the caller because it has an offer to make.
    within("the callee joins", callee.join()).await.unwrap();
    let before = generation(&theirs);
    ours.connection().restart_ice().await.unwrap();
    within("the restart arrives", async {
        while generation(&theirs) == before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    delivers(&a, &mut b, "after the restart").await;
    let late = call(&caller, "witness").await;
    connected(&late).await;
    drop(within("the call comes in", witness.accept()).await);
    ours.close().await;
    assert_eq!(
        within("the end is seen", theirs.ended()).await,
        Ended::There
    );
}

/// Until the witness has seen them leave.
async fn witness_calls(witness: &Endpoint) -> CallError {
    loop {
        match witness.call("caller").await {
            Err(error) => return error,
            Ok(call) => call.close().await,
        }
    }
}

#[tokio::test]
async fn a_restart_whose_peer_is_away_is_offered_again_when_the_peer_is_back() {
    let url = signaling().await;
    let (caller, callee, mut ours, mut theirs) = in_a_call(&url).await;
    let a = channel(&mut ours).await;
    let mut b = channel(&mut theirs).await;
    within("the callee leaves", callee.leave()).await;
    let before = generation(&theirs);
    ours.connection().restart_ice().await.unwrap();
    delivers(&a, &mut b, "while the offer has nobody to go to").await;
    within("the callee joins", callee.join()).await.unwrap();
    within("the restart arrives", async {
        while generation(&theirs) == before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    delivers(&a, &mut b, "after the restart").await;
    caller.close().await;
}
