//! Coming, coming back, and going.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::texts;
use super::session::{Kept, Session};
use super::{
    ConnId, EVERYBODY, Effect, Entered, Entrance, IDS_PER_CLIENT, Key, News, NodeId, Outcome,
    ReplyTo, Speaker, State, Step, from_server,
};
use crate::Connection;
use crate::protocol::{Claim, Code, Delivery, Reply};

impl State {
    /// An old client is there. It hears what is said to everybody, and may speak.
    pub(super) fn enter(
        &mut self,
        step: &mut Step,
        conn: ConnId,
        socket_id: String,
        room: String,
    ) -> Outcome {
        if let Err(code) = self.has_room(&room) {
            step.part(step.node, conn, code);
            // The connection that ends counts it.
            return Outcome::Nothing;
        }
        self.add(
            Session::new(room, socket_id, false, None),
            Some((step.node, conn)),
            Duration::ZERO,
        );
        Outcome::Nothing
    }

    /// An old client registers an id. It may have a few: the server that we stand in for never refused a second.
    pub(super) fn register(
        &mut self,
        step: &mut Step,
        conn: ConnId,
        to: ReplyTo,
        peer: String,
        kind: Option<Value>,
    ) -> Outcome {
        let Some(key) = self.at.get(&(step.node, conn)).copied() else {
            return step.refuse(to, Code::NoSession, NO_SESSION);
        };
        if let Err(code) = self.may_register(key, &peer) {
            return step.refuse(to, code, refusal(code, &peer));
        }
        let entered = self.take_id(step, key, peer, kind);
        let hello = hello(&entered);
        step.to(Effect::Joined(to, Box::new(entered)));
        self.hand(step, key, News::Message(hello), None);
        self.announce(step, key);
        Outcome::Registered
    }

    /// A client comes in under an id, or comes back.
    pub(super) fn join(&mut self, step: &mut Step, entrance: Entrance, bridged: bool) -> Outcome {
        if let Some((claim, key)) = self.claimed(&entrance) {
            return self.take_over(step, key, entrance.conn, entrance.to, claim.seq);
        }
        if bridged && let Some(key) = self.left_behind(&entrance) {
            self.replace_token(key, entrance.token);
            return self.take_over(step, key, entrance.conn, entrance.to, 0);
        }
        let Entrance {
            conn,
            to,
            socket_id,
            room,
            peer,
            kind,
            token,
            hello: tell,
            ..
        } = entrance;
        if let Err(code) = self.has_room(&room) {
            return step.refuse(to, code, texts::of(code));
        }
        if let Err(code) = self.is_free(&room, &peer) {
            return step.refuse(to, code, refusal(code, &peer));
        }
        let at = conn.map(|conn| (step.node, conn));
        let mut session = Session::new(room, socket_id, true, token);
        session.bridged = bridged;
        let key = self.add(session, at, step.now + self.rules.resume);
        let entered = self.take_id(step, key, peer, kind);
        let hello = tell.then(|| hello(&entered));
        step.to(Effect::Joined(to, Box::new(entered)));
        if let (Some(body), Some(conn)) = (hello, conn) {
            step.to(Effect::Deliver {
                conn,
                seq: None,
                news: News::Message(body),
                bounce: None,
            });
        }
        self.announce(step, key);
        Outcome::Registered
    }

    /// A session's token was shown on a new connection.
    pub(super) fn attach(
        &mut self,
        step: &mut Step,
        conn: ConnId,
        to: ReplyTo,
        claim: &Claim,
    ) -> Outcome {
        match self.by_token.get(&claim.token).copied() {
            Some(key) => self.take_over(step, key, Some(conn), to, claim.seq),
            None => step.refuse(to, Code::NoSession, NO_SESSION),
        }
    }

    /// The connection is gone: the session waits, where it may.
    pub(super) fn lose(&mut self, step: &mut Step, key: Key) {
        let deadline = step.now + self.rules.resume;
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if let Some(at) = session.at.take() {
            self.at.remove(&at);
        }
        if session.token.is_some() && !self.rules.resume.is_zero() {
            session.deadline = Some(deadline);
            self.away.insert((deadline, key));
        } else {
            self.end(step, key);
        }
    }

    /// The client says that it leaves.
    pub(super) fn leave(&mut self, step: &mut Step, by: &Speaker, to: ReplyTo) -> Outcome {
        let Some(key) = self.speaker(step.node, by) else {
            return step.refuse(to, Code::NoSession, NO_SESSION);
        };
        let at = self.sessions.get(&key).and_then(|session| session.at);
        self.end(step, key);
        step.answer(to, Reply::accepted(Delivery::Delivered));
        if let Some((node, conn)) = at {
            step.part(node, conn, Code::Left);
        }
        Outcome::Nothing
    }

