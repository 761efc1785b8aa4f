//! Two peers in one process: `cargo run -p ieum-examples --bin two_peers`. What elsewhere goes over signaling goes from
//! one variable to another here: two descriptions, and candidates one by one as they are found.

use ieum::peer::{Configuration, DataChannelInit, Event, Events, Message, PeerConnection};

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let (a, mut a_events) = PeerConnection::new(Configuration::default())?;
    let (b, mut b_events) = PeerConnection::new(Configuration::default())?;
    let mut channel = a
        .create_data_channel("talk", DataChannelInit::default())
        .await?;

    a.set_implicit_local_description().await?;
    let offer = a.local_description().ok_or("no offer")?;
    b.set_remote_description(offer).await?;
    b.set_implicit_local_description().await?;
    let answer = b.local_description().ok_or("no answer")?;
    a.set_remote_description(answer).await?;

    tokio::select! {
        failed = pass_on("a", &mut a_events, &b) => failed?,
        failed = pass_on("b", &mut b_events, &a) => failed?,
        talked = talk(&mut channel) => talked?,
    }
    tokio::join!(a.close(), b.close());
    Ok(())
}

async fn talk(channel: &mut ieum::peer::DataChannel) -> Result<(), Failed> {
    channel.opened().await?;
    for text in ["hello", "다리를 놓다"] {
        channel.send_text(text).await?;
        if let Some(Message::Text(text)) = channel.recv().await {
            println!("the echo: {text}");
        }
    }
    Ok(())
}

/// Tells the other peer this one's candidates, and echoes on the channels that it opens.
async fn pass_on(name: &str, events: &mut Events, other: &PeerConnection) -> Result<(), Failed> {
    while let Some(event) = events.next().await {
        match event {
            Event::IceCandidate(candidate) => {
                other
                    .add_ice_candidate(candidate.unwrap_or_default())
                    .await?;
            }
            Event::ConnectionStateChange(state) => println!("{name} is {state}"),
            Event::DataChannel(mut channel) => {
                tokio::spawn(async move {
                    while let Some(message) = channel.recv().await {
                        if channel.send_message(message).await.is_err() {
                            break;
                        }
                    }
                });
            }
            _ => {}
        }
    }
    Ok(())
}
