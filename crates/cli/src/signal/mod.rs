//! `ieum signal`: signaling alone.

mod options;
mod settings;

use std::path::PathBuf;

use clap::Args;
use ieum_server::SignalServer;

use crate::file;
use crate::interrupt::{hangups, interrupted};
use crate::output::{Failure, complain, say};
use options::Options;
use settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct Signal {
    /// File with the same options, one a line; a flag on the command line wins over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Say whether the configuration can be used, and stop
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    options: Options,
}

/// Serves until it is interrupted; then tells every client to go elsewhere.
pub(crate) async fn run(args: Signal) -> Result<(), Failure> {
    let options = match &args.config {
        Some(path) => args.options.or(file::read(path).map_err(Failure::usage)?),
        None => args.options,
    };
    let settings = Settings::of(options).map_err(Failure::usage)?;
    if args.check {
        say("ok");
        return Ok(());
    }
    for note in &settings.notes {
        say(format_args!("note  {note}"));
    }
    let scheme = settings.scheme();
    let server = SignalServer::start(settings.signal)
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    for address in server.addresses() {
        say(format_args!("ready  {scheme}://{address}"));
    }
    let mut hangups = hangups();
    loop {
        tokio::select! {
            () = interrupted() => break,
            () = hangups.next() => match server.reload() {
                Ok(()) => say("note  the certificate was read again"),
                Err(error) => drop(complain(&Failure::new(error.to_string()))),
            },
        }
    }
    server.shutdown().await;
    Ok(())
}
