//! Data channels with real stacks: they offer and we answer, and the reverse; every channel option, messages of every length
//! both ways, closing from either side, an ICE restart in the middle of a transfer, a hundred channels at once.
//!
//! Each partner is started once, and goes through all cases on one connection for each side that offers. All speak what
//! `partners/data_w3c.mjs` says. What a partner cannot do stands at its test, with the reason.

mod cases;
mod session;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cases::{ALL, Case, Limits};
use ieum_interop::{Process, partner};
use session::Session;

use Case::*;

#[test]
fn chromium() {
    let _ = partner::chromium();
    run("Chromium", w3c("chromium"), &Limits::default());
}

#[test]
fn firefox() {
    let _ = partner::system("firefox", "firefox-esr");
    run("Firefox", w3c("firefox"), &Limits::default());
}

#[test]
fn wrtc() {
    let limits = Limits {
        // What waits for its JavaScript when the channel closes is forgotten, and what it had queued for SCTP, too.
        keeps_at_close: false,
        ..Limits::default()
    };
    run("@roamhq/wrtc", w3c("wrtc"), &limits);
}

#[test]
fn node_datachannel() {
    let limits = Limits {
        // libdatachannel does not say it; its package makes something up.
        tells_options: false,
        // What waits for its JavaScript when the channel closes is forgotten.
        keeps_at_close: false,
        // It refuses other ICE credentials ("Invalid ICE settings from remote SDP"), and cannot change its own.
        cannot: &[Restart],
        ..Limits::default()
    };
    run("node-datachannel", w3c("node-datachannel"), &limits);
}

#[test]
fn werift() {
    let limits = Limits {
        // The channel type that it writes for partial reliability says "ordered" in any case.
        announces_both: false,
        // It opens channels on streams that it is about to reset.
        waits_for_resets: false,
        // What it says (a=max-message-size).
        largest: 65_536,
        // An empty message never leaves it, nor what is sent after.
        cannot: &[Empty],
        ..Limits::default()
    };
    run("werift", w3c("werift"), &limits);
}

#[test]
fn aiortc() {
    let command = partner::python("crates/interop/partners/data_aiortc.py");
    let limits = Limits {
        // It answers with the credentials that it had, and has no restartIce.
        cannot: &[Restart],
        ..Limits::default()
    };
    run("aiortc", command, &limits);
}

#[test]
fn pion() {
    let limits = Limits {
        largest: 65_535,
        ..Limits::default()
    };
    run("pion", partner::pion("data_pion"), &limits);
}

#[test]
fn webrtcbin() {
    let limits = Limits {
        // It sends nothing for an empty text, and gives one that arrives as binary.
        // It has no call for an ICE restart.
        // It makes no negotiated channel once it is connected.
        cannot: &[Empty, Restart, Negotiated],
        // What it says (a=max-message-size).
        largest: 65_536,
        ..Limits::default()
    };
    let mut command = partner::gstreamer("data_webrtcbin.py");
    command.arg(certificate());
    run("webrtcbin", command, &limits);
}

#[test]
fn webrtc() {
    let command = Command::new(env!("CARGO_BIN_EXE_data_webrtc"));
    let limits = Limits {
        // What it says (a=max-message-size); the type that would say more is not exported.
        largest: 65_536,
        // Of a channel that we announced it does not say how reliable it is; what it calls an id is its own number.
        tells_options: false,
        // One that it makes once it is connected never tells that it is open.
        cannot: &[Negotiated],
        ..Limits::default()
    };
    run("webrtc", command, &limits);
}

#[test]
fn str0m() {
    let command = Command::new(env!("CARGO_BIN_EXE_data_str0m"));
    let limits = Limits {
        // What it takes to send at once; it receives more.
        largest: 128 * 1024,
        // An empty message never leaves it.
        cannot: &[Empty],
        ..Limits::default()
    };
    run("str0m", command, &limits);
}

/// A file with a certificate of P-256 and its key.
fn certificate() -> PathBuf {
    let made = rcgen::generate_simple_self_signed(["interop".to_owned()]);
    let rcgen::CertifiedKey { cert, signing_key } = made.expect("a certificate");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("webrtcbin.pem");
    std::fs::write(&file, cert.pem() + &signing_key.serialize_pem()).expect("a file");
    file
}

fn w3c(kind: &str) -> Command {
    let mut command = partner::node("data_w3c.mjs");
    command.arg(kind);
    command
}

/// All cases with one partner, but those that it cannot do.
fn run(name: &str, command: Command, limits: &Limits) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut process = Process::spawn(name, command);
    process.expect("ready", SOON);
    for we_offer in [true, false] {
        let mut session = Session::connect(&mut process, &runtime, we_offer);
        for case in ALL {
            if limits.cannot.contains(case) {
                continue;
            }
            let began = Instant::now();
            cases::run(&mut session, *case, limits);
            println!("{name}, {}: {case:?}, {:?}", who(we_offer), began.elapsed());
        }
        session.end();
    }
    assert!(process.finish(SOON).success());
}

fn who(we_offer: bool) -> &'static str {
    if we_offer { "we offer" } else { "they offer" }
}

/// More than a browser takes to start on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
