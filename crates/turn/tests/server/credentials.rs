//! Who may ask: credentials, nonces, users.

use std::time::Duration;

use ieum_stun::{
    AttributeType, Class, Integrity, Key, MessageBuilder, Method, PasswordAlgorithm,
    SecurityFeatures, userhash,
};
use ieum_turn::credentials;
use ieum_turn::server::{Config, User};

use super::bench::*;

#[test]
fn nothing_is_remembered_before_a_request_has_proven_its_sender() {
    let mut bench = Bench::new(|_| ());
    let answer = bench.allocate_as_is(|_| ());
    assert_eq!(answer.code(), 401);
    assert_eq!(answer.message().realm(), Some(REALM));
    // Of the request's 28 bytes and 28 of IP and UDP.
    assert!(answer.bytes.len() + 28 <= 3 * 56, "{}", answer.bytes.len());
    bench.password = "guessed".into();
    assert_eq!(bench.allocate(|_| ()).code(), 401);
    assert_eq!(
        (bench.server.allocations(), bench.server.poll_timeout()),
        (0, None)
    );
    assert_eq!(bench.counters().refused.challenged, 1);
    assert_eq!(bench.counters().refused.unauthenticated, 1);
    for method in [
        Method::REFRESH,
        Method::CREATE_PERMISSION,
        Method::CHANNEL_BIND,
    ] {
        assert_eq!(bench.ask(method, |_| ()).code(), 401);
    }
}

#[test]
fn credentials_end() {
    let mut bench = Bench::challenged(|_| ());
    bench.now += 3599 * SECOND;
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    bench.five_tuple = from("198.51.100.1:5001");
    assert_eq!(bench.allocate(|_| ()).code(), 438);
    bench.now += SECOND;
    assert_eq!(bench.allocate(|_| ()).code(), 401);
    assert_eq!(bench.counters().refused.credentials_expired, 1);
    bench.server.set_unix_time(bench.now, UNIX_TIME);
    assert_eq!(bench.allocate(|_| ()).code(), 0);
}

#[test]
fn a_username_without_an_expiry_is_nobody() {
    for username in [
        "alice",
        "never:alice",
        "-1:alice",
        "+9999999999:alice",
        ":alice",
    ] {
        let mut bench = Bench::challenged(|_| ());
        bench.username = username.into();
        bench.password = credentials::password(SECRET, username);
        assert_eq!(bench.allocate(|_| ()).code(), 401, "{username}");
    }
}

#[test]
fn a_nonce_ends_and_belongs_to_one_client() {
    let mut bench = Bench::allocated(|_| ());
    bench.five_tuple = from("198.51.100.1:5001");
    assert_eq!(bench.allocate(|_| ()).code(), 438);
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    bench.now += 599 * SECOND;
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 0);
    let mut bench = Bench::challenged(|config| config.limits.nonce_lifetime = 10 * SECOND);
    bench.now += 10 * SECOND;
    assert_eq!(bench.allocate(|_| ()).code(), 438);
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    assert_eq!(bench.counters().refused.stale_nonce, 1);
}

#[test]
fn an_allocation_belongs_to_who_made_it() {
    let mut bench = Bench::allocated(|_| ());
    let issued = credentials::issue(SECRET, "bob", UNIX_TIME + 3600);
    (bench.username, bench.password) = (issued.username, issued.password);
    assert_eq!(
        bench
            .ask(Method::REFRESH, |m| _ = m.lifetime(Duration::ZERO))
            .code(),
        441
    );
    assert_eq!(bench.permit("192.0.2.7:1"), 441);
    assert_eq!(bench.bind(0x4000, "192.0.2.7:1"), 441);
    assert_eq!(
        (
            bench.server.allocations(),
            bench.counters().refused.wrong_credentials
        ),
        (1, 3)
    );
}

/// Another user, whoever was there before.
fn become_user(bench: &mut Bench, name: &str, password: &str) {
    (bench.username, bench.password) = (name.into(), password.into());
}

fn static_users(config: &mut Config) {
    config.users = vec![
        User {
            name: "carol".into(),
            password: "carol's".into(),
        },
        User {
            name: "1:dave".into(),
            password: "dave's".into(),
        },
    ];
}

#[test]
fn static_users_have_a_password_of_their_own() {
    for (name, password, code) in [
        ("carol", "carol's", 0),
        ("carol", "wrong", 401),
        // No expiry is read into the name.
        ("1:dave", "dave's", 0),
        ("nobody", "carol's", 401),
        ("", "", 401),
    ] {
        let mut bench = Bench::challenged(static_users);
        become_user(&mut bench, name, password);
        assert_eq!(bench.allocate(|_| ()).code(), code, "{name}");
    }
    // And those of the REST scheme beside them, unless there is no secret.
    let mut bench = Bench::challenged(static_users);
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    let mut bench = Bench::challenged(|config| {
        static_users(config);
        config.secrets.clear();
    });
    assert_eq!(bench.allocate(|_| ()).code(), 401);
    become_user(&mut bench, "carol", "carol's");
    assert_eq!(bench.allocate(|_| ()).code(), 0);
}

