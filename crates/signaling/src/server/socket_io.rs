//! The Socket.IO carrier: namespace `/` on socketioxide, as the old server has it, and more for those who ask.

use std::future::ready;
use std::sync::{Arc, Mutex};

use axum::Router;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;

use super::admission::Grant;
use super::body::{Arguments, Body};
use super::edge::{self, Edge, Place};
use super::hub::{Answer, Input, Outlet, Waiting};
use super::metrics::Carrier;
use super::state::{ConnId, Entrance, Op, ReplyTo, Speaker};
use super::texts;
use crate::protocol::{Code, Joined, Reply, Resume};

/// What a client sends with its handshake.
#[derive(Debug, Default, Deserialize)]
struct Auth {
    #[serde(default)]
    token: Value,
    #[serde(default)]
    room: Option<String>,
    #[serde(default)]
    resume: Resume,
}

/// One client, for its handlers.
#[derive(Clone)]
struct Client {
    edge: Arc<Edge>,
    conn: ConnId,
    grant: Grant,
    room: String,
    resume: Resume,
}

/// The answer to `ready` for a client that asked for one.
#[derive(Serialize)]
struct Welcome {
    ok: bool,
    #[serde(flatten)]
    joined: Joined,
}

/// socketioxide, with our namespace in it.
pub(super) fn routes(edge: &Arc<Edge>) -> (Router, SocketIo) {
    let config = &edge.config;
    // Twice the limit, so that what is a little over it is refused by name.
    let bytes = 2 * config.limits.message_bytes + 4096;
    let (service, io) = SocketIo::builder()
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_timeout)
        .connect_timeout(config.handshake)
        .max_buffer_size(config.limits.queue)
        .max_payload(bytes as u64)
        .ws_max_message_size(bytes)
        .ws_max_frame_size(bytes)
        .ws_read_buffer_size(READ_BUFFER)
        .build_svc();
    io.ns(
        "/",
        (|_: SocketRef| ready(())).with(admission(Arc::clone(edge))),
    );
    let routes = Router::new()
        .route_service("/socket.io/", service.clone())
        .route_service("/socket.io", service);
    (routes, io)
}

/// Lets a client in and attaches its handlers. They are attached here, ahead of the reply to its CONNECT, and not after:
/// a quick client's first event would find none.
fn admission(
    edge: Arc<Edge>,
) -> impl Fn(SocketRef, TryData<Auth>) -> std::future::Ready<Result<(), &'static str>>
+ Clone
+ Send
+ Sync
+ 'static {
    move |socket, auth| ready(admit(&edge, &socket, auth.0.unwrap_or_default()))
}

/// Lets a client in, or says why not: the text of its `connect_error`.
fn admit(edge: &Arc<Edge>, socket: &SocketRef, auth: Auth) -> Result<(), &'static str> {
    let room = auth.room.unwrap_or_default();
    let token = match &auth.token {
        Value::Null => None,
        Value::String(token) => Some(token.as_str()),
        // No token of ours: it is refused as a wrong one.
        _ => Some("\0"),
    };
    let grant = edge.admit(token, &room).map_err(texts::of)?;
    let place = edge.place(Carrier::SocketIo).map_err(texts::of)?;
    let client = Client {
        edge: Arc::clone(edge),
        conn: edge.conn(),
        grant,
        room,
        resume: auth.resume,
    };
    let modern = client.resume.wanted();
    let outlet = Outlet::SocketIo {
        socket: socket.clone(),
        modern,
        gone: false,
    };
    // What is for one client goes to the room that has its socket's name, until it is connected.
    socket.join(socket.id);
    client
        .post(Input::Open(client.conn, outlet))
        .map_err(texts::of)?;
    if !modern {
        let op = Op::Enter {
            conn: client.conn,
            socket_id: socket.id.to_string(),
            room: client.room.clone(),
        };
        client.post(Input::Step(op, None)).map_err(texts::of)?;
    }
    attach(client, socket, place);
    Ok(())
}

/// The handlers do their work when they are called, and not in the future that they return: socketioxide spawns that,
/// which would let one client's messages overtake each other.
fn attach(client: Client, socket: &SocketRef, place: Place) {
    let modern = client.resume.wanted();
    let conn = client.conn;
    let edge = Arc::clone(&client.edge);
    for (event, all) in [("message", true), ("messageOne", false)] {
        let edge = Arc::clone(&edge);
        socket.on(event, move |arguments: Arguments, ack: AckSender| {
            say(&edge, conn, all, arguments, ack);
            ready(())
        });
    }
    if modern {
        let on = client.clone();
        socket.on("received", move |TryData(seq): TryData<u64>| {
            if let Ok(seq) = seq {
                // The next one confirms this one too.
                let by = Speaker::Conn(conn);
                let _ = on.post(Input::Step(Op::Received { by, seq }, None));
            }
            ready(())
        });
        let on = client.clone();
        socket.on("leave", move || {
            let (by, to) = (Speaker::Conn(conn), ReplyTo::Nobody);
            let _ = on.post(Input::Step(Op::Leave { by, to }, None));
            ready(())
        });
    }
    socket.on(
        "ready",
        move |socket: SocketRef, arguments: Arguments, ack: AckSender| {
            client.ready(socket, &arguments, ack);
            ready(())
        },
    );
    let guard = edge::Guard::new(&edge, conn);
    let held = Arc::new(Mutex::new(Some((guard, place))));
    socket.on_disconnect(move || {
        // Dropping both tells the hub, and frees the place.
        drop(held.lock().map(|mut held| held.take()));
        ready(())
    });
}

