//! What handles ask of the driver: over one bounded channel for operations, over another for what is sent.

use tokio::sync::oneshot;

use super::{DataChannel, Error, Report};
use crate::core::{
    ChannelId, DataChannelInit, IceCandidateInit, Message, SessionDescription, Stats,
};

/// Where the driver answers.
pub(super) type Reply<T> = oneshot::Sender<T>;

/// An operation.
#[derive(Debug)]
pub(super) enum Command {
    CreateOffer(Reply<Result<SessionDescription, Error>>),
    CreateAnswer(Reply<Result<SessionDescription, Error>>),
    SetLocal(Option<SessionDescription>, Reply<Result<(), Error>>),
    SetRemote(SessionDescription, Reply<Result<(), Error>>),
    AddCandidate(IceCandidateInit, Reply<Result<(), Error>>),
    CreateChannel(String, DataChannelInit, Reply<Result<DataChannel, Error>>),
    NetworkChanged(Reply<()>),
    RestartIce(Reply<()>),
    Report(Reply<Report>),
    Stats(Reply<Stats>),
    Close(Reply<()>),
}

/// What goes out on a data channel, in order with everything else of the channel.
#[derive(Debug)]
pub(super) enum Outgoing {
    Message(ChannelId, Message),
    Close(ChannelId),
}
