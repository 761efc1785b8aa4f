//! The self-check: a second native peer calls the echo peer over the real sockets, and the six steps are timed.

use std::fmt;
use std::time::{Duration, Instant};

use ieum::peer::{Configuration, DataChannel, Interfaces, Message};
use ieum::{Call, Endpoint, Options};
use ieum_internals::{Recording, Timeline};
use tokio::time::{timeout, timeout_at};

use crate::echo;

/// What a completed self-check found. Displays as lines for a terminal: the six steps with the time of each, the
/// candidates on both sides by kind, the chosen pair, the echo.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The call as the caller saw it.
    pub timeline: Timeline,
    /// How many messages came back equal.
    pub echoed: u32,
    /// From the first message sent to the last one back.
    pub echo_time: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.echo_time.as_secs_f64() * 1e3;
        writeln!(f, "{}", self.timeline)?;
        write!(
            f,
            "echo  {} messages came back equal in {milliseconds:.1} ms",
            self.echoed
        )
    }
}

/// Where the self-check stopped, and why. Displays as one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the self-check failed at {step}: {reason}")]
#[non_exhaustive]
pub struct CheckError {
    /// What did not happen.
    pub step: Step,
    /// What is known of the reason, in plain words.
    pub reason: String,
}

/// A step of the self-check: the six of the flow, what is before them and what is after.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Before the flow: the list of STUN and TURN servers is fetched, signaling reached, the echo peer found there.
    Signaling,
    /// One of the six.
    Flow(ieum_internals::Step),
    /// After the flow: messages are sent and come back equal.
    Echo,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signaling => f.write_str("signaling, before step 1"),
            Self::Flow(step) => write!(f, "step {}, {}", step.number(), step.name()),
            Self::Echo => f.write_str("the echo of messages, after step 6"),
        }
    }
}

/// Calls the echo peer of the server at `url` as any native peer would.
pub(crate) async fn run(
    url: &str,
    token: Option<&str>,
    interfaces: &Interfaces,
) -> Result<Report, CheckError> {
    let before = |reason: String| CheckError {
        step: Step::Signaling,
        reason,
    };
    let servers = ieum::ice_servers(url, token)
        .await
        .map_err(|error| before(error.to_string()))?;

    let name = getrandom::u32().map_err(|error| before(error.to_string()))?;
    let mut options = Options::new(url, format!("ieum-check-{name:08x}"));
    options.token = token.map(str::to_owned);
    let interfaces = interfaces.clone();
    options.configuration = Box::new(move || Configuration {
        ice_servers: servers.clone(),
        interfaces: interfaces.clone(),
        ..Configuration::default()
    });
    let endpoint = timeout(PATIENCE, Endpoint::connect(options)).await;
    let endpoint = endpoint.map_err(|_| before("signaling does not answer".to_owned()))?;
    let endpoint = endpoint.map_err(|error| before(error.to_string()))?;

    let outcome = match endpoint.call(echo::ID).await {
        Ok(mut call) => {
            let outcome = converse(&mut call).await;
            // What was found counts, however long the farewell takes.
            let _ = timeout(FAREWELL, call.close()).await;
            outcome
        }
        Err(error) => Err(before(error.to_string())),
    };
    let _ = timeout(FAREWELL, endpoint.close()).await;
    outcome
}

async fn converse(call: &mut Call) -> Result<Report, CheckError> {
    let recording = call.recording().clone();
    let deadline = Instant::now() + PATIENCE;
    let flow = |step: ieum_internals::Step| {
        move |reason| CheckError {
            step: Step::Flow(step),
            reason,
        }
    };

    let channel = within(deadline, open(call)).await.map_err(|reason| {
        let missing = recording.timeline().missing();
        flow(missing.unwrap_or(ieum_internals::Step::Open))(reason)
    })?;
    let began = Instant::now();
    let echoed = within(deadline, exchange(channel)).await;
    echoed.map_err(|reason| CheckError {
        step: Step::Echo,
        reason,
    })?;
    let echo_time = began.elapsed();
    // The report counts candidates, and the slowest of them may come after the channel is open.
    within(deadline, gathered(&recording))
        .await
        .map_err(flow(ieum_internals::Step::Gathered))?;
    Ok(Report {
        timeline: recording.timeline(),
        echoed: MESSAGES,
        echo_time,
    })
}

async fn within<T>(
    deadline: Instant,
    doing: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let late = |_| Err(format!("not done within {} s", PATIENCE.as_secs()));
    timeout_at(deadline.into(), doing)
        .await
        .unwrap_or_else(late)
}

async fn open(call: &mut Call) -> Result<DataChannel, String> {
    let Some(channel) = call.channel().await else {
        return Err(call.ended().await.to_string());
    };
    tokio::select! {
        opened = channel.opened() => match opened {
            Ok(()) => Ok(channel),
            Err(error) => Err(error.to_string()),
        },
        ended = call.ended() => Err(ended.to_string()),
    }
}

/// Sends every message while it receives the echoes, so that both directions are busy.
async fn exchange(channel: DataChannel) -> Result<(), String> {
    let (sender, mut receiver) = channel.split();
    let send = async {
        for number in 0..MESSAGES {
            sender
                .send_message(message(number))
                .await
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    let receive = async {
        for number in 0..MESSAGES {
            match receiver.recv().await {
                Some(echo) if echo == message(number) => {}
                Some(_) => return Err(format!("message {number} came back different")),
                None => return Err(format!("the channel closed after {number} messages")),
            }
        }
        Ok(())
    };
    tokio::try_join!(send, receive).map(|_| ())
}

/// Text and binary in turn, each different from the last.
fn message(number: u32) -> Message {
    match number % 2 {
        0 => Message::Text(format!("message {number}")),
        _ => Message::Binary(number.to_be_bytes().repeat(BINARY_WORDS).into()),
    }
}

async fn gathered(recording: &Recording) -> Result<(), String> {
    let mut changes = recording.changes();
    let both = |timeline: &Timeline| {
        timeline.step(ieum_internals::Step::Gathered).is_some() && timeline.is_remote_gathered()
    };
    while !recording.with(both) {
        changes.next().await;
    }
    Ok(())
}

/// For signaling, and again for the call. On loopback all of it takes some tens of milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

const FAREWELL: Duration = Duration::from_secs(2);

const MESSAGES: u32 = 1000;

/// 1,000 bytes: nearly a datagram.
const BINARY_WORDS: usize = 250;
