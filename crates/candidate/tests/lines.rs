//! Lines that real peers send, and lines that nobody should.

use ieum_candidate::{
    Address, Candidate, CandidateLine, Expected, Kind, MAX_LINE_LEN, TcpType, Transport,
};

/// Written back as they are, but for `a=` and the case of the transport.
const REAL: [&str; 8] = [
    // Chromium
    "candidate:1887654288 1 udp 2122265343 fd00::2 54294 typ host generation 0 network-id 2",
    "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.2 rport 46154 generation 0 ufrag EsAw network-cost 999",
    "candidate:1162822884 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0 network-id 1",
    // Firefox
    "candidate:0 1 udp 2122187007 535d2ec4-a131-4eac-847f-569855254508.local 35499 typ host",
    "candidate:2 1 tcp 2105458943 535d2ec4-a131-4eac-847f-569855254508.local 9 typ host tcptype active",
    // a relay, a second component, a letter for a foundation
    "candidate:3 1 udp 5242879 198.51.100.9 50001 typ relay raddr 203.0.113.7 rport 46154",
    "candidate:X 2 udp 659134 192.168.100.100 10019 typ host",
    "candidate:p 1 udp 1845501695 203.0.113.7 4 typ prflx raddr 0.0.0.0 rport 0",
];

#[test]
fn real_lines_are_written_as_they_were_read() {
    for line in REAL {
        let candidate: Candidate = line.parse().unwrap();
        assert_eq!(candidate.to_string(), line);
    }
}

#[test]
fn every_field_is_read() {
    let line = CandidateLine::parse(REAL[1]).unwrap();
    assert_eq!(line.foundation(), "842163049");
    assert_eq!(line.component(), 1);
    assert_eq!(line.transport(), Transport::Udp);
    assert_eq!(line.priority(), 1677729535);
    assert_eq!(line.address(), Address::Ip([203, 0, 113, 7].into()));
    assert_eq!(line.port(), 46154);
    assert_eq!(line.kind(), Kind::ServerReflexive);
    assert_eq!(line.related(), Some("10.0.0.2:46154".parse().unwrap()));
    assert_eq!(line.ufrag(), Some("EsAw"));
    let extensions: Vec<_> = line.extensions().collect();
    assert_eq!(
        extensions,
        [
            ("generation", "0"),
            ("ufrag", "EsAw"),
            ("network-cost", "999")
        ]
    );
    assert_eq!(line.to_owned().ufrag(), Some("EsAw"));
    assert_eq!(
        line.to_owned().socket_addr(),
        Some("203.0.113.7:46154".parse().unwrap())
    );
}

#[test]
fn the_tcp_type_is_in_the_transport_and_not_among_the_extensions() {
    let line =
        CandidateLine::parse("candidate:1 1 TCP 1 10.0.0.1 9 typ host generation 0 tcptype so")
            .unwrap();
    assert_eq!(line.transport(), Transport::Tcp(TcpType::SimultaneousOpen));
    assert_eq!(line.extensions().collect::<Vec<_>>(), [("generation", "0")]);
}

#[test]
fn a_name_is_kept_and_has_no_socket_address() {
    let candidate: Candidate = REAL[3].parse().unwrap();
    assert!(candidate.address.is_mdns());
    assert_eq!(candidate.socket_addr(), None);
}

#[test]
fn prefixes_case_endings_and_spaces_are_forgiven() {
    let plain = Candidate::host("10.0.0.1:5".parse().unwrap(), Transport::Udp, 1, 65535);
    let value = plain.to_string()["candidate:".len()..].to_owned();
    for line in [
        format!("a=candidate:{value}"),
        format!("candidate:{value}\r\n"),
        value.clone(),
        value.replace("udp", "UDP"),
        value.replace(' ', "  "),
        format!("{value} "),
    ] {
        assert_eq!(line.parse(), Ok(plain.clone()), "{line:?}");
    }
}

#[test]
fn a_zone_of_another_host_is_dropped() {
    let line = CandidateLine::parse("candidate:1 1 udp 1 fe80::1%eth0 5 typ host").unwrap();
    assert_eq!(line.address(), Address::Ip("fe80::1".parse().unwrap()));
}

#[test]
fn a_related_address_that_is_no_address_stays_an_extension() {
    let text = "candidate:1 1 udp 1 10.0.0.1 5 typ srflx raddr hidden.local rport 9";
    let line = CandidateLine::parse(text).unwrap();
    assert_eq!(line.related(), None);
    assert_eq!(
        line.extensions().collect::<Vec<_>>(),
        [("raddr", "hidden.local"), ("rport", "9")]
    );
    assert_eq!(line.to_owned().to_string(), text);
}

#[test]
fn an_extension_may_have_an_empty_value_and_the_last_none() {
    let line = CandidateLine::parse("candidate:1 1 udp 1 10.0.0.1 5 typ host a  b 1 c").unwrap();
    assert_eq!(
        line.extensions().collect::<Vec<_>>(),
        [("a", ""), ("b", "1"), ("c", "")]
    );
}