    /// The session is over: its ids are free, the others are told, and so is who sent what it did not fetch.
    pub(super) fn end(&mut self, step: &mut Step, key: Key) {
        let Some(session) = self.sessions.remove(&key) else {
            return;
        };
        if let Some(deadline) = session.deadline {
            self.away.remove(&(deadline, key));
        }
        if let Some(at) = session.at {
            self.at.remove(&at);
        }
        if let Some(token) = &session.token {
            self.by_token.remove(token);
        }
        let Some(room) = self.rooms.get_mut(&session.room) else {
            return;
        };
        room.members.remove(&key);
        let gone: Vec<Connection> = session
            .ids
            .iter()
            .filter_map(|place| room.free(*place))
            .collect();
        if room.members.is_empty() {
            self.rooms.remove(&session.room);
        }
        for connection in gone {
            self.went(&session.room, &connection.peer_id);
            let close =
                json!({ "action": "close", "message": "Peer has left the signaling server" });
            let news = from_server(&connection.peer_id, EVERYBODY, close);
            self.tell(step, &session.room, key, &news, false);
        }
        for unread in session.kept.map(|kept| kept.queue).unwrap_or_default() {
            if let Some((sender, id, peer)) = unread.sender {
                self.undelivered(step, sender, id, peer, Code::Gone);
            }
        }
    }

    fn has_room(&self, room: &str) -> Result<(), Code> {
        let members = self.rooms.get(room).map_or(0, |room| room.members.len());
        if self.sessions.len() >= self.rules.clients {
            return Err(Code::ServerFull);
        }
        if members >= self.rules.room_clients {
            return Err(Code::RoomFull);
        }
        Ok(())
    }

    fn is_free(&self, room: &str, peer: &str) -> Result<(), Code> {
        if peer == EVERYBODY {
            return Err(Code::Reserved);
        }
        match self.rooms.get(room).and_then(|room| room.owner(peer)) {
            Some(_) => Err(Code::Taken),
            None => Ok(()),
        }
    }

    fn may_register(&self, key: Key, peer: &str) -> Result<(), Code> {
        let session = self.sessions.get(&key).ok_or(Code::NoSession)?;
        self.is_free(&session.room, peer)?;
        if session.ids.len() >= IDS_PER_CLIENT {
            return Err(Code::TooMany);
        }
        Ok(())
    }

    /// The session that a join claims, where it is one, of this id and room.
    fn claimed(&self, entrance: &Entrance) -> Option<(Claim, Key)> {
        let claim = entrance.claim.as_ref()?;
        let key = *self.by_token.get(&claim.token)?;
        let session = self.sessions.get(&key)?;
        let owner = self.rooms.get(&session.room)?.owner(&entrance.peer);
        (session.room == entrance.room && owner == Some(key)).then(|| (claim.clone(), key))
    }

    /// The session of this very client of a broker, where the node that had it is dead: another node's bridge goes on with it.
    fn left_behind(&self, entrance: &Entrance) -> Option<Key> {
        let key = self.rooms.get(&entrance.room)?.owner(&entrance.peer)?;
        let session = self.sessions.get(&key)?;
        let same = session.bridged && session.socket_id == entrance.socket_id;
        (same && session.at.is_none()).then_some(key)
    }

    fn replace_token(&mut self, key: Key, token: Option<String>) {
        if let Some(session) = self.sessions.get_mut(&key) {
            if let Some(old) = &session.token {
                self.by_token.remove(old);
            }
            if let Some(new) = &token {
                self.by_token.insert(new.clone(), key);
            }
            session.token = token;
        }
    }

    /// The rightful owner is back: what still seems connected is closed, and what it has not read comes again.
    fn take_over(
        &mut self,
        step: &mut Step,
        key: Key,
        conn: Option<ConnId>,
        to: ReplyTo,
        read: u64,
    ) -> Outcome {
        let deadline = step.now + self.rules.resume;
        let Some(session) = self.sessions.get_mut(&key) else {
            return Outcome::Nothing;
        };
        if let Some((node, old)) = session.at.take() {
            self.at.remove(&(node, old));
            step.part(node, old, Code::Replaced);
        }
        if let Some(deadline) = session.deadline.take() {
            self.away.remove(&(deadline, key));
        }
        match conn {
            Some(conn) => {
                session.at = Some((step.node, conn));
                self.at.insert((step.node, conn), key);
            }
            None => {
                session.deadline = Some(deadline);
                self.away.insert((deadline, key));
            }
        }
        let kept = session.kept.get_or_insert_default();
        kept.confirm(read);
        let unread: Vec<(u64, News)> = kept
            .queue
            .iter()
            .map(|one| (one.seq, one.news.clone()))
            .collect();
        if let Some(entered) = self.entered(key, true) {
            step.to(Effect::Joined(to, Box::new(entered)));
        }
        for (seq, news) in unread {
            if let Some(conn) = conn {
                step.to(Effect::Deliver {
                    conn,
                    seq: Some(seq),
                    news,
                    bounce: None,
                });
            }
        }
        Outcome::Resumed
    }

