//! Our own `ieum turn` as a process.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::{Process, binary};

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
        Self::start_as(Command::new(binary()), ip, name, arguments)
    }

    /// As [`Relay::start_at`], with the command that runs the binary: in a namespace of a [`crate::Lab`], say.
    ///
    /// # Panics
    /// When it does not come up, or no certificate can be made.
    #[must_use]
    pub fn start_as(mut command: Command, ip: IpAddr, name: &str, arguments: &[&str]) -> Self {
        let at = SocketAddr::new(ip, 0).to_string();
        let folder = std::env::temp_dir().join(format!("ieum-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        let (cert, key) = certificate(&folder, ip);
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

    /// Where its certificate is, in PEM.
    #[must_use]
    pub fn certificate_path(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
    }

    /// Its certificate, in PEM.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn certificate(&self) -> String {
        fs::read_to_string(self.certificate_path()).expect("it was written")
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

/// A new certificate for localhost and this address on P-256, and its key: two files in PEM in this folder, always of the
/// same names.
///
/// # Panics
/// When they cannot be made or written.
#[must_use]
pub fn certificate(folder: &Path, ip: IpAddr) -> (PathBuf, PathBuf) {
    let names = ["localhost".to_owned(), ip.to_string()];
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(names).expect("a certificate");
    let (at, key) = (folder.join(CERTIFICATE), folder.join("turn.key"));
    fs::write(&at, cert.pem()).expect("room for it");
    fs::write(&key, signing_key.serialize_pem()).expect("room for it");
    (at, key)
}

const CERTIFICATE: &str = "turn.crt";
/// More than a start ever takes on a loaded machine.
const START: Duration = Duration::from_secs(30);
