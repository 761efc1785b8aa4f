//! Multicast DNS of a connection: its sockets are opened for the first name, and closed when there is no name left to look
//! for or to answer for. Each connection has its own, so that nothing outlives it and nothing is shared; the price is that
//! each of a process' connections reads what all ask, for the seconds in which it looks for its peer.

use std::io;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::core::Connection;
use crate::core::mdns::{Link, Mdns};
use crate::runtime::multicast::Multicast;

/// The names of a connection.
#[derive(Debug, Default)]
pub(super) struct Names {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    machine: Mdns,
    sockets: Multicast,
}

impl Names {
    /// Answers for a name of ours from now on.
    pub(super) fn register(
        &mut self,
        links: impl FnOnce() -> Vec<Link>,
        name: &str,
        ip: IpAddr,
    ) -> io::Result<()> {
        self.opened(links)?.machine.register(name, ip);
        Ok(())
    }

    /// Looks for a name of the peer.
    pub(super) fn resolve(
        &mut self,
        now: Instant,
        links: impl FnOnce() -> Vec<Link>,
        name: &str,
    ) -> io::Result<()> {
        self.opened(links)?.machine.resolve(now, name);
        self.flush();
        Ok(())
    }

    fn opened(&mut self, links: impl FnOnce() -> Vec<Link>) -> io::Result<&mut Open> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let links = links();
                let sockets = Multicast::open(&links)?;
                let machine = Mdns::new(links);
                Open { machine, sockets }
            }
        };
        Ok(self.open.insert(open))
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.open {
            Some(open) => open.sockets.poll_readable(cx),
            None => Poll::Pending,
        }
    }

    pub(super) fn receive(&mut self, now: Instant) {
        if let Some(Open { machine, sockets }) = &mut self.open {
            sockets.receive(|from, datagram| machine.handle_datagram(now, from, datagram));
        }
        self.flush();
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some(open) = &mut self.open {
            open.machine.handle_timeout(now);
        }
        self.flush();
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.open.as_ref()?.machine.poll_timeout()
    }

    /// Tells what was found.
    pub(super) fn tell(&mut self, now: Instant, core: &mut Connection) {
        let Some(open) = &mut self.open else { return };
        while let Some(found) = open.machine.poll_found() {
            match found.ip {
                Some(ip) => core.name_resolved(now, &found.name, ip),
                None => tracing::debug!(name = found.name, "a name of the peer was not found"),
            }
        }
        if open.machine.is_idle() {
            self.open = None;
        }
    }

    /// Takes our names back.
    pub(super) fn close(&mut self) {
        if let Some(open) = &mut self.open {
            open.machine.close();
        }
        self.flush();
        self.open = None;
    }

    fn flush(&mut self) {
        if let Some(Open { machine, sockets }) = &mut self.open {
            while let Some(packet) = machine.poll_packet() {
                sockets.send(&packet);
            }
        }
    }
}
