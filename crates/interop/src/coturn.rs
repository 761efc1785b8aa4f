//! coturn as a server on loopback.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::{Process, partner};

/// A running `turnserver` on loopback, over UDP, TCP and TLS, with a certificate of its own for localhost.
#[derive(Debug)]
pub struct Coturn {
    // Ends when it is dropped.
    process: Process,
    port: u16,
    tls_port: u16,
    certificate: String,
    folder: PathBuf,
    arguments: Vec<String>,
}

impl Coturn {
    /// Starts it with `arguments` besides, such as [`USER`](Self::USER), and waits until it listens.
    ///
    /// # Panics
    /// When it does not come up, or no certificate can be made.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let (port, tls_port) = (free_port(), free_port());
        let folder = std::env::temp_dir().join(format!("ieum-coturn-{port}-{tls_port}"));
        fs::create_dir_all(&folder).expect("a folder for it");
        fs::write(folder.join("cert.pem"), cert.pem()).expect("room for it");
        fs::write(folder.join("key.pem"), signing_key.serialize_pem()).expect("room for it");
        let arguments: Vec<_> = arguments.iter().map(|it| (*it).to_owned()).collect();
        Self {
            process: run(&folder, port, tls_port, &arguments),
            port,
            tls_port,
            certificate: cert.pem(),
            folder,
            arguments,
        }
    }

    /// The user `alice` with the password `secret`.
    pub const USER: &str = "--user=alice:secret";

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same ports, after [`kill`](Self::kill): it knows nothing of what was before.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn revive(&mut self) {
        self.process = run(&self.folder, self.port, self.tls_port, &self.arguments);
    }

    /// Where it listens, on UDP and TCP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Where it listens for TLS.
    #[must_use]
    pub fn tls_address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.tls_port).into()
    }

    /// `turn:` over UDP.
    #[must_use]
    pub fn udp(&self) -> String {
        format!("turn:127.0.0.1:{}", self.port)
    }

    /// `turn:` over TCP.
    #[must_use]
    pub fn tcp(&self) -> String {
        format!("turn:127.0.0.1:{}?transport=tcp", self.port)
    }

    /// `turns:` over TCP.
    #[must_use]
    pub fn tls(&self) -> String {
        format!("turns:localhost:{}", self.tls_port)
    }

    /// Its certificate, in PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The process, to read its lines.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn run(folder: &std::path::Path, port: u16, tls_port: u16, arguments: &[String]) -> Process {
    // Into a pipe it would hold its lines back.
    let mut server: Command = partner::system("coreutils", "stdbuf");
    let path = |name: &str| folder.join(name).display().to_string();
    server
        .arg("-oL")
        .arg(partner::coturn("turnserver").get_program())
        .args([
            "-n",
            "--log-file=stdout",
            "--simple-log",
            "--listening-ip=127.0.0.1",
            "--relay-ip=127.0.0.1",
            "--realm=test.example",
            "--fingerprint",
            "--allow-loopback-peers",
            "--no-cli",
            "--no-dtls",
        ])
        .args([
            format!("--listening-port={port}"),
            format!("--tls-listening-port={tls_port}"),
            format!("--cert={}", path("cert.pem")),
            format!("--pkey={}", path("key.pem")),
            format!("--pidfile={}", path("pid")),
            format!("--userdb={}", path("users.db")),
        ])
        .args(arguments);
    let mut process = Process::spawn("turnserver", server);
    process.expect("Total General servers", START);
    // It says so a little before it listens.
    for port in [port, tls_port] {
        wait_for(port);
    }
    process
}

fn wait_for(port: u16) {
    let begun = Instant::now();
    while let Err(error) = TcpStream::connect(("127.0.0.1", port)) {
        assert!(
            begun.elapsed() < START,
            "turnserver on port {port}: {error}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

/// One that was free a moment ago: coturn takes no 0.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// More than a start ever takes on a loaded machine.
const START: Duration = Duration::from_secs(30);
