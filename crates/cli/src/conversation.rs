//! A call in a terminal: what happens is printed, what is typed is sent, what arrives is printed.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::Duration;

use ieum::internals::{Machine, Recording, Timeline, What};
use ieum::peer::{DataReceiver, DataSender, Message};
use ieum::{Call, Ended};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::time::timeout;

use crate::output::{Failure, arrived, say};

/// Talks over `call` until standard input ends, the peer closes, or the connection fails. Who was called (`waiting`) and
/// has typed nothing listens until the peer closes.
pub(crate) async fn hold(call: &mut Call, waiting: bool) -> Result<(), Failure> {
    let mut printer = Printer {
        recording: call.recording().clone(),
        next: 0,
    };
    // What happened before a message is printed before it.
    let outcome = tokio::select! {
        biased;
        () = printer.run() => Ok(()),
        outcome = talk(call, waiting) => outcome,
    };
    printer.print();
    // Once the channel opened they have been printed.
    if outcome.is_err()
        && call
            .recording()
            .with(|timeline| timeline.missing())
            .is_some()
    {
        say(call.recording().with(Timeline::candidates));
    }
    outcome
}

async fn talk(call: &mut Call, waiting: bool) -> Result<(), Failure> {
    let Some(channel) = call.channel().await else {
        return failed(call).await;
    };
    if channel.opened().await.is_err() {
        return failed(call).await;
    }
    if std::io::stdin().is_terminal() {
        say("type a line to send it; Ctrl-D ends the call");
    }
    let (sender, receiver) = channel.split();
    match exchange(sender, receiver, waiting).await? {
        Exchanged::All => Ok(()),
        Exchanged::Closed => closed(call).await,
    }
}

/// How an exchange ended.
enum Exchanged {
    /// Everything that was typed is sent, and answered or not going to be.
    All,
    /// The channel is closed.
    Closed,
}

/// Sends what is typed and prints what arrives, at the same time: a peer that echoes stops reading while nobody reads its
/// echoes.
async fn exchange(
    sender: DataSender,
    mut receiver: DataReceiver,
    waiting: bool,
) -> Result<Exchanged, Failure> {
    let sent = Cell::new(0_u64);
    let received = Cell::new(0_u64);
    let all_sent = Cell::new(false);

    let send = async {
        let mut lines = BufReader::new(stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Err(error) = sender.send_text(line).await {
                return Err(Failure::new(format!("a line cannot be sent: {error}")));
            }
            sent.set(sent.get() + 1);
        }
        Ok(())
    };
    let receive = async {
        while let Some(message) = receiver.recv().await {
            match message {
                Message::Text(text) => say(arrived(&text)),
                Message::Binary(bytes) => say(format_args!("< ({} bytes)", bytes.len())),
            }
            received.set(received.get() + 1);
            if all_sent.get() && received.get() >= sent.get() {
                return Exchanged::All;
            }
        }
        Exchanged::Closed
    };
    tokio::pin!(receive);
    tokio::select! {
        result = send => result?,
        end = &mut receive => return Ok(end),
    }
    if waiting && sent.get() == 0 {
        return Ok(receive.await);
    }
    all_sent.set(true);
    while received.get() < sent.get() {
        let before = received.get();
        match timeout(ECHO, &mut receive).await {
            Ok(end) => return Ok(end),
            // No echo within that time: the peer does not echo.
            Err(_) if received.get() == before => break,
            Err(_) => {}
        }
    }
    Ok(Exchanged::All)
}

/// The channel was closed: by a peer that has had enough, or because the connection is gone.
async fn closed(call: &Call) -> Result<(), Failure> {
    match timeout(END, call.ended()).await {
        Ok(Ended::Failed(_) | Ended::Negotiation(_)) => failed(call).await,
        Ok(ended) => {
            say(format_args!("ended  {ended}"));
            Ok(())
        }
        Err(_) => {
            say("ended  the peer closed the channel");
            Ok(())
        }
    }
}

/// The call ended before, or instead of, a channel that can be used.
async fn failed(call: &Call) -> Result<(), Failure> {
    let why = match timeout(END, call.ended()).await {
        Ok(ended) => ended.to_string(),
        Err(_) => "the peer closed the channel before it was open".to_owned(),
    };
    let missing = call.recording().with(|timeline| timeline.missing());
    let at = missing
        .map(|step| format!(" at step {} ({})", step.number(), step.name()))
        .unwrap_or_default();
    Err(Failure::new(format!(
        "the call with {:?} ended{at}: {why}",
        call.peer()
    )))
}

/// Prints a recording's entries as they come.
struct Printer {
    recording: Recording,
    next: u64,
}

impl Printer {
    /// Never returns.
    async fn run(&mut self) {
        let mut changes = self.recording.changes();
        loop {
            self.print();
            changes.next().await;
        }
    }

    fn print(&mut self) {
        let lines: Vec<String> = self.recording.with(|timeline| {
            let mut lines = Vec::new();
            for (number, entry) in timeline.entries(self.next) {
                self.next = number + 1;
                if worth_a_line(&entry.what) {
                    lines.push(entry.to_string());
                }
                if matches!(entry.what, What::ChannelOpen { .. }) {
                    lines.push(timeline.candidates().to_string());
                }
            }
            lines
        });
        lines.iter().for_each(say);
    }
}

/// Single candidates and the states of the parts are more than a person wants to see.
fn worth_a_line(what: &What) -> bool {
    match what {
        What::Candidate { .. } | What::Redundant { .. } | What::Ended => false,
        What::State { of, .. } => *of == Machine::Connection,
        _ => true,
    }
}

/// How long the next echo may take, before the peer counts as one that does not echo.
const ECHO: Duration = Duration::from_secs(1);

/// How long the reason for a closed channel may take to be known.
const END: Duration = Duration::from_secs(2);
