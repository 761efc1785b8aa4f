//! Requests without credentials, 100,000 in a second: a client's allocation goes on, memory stays, answers stay small.

use std::io;
use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use super::flows::Flows;
use super::process::{Kind, Server};

/// Floods our server and prints what became of it, and of a client with allocations beside it.
pub(crate) fn measure(time: Duration) -> io::Result<()> {
    let server = Server::start(Kind::Ours)?;
    let mut flows = Flows::open(server.address, CLIENTS, "legitimate")?;
    let before = server.resident()?;
    let address = server.address;
    let (echoes, flood) = thread::scope(|scope| -> io::Result<_> {
        let flood = scope.spawn(move || flood(address, time));
        let echoes = flows.interleaved(160, time, CLIENTS)?;
        let flood = flood
            .join()
            .map_err(|_| io::Error::other("the flood panicked"))??;
        Ok((echoes, flood))
    })?;
    let grown = server.resident()?.saturating_sub(before) / 1024;
    println!(
        "abuse: {} requests/s without credentials for {:.1} s; {} legitimate packets relayed, {} lost; memory grew by {grown} kB; \
         answers had {:.2} of the requests' bytes (IP headers counted)",
        flood.requests * 1000 / flood.took.as_millis().max(1) as u64,
        flood.took.as_secs_f64(),
        echoes.relayed,
        echoes.lost,
        flood.answered as f64 / flood.asked as f64,
    );
    Ok(())
}

struct Flood {
    requests: u64,
    asked: u64,
    answered: u64,
    took: Duration,
}

/// Sends Allocate requests without credentials at a steady rate, and counts what comes back.
fn flood(server: std::net::SocketAddr, time: Duration) -> io::Result<Flood> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let mut request = [0; 28];
    // Allocate, 8 bytes of attributes, the magic cookie; REQUESTED-TRANSPORT is UDP.
    request[..8].copy_from_slice(&[0, 3, 0, 8, 0x21, 0x12, 0xA4, 0x42]);
    request[20..].copy_from_slice(&[0, 0x19, 0, 4, 17, 0, 0, 0]);
    let mut buffer = [0; 2048];
    let mut flood = Flood {
        requests: 0,
        asked: 0,
        answered: 0,
        took: Duration::ZERO,
    };
    let began = Instant::now();
    while began.elapsed() < time {
        let due = (began.elapsed().as_secs_f64() * RATE) as u64;
        while flood.requests < due {
            request[8..16].copy_from_slice(&flood.requests.to_be_bytes());
            // Where the socket is full, the server is asked less.
            if socket.send_to(&request, server).is_err() {
                break;
            }
            flood.requests += 1;
            flood.asked += HEADERS + request.len() as u64;
        }
        while let Ok(len) = socket.recv(&mut buffer) {
            flood.answered += HEADERS + len as u64;
        }
        thread::sleep(Duration::from_millis(1));
    }
    flood.took = began.elapsed();
    Ok(flood)
}

/// Clients with allocations.
const CLIENTS: usize = 50;
/// Requests per second.
const RATE: f64 = 100_000.0;
/// Bytes of an IPv4 and a UDP header.
const HEADERS: u64 = 28;
