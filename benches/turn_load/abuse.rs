//! Requests without credentials, 100,000 in a second: a client's allocation goes on, memory stays, answers stay small.
//!
//! Once from one address, which gets its share of answers and no more; once from many, each within its share, as an attacker
//! with forged addresses would: there the size of an answer is what bounds the harm.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use super::flows::Flows;
use super::process::{Kind, Server};

/// Floods our server for that time from one address, and from many; prints what became of it, and of clients beside it.
pub(crate) fn measure(time: Duration) -> io::Result<()> {
    println!(
        "abuse: requests without credentials, and {CLIENTS} clients with allocations beside them"
    );
    for sources in [1, SOURCES] {
        println!("{}", flooded(sources, time)?);
    }
    Ok(())
}

/// What became of one flood.
struct Outcome {
    sources: u16,
    flood: Flood,
    relayed: u64,
    lost: u64,
    /// Bytes of memory.
    grown: u64,
    cpu: Duration,
}

struct Flood {
    requests: u64,
    asked: u64,
    answers: u64,
    answered: u64,
    took: Duration,
}

fn flooded(sources: u16, time: Duration) -> io::Result<Outcome> {
    let server = Server::start(Kind::Ours)?;
    let mut flows = Flows::open(server.address, CLIENTS, "legitimate")?;
    // What is made once is there.
    flows.interleaved(160, WARM, CLIENTS)?;
    let mut sockets = sockets(sources)?;
    let before = server.resident()?;
    let address = server.address;
    let cpu = server.cpu()?;
    let (flood, echoes) = thread::scope(|scope| -> io::Result<_> {
        let flooding = scope.spawn(|| send(&mut sockets, address, time));
        let echoes = flows.interleaved(160, time, CLIENTS)?;
        let panicked = |_| io::Error::other("the flood panicked");
        Ok((flooding.join().map_err(panicked)??, echoes))
    })?;
    Ok(Outcome {
        sources,
        flood,
        relayed: echoes.relayed,
        lost: echoes.lost,
        grown: server.resident()?.saturating_sub(before),
        cpu: server.cpu()?.saturating_sub(cpu),
    })
}

/// A socket on each of so many loopback addresses.
fn sockets(sources: u16) -> io::Result<Vec<UdpSocket>> {
    let open = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 1 + high, low, 1), 0))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    (0..sources).map(open).collect()
}

/// Sends Binding and Allocate requests without credentials at a steady rate, and counts what comes back.
fn send(sockets: &mut [UdpSocket], server: SocketAddr, time: Duration) -> io::Result<Flood> {
    // 8 bytes of attributes and the magic cookie; REQUESTED-TRANSPORT is UDP.
    let mut allocate = [0; 28];
    allocate[..8].copy_from_slice(&[0, 3, 0, 8, 0x21, 0x12, 0xA4, 0x42]);
    allocate[20..].copy_from_slice(&[0, 0x19, 0, 4, 17, 0, 0, 0]);
    let mut binding = [0; 20];
    binding[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
    let mut flood = Flood {
        requests: 0,
        asked: 0,
        answers: 0,
        answered: 0,
        took: Duration::ZERO,
    };
    let began = Instant::now();
    let mut next = 0;
    while began.elapsed() < time {
        let due = (began.elapsed().as_secs_f64() * RATE) as u64;
        while flood.requests < due {
            // Before the sockets are full of answers, which would go uncounted; and who is behind looks at the clock.
            if flood.requests.is_multiple_of(1000) {
                flood.receive(sockets);
                if began.elapsed() >= time {
                    break;
                }
            }
            let request = match flood.requests % 2 {
                0 => &mut allocate[..],
                _ => &mut binding[..],
            };
            request[8..16].copy_from_slice(&flood.requests.to_be_bytes());
            next = (next + 1) % sockets.len();
            // Where the socket is full, the server is asked less.
            if sockets[next].send_to(request, server).is_err() {
                break;
            }
            flood.requests += 1;
            flood.asked += HEADERS + request.len() as u64;
        }
        thread::sleep(Duration::from_millis(1));
    }
    flood.took = began.elapsed();
    thread::sleep(Duration::from_millis(100));
    flood.receive(sockets);
    Ok(flood)
}

impl Flood {
    fn receive(&mut self, sockets: &[UdpSocket]) {
        let mut buffer = [0; 2048];
        for socket in sockets {
            while let Ok(len) = socket.recv(&mut buffer) {
                self.answers += 1;
                self.answered += HEADERS + len as u64;
            }
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flood { took, .. } = self.flood;
        let each_second = |count: u64| count as f64 / took.as_secs_f64();
        write!(
            f,
            "from {:3} addresses: {:.0} requests/s for {:.1} s, {:.0} answers/s with {:.2} of the requests' bytes (IP headers counted); \
             {} legitimate packets relayed, {} lost; memory grew by {} kB; {:.1} s CPU",
            self.sources,
            each_second(self.flood.requests),
            took.as_secs_f64(),
            each_second(self.flood.answers),
            self.flood.answered as f64 / self.flood.asked as f64,
            self.relayed,
            self.lost,
            self.grown / 1024,
            self.cpu.as_secs_f64(),
        )
    }
}

/// Clients with allocations.
const CLIENTS: usize = 50;
/// Addresses of the flood with many: at [`RATE`] each stays under its share.
const SOURCES: u16 = 128;
/// Requests per second.
const RATE: f64 = 100_000.0;
/// Bytes of an IPv4 and a UDP header.
const HEADERS: u64 = 28;
const WARM: Duration = Duration::from_millis(500);
