//! Credentials that change, and algorithms that are agreed on.

use ieum_stun::{
    Class, Integrity, Key, MessageBuilder, Method, PasswordAlgorithm, SecurityFeatures, code,
};
use ieum_turn::client::{Event, Ignored, Received, State};

use super::bench::*;

fn bob() -> Key {
    Key::long_term("bob", "example.org", "other")
}

#[test]
fn other_credentials_wait_until_the_old_ones_are_refused() {
    let mut bench = Bench::allocated();
    bench.client.set_credentials(bench.now, "bob", "other");
    bench.client.permit(bench.now, peer().ip());
    assert_eq!(bench.next().verify_integrity(&key()), Ok(()));
    bench.refuse(code::UNAUTHENTICATED, None);
    let again = bench.next();
    assert_eq!(
        (again.username(), again.verify_integrity(&bob())),
        (Some("bob"), Ok(()))
    );
    bench.answer(Class::Success, Some(&bob()), |_| ());
    assert!(matches!(bench.event(), Some(Event::Permitted { .. })));
}

#[test]
fn a_new_password_counts_at_once() {
    let mut bench = Bench::allocated();
    bench.client.set_credentials(bench.now, "alice", "newer");
    bench.client.permit(bench.now, peer().ip());
    let newer = Key::long_term("alice", "example.org", "newer");
    assert_eq!(bench.next().verify_integrity(&newer), Ok(()));
}

#[test]
fn refused_credentials_are_told_and_there_is_time_for_others() {
    let mut bench = Bench::allocated();
    bench.wait(540);
    assert_eq!(bench.next().method(), Method::REFRESH);
    bench.refuse(code::UNAUTHENTICATED, None);
    assert_eq!(bench.event(), Some(Event::CredentialsRefused));
    assert_eq!(bench.client.state(), State::Allocated);
    bench.client.set_credentials(bench.now, "bob", "other");
    assert_eq!(bench.next().verify_integrity(&bob()), Ok(()));
    bench.answer(Class::Success, Some(&bob()), |m| {
        _ = m.lifetime(600 * SECOND)
    });
    bench.wait(120);
    assert_eq!(
        (bench.client.state(), bench.event()),
        (State::Allocated, None)
    );

    let mut bench = Bench::allocated();
    bench.wait(540);
    bench.next();
    bench.refuse(code::UNAUTHENTICATED, None);
    bench.event();
    bench.wait(60);
    assert_eq!(bench.event(), Some(Event::Lost { code: None }));
}

#[test]
fn many_requests_with_one_stale_nonce_take_one_new_one() {
    let mut bench = Bench::allocated();
    let mut asked = Vec::new();
    for n in 1..=8 {
        let ip = std::net::IpAddr::from([192, 0, 2, n]);
        bench.client.permit(bench.now, ip);
        bench.next();
        asked.push(bench.sent.clone());
    }
    for (n, sent) in asked.into_iter().enumerate() {
        bench.sent = sent;
        bench.answer(Class::Error, None, |m| {
            m.error_code(code::STALE_NONCE, "").realm("example.org");
            m.nonce(&format!("nonce {n}"));
        });
        assert_eq!(bench.next().nonce(), Some("nonce 0"), "{n}");
        bench.answer(Class::Success, Some(&key()), |_| ());
    }
}

const BOTH: [PasswordAlgorithm; 2] = [PasswordAlgorithm::Sha256, PasswordAlgorithm::Md5];

fn modern_nonce() -> String {
    let cookie = SecurityFeatures::PASSWORD_ALGORITHMS.cookie();
    [std::str::from_utf8(&cookie).unwrap(), "rest"].concat()
}

#[test]
fn sha_256_is_taken_where_the_server_offers_it() {
    let mut bench = Bench::new();
    bench.next();
    bench.answer(Class::Error, None, |m| {
        m.error_code(401, "")
            .realm("example.org")
            .nonce(&modern_nonce());
        m.password_algorithms(BOTH);
    });
    let strong = Key::long_term_with(PasswordAlgorithm::Sha256, "alice", "example.org", "secret");
    let request = bench.next();
    assert_eq!(request.integrity(), Some(Integrity::Sha256));
    assert_eq!(request.verify_integrity(&strong), Ok(()));
    assert_eq!(
        request.agreed_password_algorithm(&BOTH),
        Ok(PasswordAlgorithm::Sha256)
    );
}

#[test]
fn nobody_takes_the_offer_out_unnoticed() {
    let mut bench = Bench::new();
    bench.next();
    let bare = |m: &mut MessageBuilder<'_>| {
        m.error_code(401, "")
            .realm("example.org")
            .nonce(&modern_nonce());
    };
    let received = bench.answer(Class::Error, None, bare);
    assert_eq!(received, Received::Ignored(Ignored::BidDown));
    assert_eq!(bench.client.counters().bid_down, 1);
    assert!(bench.is_silent());
    // The server's own answer still counts.
    bench.answer(Class::Error, None, |m| {
        bare(m);
        m.password_algorithms(BOTH);
    });
    assert_eq!(bench.next().integrity(), Some(Integrity::Sha256));
}
