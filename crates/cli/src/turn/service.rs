//! Runs the server until it is told to stop: at once (SIGINT), or once its clients have gone (SIGTERM).

use std::time::Duration;

use ieum_server::turn::{Observer, Turn as Server, monitor};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Turn;
use super::settings::Settings;
use crate::output::{Failure, say};

/// Starts the server and serves until a signal ends it.
pub(crate) async fn run(args: Turn) -> Result<(), Failure> {
    let Settings {
        turn,
        metrics,
        drain,
        notes,
    } = args.settings().map_err(Failure::usage)?;
    // Before it says that it is ready: who reads that may send signals.
    let mut signals = Signals::new()?;
    let mut server = Server::start(turn).map_err(|unbound| {
        Failure::new(format!(
            "{unbound} (see --listen, --tls-listen, --alternate)"
        ))
    })?;
    let (draining, watching) = watch::channel(false);
    for note in notes {
        say(format_args!("note   {note}"));
    }
    tell(&server);
    if let Some(at) = metrics {
        let unbound =
            |error| Failure::new(format!("cannot listen on {at} (see --metrics): {error}"));
        let listener = TcpListener::bind(at).await.map_err(unbound)?;
        let at = listener.local_addr().map_err(unbound)?;
        tokio::spawn(monitor(listener, server.observer(), watching));
        say(format_args!("http   {at}: /metrics, /health, /ready"));
    }
    say("ready");
    loop {
        match signals.next().await {
            Signal::Stop => break,
            Signal::Reload => reload(&args, &server),
            Signal::Drain => {
                draining.send_replace(true);
                server.drain(drain);
                say(format_args!(
                    "drain  no new allocations; the others have {} s",
                    drain.as_secs()
                ));
                tokio::select! {
                    () = drained(server.observer(), drain) => {}
                    // Whoever asks a second time means it.
                    () = signals.end() => {}
                }
                break;
            }
        }
    }
    drop(draining);
    tokio::task::spawn_blocking(move || server.stop())
        .await
        .map_err(|error| Failure::new(error.to_string()))
}

fn tell(server: &Server) {
    let listening = server.listening();
    for at in &listening.udp {
        say(format_args!("udp    {at}"));
    }
    for at in &listening.tcp {
        say(format_args!("tcp    {at}"));
    }
    for at in &listening.tls {
        say(format_args!("tls    {at} (and DTLS)"));
    }
}

/// Takes the file as it is now; where it is wrong, everything stays as it was.
fn reload(args: &Turn, server: &Server) {
    match args.settings() {
        Ok(settings) => {
            server.reconfigure(&settings.turn);
            say("reload done; addresses, ports and threads stay as they were");
        }
        Err(wrong) => say(format_args!("reload refused, nothing has changed: {wrong}")),
    }
}

/// Waits until nobody has an allocation, for `patience` at most.
async fn drained(observer: Observer, patience: Duration) {
    let deadline = Instant::now() + patience + GRACE;
    while Instant::now() < deadline {
        let observer = observer.clone();
        let asked = tokio::task::spawn_blocking(move || observer.report()).await;
        match asked {
            Ok(Ok(report)) if report.allocations() > 0 => sleep(GLANCE).await,
            _ => return,
        }
    }
}

/// What the service is told from outside.
enum Signal {
    /// SIGINT.
    Stop,
    /// SIGTERM.
    Drain,
    /// SIGHUP.
    Reload,
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::new(format!("cannot listen to signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.terminate.recv() => Signal::Drain,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    /// Waits until somebody wants it to end at once.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Result<Self, Failure> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        crate::interrupt::interrupted().await;
        Signal::Stop
    }

    async fn end(&mut self) {
        crate::interrupt::interrupted().await;
    }
}

/// How often to look whether somebody is left.
const GLANCE: Duration = Duration::from_millis(250);
/// What the last allocations need to end by themselves.
const GRACE: Duration = Duration::from_secs(2);
