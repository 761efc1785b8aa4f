//! Our own binary as a process: `ieum up` and `ieum call`.

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use crate::{Process, partner};

/// The `ieum` binary: the one that `IEUM_BINARY` names, or one that cargo builds now, once per test program.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match env::var_os("IEUM_BINARY") {
        Some(path) => path.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--quiet",
        "-p",
        "ieum-cli",
        "--message-format=json-render-diagnostics",
    ]);
    let output = command
        .current_dir(partner::root())
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "the ieum binary does not build:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let executable = |line: &str| -> Option<PathBuf> {
        let message: Value = serde_json::from_str(line).ok()?;
        let path = message.get("executable")?.as_str()?;
        (message["target"]["name"] == "ieum").then(|| path.into())
    };
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .find_map(executable)
        .expect("cargo names the executable it built")
}

/// A running `ieum up`, on free ports.
#[derive(Debug)]
pub struct Up {
    process: Process,
    url: String,
}

impl Up {
    /// Starts `ieum up --port 0 --stun-port 0` with `arguments` besides, and waits for its URL.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_as(Command::new(binary()), arguments)
    }

    /// As [`Up::start`], with the command that runs the binary: in a namespace of a [`crate::Lab`], say.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start_as(mut command: Command, arguments: &[&str]) -> Self {
        command
            .args(["up", "--port", "0", "--stun-port", "0"])
            .args(arguments);
        let mut process = Process::spawn("ieum up", command);
        let line = process.expect("ready  http://", START);
        let url = line.trim_start_matches("ready  ").to_owned();
        Self { process, url }
    }

    /// Where the page and signaling are: `http://ADDRESS:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The page's URL, with `query` (such as `?peer=NAME`, or nothing).
    #[must_use]
    pub fn page(&self, query: &str) -> String {
        format!("{}/{query}", self.url)
    }

    /// The process, to read its lines or to kill it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What `GET /api/ice-servers` hands out.
    ///
    /// # Panics
    /// When it does not answer with a list of servers.
    #[must_use]
    pub fn ice_servers(&self) -> Vec<IceServer> {
        let body = get(&self.url, "/api/ice-servers");
        let body: Value =
            serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error} in {body}"));
        let list = body
            .get("iceServers")
            .unwrap_or(&body)
            .as_array()
            .unwrap_or_else(|| panic!("no list: {body}"));
        list.iter().map(IceServer::read).collect()
    }
}

/// An entry of the list of ICE servers (W3C `RTCIceServer`).
#[derive(Clone, Debug)]
pub struct IceServer {
    /// `stun:` and `turn:` URLs.
    pub urls: Vec<String>,
    /// The TURN user name, for `turn:` URLs.
    pub username: Option<String>,
    /// The TURN password, for `turn:` URLs.
    pub credential: Option<String>,
}

impl IceServer {
    fn read(entry: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let urls = match &entry["urls"] {
            Value::Array(urls) => urls.iter().filter_map(text).collect(),
            one => text(one).into_iter().collect(),
        };
        Self {
            urls,
            username: text(&entry["username"]),
            credential: text(&entry["credential"]),
        }
    }
}

/// `ieum call PEER --url URL`, with `arguments` besides.
#[must_use]
pub fn call(mut command: Command, url: &str, peer: &str, arguments: &[&str]) -> Process {
    command.args(["call", peer, "--url", url]).args(arguments);
    Process::spawn(&format!("ieum call {peer}"), command)
}

/// `ieum call --wait --id NAME --url URL`, with `arguments` besides, once it is registered.
///
/// # Panics
/// When it does not say that it waits.
#[must_use]
pub fn wait(mut command: Command, url: &str, name: &str, arguments: &[&str]) -> Process {
    command
        .args(["call", "--wait", "--id", name, "--url", url])
        .args(arguments);
    let mut process = Process::spawn(&format!("ieum call --wait --id {name}"), command);
    process.expect("wait  as", START);
    process
}

/// The body of an answer to a GET, read to its end.
fn get(url: &str, path: &str) -> String {
    let host = url.trim_start_matches("http://");
    let mut stream =
        TcpStream::connect(host).unwrap_or_else(|error| panic!("cannot reach {host}: {error}"));
    stream
        .set_read_timeout(Some(START))
        .expect("the time-out is not zero");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .expect("the request fits the socket's buffer");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .unwrap_or_else(|error| panic!("GET {path}: {error}"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    assert!(head.starts_with("HTTP/1.1 200"), "GET {path}: {head}");
    body.to_owned()
}

/// More than a start ever takes on a loaded machine.
const START: Duration = Duration::from_secs(30);
