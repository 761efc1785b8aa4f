//! Whatever arrives is read without a panic, and what is written is read again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ieum_stun::{
    AttributeType, Class, Expected, Family, Key, Message, MessageBuilder, Method, ParseError,
    TransactionId, is_stun,
};
use proptest::prelude::*;

/// Calls everything that reads.
fn read_all(message: &Message<'_>) {
    let key = Key::short_term("password");
    _ = message.verify_integrity(&key);
    _ = message.has_valid_fingerprint();
    _ = format!("{message:?}");
    _ = message.attributes().map(|a| a.value.len()).sum::<usize>();
    _ = (
        message.username(),
        message.realm(),
        message.nonce(),
        message.software(),
    );
    _ = (message.error_code(), message.unknown_attributes().count());
    _ = (
        message.xor_mapped_address(),
        message.mapped_address(),
        message.alternate_server(),
    );
    _ = (
        message.xor_peer_addresses().count(),
        message.xor_relayed_address(),
    );
    _ = (message.lifetime(), message.data(), message.channel_number());
    _ = (
        message.requested_transport(),
        message.requested_address_family(),
    );
    _ = (message.additional_address_family(), message.even_port());
    _ = (
        message.reservation_token(),
        message.dont_fragment(),
        message.priority(),
    );
    _ = (
        message.use_candidate(),
        message.ice_controlling(),
        message.ice_controlled(),
    );
    _ = message.unknown_comprehension_required().count();
}

fn address() -> impl Strategy<Value = SocketAddr> {
    let ip = prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| IpAddr::from(Ipv4Addr::from(octets))),
        any::<[u8; 16]>().prop_map(|octets| IpAddr::from(Ipv6Addr::from(octets))),
    ];
    (ip, any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        Just(Class::Request),
        Just(Class::Indication),
        Just(Class::Success),
        Just(Class::Error)
    ]
}

