//! From polling to WebSocket: `2probe`, `3probe`, and `5`, upon which the session goes on there.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::packet::{PROBED, Packet};
use super::sessions::Command;
use crate::server::rfc6455::{Heard, Stream, Upgrade, frame};

/// Waits for the client to go over to a WebSocket. Where it does not, the session goes on polling.
pub(super) async fn probe(upgrade: Upgrade, session: mpsc::Sender<Command>, most: Duration) {
    // Fails where the session has ended.
    let over = match timeout(most, probed(upgrade, &session)).await {
        Ok(Some(stream)) => Command::Upgrade(Box::new(stream)),
        _ => Command::ProbeOver,
    };
    let _ = session.send(over).await;
}

async fn probed(upgrade: Upgrade, session: &mpsc::Sender<Command>) -> Option<Stream> {
    let mut stream = upgrade.connection().await?;
    if !says(&mut stream, Packet::Probe).await {
        return None;
    }
    // The client waits for its poll to end before it goes over.
    session.send(Command::Probe).await.ok()?;
    frame::text(stream.output(), |out| out.extend_from_slice(PROBED));
    stream.flush().await.ok()?;
    says(&mut stream, Packet::Upgrade).await.then_some(stream)
}

/// Whether the next message is this one.
async fn says(stream: &mut Stream, wanted: Packet<'_>) -> bool {
    match stream.next().await {
        Ok(Some(Heard::Text(text))) => Packet::parse(&text) == Ok(wanted),
        _ => false,
    }
}
