//! STUN and TURN on TCP and TLS: a stream is cut into messages and channel data again (RFC 8489 §6.2.2, RFC 8656 §12.5).
//!
//! STUN messages follow one another with nothing between them: their header says how long they are. Channel data is
//! padded to a multiple of 4. What else a stream carries cannot be skipped, because nobody knows where it ends.

use alloc::vec::Vec;

use crate::attribute::padded;
use crate::channel_data::{ChannelData, is_channel};
use crate::header::{HEADER, MAGIC_COOKIE};

/// One unit of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A STUN message, whole; its header is right, its attributes are not looked at: [`crate::Message::parse`] does.
    Message(&'a [u8]),
    /// Channel data, without its padding.
    ChannelData(ChannelData<'a>),
}

impl<'a> Frame<'a> {
    /// The first frame of `bytes`, and how many bytes it takes with its padding. `None`: it is not all there yet.
    ///
    /// For a caller that keeps the bytes itself; [`Deframer`] keeps what is cut off.
    ///
    /// # Errors
    /// [`StreamError`] as soon as a byte of it is wrong.
    pub fn split(bytes: &'a [u8]) -> Result<Option<(Self, usize)>, StreamError> {
        let len = needed(bytes, MAX_FRAME)?;
        Ok(bytes.get(..len).map(|frame| (Self::new(frame), len)))
    }

    /// `bytes` is one frame, checked.
    fn new(bytes: &'a [u8]) -> Self {
        match ChannelData::parse(bytes) {
            Some(channel_data) => Self::ChannelData(channel_data),
            None => Self::Message(bytes),
        }
    }
}

/// Cuts a stream into its frames, however it was cut on the way.
///
/// Frames are borrowed from what was received, where they are whole in it: only one that is cut off is copied, and kept
/// until the rest of it comes. So an idle connection holds next to nothing, and no connection more than one frame.
///
/// ```
/// use ieum_stun::{Deframer, Frame};
///
/// # fn read(buffer: &mut [u8]) -> usize { let bytes = [0x40, 0, 0, 2, 7, 7, 0, 0, 0x40]; buffer[..9].copy_from_slice(&bytes); 9 }
/// let mut deframer = Deframer::new();
/// let mut buffer = [0; 2048]; // may serve many connections
/// let received = read(&mut buffer);
///
/// let mut input = &buffer[..received];
/// while let Some(frame) = deframer.next_frame(&mut input)? {
///     match frame {
///         Frame::Message(bytes) => println!("a message of {} bytes", bytes.len()),
///         Frame::ChannelData(data) => println!("{} bytes for {:#x}", data.data.len(), data.number),
///     }
/// }
/// // All of the input was taken, and the beginning of the next frame is kept.
/// assert_eq!((input.len(), deframer.kept()), (0, 1));
/// # Ok::<(), ieum_stun::StreamError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Deframer {
    /// The beginning of a frame; all of it once it was given out.
    partial: Vec<u8>,
    given: bool,
    limit: usize,
    failed: Option<StreamError>,
}

impl Deframer {
    /// Takes frames of any length: one is at most 65,552 bytes long.
    pub fn new() -> Self {
        Self::with_limit(MAX_FRAME)
    }

    /// Takes no frame longer than `limit` bytes, header and padding counted: such a one is an error as soon as its
    /// header is there. For clients that have not yet shown who they are.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            partial: Vec::new(),
            given: false,
            limit: limit.min(MAX_FRAME),
            failed: None,
        }
    }

    /// Another limit from the next frame on (see [`with_limit`](Self::with_limit)).
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(MAX_FRAME);
    }

    /// The next frame of what was kept and of `input`, from which the bytes that were used are cut off. `None`: all of
    /// the input was used, and more is needed.
    ///
    /// What stands behind a frame stays in `input`. So a stream that turns into another protocol after a message (as
    /// after ConnectionBind, RFC 6062 §5.4) goes on there.
    ///
    /// # Errors
    /// [`StreamError`]: the stream makes no sense any more and the connection is to be closed. It is given again
    /// whenever this is called.
    pub fn next_frame<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Frame<'s>>, StreamError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if core::mem::take(&mut self.given) {
            self.partial.clear();
            self.partial.shrink_to(KEPT_CAPACITY);
        }
        if self.partial.is_empty() {
            let len = self.note(needed(input, self.limit))?;
            if let Some((frame, rest)) = input.split_at_checked(len) {
                *input = rest;
                return Ok(Some(Frame::new(frame)));
            }
        }
        loop {
            let missing = self.note(needed(&self.partial, self.limit))? - self.partial.len();
            if missing == 0 {
                break;
            }
            if input.is_empty() {
                return Ok(None);
            }
            let (next, rest) = input.split_at(missing.min(input.len()));
            self.partial.extend_from_slice(next);
            *input = rest;
        }
        self.given = true;
        Ok(Some(Frame::new(&self.partial)))
    }

    /// A stream that failed once stays so.
    fn note(&mut self, outcome: Result<usize, StreamError>) -> Result<usize, StreamError> {
        self.failed = outcome.err();
        outcome
    }

    /// Bytes of a frame that is not all there yet. A stream that ends while there are some was cut off.
    pub fn kept(&self) -> usize {
        if self.given { 0 } else { self.partial.len() }
    }
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}

/// What a stream carries that is no frame: the peer's fault, and the connection's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset} of a frame: expected {expected}; the connection is to be closed")]
pub struct StreamError {
    /// Where, from the beginning of the frame.
    pub offset: usize,
    /// What should have been there.
    pub expected: StreamExpected,
}

/// What a stream should have carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamExpected {
    /// The first byte is 0x00 to 0x3F in a message, 0x40 to 0x7F in channel data.
    #[error("a STUN message or channel data")]
    Frame,
    /// A message's length is a multiple of 4.
    #[error("a length that is a multiple of 4")]
    MessageLength,
    /// Bytes 4 to 8 of a message are 0x2112A442.
    #[error("the magic cookie")]
    MagicCookie,
    /// The frame is not longer than the caller's limit.
    #[error("a shorter frame")]
    ShorterFrame,
}

/// How many bytes it takes to go on: those of the whole frame, once its header is there, else those that tell more.
fn needed(frame: &[u8], limit: usize) -> Result<usize, StreamError> {
    let error = |offset, expected| Err(StreamError { offset, expected });
    let channel = match frame.first() {
        None => return Ok(4),
        Some(first) if is_channel(*first) => true,
        Some(first) if first & 0xC0 == 0 => false,
        Some(_) => return error(0, StreamExpected::Frame),
    };
    let Some([_, _, high, low]) = frame.first_chunk() else {
        return Ok(4);
    };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    let total = match channel {
        true => ChannelData::HEADER + padded(len),
        false if len % 4 != 0 => return error(2, StreamExpected::MessageLength),
        false => HEADER + len,
    };
    if total > limit {
        return error(2, StreamExpected::ShorterFrame);
    }
    match frame.get(4..8) {
        _ if channel => Ok(total),
        None => Ok(8),
        Some(cookie) if cookie == MAGIC_COOKIE.to_be_bytes() => Ok(total),
        Some(_) => error(4, StreamExpected::MagicCookie),
    }
}

/// The longest message: 65,532 is the longest length that is a multiple of 4. Channel data is shorter.
const MAX_FRAME: usize = HEADER + 65_532;
/// What a connection keeps of its buffer between frames: room for one that fits a packet.
const KEPT_CAPACITY: usize = 1536;

#[cfg(test)]
mod tests;
