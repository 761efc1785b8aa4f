//! Where the partners are, once `install.sh` has run.
//!
//! Each function returns a [`Command`] that is ready for arguments, and panics with the partner's name and `install.sh` where the
//! partner is missing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// This crate's folder.
#[must_use]
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The checkout's root.
#[must_use]
pub fn root() -> PathBuf {
    folder()
        .ancestors()
        .nth(2)
        .expect("crates/interop stands two folders below the root")
        .to_owned()
}

/// A Node program of `partners/`, such as `chromium.mjs`, with the npm packages installed.
///
/// # Panics
/// When Node or its packages are missing.
#[must_use]
pub fn node(program: &str) -> Command {
    require(
        "node-datachannel, playwright-core, puppeteer-core, socket.io-client (npm)",
        folder().join("partners/node_modules/.installed").exists(),
    );
    let mut command = system("node", "node");
    command.arg(folder().join("partners").join(program));
    command
}

/// `partners/chromium.mjs`, which drives Chromium.
///
/// # Panics
/// When Chromium, Node or playwright-core are missing.
#[must_use]
pub fn chromium() -> Command {
    require("chromium", Path::new("/usr/bin/chromium").exists());
    node("chromium.mjs")
}

/// A Python program with aiortc and python-socketio, given by its path below the checkout's root.
///
/// # Panics
/// When the virtual environment is missing.
#[must_use]
pub fn python(program: &str) -> Command {
    let venv = folder().join("partners/.venv");
    require(
        "aiortc, python-socketio (pip)",
        venv.join(".installed").exists(),
    );
    let mut command = Command::new(venv.join("bin/python"));
    command.arg("-u").arg(root().join(program));
    command
}

/// A Python program of `partners/` with GStreamer, by the system's Python: its bindings are not on PyPI.
///
/// # Panics
/// When Python, GStreamer's bindings or libnice are missing.
#[must_use]
pub fn gstreamer(program: &str) -> Command {
    let installed = ["gi/__init__.py", "gi/overrides/Gst.py"];
    let packages = Path::new("/usr/lib/python3/dist-packages");
    require(
        "gstreamer (webrtcbin, libnice)",
        installed.iter().all(|file| packages.join(file).exists()),
    );
    let mut command = Command::new("/usr/bin/python3");
    let program = folder().join("partners").join(program);
    command.arg("-u").arg(program);
    command
}

/// One of the programs of `partners/pion/src/`, which use pion, built.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn pion(program: &str) -> Command {
    let built = folder().join("partners/pion/bin").join(program);
    require("pion (Go)", built.exists());
    Command::new(built)
}

/// One of coturn's programs, such as `turnutils_uclient`.
///
/// # Panics
/// When coturn is missing.
#[must_use]
pub fn coturn(program: &str) -> Command {
    system("coturn", program)
}

/// A program on the path (`/usr/sbin` and `/sbin` included) that belongs to `partner`.
///
/// # Panics
/// When it is missing.
#[must_use]
pub fn system(partner: &str, program: &str) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file());
    require(partner, found.is_some());
    Command::new(found.unwrap_or_default())
}

fn require(partner: &str, installed: bool) {
    assert!(
        installed,
        "the partner {partner} is not installed: run `bash crates/interop/install.sh`"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(
        expected = "the partner teleport is not installed: run `bash crates/interop/install.sh`"
    )]
    fn a_missing_partner_fails_by_its_name() {
        let _ = system("teleport", "no-such-program");
    }
}
