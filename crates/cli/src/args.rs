//! The command line.

use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ieum::peer::IceTcp;
use ieum_server::turn::Certificate;
use ieum_server::{Options, Turns};

use crate::network::Network;

/// WebRTC connections, set up before your eyes.
///
/// Without a command it does what `ieum up` does.
#[derive(Debug, Parser)]
#[command(name = "ieum", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) up: Up,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start signaling, STUN, TURN, a page and a native peer, and check them by a call
    Up(Up),
    /// Start STUN and TURN alone, for other machines
    Turn(Box<crate::turn::Turn>),
    /// Call a peer that is registered with signaling, or wait to be called; send lines, print what arrives
    Call(Call),
    /// Start signaling alone: Socket.IO, WebSocket and HTTP, on one node or several
    Signal(Box<crate::signal::Signal>),
    /// Say what a session description or candidates say, with warnings and where they are
    Inspect(crate::inspect::Inspect),
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Address to listen on; 0.0.0.0 for every interface
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) bind: IpAddr,
    /// TCP port of the page and of signaling; 0 for any free one
    #[arg(long, default_value_t = 3030)]
    pub(crate) port: u16,
    /// Port of STUN and TURN over UDP, and of TURN over TCP; 0 for any that is free for both
    #[arg(long, value_name = "PORT", default_value_t = 3478)]
    pub(crate) stun_port: u16,
    /// Certificate chain, leaf first, in PEM, for TURN over TLS and DTLS: valid for the host name in the page's URL; read again on SIGHUP
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Port of TURN over TLS and DTLS; 0 for any that is free for both [default: 5349]
    #[arg(long, value_name = "PORT", requires = "cert")]
    pub(crate) turns_port: Option<u16>,
    /// Clients must know this token
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// MQTT broker whose peers and ours reach each other, as mqtt://[user:password@]host[:port][/prefix]
    #[arg(long, value_name = "URL")]
    pub(crate) mqtt: Option<String>,
    #[command(flatten)]
    pub(crate) network: Network,
    /// Stop after the self-check: exit status 0, or 1 and the step that failed
    #[arg(long)]
    pub(crate) check: bool,
}

impl Up {
    /// Reads the certificate, where there is one. What is wrong with it is told in one line.
    pub(crate) fn options(&self) -> Result<Options, String> {
        Ok(Options {
            bind: self.bind,
            port: self.port,
            stun_port: self.stun_port,
            turns: self.turns()?,
            external: self.network.mappings(),
            ports: self.network.ports(),
            interfaces: self.network.interfaces(),
            token: self.token.clone(),
            mqtt: self.mqtt.clone(),
        })
    }

    pub(crate) fn turns(&self) -> Result<Option<Turns>, String> {
        let (Some(cert), Some(key)) = (&self.cert, &self.key) else {
            return Ok(None);
        };
        let certificate = Certificate::read(cert, key);
        Ok(Some(Turns {
            certificate: certificate.map_err(|error| format!("--cert, --key: {error}"))?,
            port: self.turns_port.unwrap_or(TURNS_PORT),
        }))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The peer to call
    #[arg(required_unless_present = "wait", conflicts_with = "wait")]
    pub(crate) peer: Option<String>,
    /// Wait to be called, under the name given with --id
    #[arg(long, requires = "id")]
    pub(crate) wait: bool,
    /// Name to register under; by default one is made up
    #[arg(long, value_name = "NAME")]
    pub(crate) id: Option<String>,
    /// Where `ieum up` runs [default: http://127.0.0.1:3030]
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Where signaling is, if not at --url, or by another carrier: ws://, http+sse://, mqtt://
    #[arg(long, value_name = "URL")]
    pub(crate) signaling: Option<String>,
    /// The token that signaling asks for
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Use relayed candidates only
    #[arg(long)]
    pub(crate) relay_only: bool,
    #[command(flatten)]
    pub(crate) network: Network,
    /// Connections over TCP, for networks that block UDP: none, only to a peer that listens, or listening too
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) ice_tcp: Tcp,
}

/// `--ice-tcp`.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Tcp {
    Off,
    #[default]
    Active,
    Passive,
}

impl From<Tcp> for IceTcp {
    fn from(tcp: Tcp) -> Self {
        match tcp {
            Tcp::Off => IceTcp::Off,
            Tcp::Active => IceTcp::Active,
            Tcp::Passive => IceTcp::Passive,
        }
    }
}

impl Call {
    /// Where signaling is.
    pub(crate) fn signaling(&self) -> &str {
        let named = self.signaling.as_deref().or(self.url.as_deref());
        named.unwrap_or(HOME)
    }

