//! Any datagram: no panic in any getter, and a message whose attributes are written again reads the same.

#![no_main]

use ieum_stun::{AttributeType, Key, Message, MessageBuilder, is_stun};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static KEY: LazyLock<Key> = LazyLock::new(|| Key::short_term("VOkJxbRl1RmTxUk/WvJxBt"));

fuzz_target!(|datagram: &[u8]| {
    let Ok(message) = Message::parse(datagram) else {
        return;
    };
    // RFC 7983 §7 leaves the higher methods of RFC 8489 to others; none is assigned.
    assert!(is_stun(datagram) || datagram[0] > 3);
    read_everything(&message);

    // All but the two that are made of the rest.
    let plain = |kind| {
        !matches!(
            kind,
            AttributeType::MESSAGE_INTEGRITY | AttributeType::FINGERPRINT
        )
    };
    let attributes: Vec<_> = message
        .attributes()
        .filter(|attribute| plain(attribute.kind))
        .collect();
    let mut buffer = Vec::new();
    let mut builder = MessageBuilder::new(
        &mut buffer,
        message.class(),
        message.method(),
        message.transaction_id(),
    );
    for attribute in &attributes {
        builder.raw(attribute.kind, attribute.value);
    }
    if builder.integrity(&KEY).fingerprint().finish() == 0 {
        return; // There was no room left for the two.
    }
    let again = Message::parse(&buffer).expect("what was built is a message");
    assert_eq!(again.class(), message.class());
    assert_eq!(again.method(), message.method());
    assert_eq!(again.transaction_id(), message.transaction_id());
    assert!(
        again
            .attributes()
            .filter(|attribute| plain(attribute.kind))
            .eq(attributes)
    );
    assert_eq!(again.verify_integrity(&KEY), Ok(()));
    assert_eq!(again.has_valid_fingerprint(), Some(true));
});

fn read_everything(message: &Message<'_>) {
    let _ = (
        message.verify_integrity(&KEY),
        message.has_valid_fingerprint(),
    );
    let texts = [
        message.username(),
        message.realm(),
        message.nonce(),
        message.software(),
    ];
    assert!(
        texts
            .into_iter()
            .flatten()
            .all(|text| text.len() <= message.as_bytes().len())
    );
    let addresses = [
        message.xor_mapped_address(),
        message.mapped_address(),
        message.alternate_server(),
        message.xor_peer_address(),
        message.xor_relayed_address(),
    ];
    let _ =
        addresses.into_iter().flatten().count() + message.xor_peer_addresses().flatten().count();
    let _ = (
        message.unknown_comprehension_required().count(),
        message.unknown_attributes().count(),
    );
    let _ = (
        message.error_code(),
        message.lifetime(),
        message.data(),
        message.channel_number(),
    );
    let _ = (
        message.requested_transport(),
        message.requested_address_family(),
        message.additional_address_family(),
    );
    let _ = (
        message.even_port(),
        message.reservation_token(),
        message.dont_fragment(),
    );
    let _ = (
        message.priority(),
        message.use_candidate(),
        message.ice_controlling(),
        message.ice_controlled(),
    );
}
