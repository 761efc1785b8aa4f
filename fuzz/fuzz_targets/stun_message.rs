//! Any datagram: no panic in any getter, and a message whose attributes are written again reads the same.

#![no_main]

use ieum_stun::{
    Challenge, ChannelData, Class, Integrity, Key, Message, MessageBuilder, PasswordAlgorithm,
    classic, is_stun,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static KEY: LazyLock<Key> = LazyLock::new(|| Key::short_term("VOkJxbRl1RmTxUk/WvJxBt"));

fuzz_target!(|datagram: &[u8]| {
    read_classic(datagram);
    if let Some(channel_data) = ChannelData::parse(datagram) {
        assert!(channel_data.data.len() + ChannelData::HEADER <= datagram.len());
        assert!(Message::parse(datagram).is_err());
    }
    let message = match Message::parse(datagram) {
        Ok(message) => message,
        Err(error) => return assert!(error.offset <= datagram.len()),
    };
    // RFC 7983 §7 leaves the higher methods of RFC 8489 to others; none is assigned.
    assert!(is_stun(datagram) || datagram[0] > 3);
    read_stun(&message);
    read_extensions(&message);
    for integrity in [Integrity::Sha1, Integrity::Sha256] {
        write_again(&message, integrity);
    }
});

fn write_again(message: &Message<'_>, integrity: Integrity) {
    let mut buffer = Vec::new();
    let id = message.transaction_id();
    let mut builder = MessageBuilder::new(&mut buffer, message.class(), message.method(), id);
    for attribute in message.attributes() {
        builder.raw(attribute.kind, attribute.value);
    }
    if builder.integrity_as(integrity, &KEY).fingerprint().finish() == 0 {
        return; // There was no room left for the two.
    }
    let again = Message::parse(&buffer).expect("what was built is a message");
    assert_eq!(again.class(), message.class());
    assert_eq!(again.method(), message.method());
    assert_eq!(again.transaction_id(), id);
    assert!(again.attributes().eq(message.attributes()));
    assert_eq!(again.integrity(), Some(integrity));
    assert_eq!(again.verify_integrity(&KEY), Ok(()));
    assert_eq!(again.has_valid_fingerprint(), Some(true));
}

fn read_stun(message: &Message<'_>) {
    let _ = (
        message.verify_integrity(&KEY),
        message.has_valid_fingerprint(),
    );
    let texts = [
        message.username(),
        message.realm(),
        message.nonce(),
        message.software(),
        message.alternate_domain(),
    ];
    let len = message.as_bytes().len();
    assert!(texts.into_iter().flatten().all(|text| text.len() <= len));
    let addresses = [
        message.xor_mapped_address(),
        message.mapped_address(),
        message.alternate_server(),
    ];
    let _ = (addresses, message.error_code(), message.userhash());
    let unknown = message.unknown_comprehension_required().count();
    assert!(unknown <= message.comprehension_required().count());
    assert!(message.unknown_attributes().count() <= len);

    let algorithms = message.password_algorithms().into_iter().flatten();
    assert!(algorithms.count() <= len);
    let _ = message.password_algorithm();
    for offered in [
        &[][..],
        &[PasswordAlgorithm::Sha256, PasswordAlgorithm::Md5],
    ] {
        let _ = message.agreed_password_algorithm(offered);
    }
    if let Ok(challenge) = Challenge::read(message) {
        assert!(!message.is_bid_down());
        let _ = challenge.key("user", "password");
    }
}

fn read_extensions(message: &Message<'_>) {
    let turn = (
        message.lifetime(),
        message.data(),
        message.channel_number(),
        message.requested_transport(),
        message.requested_address_family(),
        message.additional_address_family(),
        message.address_error_code(),
        message.even_port(),
        message.reservation_token(),
        message.dont_fragment(),
        message.icmp(),
    );
    let peers = message.xor_peer_addresses().count();
    let others = (
        message.xor_peer_address(),
        message.xor_relayed_address(),
        message.connection_id(),
        message.mobility_ticket(),
    );
    let behaviour = (
        message.change_request(),
        message.response_origin(),
        message.other_address(),
        message.response_port(),
        message.padding(),
    );
    let ice = (
        message.priority(),
        message.use_candidate(),
        message.ice_controlling(),
        message.ice_controlled(),
    );
    let _ = (turn, peers, others, behaviour, ice);
}

/// A classic response is as long as its header says, and carries the request's transaction id.
fn read_classic(datagram: &[u8]) {
    let Ok(request) = classic::Request::parse(datagram) else {
        return;
    };
    assert!(Message::parse(datagram).is_err());
    assert!(request.not_understood().count() <= request.attributes().count());
    let mut buffer = Vec::new();
    let len = request
        .respond(&mut buffer, Class::Error)
        .error_code(420, "Unknown Attribute")
        .unknown_attributes(request.not_understood())
        .finish();
    assert_eq!(len, buffer.len());
    assert_eq!(
        usize::from(u16::from_be_bytes([buffer[2], buffer[3]])),
        len - 20
    );
    assert_eq!(buffer[4..20], request.transaction_id());
}
