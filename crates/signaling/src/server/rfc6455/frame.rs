//! Frames (section 5): what clients send is masked, what goes out is not. No I/O.

use std::borrow::Cow;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard<'a> {
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    Ping(Cow<'a, [u8]>),
    Pong,
    /// Section 7.1.5: the code, where there is one.
    Close(Option<u16>),
}

/// The client does what the RFC forbids, or what takes too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// Section 5: reserved bits, unknown opcodes, no mask, a control frame that is long or in parts, parts out of order.
    Protocol,
    /// Section 8.1.
    NoUtf8,
    /// A message over the limit.
    TooBig,
}

/// Reads messages from the bytes of frames.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// The most bytes that a message may have.
    most: usize,
    /// A message of which some fragments are there (section 5.4).
    partial: Option<Partial>,
}

#[derive(Debug)]
struct Partial {
    binary: bool,
    bytes: Vec<u8>,
}

/// The head of a frame.
struct Head {
    last: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Of the head itself.
    len: usize,
    payload: usize,
}

impl Violation {
    /// What the client is told (section 7.4.1).
    pub(crate) fn close_code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::NoUtf8 => 1007,
            Self::TooBig => 1009,
        }
    }
}

impl Decoder {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            partial: None,
        }
    }

    /// Takes frames from the beginning of `input`, up to the end of the first message: how many bytes that was, and the
    /// message, where it is whole. What was taken must not be passed again; the rest must, with more behind it.
    ///
    /// # Errors
    /// [`Violation`]: the connection is over.
    pub(crate) fn decode<'a>(
        &mut self,
        mut input: &'a mut [u8],
    ) -> Result<(usize, Option<Heard<'a>>), Violation> {
        let mut taken = 0;
        loop {
            let Some(head) = self.head(input)? else {
                return Ok((taken, None));
            };
            let whole = head.len + head.payload;
            if input.len() < whole {
                return Ok((taken, None));
            }
            let (frame, rest) = input.split_at_mut(whole);
            input = rest;
            taken += whole;
            let payload = &mut frame[head.len..];
            unmask(payload, head.mask);
            if let Some(heard) = self.take(&head, payload)? {
                return Ok((taken, Some(heard)));
            }
        }
    }

    /// Reads a frame's head and holds it against the rules. `None`: more bytes are needed.
    fn head(&self, input: &[u8]) -> Result<Option<Head>, Violation> {
        let Some((first, rest)) = input.split_first_chunk::<2>() else {
            return Ok(None);
        };
        let (last, opcode) = (first[0] & 0x80 != 0, first[0] & 0x0f);
        if first[0] & 0x70 != 0 || first[1] & 0x80 == 0 {
            return Err(Violation::Protocol);
        }
        let (payload, rest) = match first[1] & 0x7f {
            126 => match rest.split_first_chunk() {
                Some((long, rest)) => (u64::from(u16::from_be_bytes(*long)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk() {
                Some((long, rest)) => (u64::from_be_bytes(*long), rest),
                None => return Ok(None),
            },
            short => (short.into(), rest),
        };
        let control = opcode & 8 != 0;
        if control && (payload > CONTROL_BYTES || !last) {
            return Err(Violation::Protocol);
        }
        let before = match &self.partial {
            Some(partial) if !control => partial.bytes.len(),
            _ => 0,
        };
        let payload = usize::try_from(payload).map_err(|_| Violation::TooBig)?;
        if payload
            > self
                .most
                .saturating_sub(before)
                .max(usize::from(control) * 125)
        {
            return Err(Violation::TooBig);
        }
        let Some((mask, rest)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        Ok(Some(Head {
            last,
            opcode,
            mask: *mask,
            len: input.len() - rest.len(),
            payload,
        }))
    }

    fn take<'a>(&mut self, head: &Head, payload: &'a [u8]) -> Result<Option<Heard<'a>>, Violation> {
        match (head.opcode, &mut self.partial) {
            (CONTINUATION, Some(partial)) => {
                partial.bytes.extend_from_slice(payload);
                if !head.last {
                    return Ok(None);
                }
                let whole = self.partial.take();
                whole.map(Partial::into_message).transpose()
            }
            (TEXT | BINARY, None) if head.last => {
                message(head.opcode == BINARY, Cow::Borrowed(payload)).map(Some)
            }
            (TEXT | BINARY, None) => {
                self.partial = Some(Partial {
                    binary: head.opcode == BINARY,
                    bytes: payload.to_vec(),
                });
                Ok(None)
            }
            (CLOSE, _) => close_code(payload).map(|code| Some(Heard::Close(code))),
            (PING, _) => Ok(Some(Heard::Ping(Cow::Borrowed(payload)))),
            (PONG, _) => Ok(Some(Heard::Pong)),
            _ => Err(Violation::Protocol),
        }
    }
}

impl Partial {
    fn into_message(self) -> Result<Heard<'static>, Violation> {
        message(self.binary, Cow::Owned(self.bytes))
    }
}

fn message(binary: bool, bytes: Cow<'_, [u8]>) -> Result<Heard<'_>, Violation> {
    if binary {
        return Ok(Heard::Binary(bytes));
    }
    let text = match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    };
    text.map(Heard::Text).ok_or(Violation::NoUtf8)
}

/// Section 5.5.1: nothing, or a code and text.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    match payload {
        [] => Ok(None),
        [high, low, reason @ ..] => match std::str::from_utf8(reason) {
            Ok(_) => Ok(Some(u16::from_be_bytes([*high, *low]))),
            Err(_) => Err(Violation::NoUtf8),
        },
        _ => Err(Violation::Protocol),
    }
}

/// Section 5.3.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= mask;
    }
}

/// Puts a text message at the end of `out`; `write` puts the text itself there.
pub(crate) fn text(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    framed(out, TEXT, write);
}

/// Puts a binary message at the end of `out`.
pub(crate) fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    framed(out, BINARY, |out| out.extend_from_slice(bytes));
}

/// Puts a ping at the end of `out`.
pub(crate) fn ping(out: &mut Vec<u8>) {
    framed(out, PING, |_| ());
}

/// Puts a pong at the end of `out`, which repeats what the ping said.
pub(crate) fn pong(out: &mut Vec<u8>, said: &[u8]) {
    framed(out, PONG, |out| out.extend_from_slice(said));
}

/// Puts a close with a code (section 7.4) at the end of `out`.
pub(crate) fn close(out: &mut Vec<u8>, code: u16) {
    framed(out, CLOSE, |out| out.extend_from_slice(&code.to_be_bytes()));
}

/// One frame. Its head is written when its length is known: most have the head of four bytes that is left free for it.
fn framed(out: &mut Vec<u8>, opcode: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    let first = 0x80 | opcode;
    out.extend_from_slice(&[first, 126, 0, 0]);
    let begin = out.len();
    write(out);
    let len = out.len() - begin;
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ ..=125), _) => {
            out.drain(at + 2..begin);
            out[at + 1] = short;
        }
        (_, Ok(long)) => out[at + 2..begin].copy_from_slice(&long.to_be_bytes()),
        _ => {
            let longer = u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes();
            out[at + 1] = 127;
            out.splice(at + 2..begin, longer);
        }
    }
}

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// Section 5.5.
const CONTROL_BYTES: u64 = 125;

#[cfg(test)]
// Named, because the fuzz target takes this file alone.
#[path = "frame/tests.rs"]
mod tests;