/// A header that is right, and anything behind it: random bytes alone would seldom get past the magic cookie.
fn nearly_a_message() -> impl Strategy<Value = Vec<u8>> {
    let known = prop_oneof![0u16..0x30, 0x8000u16..0x8030, any::<u16>()];
    let attribute = (known, prop::collection::vec(any::<u8>(), 0..40), 0u16..4);
    let attributes = prop::collection::vec(attribute, 0..8);
    (any::<[u8; 2]>(), any::<[u8; 12]>(), attributes).prop_map(|(kind, id, attributes)| {
        let mut bytes = vec![kind[0] & 0x3F, kind[1], 0, 0, 0x21, 0x12, 0xA4, 0x42];
        bytes.extend(id);
        for (kind, value, lie) in attributes {
            bytes.extend(kind.to_be_bytes());
            // Most lengths are true.
            let len = value.len() as u16 + if lie == 3 { 5 } else { 0 };
            bytes.extend(len.to_be_bytes());
            bytes.extend(&value);
            bytes.extend(vec![0; value.len().wrapping_neg() % 4]);
        }
        let len = (bytes.len() - 20) as u16;
        bytes[2..4].copy_from_slice(&len.to_be_bytes());
        bytes
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        _ = is_stun(&bytes);
        if let Ok(message) = Message::parse(&bytes) {
            read_all(&message);
        }
    }

    #[test]
    fn nearly_messages_never_panic(bytes in nearly_a_message(), cut in 0usize..200) {
        if let Ok(message) = Message::parse(&bytes) {
            prop_assert!(is_stun(&bytes) || bytes[0] > 3);
            read_all(&message);
        }
        let cut = &bytes[..cut.min(bytes.len())];
        prop_assert!(cut.len() == bytes.len() || Message::parse(cut).is_err());
    }

    #[test]
    fn what_is_built_is_read_again(
        class in class(), method in 0u16..0x1000, id: [u8; 12],
        username in "\\PC{0,40}", data in prop::collection::vec(any::<u8>(), 0..300),
        mapped in address(), peers in prop::collection::vec(address(), 0..4),
        numbers: (u32, u64, u32, u16), token: [u8; 8], bit: bool, before in 0usize..9,
    ) {
        let (priority, tie_breaker, lifetime, channel) = numbers;
        let key = Key::long_term(&username, "realm", "password");
        let mut buffer = vec![7; before];
        let mut builder = MessageBuilder::new(&mut buffer, class, Method(method), TransactionId(id));
        builder.username(&username).realm("realm").nonce("nonce").software("software")
            .xor_mapped_address(mapped).mapped_address(mapped).xor_relayed_address(mapped)
            .priority(priority).ice_controlling(tie_breaker).ice_controlled(tie_breaker).use_candidate()
            .lifetime(Duration::from_secs(lifetime.into())).channel_number(channel).even_port(bit)
            .reservation_token(token).requested_transport(17).requested_address_family(Family::V6)
            .error_code(438, "Stale Nonce").unknown_attributes([AttributeType(0x7777), AttributeType(2)])
            .data(&data);
        for peer in &peers {
            builder.xor_peer_address(*peer);
        }
        let len = builder.integrity(&key).fingerprint().finish();
        prop_assert_eq!(len, buffer.len() - before);

        let message = Message::parse(&buffer[before..]).unwrap();
        prop_assert_eq!((message.class(), message.method()), (class, Method(method)));
        prop_assert_eq!(message.transaction_id(), TransactionId(id));
        prop_assert_eq!(message.verify_integrity(&key), Ok(()));
        prop_assert_eq!(message.has_valid_fingerprint(), Some(true));
        prop_assert_eq!(message.username(), Some(&*username));
        prop_assert_eq!(message.software(), Some("software"));
        for address in [message.xor_mapped_address(), message.mapped_address(), message.xor_relayed_address()] {
            prop_assert_eq!(address, Some(mapped));
        }
        let read: Option<Vec<_>> = message.xor_peer_addresses().collect();
        prop_assert_eq!(read, Some(peers));
        prop_assert_eq!(message.priority(), Some(priority));
        prop_assert_eq!(message.ice_controlling(), Some(tie_breaker));
        prop_assert_eq!(message.lifetime(), Some(Duration::from_secs(lifetime.into())));
        prop_assert_eq!(message.channel_number(), Some(channel));
        prop_assert_eq!(message.even_port(), Some(bit));
        prop_assert_eq!(message.reservation_token(), Some(token));
        prop_assert_eq!(message.requested_address_family(), Some(Some(Family::V6)));
        prop_assert_eq!(message.error_code().map(|e| (e.code, e.reason)), Some((438, "Stale Nonce")));
        prop_assert_eq!(message.unknown_attributes().count(), 2);
        prop_assert_eq!(message.data(), Some(&*data));
    }
}

#[test]
fn errors_say_where_and_what() {
    let mut message = Vec::new();
    MessageBuilder::new(
        &mut message,
        Class::Request,
        Method::BINDING,
        TransactionId([0; 12]),
    )
    .priority(1)
    .fingerprint();
    let changed = |at: usize, to: u8| {
        let mut bytes = message.clone();
        bytes[at] = to;
        Message::parse(&bytes).unwrap_err()
    };
    let error = |offset, expected| ParseError { offset, expected };
    assert_eq!(
        Message::parse(&message[..19]).unwrap_err(),
        error(19, Expected::Header)
    );
    assert_eq!(changed(0, 0x40), error(0, Expected::ZeroBits));
    assert_eq!(changed(3, 12), error(2, Expected::MessageLength));
    assert_eq!(changed(5, 0), error(4, Expected::MagicCookie));
    assert_eq!(changed(23, 200), error(22, Expected::AttributeValue));
    assert_eq!(changed(31, 3), error(30, Expected::FingerprintLength));
    let mut longer = message.clone();
    longer.extend([0, 6, 0, 0]);
    longer[3] += 4;
    assert_eq!(
        Message::parse(&longer).unwrap_err(),
        error(36, Expected::End)
    );
    assert_eq!(
        error(36, Expected::End).to_string(),
        "at byte 36: expected nothing after FINGERPRINT"
    );
}

#[test]
fn what_does_not_fit_voids_the_message_and_nothing_else() {
    let mut buffer = vec![1, 2, 3];
    let key = Key::short_term("password");
    let len = MessageBuilder::new(
        &mut buffer,
        Class::Indication,
        Method::DATA,
        TransactionId([0; 12]),
    )
    .data(&[0; 65_000])
    .data(&[0; 600])
    .priority(1)
    .integrity(&key)
    .fingerprint()
    .finish();
    assert_eq!((len, &buffer[..]), (0, &[1, 2, 3][..]));
}
