//! The bridge to an MQTT broker: its peers are peers here, and ours are peers there.
//!
//! One task owns the connection to the broker and two tables. [`Locals`] are this server's peers: for each the bridge publishes a presence
//! `via` itself and subscribes to its `to`. [`Remotes`] are the broker's: each has a session of its own in the state, as any client
//! has, so that rooms, ids, bounds, acknowledgements and counters are the same for it; who says something in its name on the broker
//! says it here. What a session gets is published to its peer, and confirmed to the state when the broker has taken it: what
//! the broker does not take is told to the sender as `gone`.
//!
//! The broker's own rules say who may publish there: its peers need no token of ours. One id has one owner: of a peer here and
//! one on the broker that took it at once, the one here stays.
//!
//! A connection that breaks is made again for ever, with pauses that grow. For the time that sessions are kept the others see nothing of it;
//! then the broker's peers are gone until it is back. Several servers may join one broker: each sees the others' peers
//! `via` their bridges. Of several nodes with one Redis, each may have the bridge: whoever comes second stands by.

mod from_broker;
mod locals;
mod outgoing;
mod remotes;
mod seats;
mod task;

use std::fmt;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::edge::Edge;
use super::hub::Input;
use crate::client::link::Target;
use crate::client::{ConnectError, TlsRoots};
use locals::Locals;
use outgoing::Outgoing;
use remotes::Remotes;
use task::Bridge;

/// The MQTT broker that the server joins.
#[derive(Clone)]
pub struct Mqtt {
    url: String,
    roots: TlsRoots,
}

/// This is no URL of an MQTT broker.
#[derive(Debug, thiserror::Error)]
#[error("this is no broker's URL, such as mqtt://user:password@127.0.0.1:1883/prefix: {0}")]
pub struct NoBroker(#[source] ConnectError);

impl Mqtt {
    /// The broker at `mqtt(s)://user:password@host:port/prefix?version=3.1.1`, of which all but the host may be left out, as for
    /// the client; `roots` say whose certificates it may have, with TLS. It is connected to once the server runs.
    ///
    /// # Errors
    /// [`NoBroker`] where the URL is none.
    pub fn new(url: &str, roots: TlsRoots) -> Result<Self, NoBroker> {
        Target::broker(url, roots.clone()).map_err(NoBroker)?;
        Ok(Self {
            url: url.to_owned(),
            roots,
        })
    }

    /// Begins. What is returned is closed once the bridge has taken its peers away from the broker.
    pub(super) fn start(&self, edge: &Arc<Edge>) -> watch::Receiver<()> {
        let (running, ended) = watch::channel(());
        let target = match Target::broker(&self.url, self.roots.clone()) {
            Ok(target) => target,
            Err(error) => {
                tracing::error!(%error, "there is no bridge to the broker");
                return ended;
            }
        };
        let (sights_in, sights) = mpsc::channel(SIGHTS);
        let edge = Arc::downgrade(edge);
        tokio::spawn(async move {
            let strong = edge.upgrade();
            if let Some(strong) = strong
                && strong.tell(Input::Watch(sights_in)).await
            {
                drop(strong);
                Bridge::new(edge, target, sights).run().await;
            }
            drop(running);
        });
        ended
    }
}

impl fmt::Debug for Mqtt {
    /// Without the URL: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mqtt")
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}

/// News of who came and went that the bridge has not read; beyond it reads the whole list again.
const SIGHTS: usize = 1024;
