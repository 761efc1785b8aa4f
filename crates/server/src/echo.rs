//! The native peer registered as `ieum`: it answers every call and sends back whatever comes over a data channel.
//!
//! A channel's next message is taken only when the last one has been handed on: a peer that does not read its echoes is
//! held up by SCTP's own window, and nothing piles up here.

use std::time::Duration;

use ieum::peer::{Certificate, Configuration, DataChannel, DataChannelState, IceServer, IceTcp};
use ieum::{Call, Endpoint, Options};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::credentials::Issuer;

/// The id that it is registered under.
pub(crate) const ID: &str = "ieum";

/// The echo peer, registered.
pub(crate) struct Echo {
    endpoint: Endpoint,
    calls: JoinSet<()>,
}

impl Echo {
    /// Registers with signaling at `url`. Its connections are made as `configuration` says, with this server's own STUN and TURN.
    pub(crate) async fn register(
        url: &str,
        token: Option<String>,
        issuer: Issuer,
        configuration: Configuration,
    ) -> Result<Self, ieum::call::Error> {
        let mut options = Options::new(url, ID);
        options.token = token;
        options.max_calls = MOST_CALLS;
        // One for all calls. Should it fail, each call tries again, and says so.
        let certificate = Certificate::generate().ok();
        let Configuration {
            interfaces,
            ports,
            address_mappings,
            ..
        } = configuration;
        options.configuration = Box::new(move || Configuration {
            certificate: certificate.clone(),
            ice_servers: own_servers(&issuer),
            // Whoever reaches this machine by TCP alone reaches this peer all the same.
            ice_tcp: IceTcp::Passive,
            interfaces: interfaces.clone(),
            ports: ports.clone(),
            address_mappings: address_mappings.clone(),
            ..Configuration::default()
        });
        Ok(Self {
            endpoint: Endpoint::connect(options).await?,
            calls: JoinSet::new(),
        })
    }

    /// Answers calls until `stop` changes; then ends them gracefully and leaves signaling.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.changed() => break,
                call = self.endpoint.accept() => match call {
                    Some(call) => { self.calls.spawn(serve(call)); }
                    None => {
                        tracing::error!(reason = ?self.endpoint.closed(), "the echo peer lost signaling");
                        break;
                    }
                },
                // Ended calls are forgotten as they end.
                Some(_) = self.calls.join_next() => {}
            }
        }
        let Self {
            endpoint,
            mut calls,
        } = self;
        let ended = timeout(GRACE, async {
            endpoint.close().await;
            while calls.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!(
                calls = calls.len(),
                "calls of the echo peer did not end in time and were dropped"
            );
        }
    }
}

/// This server's own STUN and TURN, with fresh credentials. Without randomness there are none to give: the call then
/// goes on with host candidates.
fn own_servers(issuer: &Issuer) -> Vec<IceServer> {
    match issuer.own_servers() {
        Ok(servers) => servers,
        Err(error) => {
            tracing::error!(%error, "no credentials for the echo peer's own TURN");
            Vec::new()
        }
    }
}

/// One call: every channel is echoed by a task of its own. Ends when the call does.
async fn serve(mut call: Call) {
    let mut channels = JoinSet::new();
    tracing::info!(peer = call.peer(), "a call began");
    while let Some(channel) = call.channel().await {
        if channels.len() >= MOST_CHANNELS {
            // Waiting leaves new channels unanswered until an old one has closed.
            channels.join_next().await;
        }
        channels.spawn(echo(channel));
        while channels.try_join_next().is_some() {}
    }
    let reason = call.ended().await;
    tracing::info!(peer = call.peer(), %reason, "a call ended");
}

async fn echo(channel: DataChannel) {
    let (sender, mut receiver) = channel.split();
    while let Some(message) = receiver.recv().await {
        if let Err(error) = sender.send_message(message).await {
            if sender.ready_state() != DataChannelState::Open {
                break;
            }
            // The peer sends larger messages than it takes: that one has no echo, the next may.
            tracing::debug!(%error, "a message was not echoed");
        }
    }
}

const MOST_CALLS: usize = 256;

/// Of one call, at once.
const MOST_CHANNELS: usize = 64;

/// What the calls have to end in, at shutdown.
const GRACE: Duration = Duration::from_secs(3);