    fn add(
        &mut self,
        mut session: Session,
        at: Option<(NodeId, ConnId)>,
        deadline: Duration,
    ) -> Key {
        let key = Key(self.number());
        match at {
            Some(at) => {
                self.at.insert(at, key);
                session.at = Some(at);
            }
            None => {
                session.deadline = Some(deadline);
                self.away.insert((deadline, key));
            }
        }
        if let Some(token) = &session.token {
            self.by_token.insert(token.clone(), key);
        }
        let room = self.rooms.entry(session.room.clone()).or_default();
        room.members.insert(key);
        self.sessions.insert(key, session);
        key
    }

    /// Registers a free id, and says who was there before.
    fn take_id(&mut self, _: &mut Step, key: Key, peer: String, kind: Option<Value>) -> Entered {
        let place = self.number();
        if let Some(session) = self.sessions.get_mut(&key) {
            let room = self.rooms.entry(session.room.clone()).or_default();
            session.ids.push(place);
            // The list is taken before: a client that registers a second id sees its first, as it always did.
            let peers = room.connections().cloned().collect();
            let connection = Connection {
                socket_id: session.socket_id.clone(),
                peer_id: peer.clone(),
                peer_type: kind,
            };
            let bridged = session.bridged;
            let name = session.room.clone();
            room.register(place, key, connection.clone());
            let entered = Entered {
                peer,
                room: name.clone(),
                socket_id: session.socket_id.clone(),
                token: session.token.clone(),
                resumed: false,
                peers,
            };
            self.came(name, connection, bridged);
            return entered;
        }
        Entered {
            peer,
            room: String::new(),
            socket_id: String::new(),
            token: None,
            resumed: false,
            peers: Vec::new(),
        }
    }

    fn entered(&self, key: Key, resumed: bool) -> Option<Entered> {
        let session = self.sessions.get(&key)?;
        let room = self.rooms.get(&session.room)?;
        Some(Entered {
            peer: room.first_id(&session.ids)?.peer_id.clone(),
            room: session.room.clone(),
            socket_id: session.socket_id.clone(),
            token: session.token.clone(),
            resumed,
            peers: room.others(key),
        })
    }

    /// Tells the others of a session's newest id.
    fn announce(&mut self, step: &mut Step, key: Key) {
        let newest = self.sessions.get(&key).and_then(|session| {
            let place = session.ids.last()?;
            let room = self.rooms.get(&session.room)?;
            let connection = room.first_id(&[*place])?.clone();
            Some((session.room.clone(), connection))
        });
        if let Some((room, connection)) = newest {
            let from = connection.peer_id.clone();
            let open = json!({ "action": "open", "connections": [connection], "bePolite": true });
            self.tell(
                step,
                &room,
                key,
                &from_server(&from, EVERYBODY, open),
                false,
            );
        }
    }
}

impl Session {
    fn new(room: String, socket_id: String, modern: bool, token: Option<String>) -> Self {
        Self {
            room,
            socket_id,
            ids: Vec::new(),
            at: None,
            deadline: None,
            kept: token.is_some().then(|| Box::new(Kept::default())),
            token,
            modern,
            bridged: false,
            accepted: Default::default(),
        }
    }
}

fn hello(entered: &Entered) -> std::sync::Arc<super::Body> {
    let open = json!({ "action": "open", "connections": entered.peers, "bePolite": false });
    from_server(EVERYBODY, &entered.peer, open)
}

/// What the client reads. The first is the wording that existing clients know.
fn refusal(code: Code, id: &str) -> String {
    match code {
        Code::Taken => format!(
            "{id} is already connected to the signalling server. Please change your peer ID and try again."
        ),
        Code::Reserved => format!(
            "{id} is not a peer ID: it names everybody. Please change your peer ID and try again."
        ),
        Code::TooMany => {
            format!("{id} is not registered: one client may have {IDS_PER_CLIENT} peer IDs.")
        }
        _ => format!("{id} is not registered: {code}"),
    }
}

pub(super) const NO_SESSION: &str = "The session is not there, or its time is over.";
