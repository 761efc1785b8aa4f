//! Callbacks, for who likes them better than a stream of events: the W3C's `on…` handlers.

use std::fmt;
use std::net::SocketAddr;

use super::{ChannelEvent, DataChannel, DataSender, Event, Events};
use crate::core::{
    ChannelError, ConnectionState, IceCandidateInit, IceConnectionState, IceGatheringState,
    Message, SignalingState,
};

type Callback<T> = Option<Box<dyn FnMut(T) + Send>>;

/// The event handlers of a connection, for [`Events::dispatch`]. What has no handler is thrown away; a data channel
/// without one is closed.
#[derive(Default)]
pub struct Handlers {
    negotiation_needed: Callback<()>,
    ice_candidate: Callback<Option<IceCandidateInit>>,
    ice_candidate_error: Callback<IceCandidateError>,
    signaling_state: Callback<SignalingState>,
    ice_connection_state: Callback<IceConnectionState>,
    ice_gathering_state: Callback<IceGatheringState>,
    connection_state: Callback<ConnectionState>,
    data_channel: Callback<DataChannel>,
}

/// RTCPeerConnectionIceErrorEvent: [`Event::IceCandidateError`], for its handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceCandidateError {
    /// The server, as its URL was given.
    pub url: String,
    /// The address that was asked from, where there was one.
    pub local: Option<SocketAddr>,
    /// The STUN error code that the server sent; `None`: no answer, or nothing could be asked.
    pub code: Option<u16>,
    /// What went wrong, in words.
    pub reason: String,
}

impl Handlers {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `onnegotiationneeded`: [`Event::NegotiationNeeded`].
    #[must_use]
    pub fn on_negotiation_needed(mut self, mut call: impl FnMut() + Send + 'static) -> Self {
        self.negotiation_needed = Some(Box::new(move |()| call()));
        self
    }

    /// `onicecandidate`: [`Event::IceCandidate`].
    #[must_use]
    pub fn on_ice_candidate(
        mut self,
        call: impl FnMut(Option<IceCandidateInit>) + Send + 'static,
    ) -> Self {
        self.ice_candidate = Some(Box::new(call));
        self
    }

    /// `onicecandidateerror`: [`Event::IceCandidateError`].
    #[must_use]
    pub fn on_ice_candidate_error(
        mut self,
        call: impl FnMut(IceCandidateError) + Send + 'static,
    ) -> Self {
        self.ice_candidate_error = Some(Box::new(call));
        self
    }

    /// `onsignalingstatechange`: [`Event::SignalingStateChange`].
    #[must_use]
    pub fn on_signaling_state_change(
        mut self,
        call: impl FnMut(SignalingState) + Send + 'static,
    ) -> Self {
        self.signaling_state = Some(Box::new(call));
        self
    }

    /// `oniceconnectionstatechange`: [`Event::IceConnectionStateChange`].
    #[must_use]
    pub fn on_ice_connection_state_change(
        mut self,
        call: impl FnMut(IceConnectionState) + Send + 'static,
    ) -> Self {
        self.ice_connection_state = Some(Box::new(call));
        self
    }

    /// `onicegatheringstatechange`: [`Event::IceGatheringStateChange`].
    #[must_use]
    pub fn on_ice_gathering_state_change(
        mut self,
        call: impl FnMut(IceGatheringState) + Send + 'static,
    ) -> Self {
        self.ice_gathering_state = Some(Box::new(call));
        self
    }

    /// `onconnectionstatechange`: [`Event::ConnectionStateChange`].
    #[must_use]
    pub fn on_connection_state_change(
        mut self,
        call: impl FnMut(ConnectionState) + Send + 'static,
    ) -> Self {
        self.connection_state = Some(Box::new(call));
        self
    }

