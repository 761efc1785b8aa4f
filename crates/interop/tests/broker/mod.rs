//! A real broker: mosquitto, started for one test.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod calls;
pub(crate) mod server;
#[path = "../../../signaling/tests/support/signals.rs"]
pub(crate) mod signals;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ieum_interop::{Process, partner};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// mosquitto on a free port, with memory alone.
pub(crate) struct Broker {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    folder: PathBuf,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Broker {
    pub(crate) async fn start() -> Self {
        Self::with(None).await
    }

    /// For this user and password alone, where one is given.
    pub(crate) async fn with(login: Option<[&str; 2]>) -> Self {
        // mosquitto takes no port 0: one that was free a moment ago is as good as it gets, so another one may be tried.
        loop {
            let probe = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = probe.local_addr().unwrap();
            drop(probe);
            let folder = std::env::temp_dir().join(format!("ieum-broker-{}", address.port()));
            std::fs::create_dir_all(&folder).unwrap();
            let port = address.port();
            let mut text = format!("listener {port} 127.0.0.1\npersistence false\nuser root\n");
            match login {
                None => text.push_str("allow_anonymous true\n"),
                Some(login) => {
                    let passwords = folder.join("passwords");
                    let mut command = partner::system("mosquitto", "mosquitto_passwd");
                    command.args(["-b", "-c"]).arg(&passwords).args(login);
                    assert!(command.status().unwrap().success());
                    let place = passwords.to_string_lossy();
                    text.push_str(&format!("allow_anonymous false\npassword_file {place}\n"));
                }
            }
            let file = folder.join("mosquitto.conf");
            std::fs::write(&file, text).unwrap();
            let mut command = partner::system("mosquitto", "mosquitto");
            command.arg("-c").arg(&file);
            let process = Process::spawn("mosquitto", command);
            let up = async {
                while tokio::net::TcpStream::connect(address).await.is_err() {
                    tokio::task::yield_now().await;
                }
            };
            if timeout(START, up).await.is_ok() {
                return Self {
                    process,
                    address,
                    folder,
                };
            }
        }
    }

    pub(crate) fn url(&self, version: &str) -> String {
        format!("mqtt://{}/{version}", self.address)
    }
}

/// mosquitto listens within milliseconds, or never: its port was taken.
const START: Duration = Duration::from_secs(5);