    /// The same for people: without a password.
    pub(crate) fn place(&self) -> String {
        let url = self.signaling();
        match (url.find("://"), url.rfind('@')) {
            (Some(scheme), Some(at)) if scheme < at => {
                format!("{}{}", &url[..scheme + 3], &url[at + 1..])
            }
            _ => url.to_owned(),
        }
    }

    /// The `http` URL of the server that hands out ICE servers; `None` where none is named: a broker hands out none.
    pub(crate) fn ice_servers(&self) -> Option<String> {
        let url = self.url.as_deref().unwrap_or_else(|| self.signaling());
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        match scheme {
            "mqtt" | "mqtts" => None,
            "ws" | "http+sse" => Some(format!("http://{rest}")),
            "wss" | "https+sse" => Some(format!("https://{rest}")),
            _ => Some(url.to_owned()),
        }
    }
}

/// The registered port of `turns` (RFC 7065 §3.2 names it as the default).
const TURNS_PORT: u16 = 5349;

/// Where `ieum up` is unless it is told otherwise.
const HOME: &str = "http://127.0.0.1:3030";

/// Prints the help or the version that was asked for; or, in one line, what cannot be understood. Gives the exit status.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        // A reader that has gone away has seen enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(std::io::stderr(), "{}", one_line(&error.to_string()));
    ExitCode::from(USAGE)
}

/// What is wrong and what may have been meant, of the many lines that clap writes.
fn one_line(text: &str) -> String {
    let what = text.lines().take_while(|line| !line.trim().is_empty());
    let tips = text
        .lines()
        .filter(|line| line.trim_start().starts_with("tip:"));
    let what = what.map(str::trim).collect::<Vec<_>>().join(" ");
    let tips: String = tips.map(|tip| format!("; {}", tip.trim())).collect();
    format!("{what}{tips}; see `ieum --help`")
}

/// The exit status for a command line, or a configuration, that cannot be understood.
pub(crate) const USAGE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &[&str]) -> String {
        one_line(&Cli::try_parse_from(line).unwrap_err().to_string())
    }

    #[test]
    fn the_bare_command_takes_the_flags_of_up() {
        let cli = Cli::try_parse_from(["ieum", "--port", "0", "--check"]).unwrap();
        assert!(cli.command.is_none() && cli.up.check);
        let bare = Cli::try_parse_from(["ieum"]).unwrap().up.options();
        let default = format!("{:?}", Options::default());
        assert_eq!(bare.map(|options| format!("{options:?}")), Ok(default));
    }

    fn call(line: &[&str]) -> Call {
        let line = ["ieum", "call", "x"].iter().chain(line);
        match Cli::try_parse_from(line).unwrap().command {
            Some(Command::Call(call)) => call,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn signaling_and_the_list_of_ice_servers_are_where_the_flags_say() {
        for (line, signaling, ice) in [
            (&[][..], HOME, Some(HOME)),
            (&["--url", "http://a"], "http://a", Some("http://a")),
            (&["--url", "ws://a"], "ws://a", Some("http://a")),
            (
                &["--signaling", "http+sse://a"],
                "http+sse://a",
                Some("http://a"),
            ),
            (&["--signaling", "wss://a"], "wss://a", Some("https://a")),
            (&["--signaling", "mqtt://a/p"], "mqtt://a/p", None),
            (
                &["--signaling", "mqtt://a", "--url", "http://b"],
                "mqtt://a",
                Some("http://b"),
            ),
        ] {
            let call = call(line);
            assert_eq!(call.signaling(), signaling);
            assert_eq!(call.ice_servers().as_deref(), ice, "{line:?}");
        }
        let login = call(&["--signaling", "mqtt://me:hush@a/p"]);
        assert_eq!(login.place(), "mqtt://a/p");
    }

    #[test]
    fn a_refusal_is_one_line_that_names_the_argument() {
        for (line, names) in [
            (&["ieum", "--prot", "1"][..], "--port"),
            (&["ieum", "up", "--port", "70000"], "70000"),
            (&["ieum", "up", "--bind", "here"], "here"),
            (&["ieum", "up", "--cert", "x"], "--key"),
            (&["ieum", "up", "--turns-port", "1"], "--cert"),
            (&["ieum", "call"], "PEER"),
            (&["ieum", "call", "--wait"], "--id"),
            (&["ieum", "call", "x", "--wait", "--id", "y"], "--wait"),
        ] {
            let refusal = refusal(line);
            assert!(
                refusal.starts_with("error: ") && refusal.contains(names),
                "{line:?}: {refusal}"
            );
            assert!(!refusal.contains('\n'), "{refusal}");
        }
    }
}
