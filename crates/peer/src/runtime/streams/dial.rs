//! Opening one connection, beside everything else. Whoever asked for it stops waiting by aborting the task.

use std::io;
use std::net::SocketAddr;

use ieum_ice::{OpenStream, StreamError, Transport};
use tokio::net::TcpStream;

use super::{Dialed, Io, socket};
use crate::runtime::tls::Trust;

pub(super) async fn dial(open: OpenStream, trust: Trust) -> Dialed {
    let result = connect(&open, &trust).await;
    (open, result)
}

async fn connect(
    open: &OpenStream,
    trust: &Trust,
) -> Result<(Box<dyn Io>, SocketAddr), StreamError> {
    let connected = tcp(open).await;
    let (stream, local) = connected.map_err(|error| {
        tracing::debug!(%error, to = %open.remote, "no connection");
        reason(&error)
    })?;
    match open.transport {
        Transport::Tls => {
            let name = open.server_name.clone();
            let stream = trust.connect(stream, open.remote, name).await?;
            Ok((Box::new(stream), local))
        }
        _ => Ok((Box::new(stream), local)),
    }
}

async fn tcp(open: &OpenStream) -> io::Result<(TcpStream, SocketAddr)> {
    let socket = socket(open.local)?;
    socket.bind(SocketAddr::new(open.local, 0))?;
    let stream = socket.connect(open.remote).await?;
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    Ok((stream, local))
}

fn reason(error: &io::Error) -> StreamError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => StreamError::Refused,
        io::ErrorKind::TimedOut => StreamError::TimedOut,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => StreamError::Unreachable,
        _ => StreamError::Local,
    }
}
