//! Rules of RFC 6762 and of the draft, one each; most between two machines on one link.

use proptest::prelude::*;

use super::*;

const NAME: &str = "8f3f1cd0-2b4e-4c7a-9b1e-0d2f6a7c9e11.local";
const OTHER: &str = "11111111-2b4e-4c7a-9b1e-0d2f6a7c9e11.local";

fn link(ip: &str, prefix: u8) -> Link {
    Link {
        ip: ip.parse().unwrap(),
        prefix,
        index: 2,
    }
}

fn machine(ip: &str) -> Mdns {
    Mdns::new(vec![link(ip, 24)])
}

/// As if it came from port 5353 of that host.
fn from(ip: &str) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), PORT)
}

fn packets(mdns: &mut Mdns) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    while let Some(packet) = mdns.poll_packet() {
        packets.push(packet.payload);
    }
    packets
}

fn found(mdns: &mut Mdns) -> Vec<Found> {
    std::iter::from_fn(|| mdns.poll_found()).collect()
}

/// Everything that one has to send, to the other.
fn carry(now: Instant, ip: &str, one: &mut Mdns, other: &mut Mdns) {
    for packet in packets(one) {
        other.handle_datagram(now, from(ip), &packet);
    }
}

#[test]
fn a_name_is_found_by_its_first_question() {
    for ip in ["10.0.0.1", "fd00::1"] {
        let ip: IpAddr = ip.parse().unwrap();
        let now = Instant::now();
        let (mut a, mut b) = (machine("10.0.0.1"), machine("10.0.0.2"));
        a.register(NAME, ip);
        // Names are compared without regard to case.
        b.resolve(now, &NAME.to_uppercase());
        carry(now, "10.0.0.2", &mut b, &mut a);
        carry(now, "10.0.0.1", &mut a, &mut b);
        let name = NAME.to_uppercase();
        assert_eq!(found(&mut b), [Found { name, ip: Some(ip) }]);
        assert!(b.is_idle() && b.poll_timeout().is_none());
    }
}

#[test]
fn a_question_is_repeated_ever_more_slowly_and_then_given_up() {
    let now = Instant::now();
    let mut mdns = machine("10.0.0.1");
    mdns.resolve(now, NAME);
    let mut asked_after = Vec::new();
    let mut at = now;
    loop {
        // A question for each family, in a message of its own.
        let count = packets(&mut mdns).len();
        assert!(count == 0 || count == 2);
        if count > 0 {
            asked_after.push((at - now).as_secs());
        }
        let Some(due) = mdns.poll_timeout() else {
            break;
        };
        assert!(due > at);
        at = due;
        mdns.handle_timeout(at);
    }
    assert_eq!(asked_after, [0, 1, 3]);
    let name = NAME.to_owned();
    assert_eq!(found(&mut mdns), [Found { name, ip: None }]);
    assert_eq!((at - now).as_secs(), 7);
}

#[test]
fn an_answer_says_the_address_and_that_there_is_no_other() {
    let now = Instant::now();
    let mut mdns = machine("10.0.0.1");
    mdns.register(NAME, "10.0.0.1".parse().unwrap());
    // For an IPv6 address, which it has not.
    let question = message::questions(NAME).unwrap()[1].clone();
    mdns.handle_datagram(now, from("10.0.0.2"), &question);
    let packet = mdns.poll_packet().unwrap();
    assert_eq!((packet.link, packet.to), (0, (GROUP_V4, PORT).into()));
    let packet = simple_dns::Packet::parse(&packet.payload).unwrap();
    assert!(packet.has_flags(simple_dns::PacketFlag::RESPONSE));
    // RFC 6762 §6: no questions are repeated.
    assert_eq!((packet.id(), packet.questions.len()), (0, 0));
    let [answer] = &packet.answers[..] else {
        panic!("{packet:?}")
    };
    assert!(answer.cache_flush && answer.ttl == TTL);
    let simple_dns::rdata::RData::NSEC(nsec) = &packet.additional_records[0].rdata else {
        panic!("{packet:?}")
    };
    // Type 1, A, and nothing else.
    assert_eq!(nsec.type_bit_maps[0].bitmap.as_ref(), [0b0100_0000]);
}

#[test]
fn a_name_is_told_to_who_asks_and_only_then_and_once_a_second() {
    let now = Instant::now();
    let (mut a, mut b) = (machine("10.0.0.1"), machine("10.0.0.2"));
    a.register(NAME, "10.0.0.1".parse().unwrap());
    assert_eq!((packets(&mut a).len(), a.poll_timeout()), (0, None));
    b.resolve(now, NAME);
    let questions = packets(&mut b);
    for _ in 0..100 {
        for question in &questions {
            a.handle_datagram(now, from("10.0.0.2"), question);
        }
    }
    assert_eq!(packets(&mut a).len(), 1);
    // Who has asked in between is answered, too, later.
    assert_eq!(a.poll_timeout(), Some(now + SECOND));
    a.handle_timeout(now + SECOND);
    assert_eq!((packets(&mut a).len(), a.poll_timeout()), (1, None));
}

