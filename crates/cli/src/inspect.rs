//! `ieum inspect`: what a session description or candidates say, as the library reads them.

use std::io::Read;
use std::path::PathBuf;
use std::{fs, io};

use clap::Args;
use ieum::sdp::Inspection;

use crate::output::{Failure, say};

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A file with SDP or with candidates, one a line; `-` for standard input
    pub(crate) file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Inspect) -> Result<(), Failure> {
    let shown = args.file.display();
    let text = read(args).map_err(|error| Failure::new(format!("cannot read {shown}: {error}")))?;
    let text = String::from_utf8(text).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(format!("cannot read {shown}: no UTF-8 text at byte {at}"))
    })?;
    let inspection = Inspection::of(&text);
    let said = inspection.said();
    if args.json {
        say(said.json());
    } else {
        say(said.to_string().trim_end());
    }
    match inspection.errors().first() {
        Some(first) => Err(Failure::new(format!("{shown}: {first}"))),
        None => Ok(()),
    }
}

/// Of what never ends, no more than is worth reading.
fn read(args: &Inspect) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if args.file.as_os_str() == "-" {
        io::stdin().lock().take(MAX_LEN).read_to_end(&mut bytes)?;
    } else {
        fs::File::open(&args.file)?
            .take(MAX_LEN)
            .read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Far over any session that a peer has sent.
const MAX_LEN: u64 = 16 << 20;
