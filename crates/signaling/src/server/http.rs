//! The HTTP carrier: POST to speak, server-sent events to hear. `curl` is enough.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{Stream, unfold};
use serde::{Deserialize, Serialize};

use super::body::Body;
use super::edge::{self, Edge, Guard, Place};
use super::hub::{Answer, Input, Line, Lines, Pass, goodbye, queue};
use super::metrics::Carrier;
use super::state::{Entrance, Op, Speaker};
use super::texts;
use super::websocket::news_frame;
use crate::protocol::{Claim, ClientFrame, Code, Delivery, Join, Refused, Reply, ServerFrame};

/// `POST /signal`: a [`Join`] gives a [`crate::protocol::Joined`].
pub(super) async fn join(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut join: Join = match serde_json::from_slice(&body) {
        Ok(join) => join,
        Err(error) => {
            edge.metrics.refused(Code::Malformed);
            return refused(Code::Malformed, error.to_string());
        }
    };
    if join.token.is_none() {
        join.token = bearer(&headers).map(str::to_owned);
    }
    if let Err((code, error)) = edge.check(&join) {
        return refused(code, error);
    }
    let (Some(socket_id), Some(token)) = (edge::secret(), edge::secret()) else {
        return refused(Code::Busy, texts::of(Code::Busy).into());
    };
    let asked = edge.ask(|to| {
        Op::Join(Box::new(Entrance {
            conn: None,
            to,
            socket_id: socket_id[..20].to_owned(),
            room: join.room,
            peer: join.peer,
            kind: join.peer_type,
            token: Some(token),
            claim: join.resume.claim().cloned(),
            hello: false,
        }))
    });
    match asked.await {
        Answer::Joined(entered) => {
            json(StatusCode::OK, &edge.joined(*entered, edge::host(&headers)))
        }
        Answer::Reply(reply) => replied(&reply),
    }
}

/// `POST /signal/{token}`: a frame gives a [`Reply`].
pub(super) async fn say(
    State(edge): State<Arc<Edge>>,
    Path(token): Path<String>,
    body: Bytes,
) -> Response {
    let refuse = |code, text: String| {
        edge.metrics.refused(code);
        replied(&Reply::refused(code, text))
    };
    let Ok(text) = std::str::from_utf8(&body) else {
        return refuse(Code::Malformed, "A frame is UTF-8.".into());
    };
    let by = Speaker::Token(token);
    let (id, message, all) = match ClientFrame::parse(text) {
        Ok(ClientFrame::Send { id, message }) => (id, message, false),
        Ok(ClientFrame::Broadcast { id, message }) => (id, message, true),
        Ok(ClientFrame::Received { seq }) => {
            edge.tell(Input::Step(Op::Received { by, seq }, None)).await;
            return replied(&Reply::accepted(Delivery::Delivered));
        }
        Ok(ClientFrame::Leave) => return leave_as(&edge, by).await,
        Ok(ClientFrame::Join(_)) => return refuse(Code::Malformed, "A join comes once.".into()),
        Err(malformed) => return refuse(Code::Malformed, malformed.to_string()),
    };
    match edge.said(Body::from(message), id, all) {
        Ok(said) => answered(edge.ask(|to| Op::Say { by, to, said }).await),
        // Counted already.
        Err(code) => replied(&Reply::refused(code, texts::of(code))),
    }
}

/// `DELETE /signal/{token}`.
pub(super) async fn leave(State(edge): State<Arc<Edge>>, Path(token): Path<String>) -> Response {
    leave_as(&edge, Speaker::Token(token)).await
}

async fn leave_as(edge: &Edge, by: Speaker) -> Response {
    answered(edge.ask(|to| Op::Leave { by, to }).await)
}

/// From where the events are wanted.
#[derive(Deserialize)]
pub(super) struct From {
    seq: Option<u64>,
}

