use serde_json::value::RawValue;

use super::super::body::Name;
use super::*;
use crate::protocol::{Claim, Delivery};

pub(super) const NODE: NodeId = NodeId(1);

pub(super) fn rules() -> Rules {
    Rules {
        check_sender: true,
        queue: 4,
        queue_bytes: 10_000,
        clients: 100,
        room_clients: 100,
        resume: Duration::from_secs(30),
    }
}

pub(super) fn body(text: &str) -> Arc<Body> {
    Arc::new(Body::from(RawValue::from_string(text.into()).unwrap()))
}

pub(super) fn entrance(conn: u64, peer: &str, token: Option<&str>, claim: Option<Claim>) -> Op {
    Op::Join(Box::new(Entrance {
        conn: Some(ConnId(conn)),
        to: ReplyTo::Ticket(Ticket(conn)),
        socket_id: conn.to_string(),
        room: String::new(),
        peer: peer.into(),
        kind: None,
        token: token.map(Into::into),
        claim,
        hello: false,
    }))
}

pub(super) fn say(conn: u64, id: &str, from: &str, target: &str, text: &str) -> Op {
    Op::Say {
        by: Speaker::Conn(ConnId(conn)),
        to: ReplyTo::Ticket(Ticket(0)),
        said: Said {
            id: (!id.is_empty()).then(|| id.into()),
            all: false,
            from: Name::Text(from.into()),
            target: Name::Text(target.into()),
            body: body(text),
        },
    }
}

fn with(peers: &[(u64, &str, bool)]) -> State {
    let mut state = State::new(rules());
    for (conn, peer, keeps) in peers {
        let token = keeps.then(|| format!("token-{peer}"));
        let applied = state.apply(
            Duration::ZERO,
            NODE,
            entrance(*conn, peer, token.as_deref(), None),
        );
        assert_eq!(applied.outcome, Outcome::Registered);
    }
    state
}

fn reply(applied: &Applied) -> Reply {
    applied
        .effects
        .iter()
        .find_map(|directed| match &directed.effect {
            Effect::Answer(_, reply) => Some(reply.clone()),
            _ => None,
        })
        .unwrap()
}

