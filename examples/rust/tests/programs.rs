//! Each program, run as a reader would run it.

use std::process::Stdio;
use std::time::Duration;

use ieum_server::{Options, Server};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A running program, and what it prints.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl Program {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let out = child.stdout.take().expect("it is piped");
        Self {
            child,
            lines: BufReader::new(out).lines(),
            seen: Vec::new(),
        }
    }

    async fn expect(&mut self, part: &str) -> String {
        let found = tokio::time::timeout(SOON, async {
            while let Some(line) = self.lines.next_line().await.expect("it prints text") {
                self.seen.push(line.clone());
                if line.contains(part) {
                    return Some(line);
                }
            }
            None
        });
        let line = found.await.ok().flatten();
        line.unwrap_or_else(|| panic!("no {part:?} in {:#?}", self.seen))
    }

    async fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("it is piped");
        let written = input.write_all(format!("{line}\n").as_bytes()).await;
        written.expect("it reads");
    }

    /// Says that nothing more is said, and waits until it has ended well.
    async fn finish(mut self) {
        drop(self.child.stdin.take());
        let ended = tokio::time::timeout(SOON, async {
            // What it prints at last must not hold it up.
            while let Ok(Some(_)) = self.lines.next_line().await {}
            self.child.wait().await
        });
        let status = ended.await.expect("it ends").expect("it has a status");
        assert!(status.success(), "{status}: {:#?}", self.seen);
    }
}

async fn server() -> Server {
    let free = Options {
        port: 0,
        stun_port: 0,
        ..Options::default()
    };
    Server::start(free).await.expect("a server on free ports")
}

#[tokio::test]
async fn two_peers_in_one_process_talk() {
    let mut program = Program::start(Command::new(env!("CARGO_BIN_EXE_two_peers")));
    program.expect("the echo: hello").await;
    program.finish().await;
}

#[tokio::test]
async fn a_loop_of_ones_own_carries_a_message_there_and_back() {
    let mut program = Program::start(Command::new(env!("CARGO_BIN_EXE_event_loop")));
    program.expect("a got Text(\"hello from a loop\")").await;
    program.expect("closed").await;
    program.finish().await;
}

#[tokio::test]
async fn connections_on_one_port_all_send() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_one_port"));
    command.args(["20", "1"]);
    let mut program = Program::start(command);
    program.expect("20 connections on port").await;
    program.expect("all at once").await;
    program.finish().await;
}

#[tokio::test]
async fn two_chat_over_signaling() {
    let server = server().await;
    let chat = |arguments: [&str; 3]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chat"));
        command.args(arguments);
        Program::start(command)
    };
    let mut alice = chat(["alice", "-", &server.url()]);
    alice.expect("waiting").await;
    let mut bob = chat(["bob", "alice", &server.url()]);
    alice.expect("connected to bob").await;
    bob.expect("connected to alice").await;
    bob.say("안녕").await;
    alice.expect("bob: 안녕").await;
    alice.say("hello").await;
    bob.expect("alice: hello").await;
    bob.finish().await;
    alice.finish().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_file_arrives_as_it_was() {
    let server = server().await;
    let folder = std::env::temp_dir().join(format!("ieum-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .map(|at| (at.wrapping_mul(at) >> 7) as u8)
        .collect();
    let path = folder.join("a file");
    std::fs::write(&path, &bytes).expect("a file");
    let hash: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();

    let file = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_file"));
        command.args(arguments).env("IEUM", server.url());
        command.current_dir(&folder);
        Program::start(command)
    };
    let mut receiver = file(&["receive", "bob"]);
    receiver.expect("waiting").await;
    let mut sender = file(&["send", "alice", "bob", "a file"]);
    sender.expect(&hash).await;
    receiver.expect(&hash).await;
    sender.finish().await;
    receiver.finish().await;
    let received = std::fs::read(folder.join("received/a file")).expect("it was received");
    assert!(received == bytes);
    std::fs::remove_dir_all(&folder).expect("the folder is there");
    server.shutdown().await;
}

/// Only a broken run reaches it.
const SOON: Duration = Duration::from_secs(60);
