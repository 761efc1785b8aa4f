//! A chat of two over signaling. Start the server (`cargo run --release`), then in two other terminals
//! `cargo run -p ieum-examples --bin chat -- alice`, which waits, and `... -- bob alice`, which calls her. What one types the
//! other reads; it goes from one to the other, and the server may stop.

use ieum::peer::{Configuration, Message};
use ieum::{Endpoint, Options};
use tokio::io::{AsyncBufReadExt, BufReader};

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let me = arguments.next().ok_or("chat ME [PEER] [URL]")?;
    let peer = arguments.next().filter(|peer| peer != "-");
    let url = arguments.next();
    let url = url.unwrap_or_else(|| "http://127.0.0.1:3030".to_owned());

    let servers = ieum::ice_servers(&url, None).await?;
    let mut options = Options::new(&url, &me);
    options.configuration = Box::new(move || Configuration {
        ice_servers: servers.clone(),
        ..Configuration::default()
    });
    let mut endpoint = Endpoint::connect(options).await?;
    let mut call = match peer {
        Some(peer) => endpoint.call(&peer).await?,
        None => {
            println!("waiting for a call to {me}");
            endpoint.accept().await.ok_or("signaling ended")?
        }
    };
    let channel = call.channel().await.ok_or("the call ended")?;
    channel.opened().await?;
    println!("connected to {}", call.peer());

    let peer = call.peer().to_owned();
    let (sender, mut receiver) = channel.split();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => sender.send_text(line).await?,
                None => break,
            },
            message = receiver.recv() => match message {
                Some(Message::Text(text)) => println!("{peer}: {text}"),
                Some(Message::Binary(bytes)) => println!("{peer}: {} bytes", bytes.len()),
                None => break,
            },
        }
    }
    // What was typed last arrives before it ends.
    call.close().await;
    Ok(())
}
