//! What an endpoint is made with.

use std::fmt;

use ieum_peer::Configuration;
use ieum_signaling::client::{self, TlsRoots};

/// Makes the configuration of each connection: fresh credentials for each call are its matter.
pub type MakeConfiguration = Box<dyn FnMut() -> Configuration + Send>;

/// Where an endpoint registers, as whom, and how its connections are made.
pub struct Options {
    /// The signaling server: `http://host:port`; or another carrier, as [`ieum_signaling::client::Options::url`].
    pub url: String,
    /// The peer id to register.
    pub id: String,
    /// What kind of peer this is, shown to the others.
    pub peer_type: Option<String>,
    /// The token that the signaling server asks for.
    pub token: Option<String>,
    /// The room; empty for the common one.
    pub room: String,
    /// Whose certificates the signaling server may have, over TLS.
    pub roots: TlsRoots,
    /// Called once for each call. An observer in it is told everything beside the call's own recording.
    pub configuration: MakeConfiguration,
    /// Whether candidates are sent one by one as they are found (RFC 8838). `false`: a description is sent when gathering is
    /// complete, with all candidates in it, for peers that cannot take them later.
    pub trickle: bool,
    /// The label of the data channel that [`Endpoint::call`](crate::Endpoint::call) opens.
    pub channel: String,
    /// How many calls there may be at once; further offers are refused.
    pub max_calls: usize,
}

impl Options {
    /// Options for peer `id` at the signaling server `url`: no token, default connections, trickle, a data channel
    /// labelled `ieum`, at most 256 calls.
    #[must_use]
    pub fn new(url: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            id: id.into(),
            peer_type: Some("native".to_owned()),
            token: None,
            room: String::new(),
            roots: TlsRoots::System,
            configuration: Box::new(Configuration::default),
            trickle: true,
            channel: "ieum".to_owned(),
            max_calls: 256,
        }
    }

    pub(super) fn signaling(&self) -> client::Options {
        client::Options {
            peer_type: self.peer_type.clone(),
            token: self.token.clone(),
            room: self.room.clone(),
            roots: self.roots.clone(),
            ..client::Options::new(&self.url, &self.id)
        }
    }
}

/// Without the token.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("url", &self.url)
            .field("id", &self.id)
            .field("room", &self.room)
            .field("peer_type", &self.peer_type)
            .field("trickle", &self.trickle)
            .field("max_calls", &self.max_calls)
            .finish_non_exhaustive()
    }
}