/// `message(body, id?)`, to every other client; `messageOne(body, id?)`, to the one registered under the body's `target`.
fn say(edge: &Arc<Edge>, conn: ConnId, all: bool, arguments: Arguments, ack: AckSender) {
    let asked = arguments.asked;
    let id = arguments
        .second
        .as_ref()
        .and_then(|id| id.small(edge.config.limits.id_bytes));
    let id = id.and_then(|id| id.as_str().map(str::to_owned));
    let said = match arguments.first {
        Some(body) => edge.said(body, id, all),
        None => {
            edge.metrics.refused(Code::Malformed);
            Err(Code::Malformed)
        }
    };
    let said = match said {
        Ok(said) => said,
        Err(code) => return refuse(ack, code, texts::of(code)),
    };
    let by = Speaker::Conn(conn);
    let input = if asked {
        let ticket = edge.ticket();
        let to = ReplyTo::Ticket(ticket);
        let waiting: Waiting = Box::new(move |answer| {
            if let Answer::Reply(reply) = answer {
                // One whose queue is full will not miss it.
                let _ = ack.send(&reply);
            }
        });
        Input::Step(Op::Say { by, to, said }, Some((ticket, waiting)))
    } else {
        let to = ReplyTo::Nobody;
        Input::Step(Op::Say { by, to, said }, None)
    };
    if let Err(refused) = edge.try_tell(input) {
        busy(edge, *refused);
    }
}

impl Client {
    fn post(&self, input: Input) -> Result<(), Code> {
        self.edge.try_tell(input).map_err(|_| {
            self.edge.metrics.refused(Code::Busy);
            Code::Busy
        })
    }

    /// `ready(peerId, peerType?)`
    fn ready(&self, socket: SocketRef, arguments: &Arguments, ack: AckSender) {
        let (peer, kind) = match self.identity(arguments) {
            Ok(identity) => identity,
            Err((code, text)) => {
                self.edge.metrics.refused(code);
                return refuse_registration(&socket, ack, code, &text);
            }
        };
        let ticket = self.edge.ticket();
        let Some(op) = self.entrance(&socket, ReplyTo::Ticket(ticket), peer, kind) else {
            let code = Code::Busy;
            return refuse_registration(&socket, ack, code, texts::of(code));
        };
        let waiting = self.registered(socket, ack);
        if let Err(refused) = self.edge.try_tell(Input::Step(op, Some((ticket, waiting)))) {
            busy(&self.edge, *refused);
        }
    }

    fn entrance(
        &self,
        socket: &SocketRef,
        to: ReplyTo,
        peer: String,
        kind: Option<Value>,
    ) -> Option<Op> {
        let conn = self.conn;
        if !self.resume.wanted() {
            return Some(Op::Register {
                conn,
                to,
                peer,
                kind,
            });
        }
        Some(Op::Join(Box::new(Entrance {
            conn: Some(conn),
            to,
            socket_id: socket.id.to_string(),
            room: self.room.clone(),
            peer,
            kind,
            token: Some(edge::secret()?),
            claim: self.resume.claim().cloned(),
            hello: true,
        })))
    }

    /// What to do once the hub has answered.
    fn registered(&self, socket: SocketRef, ack: AckSender) -> Waiting {
        let edge = Arc::clone(&self.edge);
        Box::new(move |answer| match answer {
            Answer::Joined(entered) => {
                tracing::debug!(peer = %entered.peer, socket = %socket.id, "registered");
                let joined = edge.joined(*entered, edge::host(&socket.req_parts().headers));
                // A client that did not ask gets nothing; one whose queue is full will not miss it.
                let _ = ack.send(&Welcome { ok: true, joined });
            }
            Answer::Reply(reply) => {
                let code = reply.code.unwrap_or(Code::Unknown);
                tracing::info!(socket = %socket.id, %code, "a registration was refused");
                let text = reply.error.unwrap_or_default();
                refuse_registration(&socket, ack, code, &text);
            }
        })
    }

    fn identity(&self, arguments: &Arguments) -> Result<(String, Option<Value>), (Code, String)> {
        let limit = self.edge.config.limits.id_bytes;
        let small = |body: &Body| body.small(limit);
        let peer = match arguments.first.as_ref().and_then(small) {
            Some(Value::String(id)) if !id.is_empty() && id.len() <= limit => id,
            _ => return Err((Code::Malformed, edge::peer_id_text(limit))),
        };
        let kind = match arguments.second.as_ref().map(small) {
            None => None,
            Some(Some(kind)) => Some(kind),
            Some(None) => return Err((Code::Malformed, edge::peer_type_text(limit))),
        };
        if !self.grant.allows(&peer) {
            return Err((Code::Forbidden, texts::of(Code::Forbidden).to_owned()));
        }
        Ok((peer, kind))
    }
}

/// The hub has more to do than it can.
fn busy(edge: &Edge, refused: Input) {
    edge.metrics.refused(Code::Busy);
    if let Input::Step(_, Some((_, waiting))) = refused {
        waiting(Answer::Reply(Reply::refused(
            Code::Busy,
            texts::of(Code::Busy),
        )));
    }
}

fn refuse(ack: AckSender, code: Code, text: &str) {
    // A client that did not ask gets nothing; one whose queue is full will not miss it.
    let _ = ack.send(&Reply::refused(code, text));
}

/// `uniquenessError` is the one refusal of `ready` that existing clients know. They read its text from `error`, which the
/// server that we stand in for never set; it set `message`.
fn refuse_registration(socket: &SocketRef, ack: AckSender, code: Code, text: &str) {
    refuse(ack, code, text);
    let error = serde_json::json!({ "message": text, "error": text });
    // Fails only where the client's queue is full or it is gone already; it is not registered either way.
    let _ = socket.emit("uniquenessError", &error);
    let _ = socket.clone().disconnect();
}

/// Messages of this protocol are a few kilobytes; an idle client costs as much as its buffer.
const READ_BUFFER: usize = 4096;