    /// `ondatachannel`: [`Event::DataChannel`].
    #[must_use]
    pub fn on_data_channel(mut self, call: impl FnMut(DataChannel) + Send + 'static) -> Self {
        self.data_channel = Some(Box::new(call));
        self
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::NegotiationNeeded => tell(&mut self.negotiation_needed, ()),
            Event::IceCandidate(candidate) => tell(&mut self.ice_candidate, candidate),
            Event::IceCandidateError {
                url,
                local,
                code,
                reason,
            } => {
                let error = IceCandidateError {
                    url,
                    local,
                    code,
                    reason,
                };
                tell(&mut self.ice_candidate_error, error);
            }
            Event::SignalingStateChange(state) => tell(&mut self.signaling_state, state),
            Event::IceConnectionStateChange(state) => tell(&mut self.ice_connection_state, state),
            Event::IceGatheringStateChange(state) => tell(&mut self.ice_gathering_state, state),
            Event::ConnectionStateChange(state) => tell(&mut self.connection_state, state),
            Event::DataChannel(channel) => tell(&mut self.data_channel, channel),
        }
    }
}

impl Events {
    /// Calls handlers for the events, in order, on a task of the current tokio runtime, until the connection has ended.
    /// A handler must return soon and never block: what has to wait belongs on a task or a channel of its own.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn dispatch(mut self, mut handlers: Handlers) {
        tokio::spawn(async move {
            while let Some(event) = self.next().await {
                handlers.handle(event);
            }
        });
    }
}

/// The event handlers of a data channel, for [`DataChannel::dispatch`]. What has no handler is thrown away.
#[derive(Default)]
pub struct ChannelHandlers {
    open: Callback<()>,
    message: Callback<Message>,
    buffered_amount_low: Callback<()>,
    closing: Callback<()>,
    error: Callback<ChannelError>,
    close: Callback<()>,
}

impl ChannelHandlers {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `onopen`: [`ChannelEvent::Open`].
    #[must_use]
    pub fn on_open(mut self, mut call: impl FnMut() + Send + 'static) -> Self {
        self.open = Some(Box::new(move |()| call()));
        self
    }

    /// `onmessage`: [`ChannelEvent::Message`].
    #[must_use]
    pub fn on_message(mut self, call: impl FnMut(Message) + Send + 'static) -> Self {
        self.message = Some(Box::new(call));
        self
    }

    /// `onbufferedamountlow`: [`ChannelEvent::BufferedAmountLow`].
    #[must_use]
    pub fn on_buffered_amount_low(mut self, mut call: impl FnMut() + Send + 'static) -> Self {
        self.buffered_amount_low = Some(Box::new(move |()| call()));
        self
    }

    /// `onclosing`: [`ChannelEvent::Closing`].
    #[must_use]
    pub fn on_closing(mut self, mut call: impl FnMut() + Send + 'static) -> Self {
        self.closing = Some(Box::new(move |()| call()));
        self
    }

    /// `onerror`: [`ChannelEvent::Error`].
    #[must_use]
    pub fn on_error(mut self, call: impl FnMut(ChannelError) + Send + 'static) -> Self {
        self.error = Some(Box::new(call));
        self
    }

    /// `onclose`: [`ChannelEvent::Closed`].
    #[must_use]
    pub fn on_close(mut self, mut call: impl FnMut() + Send + 'static) -> Self {
        self.close = Some(Box::new(move |()| call()));
        self
    }

    fn handle(&mut self, event: ChannelEvent) {
        match event {
            ChannelEvent::Open => tell(&mut self.open, ()),
            ChannelEvent::Message(message) => tell(&mut self.message, message),
            ChannelEvent::BufferedAmountLow => tell(&mut self.buffered_amount_low, ()),
            ChannelEvent::Closing => tell(&mut self.closing, ()),
            ChannelEvent::Error(error) => tell(&mut self.error, error),
            ChannelEvent::Closed => tell(&mut self.close, ()),
        }
    }
}

impl DataChannel {
    /// Calls handlers for what happens on the channel, in order, on a task of the current tokio runtime, until the channel
    /// is closed; gives the half to send with. A handler must return soon and never block: while it runs nothing is read.
    /// As ever, the channel is closed when the last [`DataSender`] is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use = "dropping the last sender closes the channel"]
    pub fn dispatch(self, mut handlers: ChannelHandlers) -> DataSender {
        let (sender, mut receiver) = self.split();
        tokio::spawn(async move {
            while let Some(event) = receiver.next().await {
                handlers.handle(event);
            }
        });
        sender
    }
}

fn tell<T>(callback: &mut Callback<T>, event: T) {
    if let Some(call) = callback {
        call(event);
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers").finish_non_exhaustive()
    }
}

impl fmt::Debug for ChannelHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelHandlers").finish_non_exhaustive()
    }
}
