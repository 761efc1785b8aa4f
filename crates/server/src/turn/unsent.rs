//! What waits until a TCP socket takes it.

use std::io::{self, Write};

/// Bytes on their way to a TCP socket, in order.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: Vec<u8>,
    /// So many from the beginning are gone.
    sent: usize,
}

impl Unsent {
    /// Bytes that the socket has not taken yet.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives the socket what it takes.
    pub(super) fn send(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.len() > 0 {
            match socket.write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.forget_sent();
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.sent = 0;
        Ok(())
    }

    /// A reader who is always a little behind must not make us keep all that they have read. What is moved is never more
    /// than what has gone.
    fn forget_sent(&mut self) {
        if self.sent >= self.len() {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }
}

/// For TLS, which writes its records itself.
impl Write for Unsent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Room that an idle connection keeps.
const KEPT: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, and then no more for now.
    struct Socket {
        room: usize,
        taken: Vec<u8>,
    }

    impl Write for Socket {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let len = bytes.len().min(self.room);
            if len == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room -= len;
            self.taken.extend_from_slice(&bytes[..len]);
            Ok(len)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_is_always_behind_costs_no_more_than_what_waits() -> io::Result<()> {
        let mut unsent = Unsent::default();
        let mut socket = Socket {
            room: 0,
            taken: Vec::new(),
        };
        unsent.push(&[0; 5000]);
        for number in 0..10_000_usize {
            unsent.push(&number.to_be_bytes());
            socket.room = size_of::<usize>();
            unsent.send(&mut socket)?;
            assert_eq!(unsent.len(), 5000);
        }
        assert!(
            unsent.bytes.capacity() < 40_000,
            "{}",
            unsent.bytes.capacity()
        );
        socket.room = usize::MAX;
        unsent.send(&mut socket)?;
        let numbers = (0..10_000_usize).flat_map(usize::to_be_bytes);
        assert!(socket.taken[5000..].iter().copied().eq(numbers));
        assert!(unsent.bytes.capacity() <= KEPT);
        Ok(())
    }
}
