//! The same peer without tokio, in a loop of your own: `cargo run -p ieum-examples --bin event_loop`. Two
//! `core::Connection`s, a socket of the standard library each, one thread. Nothing here hides what goes in and what comes out.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use ieum::ice::FiveTuple;
use ieum::peer::core::{ChannelId, Config, Connection, Event};
use ieum::peer::{Certificate, DataChannelInit, Message};

type Failed = Box<dyn std::error::Error + Send + Sync>;

struct Side {
    name: &'static str,
    core: Connection,
    socket: UdpSocket,
}

fn main() -> Result<(), Failed> {
    let (mut a, mut b) = (Side::new("a")?, Side::new("b")?);
    let now = Instant::now();
    let channel =
        (a.core).create_data_channel(now, "loop".to_owned(), DataChannelInit::default())?;

    // Signaling. With one socket and no servers, descriptions have every candidate at once.
    a.core.set_local_description(now, None)?;
    a.gather(now)?;
    let offer = a.core.local_description().ok_or("no offer")?;
    b.core.set_remote_description(now, offer)?;
    b.core.set_local_description(now, None)?;
    b.gather(now)?;
    let answer = b.core.local_description().ok_or("no answer")?;
    a.core.set_remote_description(now, answer)?;

    while !(a.core.is_closed() && b.core.is_closed()) {
        let told = [a.step()?, b.step()?].concat();
        for event in told {
            match event {
                Event::ChannelOpen(opened) if opened == channel => {
                    let hello = Message::from("hello from a loop");
                    a.core.send(Instant::now(), channel, hello)?;
                }
                Event::ConnectionStateChange(state) => println!("{state}"),
                _ => {}
            }
        }
    }
    Ok(())
}

impl Side {
    fn new(name: &'static str) -> Result<Self, Failed> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| "no randomness")?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let core = Connection::new(Config::new(seed, Certificate::generate()?));
        Ok(Self { name, core, socket })
    }

    fn gather(&mut self, now: Instant) -> Result<(), Failed> {
        self.core
            .gather(now, &[self.socket.local_addr()?], &[], false);
        Ok(())
    }

    /// Polls, waits for a datagram until the next thing is due, and handles what came; tells what happened.
    fn step(&mut self) -> Result<Vec<Event>, Failed> {
        let mut buffer = Vec::new();
        while let Some(transmit) = self.core.poll_transmit(Instant::now(), &mut buffer) {
            // Equal datagrams come together; where the kernel segments (GSO), one call would do.
            for datagram in buffer.chunks(transmit.segment_size.unwrap_or(transmit.len)) {
                self.socket.send_to(datagram, transmit.five_tuple.remote)?;
            }
            buffer.clear();
        }
        let mut events = Vec::new();
        while let Some(event) = self.core.poll_event() {
            if let Event::ChannelReadable(channel) = event {
                self.read(channel);
            }
            events.push(event);
        }
        // Two sockets in one thread: neither waits long for the other. With one, wait as long as `poll_timeout` says.
        let due = self.core.poll_timeout().map(|at| at - Instant::now());
        let wait = due.unwrap_or(LONGEST).clamp(SHORTEST, LONGEST);
        self.socket.set_read_timeout(Some(wait))?;
        let mut datagram = [0; 2048];
        if let Ok((len, from)) = self.socket.recv_from(&mut datagram) {
            let way = FiveTuple::udp(self.socket.local_addr()?, from);
            self.core
                .handle_datagram(Instant::now(), way, &datagram[..len]);
        }
        self.core.handle_timeout(Instant::now());
        Ok(events)
    }

    /// `b` sends back what it reads; `a` has its echo, and says goodbye.
    fn read(&mut self, channel: ChannelId) {
        let now = Instant::now();
        while let Some(message) = self.core.read(now, channel) {
            println!("{} got {message:?}", self.name);
            match self.name {
                // It was just open; were it not, the message would be given up.
                "b" => drop(self.core.send(now, channel, message)),
                _ => self.core.close(now),
            }
        }
    }
}

const SHORTEST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_millis(5);
