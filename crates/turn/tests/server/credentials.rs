//! Who may ask: credentials, nonces, users.

use std::time::Duration;

use ieum_stun::Method;
use ieum_turn::credentials;

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
