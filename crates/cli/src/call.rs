//! `ieum call`.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use ieum::peer::{Certificate, Configuration, IceServer, IceTransportPolicy, Interfaces};
use ieum::{CallError, Endpoint, IceServersError, Options};

use crate::args::Call;
use crate::conversation;
use crate::interrupt::interrupted;
use crate::output::{Failure, say};

/// Calls a peer, or waits to be called, and talks until one of the two has enough.
pub(crate) async fn run(args: Call) -> Result<(), Failure> {
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    let mut endpoint = tokio::select! {
        endpoint = register(&args) => endpoint?,
        () = &mut interrupted => return Ok(()),
    };
    let mut call = None;
    let outcome = tokio::select! {
        outcome = talk(&mut endpoint, &mut call, &args) => outcome,
        () = &mut interrupted => Ok(()),
    };
    // It ends the call too. A peer that gives no sign of life any more must not keep a person waiting.
    let _ = tokio::time::timeout(CLOSING, endpoint.close()).await;
    drop(call);
    outcome
}

async fn register(args: &Call) -> Result<Endpoint, Failure> {
    let servers = ice_servers(args).await?;
    let id = args.id.clone().unwrap_or_else(made_up_id);
    let mut options = Options::new(args.signaling(), id);
    options.token.clone_from(&args.token);
    let relay_only = args.relay_only;
    let ice_tcp = args.ice_tcp.into();
    let interfaces = Interfaces {
        loopback: is_loopback(args.signaling()),
        ..args.network.interfaces()
    };
    let (mappings, ports) = (args.network.mappings(), args.network.ports());
    // Made before the clock of a call runs. Should it fail, the call tries again, and says so.
    let certificate = Certificate::generate().ok();
    options.configuration = Box::new(move || Configuration {
        certificate: certificate.clone(),
        ice_servers: servers.clone(),
        ice_transport_policy: if relay_only {
            IceTransportPolicy::Relay
        } else {
            IceTransportPolicy::All
        },
        ice_tcp,
        interfaces: interfaces.clone(),
        ports: ports.clone(),
        address_mappings: mappings.clone(),
        ..Configuration::default()
    });
    Endpoint::connect(options)
        .await
        .map_err(|error| Failure::new(error.to_string()))
}

/// The servers that `ieum up` hands out. Another signaling server hands out none, which is no failure unless they are needed.
async fn ice_servers(args: &Call) -> Result<Vec<IceServer>, Failure> {
    let asked = match args.ice_servers() {
        Some(url) => ieum::ice_servers(&url, args.token.as_deref()).await,
        None => Ok(Vec::new()),
    };
    let servers = match asked {
        Ok(servers) => servers,
        Err(error @ IceServersError::Answer { .. }) => {
            say(format_args!("note  no ICE servers: {error}"));
            Vec::new()
        }
        Err(error @ IceServersError::Unreachable { .. }) => {
            return Err(Failure::new(format!(
                "{error}; start `ieum up` there, or name another server with --url"
            )));
        }
        Err(error) => return Err(Failure::new(error.to_string())),
    };
    let turn = |server: &IceServer| server.urls.iter().any(|url| url.starts_with("turn"));
    if args.relay_only && !servers.iter().any(turn) {
        let text = format!(
            "--relay-only needs a TURN server, and {} names none; leave the flag out",
            args.ice_servers().unwrap_or_else(|| args.place())
        );
        return Err(Failure::new(text));
    }
    Ok(servers)
}

async fn talk(
    endpoint: &mut Endpoint,
    slot: &mut Option<ieum::Call>,
    args: &Call,
) -> Result<(), Failure> {
    let call = match &args.peer {
        Some(peer) => {
            let call = endpoint
                .call(peer)
                .await
                .map_err(|error| refused(error, &args.place()))?;
            say(format_args!(
                "call  {peer:?} as {:?} at {}",
                endpoint.id(),
                args.place()
            ));
            call
        }
        None => {
            say(format_args!(
                "wait  as {:?} at {}",
                endpoint.id(),
                args.place()
            ));
            let Some(call) = endpoint.accept().await else {
                let why = endpoint
                    .closed()
                    .map(|why| why.to_string())
                    .unwrap_or_default();
                return Err(Failure::new(format!(
                    "signaling at {} is lost: {why}; is the server still there?",
                    args.place()
                )));
            };
            say(format_args!("call  from {:?}", call.peer()));
            call
        }
    };
    conversation::hold(slot.insert(call), args.wait).await
}

fn refused(error: CallError, url: &str) -> Failure {
    Failure::new(match error {
        CallError::NoSuchPeer { peer, others } if others.is_empty() => {
            format!(
                "no peer {peer:?} is registered at {url}, nor is any other; start it, or check --url"
            )
        }
        CallError::NoSuchPeer { peer, others } => {
            let shown = others
                .iter()
                .take(10)
                .map(|id| format!("{id:?}"))
                .collect::<Vec<_>>()
                .join(", ");
            let more = if others.len() > 10 { ", ..." } else { "" };
            format!(
                "no peer {peer:?} is registered at {url}; call one of those that are: {shown}{more}"
            )
        }
        CallError::Myself(id) => {
            format!("{id:?} is this peer's own name; choose another with --id")
        }
        error => error.to_string(),
    })
}

fn made_up_id() -> String {
    format!(
        "call-{:08x}",
        RandomState::new().build_hasher().finish() as u32
    )
}

/// Whether the server, and so perhaps the peer, is on this machine: then loopback addresses are of use.
fn is_loopback(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, rest)| rest);
    ["127.", "localhost", "[::1]"]
        .iter()
        .any(|host| authority.starts_with(host))
}

/// How long closing everything may take.
const CLOSING: Duration = Duration::from_secs(3);
