use super::*;
use std::string::ToString;

fn read(text: &str) -> Uri {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn scheme_port_and_transport_have_their_defaults() {
    for (text, port, transport) in [
        ("stun:example.org", 3478, Transport::Udp),
        ("stuns:example.org", 5349, Transport::Tls),
        ("turn:example.org", 3478, Transport::Udp),
        ("turns:example.org", 5349, Transport::Tls),
        ("stun:example.org:19302", 19302, Transport::Udp),
        ("stuns:example.org:443", 443, Transport::Tls),
        ("turn:example.org?transport=udp", 3478, Transport::Udp),
        ("turn:example.org:80?transport=tcp", 80, Transport::Tcp),
        ("turns:example.org?transport=tcp", 5349, Transport::Tls),
        ("turns:example.org:443?transport=udp", 443, Transport::Dtls),
    ] {
        let uri = read(text);
        assert_eq!((uri.port(), uri.transport()), (port, transport), "{text}");
        assert_eq!(uri.host, Host::Name("example.org".into()));
        assert_eq!(uri.to_string(), text);
    }
}

#[test]
fn an_address_needs_no_look_up() {
    for (text, address) in [
        ("stun:192.0.2.1", "192.0.2.1:3478"),
        ("stun:[2001:db8::1]", "[2001:db8::1]:3478"),
        (
            "turn:[::ffff:192.0.2.1]:5349?transport=udp",
            "[::ffff:192.0.2.1]:5349",
        ),
    ] {
        assert_eq!(
            read(text).socket_addr(),
            Some(address.parse().unwrap()),
            "{text}"
        );
    }
    // Not an address of four numbers, so a name (RFC 3986 §3.2.2).
    assert_eq!(read("stun:192.0.2").socket_addr(), None);
}

#[test]
fn what_means_the_same_is_written_the_same() {
    for (text, written) in [
        ("STUN:example.org:", "stun:example.org"),
        ("TurnS:h?Transport=UDP", "turns:h?transport=udp"),
        ("stun:[2001:DB8:0::1]:03478", "stun:[2001:db8::1]:3478"),
        ("stun:ex%C3%A4mple", "stun:ex%C3%A4mple"),
    ] {
        assert_eq!(read(text).to_string(), written, "{text}");
        assert_eq!(read(written), read(text));
    }
}

#[test]
fn an_error_says_where_and_what() {
    for (text, offset, expected) in [
        ("", 0, UriExpected::Scheme),
        ("stun", 4, UriExpected::Scheme),
        ("http://example.org", 0, UriExpected::Scheme),
        (" stun:example.org", 0, UriExpected::Scheme),
        ("turn://example.org", 5, UriExpected::NoSlashes),
        ("stun:", 5, UriExpected::Host),
        ("stun::3478", 5, UriExpected::Host),
        ("turn:?transport=udp", 5, UriExpected::Host),
        ("stun:2001:db8::1", 5, UriExpected::Brackets),
        ("stun:[2001:db8::1", 5, UriExpected::Ipv6),
        ("stun:[example.org]", 6, UriExpected::Ipv6),
        ("stun:[fe80::1%25eth0]", 6, UriExpected::Ipv6),
        ("stun:[::1]3478", 10, UriExpected::PortOrEnd),
        ("turn:user@example.org", 9, UriExpected::HostCharacter),
        ("stun:example.org/", 16, UriExpected::HostCharacter),
        ("stun:example.org ", 16, UriExpected::HostCharacter),
        ("stun:exämple", 7, UriExpected::HostCharacter),
        ("stun:100%", 8, UriExpected::HostCharacter),
        ("stun:example.org:port", 17, UriExpected::Port),
        ("stun:example.org:+1", 17, UriExpected::Port),
        ("stun:example.org:0", 17, UriExpected::Port),
        ("stun:example.org:65536", 17, UriExpected::Port),
        ("stun:example.org:1:2", 17, UriExpected::Port),
        ("stun:h?transport=udp", 6, UriExpected::NoQuery),
        ("turn:h?transport=sctp", 7, UriExpected::Transport),
        ("turn:h?tcp", 7, UriExpected::Transport),
        ("turn:h?", 7, UriExpected::Transport),
    ] {
        let error = text.parse::<Uri>();
        assert_eq!(error, Err(UriError { offset, expected }), "{text:?}");
    }
    let error = "turn:h?transport=sctp".parse::<Uri>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "at byte 7: expected transport=udp or transport=tcp"
    );
}
