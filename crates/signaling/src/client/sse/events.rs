//! Server-sent events, as they come in pieces (HTML Living Standard section 9.2.6).
//!
//! Only `data` is of use here: each frame has its number in it. What is over 2 MB is passed over as a whole.

use std::collections::VecDeque;

use super::super::link::MAX_MESSAGE_BYTES;

/// The stream, and the events that are whole.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    /// Whether `data` has a line, be it an empty one.
    some: bool,
    /// Whether this event is too long.
    over: bool,
    /// Whether the last byte was a carriage return, which a line feed may belong to.
    returned: bool,
    ready: VecDeque<Result<String, ()>>,
}

impl Events {
    /// Takes the next piece.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let returned = std::mem::replace(&mut self.returned, byte == b'\r');
            match byte {
                b'\n' if returned => {}
                b'\n' | b'\r' => self.end_line(),
                _ if self.line.len() > MAX_MESSAGE_BYTES => self.over = true,
                _ => self.line.push(byte),
            }
        }
    }

    /// The data of the next whole event; an error where it was none that can be read.
    pub(super) fn next(&mut self) -> Option<Result<String, ()>> {
        self.ready.pop_front()
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = match line.iter().position(|&byte| byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (&line[..], &[][..]),
        };
        if field != b"data" {
            return;
        }
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.data.len() + value.len() > MAX_MESSAGE_BYTES {
            self.over = true;
            return;
        }
        if self.some {
            self.data.push(b'\n');
        }
        self.some = true;
        self.data.extend_from_slice(value);
    }

    fn end_event(&mut self) {
        let data = std::mem::take(&mut self.data);
        let (some, over) = (
            std::mem::take(&mut self.some),
            std::mem::take(&mut self.over),
        );
        if over {
            self.ready.push_back(Err(()));
        } else if some {
            self.ready.push_back(String::from_utf8(data).map_err(drop));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, piece: usize) -> Vec<Result<String, ()>> {
        let mut events = Events::default();
        for piece in text.as_bytes().chunks(piece) {
            events.feed(piece);
        }
        std::iter::from_fn(|| events.next()).collect()
    }

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        let text = ": alive\n\ndata: {\"a\":1}\nid: 7\n\nevent: x\r\ndata:one\r\ndata: two\r\n\r\n\
                    id: 8\n\ndata\rdata: 이음\r\rdata: unfinished";
        let expected = ["{\"a\":1}", "one\ntwo", "\n이음"].map(|data| Ok(data.to_owned()));
        for piece in 1..text.len() {
            assert_eq!(read(text, piece), expected, "{piece}");
        }
    }

    #[test]
    fn what_is_too_long_is_one_error_and_keeps_no_memory() {
        let mut events = Events::default();
        events.feed(b"data: ");
        for _ in 0..40 {
            events.feed(&[b'x'; 100_000]);
        }
        assert!(events.line.len() <= MAX_MESSAGE_BYTES + 1);
        events.feed(b"\n\ndata: next\n\n");
        assert_eq!(events.next(), Some(Err(())));
        assert_eq!(events.next(), Some(Ok("next".into())));
        events.feed(b"data: \xff\n\n");
        assert_eq!(events.next(), Some(Err(())));
    }
}
