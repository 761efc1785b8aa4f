//! The task that owns a connection.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::command::Command;
use super::peer_connection::State;
use super::wake::Wake;
use super::{Configuration, Error, Event};

pub(super) struct Driver {
    commands: mpsc::Receiver<Command>,
}

impl Driver {
    pub(super) fn new(
        _now: Instant,
        _configuration: Configuration,
        commands: mpsc::Receiver<Command>,
        _events: mpsc::Sender<Event>,
        _state: watch::Sender<State>,
        _wake: Arc<Wake>,
    ) -> Result<Self, Error> {
        Ok(Self { commands })
    }

    pub(super) async fn run(mut self) {
        while self.commands.recv().await.is_some() {}
    }
}
