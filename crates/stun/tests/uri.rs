//! Whatever stands in a configuration is read without a panic; what was read is written, and read back equal.

use ieum_stun::{Host, Scheme, Uri, UriTransport};
use proptest::prelude::*;

fn uri() -> impl Strategy<Value = Uri> {
    let scheme = prop_oneof![
        Just(Scheme::Stun),
        Just(Scheme::Stuns),
        Just(Scheme::Turn),
        Just(Scheme::Turns)
    ];
    let host = prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| Host::Ip(octets.into())),
        any::<[u8; 16]>().prop_map(|octets| Host::Ip(octets.into())),
        // A last label of letters: not an address.
        "[a-z0-9._~!$&'()*+,;=-]{0,20}\\.[a-z]{2,5}".prop_map(Host::Name),
    ];
    let transport = prop_oneof![
        Just(None),
        Just(Some(UriTransport::Udp)),
        Just(Some(UriTransport::Tcp))
    ];
    (scheme, host, prop::option::of(1u16..), transport).prop_map(
        |(scheme, host, explicit_port, transport)| Uri {
            scheme,
            host,
            explicit_port,
            explicit_transport: transport.filter(|_| scheme.is_turn()),
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(uri in uri()) {
        prop_assert_eq!(uri.to_string().parse(), Ok(uri));
    }

    #[test]
    fn an_error_lies_inside_the_text(
        text in "((stun|turn)s?:)?[a-z0-9.:\\[\\]%@/?= é-]{0,20}(:[0-9]{0,6})?(\\?transport=(udp|tcp|sctp))?",
    ) {
        match text.parse::<Uri>() {
            Ok(uri) => prop_assert_eq!(uri.to_string().parse(), Ok(uri)),
            Err(error) => prop_assert!(text.is_char_boundary(error.offset), "{error}"),
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        _ = text.parse::<Uri>();
        _ = ieum_stun::opaque_string(&text);
    }
}