#[test]
fn a_user_who_is_not_there_is_answered_like_one_with_a_wrong_password() {
    let mut bench = Bench::challenged(static_users);
    let mut answers = Vec::new();
    for name in ["carol", "nobody", "9999999999:nobody"] {
        become_user(&mut bench, name, "wrong");
        let answer = bench.allocate(|_| ());
        let message = answer.message();
        // All but the transaction id, the nonce, and the fingerprint over them.
        let seen: Vec<_> = message
            .attributes()
            .filter(|a| !matches!(a.kind, AttributeType::NONCE | AttributeType::FINGERPRINT))
            .map(|a| (a.kind, a.value.to_vec()))
            .collect();
        answers.push((answer.bytes.len(), seen));
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(bench.counters().refused.unauthenticated, 3);
}

#[test]
fn several_secrets_are_accepted_while_one_is_changed() {
    let mut bench = Bench::challenged(|config| config.secrets.insert(0, b"the newer one".to_vec()));
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    bench.five_tuple = from("198.51.100.2:5000");
    let issued = credentials::issue(b"the newer one", "alice", UNIX_TIME + 60);
    become_user(&mut bench, &issued.username, &issued.password);
    assert_eq!(bench.allocate_as_is(|_| ()).code(), 401);
    assert_eq!(bench.allocate(|_| ()).code(), 0);
    bench.five_tuple = from("198.51.100.3:5000");
    let issued = credentials::issue(b"another", "alice", UNIX_TIME + 60);
    become_user(&mut bench, &issued.username, &issued.password);
    assert_eq!(bench.allocate_as_is(|_| ()).code(), 401);
    assert_eq!(bench.allocate(|_| ()).code(), 401);
}

#[test]
fn newer_credentials_of_the_same_user_keep_an_allocation() {
    let mut bench = Bench::allocated(|_| ());
    let issued = credentials::issue(SECRET, "alice", UNIX_TIME + 7200);
    become_user(&mut bench, &issued.username, &issued.password);
    assert_eq!(bench.ask(Method::REFRESH, |_| ()).code(), 0);
    assert_eq!(bench.permit("192.0.2.7:1"), 0);
}

/// An Allocate as a client of RFC 8489 signs it: with SHA-256 all over.
fn modern(
    bench: &mut Bench,
    who: impl FnOnce(&mut MessageBuilder<'_>),
    offered: &[PasswordAlgorithm],
    key: &Key,
) -> Answer {
    let (id, nonce) = (bench.id(), bench.nonce.clone());
    let mut bytes = Vec::new();
    let mut m = MessageBuilder::new(&mut bytes, Class::Request, Method::ALLOCATE, id);
    m.requested_transport(17);
    who(&mut m);
    m.realm(REALM).nonce(&nonce);
    m.password_algorithms(offered.iter().copied());
    m.password_algorithm(PasswordAlgorithm::Sha256);
    m.integrity_sha256(key);
    bench.deliver(&bytes).unwrap()
}

#[test]
fn sha_256_is_offered_and_an_answer_is_signed_as_its_request() {
    let offered = [PasswordAlgorithm::Sha256, PasswordAlgorithm::Md5];
    let mut bench = Bench::new(|_| ());
    let challenge = bench.allocate_as_is(|_| ());
    let list = challenge.message().password_algorithms().unwrap();
    assert!(list.eq(offered.map(Ok)));
    let (username, password) = (bench.username.clone(), bench.password.clone());
    let key = Key::long_term_with(PasswordAlgorithm::Sha256, &username, REALM, &password);
    let who = |m: &mut MessageBuilder<'_>| _ = m.username(&username);
    let answer = modern(&mut bench, who, &offered, &key);
    assert_eq!(answer.code(), 0);
    assert_eq!(answer.message().integrity(), Some(Integrity::Sha256));
    assert_eq!(answer.message().verify_integrity(&key), Ok(()));
    // Somebody has taken the stronger one out of our offer.
    let mut bench = Bench::challenged(|_| ());
    let who = |m: &mut MessageBuilder<'_>| _ = m.username(&username);
    assert_eq!(modern(&mut bench, who, &offered[1..], &key).code(), 400);
}

#[test]
fn a_hash_of_the_name_is_enough_for_a_static_user() {
    let offered = [PasswordAlgorithm::Sha256, PasswordAlgorithm::Md5];
    let only_static = |config: &mut Config| {
        static_users(config);
        config.secrets.clear();
    };
    for (name, code) in [("carol", 0), ("nobody", 401)] {
        let mut bench = Bench::challenged(only_static);
        let features = SecurityFeatures::of_nonce(&bench.nonce).unwrap();
        assert!(features.contains(SecurityFeatures::USERNAME_ANONYMITY));
        let key = Key::long_term_with(PasswordAlgorithm::Sha256, name, REALM, "carol's");
        let who = |m: &mut MessageBuilder<'_>| _ = m.userhash(userhash(name, REALM));
        assert_eq!(modern(&mut bench, who, &offered, &key).code(), code);
    }
    // Names of the REST scheme are not known, so they are not asked to hide.
    let features = SecurityFeatures::of_nonce(&Bench::challenged(|_| ()).nonce).unwrap();
    assert!(!features.contains(SecurityFeatures::USERNAME_ANONYMITY));
}
