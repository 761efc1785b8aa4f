//! Native calls that signal over a broker.

use ieum::peer::{Configuration, Interfaces};
use ieum::{CallError, Endpoint};
use ieum_signaling::client::ConnectError;

use super::server::within;

/// One that connects and ends, between a caller and who is called at these URLs.
pub(crate) async fn call(here: &str, there: &str) {
    let mut callee = endpoint(there, "callee").await;
    let caller = endpoint(here, "caller").await;
    let ours = within(async {
        loop {
            match caller.call("callee").await {
                Err(CallError::NoSuchPeer { .. }) => tokio::task::yield_now().await,
                call => return call.unwrap(),
            }
        }
    })
    .await;
    within(ours.connected()).await.unwrap();
    let theirs = within(callee.accept()).await.unwrap();
    within(theirs.connected()).await.unwrap();
    ours.close().await;
    callee.close().await;
    caller.close().await;
}

/// An endpoint, once the last one of that name is gone from the broker too.
async fn endpoint(url: &str, id: &str) -> Endpoint {
    let connecting = async || {
        let mut options = ieum::Options::new(url, id);
        options.configuration = Box::new(|| Configuration {
            interfaces: Interfaces {
                loopback: true,
                ..Interfaces::default()
            },
            ..Configuration::default()
        });
        Endpoint::connect(options).await
    };
    within(async {
        loop {
            match connecting().await {
                Err(ieum::Error::Signaling(ConnectError::IdRefused(_))) => {
                    tokio::task::yield_now().await;
                }
                endpoint => return endpoint.unwrap(),
            }
        }
    })
    .await
}