#[test]
fn who_asks_as_plain_dns_does_is_answered_alone() {
    let now = Instant::now();
    let mut mdns = machine("10.0.0.1");
    mdns.register(NAME, "10.0.0.1".parse().unwrap());
    packets(&mut mdns);
    let mut question = message::questions(NAME).unwrap()[0].clone();
    question[..2].copy_from_slice(&[0x12, 0x34]);
    let asker: SocketAddr = "10.0.0.9:40000".parse().unwrap();
    mdns.handle_datagram(now, asker, &question);
    let packet = mdns.poll_packet().unwrap();
    assert_eq!(packet.to, asker);
    let answer = simple_dns::Packet::parse(&packet.payload).unwrap();
    // RFC 6762 §6.7: its id and its question, and no bit that only mDNS knows.
    assert_eq!((answer.id(), answer.questions.len()), (0x1234, 1));
    assert!(answer.answers[0].ttl <= 10 && !answer.answers[0].cache_flush);
}

#[test]
fn names_are_taken_back_at_the_end() {
    let now = Instant::now();
    let (mut a, mut b) = (machine("10.0.0.1"), machine("10.0.0.2"));
    a.register(NAME, "10.0.0.1".parse().unwrap());
    a.resolve(now, OTHER);
    b.resolve(now, NAME);
    carry(now, "10.0.0.2", &mut b, &mut a);
    packets(&mut a);
    a.close();
    let goodbye = packets(&mut a);
    assert_eq!(goodbye.len(), 1);
    assert!(a.is_idle() && a.poll_timeout().is_none());
    // Which is no answer.
    b.handle_datagram(now, from("10.0.0.1"), &goodbye[0]);
    assert_eq!(found(&mut b), []);
}

#[test]
fn only_who_is_on_the_link_is_heard() {
    let now = Instant::now();
    let answer = message::response(NAME, "10.0.0.1".parse().unwrap(), TTL).unwrap();
    let heard = |link: Link, from: &str| {
        let mut mdns = Mdns::new(vec![link]);
        mdns.resolve(now, NAME);
        mdns.handle_datagram(now, from.parse().unwrap(), &answer);
        let ignored = mdns.ignored(MdnsIgnored::OffLink);
        assert_eq!(found(&mut mdns).is_empty(), ignored == 1);
        ignored == 0
    };
    let v4 = link("10.0.0.2", 24);
    assert!(heard(v4, "10.0.0.1:5353") && !heard(v4, "10.0.1.1:5353"));
    // RFC 6762 §6: nor from another port.
    assert!(!heard(v4, "10.0.0.1:5354") && !heard(v4, "[fe80::1%2]:5353"));
    let v6 = link("fd00::2", 64);
    assert!(heard(v6, "[fd00::1]:5353") && !heard(v6, "[fd00:1::1]:5353"));
    assert!(heard(v6, "[fe80::1%2]:5353") && !heard(v6, "[fe80::1%3]:5353"));
}

#[test]
fn an_address_that_no_host_has_is_not_believed() {
    let now = Instant::now();
    let mut mdns = machine("10.0.0.2");
    mdns.resolve(now, NAME);
    for ip in ["0.0.0.0", "224.0.0.251", "255.255.255.255", "::", "ff02::1"] {
        let answer = message::response(NAME, ip.parse().unwrap(), TTL).unwrap();
        mdns.handle_datagram(now, from("10.0.0.1"), &answer);
    }
    assert_eq!(found(&mut mdns), []);
    assert_eq!(mdns.ignored(MdnsIgnored::UnusableAddress), 5);
}

#[test]
fn only_a_uuid_under_local_is_looked_up() {
    // As browsers make them, and of either case.
    assert!(Mdns::is_candidate_name(NAME));
    assert!(Mdns::is_candidate_name(&NAME.to_uppercase()));
    for name in [
        "",
        "local",
        ".local",
        "printer.local",
        "8f3f1cd0-2b4e-4c7a-9b1e-0d2f6a7c9e11",
        "8f3f1cd0-2b4e-4c7a-9b1e-0d2f6a7c9e11.example",
        "8f3f1cd0-2b4e-4c7a-9b1e-0d2f6a7c9e11.x.local",
        "8f3f1cd02b4e4c7a9b1e0d2f6a7c9e110000.local",
        "8f3f1cd0-2b4e-4c7a-9b1e-0d2f6a7c9e1g.local",
        "8f3f1cd0-2b4e-4c7a-9b1e-0d2f6a7c9e1\u{e9}.local",
    ] {
        assert!(!Mdns::is_candidate_name(name), "{name:?}");
    }
}

#[test]
fn names_and_messages_are_bounded() {
    let now = Instant::now();
    let mut mdns = Mdns::new(vec![link("10.0.0.1", 24); 40]);
    for number in 0..100 {
        mdns.resolve(
            now,
            &format!("{number:08x}-2b4e-4c7a-9b1e-0d2f6a7c9e11.local"),
        );
    }
    assert_eq!(mdns.asked.len(), MAX_NAMES);
    assert_eq!(packets(&mut mdns).len(), MAX_PACKETS);
    assert!(mdns.ignored(MdnsIgnored::Limit) >= 68);
}

proptest! {
    #[test]
    fn nothing_that_arrives_makes_it_panic_or_believe(
        junk in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let now = Instant::now();
        let mut mdns = machine("10.0.0.2");
        mdns.register(OTHER, "10.0.0.2".parse().unwrap());
        mdns.resolve(now, NAME);
        mdns.handle_datagram(now, from("10.0.0.1"), &junk);
        // A good message with one byte changed, and cut short.
        let mut answer = message::response(NAME, "10.0.0.1".parse().unwrap(), TTL).unwrap();
        let at = at.index(answer.len());
        answer[at] = byte;
        mdns.handle_datagram(now, from("10.0.0.1"), &answer[..at]);
        mdns.handle_datagram(now, from("10.0.0.1"), &answer);
        prop_assert!(found(&mut mdns).len() <= 1);
    }
}
