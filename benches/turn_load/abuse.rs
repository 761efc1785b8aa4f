//! Requests without credentials, 100,000 in a second: a client's allocation goes on, others get one, memory stays, answers stay small.
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
        "abuse: requests without credentials, and beside them {CLIENTS} clients with allocations, and one a second who wants one"
    );
    for sources in [1, SOURCES] {
        print!("{}", flooded(sources, time)?);
    }
    Ok(())
}

/// What became of one flood.
struct Outcome {
    sources: u16,
    /// One for each second.
    seconds: Vec<Flood>,
    relayed: u64,
    lost: u64,
    newcomers: Newcomers,
    /// Bytes of memory before and after.
    resident: [u64; 2],
    cpu: Duration,
}

/// Packets and their bytes, IP and UDP headers counted.
#[derive(Clone, Copy, Default)]
struct Packets {
    count: u64,
    bytes: u64,
}

/// What was sent and what came back.
#[derive(Clone, Copy, Default)]
struct Flood {
    requests: Packets,
    answers: Packets,
    took: Duration,
}

/// Clients who ask for an allocation with good credentials.
#[derive(Default)]
struct Newcomers {
    served: u64,
    refused: u64,
    slowest: Duration,
}

fn flooded(sources: u16, time: Duration) -> io::Result<Outcome> {
    let server = Server::start(Kind::Ours)?;
    let mut flows = Flows::open(Kind::Ours, server.address, CLIENTS, "legitimate")?;
    // What is made once is there.
    flows.interleaved(160, WARM, CLIENTS)?;
    let mut sockets = sockets(sources)?;
    let before = server.resident()?;
    let address = server.address;
    let cpu = server.cpu()?;
    let (seconds, echoes, newcomers) = thread::scope(|scope| -> io::Result<_> {
        let flooding = scope.spawn(|| send(&mut sockets, address, time));
        let arriving = scope.spawn(|| arrive(address, time));
        let echoes = flows.interleaved(160, time, CLIENTS)?;
        let panicked = |_| io::Error::other("a thread of the flood panicked");
        let newcomers = arriving.join().map_err(panicked)?;
        Ok((flooding.join().map_err(panicked)??, echoes, newcomers))
    })?;
    Ok(Outcome {
        sources,
        seconds,
        relayed: echoes.relayed,
        lost: echoes.lost,
        newcomers,
        resident: [before, server.resident()?],
        cpu: server.cpu()?.saturating_sub(cpu),
    })
}

