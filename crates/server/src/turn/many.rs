//! Several datagrams of one socket to several destinations in one system call.

use super::outgoing::Run;
use super::socket::Udp;

#[cfg(target_os = "linux")]
pub(super) use linux::Many;

#[cfg(target_os = "linux")]
mod linux {
    use std::io::IoSlice;

    use nix::errno::Errno;
    use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};

    use super::{Run, Udp};

    /// Room for the headers of a system call.
    pub(in super::super) struct Many {
        headers: MultiHeaders<SockaddrStorage>,
    }

    impl Many {
        pub(in super::super) fn new() -> Self {
            Self {
                headers: MultiHeaders::preallocate(MANY, None),
            }
        }

        /// Sends them, each a single datagram from this socket; gives how many were dropped.
        pub(in super::super) fn send(&mut self, socket: &Udp, runs: &[Run], arena: &[u8]) -> u64 {
            if let [run] = runs {
                let send = || socket.send(run.five_tuple.remote, run.bytes(arena));
                // What ICMP has told of an earlier datagram comes in place of sending, once.
                return u64::from(send().or_else(|_| send()).is_err());
            }
            runs.chunks(MANY)
                .map(|some| self.send_some(socket, some, arena))
                .sum()
        }

        fn send_some(&mut self, socket: &Udp, mut runs: &[Run], arena: &[u8]) -> u64 {
            let (mut dropped, mut failed) = (0, false);
            while !runs.is_empty() {
                let slices: [[IoSlice<'_>; 1]; MANY] = std::array::from_fn(|at| {
                    [IoSlice::new(
                        runs.get(at).map_or(&[], |run| run.bytes(arena)),
                    )]
                });
                let addresses: [Option<SockaddrStorage>; MANY] = std::array::from_fn(|at| {
                    runs.get(at)
                        .map(|run| SockaddrStorage::from(run.five_tuple.remote))
                });
                let count = runs.len().min(MANY);
                let sent = sendmmsg(
                    socket.as_raw(),
                    &mut self.headers,
                    &slices[..count],
                    &addresses[..count],
                    [],
                    MsgFlags::empty(),
                );
                match sent {
                    Ok(sent) => {
                        failed = false;
                        runs = &runs[sent.count().clamp(1, count)..];
                    }
                    Err(Errno::EINTR) => {}
                    // As above.
                    Err(_) if !failed => failed = true,
                    Err(error) => {
                        failed = false;
                        // It is the first that could not be sent: the rest may be.
                        tracing::debug!(to = %runs[0].five_tuple.remote, %error, "a datagram was dropped");
                        dropped += 1;
                        runs = &runs[1..];
                    }
                }
            }
            dropped
        }
    }

    /// Messages of one system call.
    const MANY: usize = 32;
}

/// Elsewhere they go one by one.
#[cfg(not(target_os = "linux"))]
pub(super) struct Many;

#[cfg(not(target_os = "linux"))]
impl Many {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn send(&mut self, socket: &Udp, runs: &[Run], arena: &[u8]) -> u64 {
        let failed = runs.iter().filter(|run| {
            socket
                .send(run.five_tuple.remote, run.bytes(arena))
                .is_err()
        });
        failed.count() as u64
    }
}