#[test]
fn an_error_points_at_the_field() {
    let table = [
        ("", 0, Expected::Foundation),
        ("candidate:", 10, Expected::Foundation),
        ("a=candidate:1", 13, Expected::Space),
        (
            "123456789012345678901234567890123 1 udp 1 10.0.0.1 5 typ host",
            0,
            Expected::Foundation,
        ),
        ("1 0 udp 1 10.0.0.1 5 typ host", 2, Expected::Component),
        ("1 257 udp 1 10.0.0.1 5 typ host", 2, Expected::Component),
        ("1 +1 udp 1 10.0.0.1 5 typ host", 2, Expected::Component),
        ("1 1 sctp 1 10.0.0.1 5 typ host", 4, Expected::Transport),
        (
            "1 1 udp 4294967296 10.0.0.1 5 typ host",
            8,
            Expected::Priority,
        ),
        ("1 1 udp -1 10.0.0.1 5 typ host", 8, Expected::Priority),
        ("1 1 udp 1 10.0.0.256 5 typ host", 10, Expected::Address),
        ("1 1 udp 1 ::g 5 typ host", 10, Expected::Address),
        ("1 1 udp 1 a/b 5 typ host", 10, Expected::Address),
        ("1 1 udp 1 10.0.0.1 65536 typ host", 19, Expected::Port),
        ("1 1 udp 1 10.0.0.1 5", 20, Expected::Space),
        ("1 1 udp 1 10.0.0.1 5 type host", 21, Expected::Typ),
        ("1 1 udp 1 10.0.0.1 5 typ hosts", 25, Expected::Kind),
        ("1 1 tcp 1 10.0.0.1 5 typ host", 29, Expected::TcpType),
        (
            "1 1 udp 1 10.0.0.1 5 typ host a \u{e9}",
            32,
            Expected::Extension,
        ),
        (
            "1 1 udp 1 10.0.0.1 5 typ host a b\r\nc",
            33,
            Expected::Extension,
        ),
    ];
    for (line, offset, expected) in table {
        let error = CandidateLine::parse(line).unwrap_err();
        assert_eq!(
            (error.offset, error.expected),
            (offset, expected),
            "{line:?}"
        );
    }
}

#[test]
fn what_is_only_unknown_is_told_from_what_is_malformed() {
    let is_unsupported = |line| CandidateLine::parse(line).unwrap_err().is_unsupported();
    assert!(is_unsupported("1 1 ssltcp 1 10.0.0.1 5 typ host"));
    assert!(is_unsupported("1 1 udp 1 10.0.0.1 5 typ carrier-pigeon"));
    // As Chromium wrote it before RFC 6544.
    assert!(is_unsupported(
        "198437945 1 tcp 1509957375 192.168.34.75 0 typ host generation 0"
    ));
    assert!(!is_unsupported("1 1 udp 1 10.0.0.1 99999 typ host"));
}

#[test]
fn a_line_that_is_too_long_is_refused() {
    let line = |len: usize| {
        let start = "1 1 udp 1 10.0.0.1 5 typ host a ";
        format!("{start}{}", "x".repeat(len - start.len()))
    };
    assert!(CandidateLine::parse(&line(MAX_LINE_LEN)).is_ok());
    let error = CandidateLine::parse(&line(MAX_LINE_LEN + 1)).unwrap_err();
    assert_eq!(
        (error.offset, error.expected),
        (MAX_LINE_LEN, Expected::ShorterLine)
    );
}

#[test]
fn the_constructors_set_what_rfc_8445_says() {
    let base = "10.0.0.2:5000".parse().unwrap();
    let mapped = "203.0.113.7:46154".parse().unwrap();
    let server = "198.51.100.1".parse().unwrap();

    let reflexive = Candidate::server_reflexive(mapped, base, server, Transport::Udp, 1, 65535);
    assert_eq!(
        (reflexive.kind, reflexive.priority),
        (Kind::ServerReflexive, 1694498815)
    );
    assert_eq!(
        (reflexive.socket_addr(), reflexive.related),
        (Some(mapped), Some(base))
    );

    let other_port = Candidate::server_reflexive(
        mapped,
        "10.0.0.2:6".parse().unwrap(),
        server,
        Transport::Udp,
        1,
        1,
    );
    assert_eq!(
        reflexive.foundation, other_port.foundation,
        "the base's port and the preference do not count"
    );

    let relayed = Candidate::relayed(
        "198.51.100.1:50000".parse().unwrap(),
        mapped,
        server,
        Transport::Udp,
        1,
        65535,
    );
    assert_eq!(
        (relayed.kind, relayed.priority, relayed.related),
        (Kind::Relayed, 16777215, Some(mapped))
    );

    let peer = Candidate::peer_reflexive(mapped, base, Transport::Udp, 1, 65535);
    assert_eq!(
        (peer.kind, peer.priority, peer.related),
        (Kind::PeerReflexive, 1862270975, Some(base))
    );
}
