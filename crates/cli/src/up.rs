//! `ieum up`.

use std::convert::Infallible;

use ieum_server::Server;

use crate::args::Up;
use crate::interrupt::{hangups, interrupted};
use crate::output::{Failure, complain, say};

/// Starts everything, checks it by a call, and serves until it is interrupted.
pub(crate) async fn run(args: Up) -> Result<(), Failure> {
    let options = args.options().map_err(Failure::usage)?;
    let server = Server::start(options)
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    tokio::select! {
        outcome = serve(&server, args.check) => {
            server.shutdown().await;
            outcome
        }
        never = renew(&server, &args) => match never {},
        () = interrupted() => {
            server.shutdown().await;
            Ok(())
        }
    }
}

/// Reads the certificate again whenever it is asked to; where it is wrong, the old one stays. Without one, SIGHUP is what
/// it is to any program: the terminal is gone.
async fn renew(server: &Server, args: &Up) -> Infallible {
    if args.cert.is_none() {
        return std::future::pending().await;
    }
    let mut hangups = hangups();
    loop {
        hangups.next().await;
        match args.turns() {
            Ok(Some(turns)) => {
                server.renew(&turns.certificate);
                say("note   the certificate was read again");
            }
            Ok(None) => {}
            Err(wrong) => drop(complain(&Failure::new(wrong))),
        }
    }
}

async fn serve(server: &Server, check_only: bool) -> Result<(), Failure> {
    let checked = match server.self_check().await {
        Ok(report) => {
            say(report);
            Ok(())
        }
        Err(error) => Err(Failure::new(error.to_string())),
    };
    if check_only {
        return checked;
    }
    if let Err(failure) = checked {
        // What works is of use to someone who looks for what does not.
        complain(&failure);
    }
    if server.is_open() {
        say(
            "note  whoever reaches this machine may use signaling and the relay: --token asks them for a token",
        );
    }
    say(format_args!("ready  {}", server.url()));
    std::future::pending().await
}
