//! Whose a datagram is, and who cannot take it from whom.

use ieum_stun::{MessageBuilder, Method};

use super::*;

const OURS: SocketAddr = addr(1);

const fn addr(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

fn way(port: u16) -> Way {
    (OURS, addr(port))
}

fn stun(class: Class, number: u32, username: Option<&str>) -> Vec<u8> {
    let mut buf = Vec::new();
    let mut message = MessageBuilder::new(&mut buf, class, Method::BINDING, transaction(number));
    if let Some(username) = username {
        message.username(username);
    }
    message.fingerprint();
    buf
}

fn transaction(number: u32) -> TransactionId {
    let mut id = [0; 12];
    id[..4].copy_from_slice(&number.to_be_bytes());
    TransactionId(id)
}

fn check(ufrag: &str) -> Vec<u8> {
    stun(Class::Request, 0, Some(&format!("{ufrag}:theirs")))
}

/// Connections 1 and 2, called `one` and `two`.
fn table() -> Table<()> {
    let mut table = Table::default();
    for (id, name) in [(1, "one"), (2, "two")] {
        table.attach(id, ());
        table.name(id, vec![name.to_owned()]);
    }
    table
}

const DATA: &[u8] = &[22, 254, 253, 0];

#[test]
fn a_check_is_whose_name_it_has_from_wherever_it_comes_and_data_is_whose_address_it_has() {
    let mut table = table();
    assert_eq!(table.find(way(7), &check("one")), Ok((1, false)));
    assert_eq!(table.find(way(7), DATA), Err(Stray::UnknownAddress));
    assert_eq!(table.claim(1, way(7), false), Claim::Bound);
    assert_eq!(table.find(way(7), DATA), Ok((1, true)));
    assert_eq!(table.find(way(7), &check("one")), Ok((1, true)));
    assert_eq!(table.find(way(7), &check("two")), Ok((2, false)));
    // The same address, to another one of ours.
    assert_eq!(
        table.find((addr(2), addr(7)), DATA),
        Err(Stray::UnknownAddress)
    );
}

#[test]
fn strays_are_told_apart() {
    let mut table = table();
    let request = |name| stun(Class::Request, 1, name);
    for (datagram, stray) in [
        (check("three"), Stray::UnknownUfrag),
        (request(None), Stray::UnknownUfrag),
        (request(Some("one")), Stray::UnknownUfrag),
        (stun(Class::Success, 1, None), Stray::UnknownTransaction),
        (stun(Class::Error, 1, None), Stray::UnknownTransaction),
        (stun(Class::Indication, 1, None), Stray::UnknownAddress),
        (check("one")[..24].to_vec(), Stray::Malformed),
        (DATA.to_vec(), Stray::UnknownAddress),
        (Vec::new(), Stray::UnknownAddress),
    ] {
        assert_eq!(table.find(way(7), &datagram), Err(stray), "{datagram:?}");
    }
}

#[test]
fn an_answer_is_whose_question_it_answers_once() {
    let mut table = table();
    for _ in 0..3 {
        table.ask(2, transaction(9));
    }
    let answer = stun(Class::Success, 9, None);
    assert_eq!(table.find(way(7), &answer), Ok((2, false)));
    assert_eq!(table.find(way(7), &answer), Err(Stray::UnknownTransaction));
}

#[test]
fn of_the_questions_that_nobody_answers_the_oldest_are_forgotten() {
    let mut table = table();
    let many = u32::try_from(MAX_ASKED).unwrap();
    for number in 0..many + 1 {
        table.ask(1, transaction(number));
    }
    assert_eq!(table.by_transaction.len(), MAX_ASKED);
    let oldest = stun(Class::Success, 0, None);
    assert!(table.find(way(7), &oldest).is_err());
    let latest = stun(Class::Success, many, None);
    assert_eq!(table.find(way(7), &latest), Ok((1, false)));
}

#[test]
fn an_address_moves_only_to_whom_somebody_there_has_answered() {
    let mut table = table();
    assert_eq!(table.claim(1, way(7), false), Claim::Bound);
    // Whoever knows the second connection's password may write the first one's address on a check.
    assert_eq!(table.claim(2, way(7), false), Claim::Refused);
    assert_eq!(table.find(way(7), DATA), Ok((1, true)));
    assert_eq!(table.claim(2, way(7), true), Claim::Moved);
    assert_eq!(table.find(way(7), DATA), Ok((2, true)));
    assert_eq!(table.claim(2, way(7), false), Claim::Bound);
    // What it has lost, the first does not take along.
    table.detach(1);
    assert_eq!(table.find(way(7), DATA), Ok((2, true)));
}

#[test]
fn a_connection_has_so_many_addresses_and_no_more() {
    let mut table = table();
    for port in 0..100 {
        table.claim(1, way(100 + port), true);
    }
    assert_eq!(table.addresses(), MAX_WAYS);
    assert_eq!(table.claim(1, way(500), true), Claim::Refused);
    assert_eq!(table.claim(2, way(500), false), Claim::Bound);
}

#[test]
fn after_a_restart_a_connection_is_known_by_its_names_of_now() {
    let mut table = table();
    table.name(1, vec!["next".to_owned(), "one".to_owned()]);
    assert_eq!(table.find(way(7), &check("one")), Ok((1, false)));
    table.name(1, vec!["next".to_owned()]);
    assert_eq!(table.find(way(7), &check("next")), Ok((1, false)));
    assert_eq!(table.find(way(7), &check("one")), Err(Stray::UnknownUfrag));
}

#[test]
fn a_name_that_two_have_stays_the_firsts() {
    let mut table = table();
    table.name(2, vec!["one".to_owned()]);
    assert_eq!(table.find(way(7), &check("one")), Ok((1, false)));
    table.detach(2);
    assert_eq!(table.find(way(7), &check("one")), Ok((1, false)));
}

#[test]
fn a_connection_that_ends_leaves_nothing() {
    let mut table = table();
    for number in 0..10 {
        table.ask(1, transaction(number));
        table.claim(1, way(100 + number as u16), true);
    }
    table.detach(1);
    table.detach(2);
    assert_eq!((table.connections(), table.addresses()), (0, 0));
    assert!(table.by_ufrag.is_empty() && table.by_transaction.is_empty());
    // Orders that come late, of one that is gone, do nothing.
    table.ask(1, transaction(1));
    table.name(1, vec!["one".to_owned()]);
    assert_eq!(table.claim(1, way(7), true), Claim::Refused);
    assert!(table.by_ufrag.is_empty() && table.by_transaction.is_empty());
}
