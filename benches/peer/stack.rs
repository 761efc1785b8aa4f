//! What every stack is asked to do: two of its peers, in this process, over loopback UDP.

use std::sync::Arc;
use std::time::Duration;

use crate::child::Buffers;
use crate::measure::Meter;
use crate::wire::Wire;

/// Two connected peers of one stack, with a channel open on both sides.
pub(crate) trait Stack: Sized {
    /// Two new peers, over a wire where one is given; and how long it took from `create_offer` until the channel was open
    /// on both sides.
    async fn connect(wire: Option<Arc<Wire>>) -> (Self, Duration);

    /// Begins to send messages of so many bytes one way, without an end and as fast as the stack takes them. What arrives
    /// is told to the meter.
    fn flood(&mut self, size: usize, meter: Arc<Meter>);

    /// Closes both.
    async fn close(self);
}

/// The stacks that were built.
pub(crate) const NAMES: &[&str] = &[
    "ieum",
    #[cfg(feature = "rivals-connect")]
    "str0m 0.25.0",
    #[cfg(feature = "rivals-connect")]
    "webrtc 0.17.2",
    #[cfg(feature = "rivals-connect")]
    "webrtc 0.21.1",
    #[cfg(feature = "rivals-connect")]
    "rustrtc 0.4.20",
];

/// Whether a stack can be given such buffers: of its sockets, or else of its windows. The one that can be given neither gained
/// nothing when all sockets of a machine had them.
pub(crate) fn takes(name: &str, buffers: Buffers) -> bool {
    buffers == Buffers::Default || name != "webrtc 0.17.2"
}