/// `GET /signal/{token}/events`.
pub(super) async fn events(
    State(edge): State<Arc<Edge>>,
    Path(token): Path<String>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Response {
    let last = headers
        .get("last-event-id")
        .and_then(|seq| seq.to_str().ok()?.parse().ok());
    let seq = last.or(from.seq).unwrap_or(0);
    let place = match edge.place(Carrier::Http) {
        Ok(place) => place,
        Err(code) => return refused(code, texts::of(code).into()),
    };
    let conn = edge.conn();
    let limits = &edge.config.limits;
    let (outlet, lines) = queue(limits.queue, limits.queue_bytes);
    edge.tell(Input::Open(conn, outlet)).await;
    let guard = Guard::new(&edge, conn);
    let claim = Claim { token, seq };
    let entered = match edge.ask(|to| Op::Attach { conn, to, claim }).await {
        Answer::Joined(entered) => *entered,
        Answer::Reply(reply) => return replied(&reply),
    };
    let joined = edge.joined(entered, edge::host(&headers));
    let first = ServerFrame::Joined(Box::new(joined)).to_json();
    let alive = KeepAlive::new().interval(edge.config.ping_interval);
    let stream = Events {
        first: Some(first),
        lines,
        _guard: guard,
        _place: place,
    };
    // Proxies must not hold events back.
    let unbuffered = [("x-accel-buffering", "no"), ("cache-control", "no-store")];
    (unbuffered, Sse::new(stream.into_stream()).keep_alive(alive)).into_response()
}

/// What one events request carries. Dropped, the client is away.
struct Events {
    first: Option<String>,
    lines: Lines,
    _guard: Guard,
    _place: Place,
}

impl Events {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        unfold(Some(self), |events| async move {
            let mut events = events?;
            let (event, more) = events.next().await?;
            Some((Ok(event), more.then_some(events)))
        })
    }

    /// The next event, and whether more may follow. `None`: the client has left.
    async fn next(&mut self) -> Option<(Event, bool)> {
        if let Some(first) = self.first.take() {
            return Some((Event::default().data(first), true));
        }
        loop {
            match self.lines.next().await {
                Pass::Line(Line::News(seq, news)) => {
                    let seq = seq.unwrap_or(0);
                    let frame = news_frame(seq, news);
                    // JSON has no carriage return but as white space, and an event cannot carry one.
                    let frame = frame.replace('\r', " ");
                    let event = Event::default().id(seq.to_string()).data(frame);
                    return Some((event, true));
                }
                // Answers go to the requests that asked.
                Pass::Line(Line::Reply(..) | Line::Registered(..)) => {}
                Pass::Part(Some(Code::Left)) => return None,
                Pass::Part(code) => {
                    let code = code.unwrap_or(Code::Restart);
                    let frame = ServerFrame::Goodbye(goodbye(code)).to_json();
                    return Some((Event::default().data(frame), false));
                }
            }
        }
    }
}

fn answered(answer: Answer) -> Response {
    match answer {
        Answer::Reply(reply) => replied(&reply),
        Answer::Joined(_) => replied(&Reply::accepted(Delivery::Delivered)),
    }
}

fn replied(reply: &Reply) -> Response {
    json(reply.code.map_or(StatusCode::OK, status), reply)
}

fn refused(code: Code, error: String) -> Response {
    json(status(code), &Refused { code, error })
}

fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let text = serde_json::to_string(body).unwrap_or_default();
    let mut response = Response::new(HttpBody::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // What comes back has secrets in it.
    for (name, value) in [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, axum::http::HeaderValue::from_static(value));
    }
    if matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        headers.insert(RETRY_AFTER, axum::http::HeaderValue::from_static("1"));
    }
    response
}

/// The status beside a code. That a peer was not reached is no fault of the request.
pub(super) fn status(code: Code) -> StatusCode {
    match code {
        Code::NoSuchPeer | Code::Full => StatusCode::OK,
        Code::Malformed | Code::NoTarget | Code::Reserved | Code::NotJoined => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthorized | Code::Expired => StatusCode::UNAUTHORIZED,
        Code::Forged | Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NoSession | Code::Gone | Code::Left => StatusCode::NOT_FOUND,
        Code::Taken | Code::Replaced => StatusCode::CONFLICT,
        Code::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooFast | Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Code::Busy | Code::ServerFull | Code::RoomFull | Code::Restart => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Code::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let sent = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = sent.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}