/// A client comes every second.
fn arrive(server: SocketAddr, time: Duration) -> Newcomers {
    let mut newcomers = Newcomers::default();
    let began = Instant::now();
    while began.elapsed() < time {
        let asked = Instant::now();
        let name = format!("newcomer{}-", newcomers.served + newcomers.refused);
        match Flows::open(Kind::Ours, server, 1, &name) {
            Ok(_) => newcomers.served += 1,
            Err(_) => newcomers.refused += 1,
        }
        newcomers.slowest = newcomers.slowest.max(asked.elapsed());
        let left = time.saturating_sub(began.elapsed());
        thread::sleep(SECOND.saturating_sub(asked.elapsed()).min(left));
    }
    newcomers
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

/// Sends Binding and Allocate requests without credentials at a steady rate, and counts each second what comes back.
fn send(sockets: &mut [UdpSocket], server: SocketAddr, time: Duration) -> io::Result<Vec<Flood>> {
    let mut requests = requests();
    let mut seconds = Vec::new();
    let mut flood = Flood::default();
    let (began, mut sent) = (Instant::now(), 0_u64);
    let mut second = began;
    while began.elapsed() < time {
        let due = (began.elapsed().as_secs_f64() * RATE) as u64;
        while sent < due {
            // Before the sockets are full of answers, which would go uncounted; and who is behind looks at the clock.
            if sent.is_multiple_of(1000) {
                flood.receive(sockets);
                if began.elapsed() >= time {
                    break;
                }
            }
            let request = &mut requests[(sent % 2) as usize];
            request[8..16].copy_from_slice(&sent.to_be_bytes());
            let socket = &sockets[(sent % sockets.len() as u64) as usize];
            // Where the socket is full, the server is asked less.
            if socket.send_to(request, server).is_err() {
                break;
            }
            sent += 1;
            flood.requests.add(request.len());
        }
        if second.elapsed() >= SECOND {
            flood.took = second.elapsed();
            second = Instant::now();
            seconds.push(std::mem::take(&mut flood));
        }
        thread::sleep(Duration::from_millis(1));
    }
    flood.took = second.elapsed();
    thread::sleep(Duration::from_millis(100));
    flood.receive(sockets);
    seconds.push(flood);
    Ok(seconds)
}

/// An Allocate for UDP, and a Binding.
fn requests() -> [Vec<u8>; 2] {
    let mut allocate = vec![0; 28];
    allocate[..8].copy_from_slice(&[0, 3, 0, 8, 0x21, 0x12, 0xA4, 0x42]);
    allocate[20..].copy_from_slice(&[0, 0x19, 0, 4, 17, 0, 0, 0]);
    let mut binding = vec![0; 20];
    binding[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
    [allocate, binding]
}

impl Packets {
    fn add(&mut self, len: usize) {
        self.count += 1;
        self.bytes += HEADERS + len as u64;
    }
}

impl Flood {
    fn receive(&mut self, sockets: &[UdpSocket]) {
        let mut buffer = [0; 2048];
        for socket in sockets {
            while let Ok(len) = socket.recv(&mut buffer) {
                self.answers.add(len);
            }
        }
    }

    /// Without an answer: dropped by the server, or by its socket before it.
    fn dropped(&self) -> u64 {
        self.requests.count.saturating_sub(self.answers.count)
    }

    fn and(self, other: &Self) -> Self {
        let both = |one: Packets, other: Packets| Packets {
            count: one.count + other.count,
            bytes: one.bytes + other.bytes,
        };
        Self {
            requests: both(self.requests, other.requests),
            answers: both(self.answers, other.answers),
            took: self.took + other.took,
        }
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each_second = |count: u64| count as f64 / self.took.as_secs_f64();
        write!(
            f,
            "{:>9.0} requests/s{:>9.0} answered{:>9.0} dropped",
            each_second(self.requests.count),
            each_second(self.answers.count),
            each_second(self.dropped())
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "from {} addresses", self.sources)?;
        for (number, second) in self.seconds.iter().enumerate() {
            if second.took * 2 >= SECOND {
                writeln!(f, "  second {:3} {second}", number + 1)?;
            }
        }
        let all = self.seconds.iter().fold(Flood::default(), Flood::and);
        writeln!(f, "  in all     {all}, for {:.1} s", all.took.as_secs_f64())?;
        writeln!(
            f,
            "  answers have {:.2} of the requests' bytes (IP headers counted; the bound is 3)",
            all.answers.bytes as f64 / all.requests.bytes as f64
        )?;
        writeln!(
            f,
            "  {} packets relayed for the clients, {} lost",
            self.relayed, self.lost
        )?;
        let Newcomers {
            served,
            refused,
            slowest,
        } = &self.newcomers;
        writeln!(
            f,
            "  {served} newcomers got an allocation and a channel, the slowest within {:.0} ms; {refused} did not",
            slowest.as_secs_f64() * 1e3
        )?;
        let [before, after] = self.resident.map(|bytes| bytes / 1024);
        writeln!(
            f,
            "  memory {before} kB before, {after} kB after; {:.1} s of processor time",
            self.cpu.as_secs_f64()
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
/// A client comes, and a line is printed.
const SECOND: Duration = Duration::from_secs(1);
const WARM: Duration = Duration::from_millis(500);
