//! The `ieum` command: reads the command line, prints what the libraries report, and turns it into an exit status.
//!
//! 0: done. 1: it did not work, and one line on standard error says what, where and what to do. 2: the command line, or
//! a configuration file, cannot be understood.

mod args;
mod call;
mod conversation;
mod file;
mod inspect;
mod interrupt;
mod network;
mod options;
mod output;
mod signal;
mod turn;
mod up;
mod values;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser;
use output::{Failure, complain};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return args::refuse(&error),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return complain(&Failure::new(format!(
                "cannot start threads and timers: {error}"
            )));
        }
    };
    let outcome = runtime.block_on(run(cli));
    // A thread that waits for standard input would never end.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => complain(&failure),
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Some(Command::Call(args)) => call::run(args).await,
        Some(Command::Inspect(args)) => inspect::run(&args),
        Some(Command::Turn(args)) => turn::run(*args).await,
        Some(Command::Signal(args)) => signal::run(*args).await,
        Some(Command::Up(args)) => up::run(args).await,
        None => up::run(cli.up).await,
    }
}
