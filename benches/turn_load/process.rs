//! A server in a process of its own, and what the system says of it.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    #[cfg(feature = "rivals-turn")]
    Coturn,
}

impl Kind {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [
            #[cfg(feature = "rivals-turn")]
            Self::Coturn,
            Self::Ours,
        ]
        .into_iter()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ieum",
            #[cfg(feature = "rivals-turn")]
            Self::Coturn => "coturn",
        }
    }
}

/// A running server; ended by its id when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// What relaying some packets took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) packets: u64,
    pub(crate) lost: u64,
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> io::Result<Self> {
        match kind {
            Kind::Ours => Self::ours(),
            #[cfg(feature = "rivals-turn")]
            Kind::Coturn => Self::coturn(),
        }
    }

    fn ours() -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(super::SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().parse().map_err(io::Error::other)?;
        Ok(Self { child, address })
    }

    #[cfg(feature = "rivals-turn")]
    fn coturn() -> io::Result<Self> {
        let port = std::net::UdpSocket::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let secret = String::from_utf8_lossy(SECRET);
        let child = Command::new("turnserver")
            .args(["-n", "--log-file=/dev/null", "--simple-log", "--no-cli"])
            .args([
                "--no-tls",
                "--no-dtls",
                "--no-tcp",
                "--fingerprint",
                "--allow-loopback-peers",
            ])
            .args(["--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"])
            .args([
                "--min-port=40000",
                "--max-port=65535",
                "--pidfile=/dev/null",
            ])
            .args([
                "--use-auth-secret",
                &format!("--static-auth-secret={secret}"),
            ])
            .arg(format!("--realm={REALM}"))
            .arg(format!("--listening-port={port}"))
            .arg("--userdb=/nonexistent")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let server = Self { child, address };
        server.awaited()?;
        Ok(server)
    }

    /// Waits until it answers a Binding request.
    #[cfg(feature = "rivals-turn")]
    fn awaited(&self) -> io::Result<()> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            let mut request = [0; 20];
            request[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
            socket.send_to(&request, self.address)?;
            match socket.recv(&mut [0; 512]) {
                Ok(_) => return Ok(()),
                // Nobody listens yet: the port is closed, or the answer takes its time.
                Err(_) => std::thread::yield_now(),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Bytes of memory that it holds (VmRSS).
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        kilobytes
            .map(|kilobytes: u64| kilobytes * 1024)
            .ok_or_else(|| io::Error::other("no VmRSS"))
    }

    /// Its processor time, of user and system together.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold spaces: what follows is counted from its end.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum();
        Ok(Duration::from_millis(ticks * MS_PER_TICK))
    }

    /// What `work` cost it; `work` tells how many packets were relayed and how many were lost.
    pub(crate) fn cost_of(
        &self,
        work: impl FnOnce() -> io::Result<(u64, u64)>,
    ) -> io::Result<Cost> {
        let (cpu, began) = (self.cpu()?, Instant::now());
        let (packets, lost) = work()?;
        Ok(Cost {
            packets,
            lost,
            cpu: self.cpu()?.saturating_sub(cpu),
            wall: began.elapsed(),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its own child, by its id.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) const REALM: &str = "bench.example";
pub(crate) const SECRET: &[u8] = b"a secret of the benchmark";
/// `/proc` counts in hundredths of a second.
const MS_PER_TICK: u64 = 10;
