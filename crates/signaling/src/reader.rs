//! Reading a Socket.IO packet from its beginning, for the client and the server alike. No I/O.
//!
//! Owns how far a text is read, and what an error says; what stands in a packet of either side is in its own `packet` module.
//! <https://socket.io/docs/v4/socket-io-protocol/>

/// What stands at `offset` is not what the grammar wants there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {offset}")]
pub(crate) struct Malformed {
    pub(crate) offset: usize,
    pub(crate) expected: &'static str,
}

/// The text, and how far it is read.
pub(crate) struct Reader<'a> {
    text: &'a str,
    pub(crate) offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    /// Steps over so many bytes, up to the end.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.offset = (self.offset + bytes).min(self.text.len());
    }

    pub(crate) fn error(&self, expected: &'static str) -> Malformed {
        Malformed {
            offset: self.offset,
            expected,
        }
    }

    /// The digit that says what kind of packet it is.
    pub(crate) fn kind(&mut self, expected: &'static str) -> Result<u8, Malformed> {
        let kind = self.rest().bytes().next().filter(u8::is_ascii_digit);
        let kind = kind.ok_or(self.error(expected))?;
        self.skip(1);
        Ok(kind)
    }

    /// Digits, where there are some.
    pub(crate) fn number(&mut self, expected: &'static str) -> Result<Option<u64>, Malformed> {
        let rest = self.rest();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Ok(None);
        }
        let number = rest[..digits].parse().map_err(|_| self.error(expected))?;
        self.skip(digits);
        Ok(Some(number))
    }

    /// The id of an acknowledgement, where there is one.
    pub(crate) fn id(&mut self) -> Result<Option<u64>, Malformed> {
        self.number("an acknowledgement id of 64 bits")
    }
}
