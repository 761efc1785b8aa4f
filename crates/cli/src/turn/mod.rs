//! `ieum turn`: STUN and TURN alone.

mod options;
mod service;
mod settings;
mod values;

use std::path::PathBuf;

use clap::Args;

pub(crate) use service::run;
pub(crate) use settings::Settings;

use crate::file;
use options::Options;

#[derive(Debug, Args)]
pub(crate) struct Turn {
    /// File with any of the options below, in TOML; flags win over it, and SIGHUP reads it again
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

impl Turn {
    /// Reads the file, where there is one, and puts everything together. What is wrong is told in one line.
    pub(crate) fn settings(&self) -> Result<Settings, String> {
        let file = match &self.config {
            Some(path) => file::read(path)?,
            None => Options::default(),
        };
        Settings::of(self.options.clone().or(file))
    }
}

#[cfg(test)]
mod tests;
