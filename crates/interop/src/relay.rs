//! Our own `ieum turn` as a process.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Process, binary, partner};

/// A running `ieum turn` on free ports of loopback, over UDP, TCP, TLS and DTLS, with the user `alice` and the password
/// `secret`. Its certificate is its own, made for this run.
#[derive(Debug)]
pub struct Relay {
    process: Process,
    plain: u16,
    secure: u16,
    http: String,
    folder: PathBuf,
}

impl Relay {
    /// Starts it with `arguments` besides, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not come up, or no certificate can be made.
    #[must_use]
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), name, arguments)
    }

    /// As [`Relay::start`], on another address of this machine.
    ///
    /// # Panics
    /// When it does not come up, or no certificate can be made.
    #[must_use]
    pub fn start_at(ip: IpAddr, name: &str, arguments: &[&str]) -> Self {
        let at = SocketAddr::new(ip, 0).to_string();
        let folder = std::env::temp_dir().join(format!("ieum-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        let (cert, key) = certificate(&folder);
        let mut command = Command::new(binary());
        command
            .args(["turn", "--listen", &at, "--tls-listen", &at])
            .args(["--user", "alice:secret", "--realm", "test.example"])
            .args(["--allow-loopback-peers", "--metrics", "127.0.0.1:0"])
            .arg("--cert")
            .arg(cert)
            .arg("--key")
            .arg(key)
            .args(arguments);
        let mut process = Process::spawn("ieum turn", command);
        let mut port = |kind: &str| -> u16 {
            let line = process.expect(kind, START);
            let address = line.split_whitespace().nth(1).unwrap_or_default();
            let port = address
                .rsplit(':')
                .next()
                .and_then(|port| port.parse().ok());
            port.unwrap_or_else(|| panic!("no port in {line}"))
        };
        let (plain, tcp, secure) = (port("udp "), port("tcp "), port("tls "));
        assert_eq!(plain, tcp, "UDP and TCP have one port");
        let http = process.expect("http ", START);
        let http = http.split_whitespace().nth(1).unwrap_or_default();
        let http = http.trim_end_matches(':').to_owned();
        process.expect("ready", START);
        Self {
            process,
            plain,
            secure,
            http,
            folder,
        }
    }

    /// The port for UDP and TCP.
    #[must_use]
    pub fn plain(&self) -> u16 {
        self.plain
    }

    /// The port for TLS and DTLS.
    #[must_use]
    pub fn secure(&self) -> u16 {
        self.secure
    }

    /// Where `/metrics`, `/health` and `/ready` are: `ADDRESS:PORT`.
    #[must_use]
    pub fn http(&self) -> &str {
        &self.http
    }

    /// The folder with its certificate.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process, to read its lines or to send it signals.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A certificate for localhost on P-256, and its key.
fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let (cert, key) = (folder.join("turn.crt"), folder.join("turn.key"));
    let mut openssl = partner::system("openssl", "openssl");
    openssl
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert);
    let made = openssl.output().expect("openssl can be started");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    (cert, key)
}

/// More than a start ever takes on a loaded machine.
const START: Duration = Duration::from_secs(30);