fn texts(effects: &[Directed], conn: u64) -> Vec<String> {
    effects
        .iter()
        .filter_map(|directed| match &directed.effect {
            Effect::Deliver {
                conn: to,
                news: News::Message(body),
                ..
            } if *to == ConnId(conn) => Some(body.json().into_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn everything_is_forgotten_once_everybody_has_left() {
    let mut state = with(&[(1, "a", true), (2, "b", false), (3, "c", true)]);
    for conn in 1..=3 {
        state.apply(Duration::ZERO, NODE, Op::Lost { conn: ConnId(conn) });
    }
    assert_eq!(state.sizes(), (1, 2, 2));
    assert_eq!(state.poll_timeout(), Some(Duration::from_secs(30)));
    state.handle_timeout(Duration::from_secs(30));
    assert_eq!(state.sizes(), (0, 0, 0));
    assert!(state.at.is_empty() && state.by_token.is_empty() && state.rooms.is_empty());
    assert_eq!(state.poll_timeout(), None);
}

#[test]
fn another_node_s_bridge_goes_on_with_a_peer_of_the_broker_whose_node_is_dead() {
    let bridged = |conn: u64, socket: &str, token: &str| {
        let Op::Join(mut entrance) = entrance(conn, "m", Some(token), None) else {
            unreachable!("it is one")
        };
        entrance.socket_id = socket.into();
        Op::Bridge(entrance)
    };
    let mut state = with(&[(1, "a", false)]);
    let mut step = |op: Op| state.apply(Duration::ZERO, NODE, op);
    assert_eq!(
        step(bridged(2, "client", "one")).outcome,
        Outcome::Registered
    );
    let second = step(bridged(3, "client", "two"));
    assert_eq!(reply(&second).code, Some(Code::Taken), "the first is alive");
    step(Op::Lost { conn: ConnId(2) });
    let waiting = step(say(1, "", "a", "m", "1"));
    assert_eq!(waiting.outcome, Outcome::ToOne(Delivery::Queued));
    let other = step(bridged(3, "another client", "two"));
    assert_eq!(reply(&other).code, Some(Code::Taken));
    let taken = step(bridged(4, "client", "two"));
    assert_eq!(taken.outcome, Outcome::Resumed);
    assert_eq!(texts(&taken.effects, 4), ["1"]);
    // The token is the new node's: the old one's ends nothing.
    let leave = |token: &str| Op::Leave {
        by: Speaker::Token(token.into()),
        to: ReplyTo::Ticket(Ticket(9)),
    };
    assert_eq!(reply(&step(leave("one"))).code, Some(Code::NoSession));
    assert!(reply(&step(leave("two"))).ok);
    assert_eq!(state.connections("").len(), 1);
}

#[test]
fn peers_are_listed_in_the_order_of_their_registration() {
    let mut state = with(&[(1, "z", false), (2, "a", false), (3, "m", false)]);
    let ids = |state: &State| -> Vec<String> {
        let listed = state.connections("").into_iter();
        listed.map(|connection| connection.peer_id).collect()
    };
    assert_eq!(ids(&state), ["z", "a", "m"]);
    state.apply(Duration::ZERO, NODE, Op::Lost { conn: ConnId(2) });
    state.apply(Duration::ZERO, NODE, entrance(4, "a", None, None));
    assert_eq!(ids(&state), ["z", "m", "a"]);
}

#[test]
fn an_old_client_may_have_a_few_ids_and_not_many() {
    let mut state = State::new(rules());
    let enter = Op::Enter {
        conn: ConnId(1),
        socket_id: "1".into(),
        room: String::new(),
    };
    state.apply(Duration::ZERO, NODE, enter);
    let mut register = |peer: String| {
        let op = Op::Register {
            conn: ConnId(1),
            to: ReplyTo::Nobody,
            peer,
            kind: None,
        };
        state.apply(Duration::ZERO, NODE, op).outcome
    };
    for n in 0..IDS_PER_CLIENT {
        assert_eq!(register(n.to_string()), Outcome::Registered);
    }
    assert_eq!(register("0".into()), Outcome::Refused(Code::Taken));
    assert_eq!(register("all".into()), Outcome::Refused(Code::Reserved));
    assert_eq!(register("more".into()), Outcome::Refused(Code::TooMany));
    state.apply(Duration::ZERO, NODE, Op::Lost { conn: ConnId(1) });
    assert_eq!(state.sizes(), (0, 0, 0));
}

#[test]
fn a_client_speaks_for_its_own_ids_only_and_for_free_ones_before_it_has_any() {
    let mut state = with(&[(1, "a", false), (2, "b", false)]);
    let enter = Op::Enter {
        conn: ConnId(9),
        socket_id: "9".into(),
        room: String::new(),
    };
    state.apply(Duration::ZERO, NODE, enter);
    for (conn, from, wanted) in [
        (1, "a", Outcome::ToOne(Delivery::Delivered)),
        (1, "b", Outcome::Refused(Code::Forged)),
        (1, "nobody", Outcome::Refused(Code::Forged)),
        (1, "all", Outcome::Refused(Code::Forged)),
        (9, "soon-mine", Outcome::ToOne(Delivery::Delivered)),
        (9, "a", Outcome::Refused(Code::Forged)),
        (9, "all", Outcome::Refused(Code::Forged)),
    ] {
        let applied = state.apply(Duration::ZERO, NODE, say(conn, "", from, "b", "1"));
        assert_eq!(applied.outcome, wanted, "{conn} as {from}");
    }
}

#[test]
fn the_queue_is_bounded_by_messages_and_by_bytes_and_reading_frees_it() {
    let long = format!("\"{}\"", "x".repeat(6000));
    for (text, fit) in [("1", 4), (long.as_str(), 1)] {
        // `a` came first, so that no news of `b` waits for it.
        let mut state = with(&[(2, "b", false), (1, "a", true)]);
        for n in 0..fit {
            let applied = state.apply(Duration::ZERO, NODE, say(2, &n.to_string(), "b", "a", text));
            assert_eq!(applied.outcome, Outcome::ToOne(Delivery::Delivered));
        }
        let full = state.apply(Duration::ZERO, NODE, say(2, "x", "b", "a", text));
        assert_eq!(reply(&full).code, Some(Code::Full));
        assert_eq!(full.missed, 1);
        let by = Speaker::Conn(ConnId(1));
        state.apply(Duration::ZERO, NODE, Op::Received { by, seq: 1 });
        let again = state.apply(Duration::ZERO, NODE, say(2, "x", "b", "a", text));
        assert_eq!(reply(&again).result, Some(Delivery::Delivered));
    }
}

#[test]
fn a_confirmation_of_what_was_never_sent_confirms_no_more_than_was() {
    let mut state = with(&[(2, "b", false), (1, "a", true)]);
    let by = Speaker::Conn(ConnId(1));
    state.apply(Duration::ZERO, NODE, Op::Received { by, seq: u64::MAX });
    state.apply(Duration::ZERO, NODE, Op::Lost { conn: ConnId(1) });
    state.apply(Duration::ZERO, NODE, say(2, "", "b", "a", "1"));
    let claim = Claim {
        token: "token-a".into(),
        seq: 0,
    };
    let back = state.apply(
        Duration::ZERO,
        NODE,
        entrance(3, "a", Some("new"), Some(claim)),
    );
    assert_eq!(
        (back.outcome, texts(&back.effects, 3)),
        (Outcome::Resumed, vec!["1".to_owned()])
    );
}

#[test]
fn a_claim_for_another_id_or_room_is_none() {
    let mut state = with(&[(1, "a", true)]);
    let claim = || {
        Some(Claim {
            token: "token-a".into(),
            seq: 0,
        })
    };
    let applied = state.apply(Duration::ZERO, NODE, entrance(2, "b", Some("t"), claim()));
    assert_eq!(applied.outcome, Outcome::Registered);
    let mut elsewhere = entrance(3, "a", Some("u"), claim());
    if let Op::Join(entrance) = &mut elsewhere {
        entrance.room = "r".into();
    }
    assert_eq!(
        state.apply(Duration::ZERO, NODE, elsewhere).outcome,
        Outcome::Registered
    );
    let owner = state.speaker(NODE, &Speaker::Conn(ConnId(1)));
    assert_eq!(
        owner,
        state.speaker(NODE, &Speaker::Token("token-a".into()))
    );
}

#[test]
fn a_silent_node_loses_its_clients_within_ten_seconds() {
    let mut state = with(&[]);
    let (dead, alive) = (NodeId(1), NodeId(2));
    for node in [dead, alive] {
        state.apply(Duration::ZERO, node, Op::Beat);
    }
    state.apply(Duration::ZERO, dead, entrance(1, "old", None, None));
    state.apply(Duration::ZERO, dead, entrance(2, "keeps", Some("t"), None));
    state.apply(Duration::ZERO, alive, entrance(3, "other", None, None));
    let mut seconds = 0;
    while state.connections("").len() == 3 {
        seconds += 2;
        state.apply(Duration::from_secs(seconds), alive, Op::Beat);
    }
    assert!(seconds <= 10, "{seconds}");
    let ids: Vec<_> = state
        .connections("")
        .into_iter()
        .map(|peer| peer.peer_id)
        .collect();
    assert_eq!(ids, ["keeps", "other"]);
    let claim = Claim {
        token: "t".into(),
        seq: 0,
    };
    let op = entrance(9, "keeps", Some("new"), Some(claim));
    let back = state.apply(Duration::from_secs(seconds), alive, op);
    assert_eq!(back.outcome, Outcome::Resumed);
}

#[test]
fn a_message_that_another_node_could_not_hand_on_is_told_to_its_sender() {
    let mut state = with(&[(1, "a", false), (2, "b", false)]);
    let said = state.apply(Duration::ZERO, NODE, say(2, "7", "b", "a", "1"));
    let bounce = said
        .effects
        .iter()
        .find_map(|directed| match &directed.effect {
            Effect::Deliver { bounce, .. } => bounce.clone(),
            _ => None,
        });
    let op = Op::Bounced(bounce.unwrap());
    let told = state.apply(Duration::ZERO, NodeId(2), op);
    assert!(
        matches!(&told.effects[..], [Directed { node: NODE, effect: Effect::Deliver {
        conn: ConnId(2), news: News::Undelivered(lost), .. } }] if lost.code == Code::Full && lost.id.as_deref() == Some("7"))
    );
}

#[test]
fn the_log_and_the_snapshot_keep_every_byte() {
    let text = r#"{"z":1.50e2, "a":123456789012345678901234567890,"a":2}"#;
    let tree = Arc::new(Body::Binary(rmpv::Value::Map(vec![(
        "b".into(),
        rmpv::Value::Binary(vec![0, 255]),
    )])));
    let mut state = with(&[(2, "b", false), (1, "a", true)]);
    for body in [body(text), body("null"), tree] {
        let Op::Say { by, to, said } = say(2, "", "b", "a", "0") else {
            panic!()
        };
        let op = Op::Say {
            by,
            to,
            said: Said { body, ..said },
        };
        let logged = serde_json::to_string(&op).unwrap();
        let read: Op = serde_json::from_str(&logged).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), logged);
        state.apply(Duration::ZERO, NODE, read);
    }
    let again = State::restore(&state.snapshot()).unwrap();
    assert_eq!(again.snapshot(), state.snapshot());
    let kept = again
        .sessions
        .values()
        .find_map(|session| session.kept.as_ref())
        .unwrap();
    let first = &kept.queue[0].news;
    assert!(matches!(first, News::Message(body) if body.json() == text));
    assert!(
        matches!(&kept.queue[2].news, News::Message(body) if matches!(**body, Body::Binary(_)))
    );
}
