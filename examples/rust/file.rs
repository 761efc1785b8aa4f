//! A file from one to another, with a progress bar and a hash. Start the server (`cargo run --release`), then in two
//! other terminals `cargo run --release -p ieum-examples --bin file -- receive bob`, and `... -- send alice bob FILE`.
//! What was received lies in `received/`, beside where it was started; both print its SHA-256.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use ieum::peer::{Configuration, DataChannel, Message};
use ieum::{Call, Endpoint, Options};
use sha2::{Digest, Sha256};
use tokio::fs::{File, create_dir_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let url = std::env::var("IEUM").unwrap_or_else(|_| "http://127.0.0.1:3030".to_owned());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["receive", me] => {
            let mut endpoint = endpoint(&url, me).await?;
            println!("waiting for a file to {me}");
            let mut call = endpoint.accept().await.ok_or("signaling ended")?;
            receive(opened(&mut call).await?).await?;
            // The sender closes: then it has its answer.
            call.ended().await;
        }
        ["send", me, peer, file] => {
            let mut call = endpoint(&url, me).await?.call(peer).await?;
            send(opened(&mut call).await?, Path::new(file)).await?;
            call.close().await;
        }
        _ => return Err("file receive ME | file send ME PEER FILE".into()),
    }
    Ok(())
}

async fn endpoint(url: &str, me: &str) -> Result<Endpoint, Failed> {
    let servers = ieum::ice_servers(url, None).await?;
    let mut options = Options::new(url, me);
    options.configuration = Box::new(move || Configuration {
        ice_servers: servers.clone(),
        ..Configuration::default()
    });
    Ok(Endpoint::connect(options).await?)
}

async fn opened(call: &mut Call) -> Result<DataChannel, Failed> {
    let channel = call.channel().await.ok_or("the call ended")?;
    channel.opened().await?;
    Ok(channel)
}

/// First `LENGTH NAME`, then the bytes; the other side answers with the hash of what it got.
async fn send(mut channel: DataChannel, path: &Path) -> Result<(), Failed> {
    let mut file = File::open(path).await?;
    let len = file.metadata().await?.len();
    let name = path.file_name().ok_or("not a file")?.to_string_lossy();
    channel.send_text(format!("{len} {name}")).await?;
    let (mut hash, mut progress) = (Sha256::new(), Progress::new(len));
    while progress.done < len {
        let mut chunk = vec![0; CHUNK];
        let count = file.read(&mut chunk).await?;
        if count == 0 {
            return Err("the file has become shorter".into());
        }
        chunk.truncate(count);
        hash.update(&chunk);
        progress.add(count);
        // Waits while as much is on its way as the connection takes.
        channel.send(chunk).await?;
    }
    let ours = hex(&hash.finalize());
    match channel.recv().await {
        Some(Message::Text(theirs)) if theirs == ours => println!("\nsha-256 {ours}"),
        other => return Err(format!("\nours is {ours}, theirs {other:?}").into()),
    }
    Ok(())
}

async fn receive(mut channel: DataChannel) -> Result<(), Failed> {
    let Some(Message::Text(header)) = channel.recv().await else {
        return Err("no name came".into());
    };
    let (len, name) = header.split_once(' ').ok_or("no length came")?;
    // Of what the peer calls it, only the name: not a path to somewhere else.
    let name = Path::new(name).file_name().ok_or("no name came")?;
    create_dir_all("received").await?;
    let path = Path::new("received").join(name);
    let mut file = File::create(&path).await?;
    let (mut hash, mut progress) = (Sha256::new(), Progress::new(len.parse()?));
    while progress.done < progress.len {
        let message = channel.recv().await.ok_or("\nthe sender is gone")?;
        let chunk = message.into_bytes();
        hash.update(&chunk);
        progress.add(chunk.len());
        file.write_all(&chunk).await?;
    }
    file.flush().await?;
    let hash = hex(&hash.finalize());
    channel.send_text(hash.clone()).await?;
    println!("\n{} sha-256 {hash}", path.display());
    Ok(())
}

struct Progress {
    len: u64,
    done: u64,
    started: Instant,
    shown: Option<u64>,
}

impl Progress {
    fn new(len: u64) -> Self {
        Self {
            len,
            done: 0,
            started: Instant::now(),
            shown: None,
        }
    }

    /// Draws the bar where it has grown by a hundredth.
    fn add(&mut self, count: usize) {
        self.done += count as u64;
        let percent = self.done * 100 / self.len.max(1);
        if self.shown.replace(percent) == Some(percent) {
            return;
        }
        let bar = "#".repeat(percent as usize / 4);
        let rate = self.done as f64 / 1e6 / self.started.elapsed().as_secs_f64();
        print!("\r[{bar:25}] {percent:3} % {rate:8.1} MB/s");
        // A bar that cannot be drawn keeps nothing back.
        let _ = std::io::stdout().flush();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a message has at most; every peer takes so much.
const CHUNK: usize = 64 * 1024;
