//! Calls over each carrier that the signaling server has, and between two of them.

mod common;

use common::{call, channel, connected, delivers, endpoint, signaling, within};
use ieum::Ended;

const SCHEMES: [&str; 3] = ["http", "ws", "http+sse"];

#[tokio::test]
async fn a_call_connects_whatever_carries_the_signals_of_either_side() {
    let url = signaling().await;
    for here in SCHEMES {
        for there in SCHEMES {
            let over = |scheme: &str| url.replacen("http", scheme, 1);
            let mut callee = endpoint(&over(there), "callee").await;
            let caller = endpoint(&over(here), "caller").await;
            let mut ours = call(&caller, "callee").await;
            connected(&ours).await;
            let mut theirs = within("the call comes in", callee.accept()).await.unwrap();
            assert_eq!(theirs.peer(), "caller", "{here} to {there}");
            let a = channel(&mut ours).await;
            let mut b = channel(&mut theirs).await;
            delivers(&a, &mut b, here).await;
            ours.close().await;
            assert_eq!(
                within("the end is seen", theirs.ended()).await,
                Ended::There
            );
            caller.close().await;
            callee.close().await;
        }
    }
}
