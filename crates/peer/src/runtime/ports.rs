//! Which ports sockets are bound to.

use std::io;
use std::ops::RangeInclusive;

/// What `bind` makes of a free port of the range, or where none is given, of port 0: one of the system's choice.
///
/// The search begins at `start`, so that connections that share a range do not all try the same ports first.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`]: every port of the range is taken, or it has none. Others: what `bind` says.
pub(super) fn bind<T>(
    ports: Option<&RangeInclusive<u16>>,
    start: u16,
    mut bind: impl FnMut(u16) -> io::Result<T>,
) -> io::Result<T> {
    let Some(ports) = ports else {
        return bind(0);
    };
    // Port 0 would be any port at all.
    let ports = (*ports.start()).max(1)..=*ports.end();
    let begin = usize::from(start) % ports.len().max(1);
    for port in ports.clone().skip(begin).chain(ports.take(begin)) {
        match bind(port) {
            // A port that the system keeps for itself is as good as taken.
            Err(error) if is_taken(&error) => {}
            outcome => return outcome,
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
    )
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use super::*;

    fn udp(port: u16) -> io::Result<UdpSocket> {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, port))
    }

    #[test]
    fn a_range_is_used_up_and_then_full_wherever_the_search_begins() {
        // Two neighbouring ports that nobody has: found, not fixed.
        let (low, _taken) = (0..200)
            .find_map(|_| {
                let low = udp(0).ok()?.local_addr().ok()?.port();
                let ports = low..=low.checked_add(1)?;
                let first = bind(Some(&ports), low, udp).ok()?;
                let second = bind(Some(&ports), low, udp).ok()?;
                Some((low, [first, second]))
            })
            .expect("two free ports side by side");
        for start in [0, 1, low, u16::MAX] {
            let full = bind(Some(&(low..=low + 1)), start, udp).unwrap_err();
            assert_eq!(full.kind(), io::ErrorKind::AddrInUse);
        }
    }

    #[test]
    fn a_range_without_ports_binds_nothing() {
        #[allow(clippy::reversed_empty_ranges, reason = "a user's mistake")]
        for ports in [0..=0, 6000..=5999] {
            let error = bind(Some(&ports), 7, udp).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
    }

    #[test]
    fn the_last_port_of_all_is_one_of_its_range() {
        // It may be taken on this machine; whatever else the range had, it is never another port.
        if let Ok(socket) = bind(Some(&(u16::MAX..=u16::MAX)), 5, udp) {
            assert_eq!(socket.local_addr().unwrap().port(), u16::MAX);
        }
    }
}
