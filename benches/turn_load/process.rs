//! A server in a process of its own, and what the system says of it.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    Coturn,
    /// No server: what the system asks.
    Floor,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ieum",
            Self::Coturn => "coturn",
            Self::Floor => "floor",
        }
    }
}

/// A running server; ended by its id when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it has written, to be removed with it.
    file: Option<PathBuf>,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> io::Result<Self> {
        match kind {
            Kind::Ours => Self::ours(super::SERVE),
            Kind::Floor => Self::ours(super::FLOOR),
            Kind::Coturn => Self::coturn(),
        }
    }

    fn ours(what: &str) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(what)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().parse().map_err(io::Error::other)?;
        Ok(Self {
            child,
            address,
            file: None,
        })
    }

    fn coturn() -> io::Result<Self> {
        let port = std::net::UdpSocket::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let secret = String::from_utf8_lossy(SECRET);
        // It wants a database, and uses none of it.
        let users = format!("ieum-turn-load-{}.db", std::process::id());
        let users = std::env::temp_dir().join(users);
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
            .arg(format!("--userdb={}", users.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let server = Self {
            child,
            address,
            file: Some(users),
        };
        server.awaited()?;
        Ok(server)
    }

    /// Waits until it answers a Binding request.
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

    /// The processor time of its threads, of user and system together, in the system's own nanoseconds.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let mut all = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may have ended meanwhile.
            let of_thread = fs::read_to_string(thread?.path().join("schedstat"));
            let first = of_thread.ok().and_then(|text| {
                let first = text.split_whitespace().next()?;
                first.parse::<u64>().ok()
            });
            all += first.unwrap_or(0);
        }
        Ok(Duration::from_nanos(all))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its own child, by its id.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(file) = &self.file {
            let _ = fs::remove_file(file);
        }
    }
}

pub(crate) const REALM: &str = "bench.example";
pub(crate) const SECRET: &[u8] = b"a secret of the benchmark";
