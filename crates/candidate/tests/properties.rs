//! What holds for every input.

use ieum_candidate::{Candidate, CandidateLine, Kind, OwnedAddress, TcpType, Transport};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::net::{IpAddr, SocketAddr};

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Host),
        Just(Kind::ServerReflexive),
        Just(Kind::PeerReflexive),
        Just(Kind::Relayed)
    ]
}

fn transport() -> impl Strategy<Value = Transport> {
    prop_oneof![
        Just(Transport::Udp),
        Just(Transport::Tcp(TcpType::Active)),
        Just(Transport::Tcp(TcpType::Passive)),
        Just(Transport::Tcp(TcpType::SimultaneousOpen)),
    ]
}

fn address() -> impl Strategy<Value = OwnedAddress> {
    prop_oneof![
        any::<IpAddr>().prop_map(OwnedAddress::Ip),
        "[a-z0-9-]{1,40}\\.(local|example|x1)".prop_map(OwnedAddress::Name),
    ]
}

prop_compose! {
    fn candidate()(
        foundation in "[A-Za-z0-9+/]{1,32}",
        component in 1..=256u16,
        transport in transport(),
        priority in any::<u32>(),
        address in address(),
        port in any::<u16>(),
        kind in kind(),
        related in option::of(any::<(IpAddr, u16)>()),
        extensions in vec(("x-[!-~]{1,9}", "[!-~]{0,9}"), 0..6),
    ) -> Candidate {
        let related = related.map(|(ip, port)| SocketAddr::new(ip, port));
        Candidate { foundation, component, transport, priority, address, port, kind, related, extensions }
    }
}

/// Text that is nearly a candidate: a good line with a few characters replaced, dropped or doubled.
fn nearly() -> impl Strategy<Value = String> {
    let edit = (
        any::<prop::sample::Index>(),
        prop_oneof![
            any::<char>().prop_map(String::from),
            Just(String::new()),
            " {2}"
        ],
    );
    (candidate(), vec(edit, 0..4)).prop_map(|(candidate, edits)| {
        let mut text: Vec<String> = candidate.to_string().chars().map(String::from).collect();
        for (at, with) in edits {
            let at = at.index(text.len());
            text[at] = with;
        }
        text.concat()
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(candidate in candidate()) {
        prop_assert_eq!(candidate.to_string().parse(), Ok(candidate));
    }

    #[test]
    fn what_is_read_and_written_reads_back_equal(line in nearly()) {
        if let Ok(candidate) = line.parse::<Candidate>() {
            prop_assert_eq!(candidate.to_string().parse(), Ok(candidate));
        }
    }

    #[test]
    fn no_text_panics_and_an_error_lies_inside_it(line in "\\PC*") {
        if let Err(error) = CandidateLine::parse(&line) {
            prop_assert!(error.offset <= line.len());
        }
    }

    #[test]
    fn an_error_in_a_near_miss_lies_inside_it(line in nearly()) {
        if let Err(error) = CandidateLine::parse(&line) {
            prop_assert!(error.offset <= line.len());
            prop_assert!(line.is_char_boundary(error.offset));
        }
    }

    #[test]
    fn the_foundation_is_short_and_of_ice_characters(kind in kind(), transport in transport(), base: IpAddr, server: Option<IpAddr>) {
        let foundation = ieum_candidate::foundation(kind, base, server, transport);
        prop_assert!((1..=32).contains(&foundation.len()));
        prop_assert!(foundation.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
