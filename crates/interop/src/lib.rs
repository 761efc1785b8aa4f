//! Real peers driven from tests: Chromium, Firefox, aiortc, libdatachannel, libwebrtc in Node, werift, pion, webrtcbin,
//! `webrtc`, `str0m`, coturn,
//! and hosts behind NATs.
//!
//! ```sh
//! bash crates/interop/install.sh
//! cargo test -p ieum-interop --features peers
//! ```
//!
//! The crate owns the harness: a [`Process`] whose lines are awaited under a deadline and which is killed by its id when it is
//! dropped, the paths of the installed [`partner`]s, our own binary as a process ([`Up`], [`call`]), and a NAT laboratory in
//! network namespaces ([`Lab`]). The programs that partners run are in `partners/`, one for each.
//!
//! A partner that is not installed fails the test by name: nothing here is skipped. There are no fixed ports and no sleeps; every deadline is
//! there for broken runs only.
//!
//! The binary under test is built by cargo the first time that a test asks for it; `IEUM_BINARY` names one that is built already.
//!
//! ```
//! use std::time::Duration;
//! use ieum_interop::Process;
//!
//! let mut command = std::process::Command::new("sh");
//! command.args(["-c", "echo ready; read line; echo you said $line"]);
//! let mut shell = Process::spawn("shell", command);
//! shell.expect("ready", Duration::from_secs(10));
//! shell.say("hello");
//! assert_eq!(shell.expect("you said", Duration::from_secs(10)), "you said hello");
//! assert!(shell.finish(Duration::from_secs(10)).success());
//! ```

mod coturn;
pub mod data;
mod lab;
mod native;
pub mod partner;
mod process;
mod relay;
mod tls;

pub use coturn::Coturn;
pub use lab::{Host, Lab, Nat};
pub use native::{IceServer, Up, binary, call, wait};
pub use process::Process;
pub use relay::{Relay, certificate};
pub use tls::tls_client;
