//! Every attribute: what is written is read again, whatever else the message carries.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use ieum_stun::{
    AttributeType, ChangeRequest, Class, Family, Icmp, Integrity, Key, Message, MessageBuilder,
    Method, PasswordAlgorithm, TransactionId,
};
use proptest::prelude::*;

/// One attribute and its value.
#[derive(Debug, Clone)]
enum Attribute {
    Username(String),
    Userhash([u8; 32]),
    Realm(String),
    Nonce(String),
    PasswordAlgorithm(PasswordAlgorithm),
    PasswordAlgorithms(Vec<PasswordAlgorithm>),
    Software(String),
    ErrorCode(u16, String),
    UnknownAttributes(Vec<u16>),
    XorMappedAddress(SocketAddr),
    MappedAddress(SocketAddr),
    AlternateServer(SocketAddr),
    AlternateDomain(String),
    XorPeerAddress(SocketAddr),
    XorRelayedAddress(SocketAddr),
    Lifetime(u32),
    Data(Vec<u8>),
    ChannelNumber(u16),
    RequestedTransport(u8),
    RequestedAddressFamily(Family),
    AdditionalAddressFamily(Family),
    AddressErrorCode(Family, u16, String),
    EvenPort(bool),
    ReservationToken([u8; 8]),
    DontFragment,
    Icmp(Icmp),
    ConnectionId(u32),
    MobilityTicket(Vec<u8>),
    Priority(u32),
    UseCandidate,
    IceControlling(u64),
    IceControlled(u64),
    ChangeRequest(ChangeRequest),
    ResponseOrigin(SocketAddr),
    OtherAddress(SocketAddr),
    ResponsePort(u16),
    Padding(usize),
    Raw(u16, Vec<u8>),
}

impl Attribute {
    /// Tells one kind from another, so that none is there twice: only the first would be read.
    fn kind(&self) -> Result<std::mem::Discriminant<Self>, u16> {
        match self {
            Self::Raw(kind, _) => Err(*kind),
            _ => Ok(std::mem::discriminant(self)),
        }
    }

    fn write(&self, builder: &mut MessageBuilder<'_>) {
        match self {
            Self::Username(text) => builder.username(text),
            Self::Userhash(hash) => builder.userhash(*hash),
            Self::Realm(text) => builder.realm(text),
            Self::Nonce(text) => builder.nonce(text),
            Self::PasswordAlgorithm(algorithm) => builder.password_algorithm(*algorithm),
            Self::PasswordAlgorithms(list) => builder.password_algorithms(list.iter().copied()),
            Self::Software(text) => builder.software(text),
            Self::ErrorCode(code, reason) => builder.error_code(*code, reason),
            Self::UnknownAttributes(kinds) => {
                builder.unknown_attributes(kinds.iter().copied().map(AttributeType))
            }
            Self::XorMappedAddress(address) => builder.xor_mapped_address(*address),
            Self::MappedAddress(address) => builder.mapped_address(*address),
            Self::AlternateServer(address) => builder.alternate_server(*address),
            Self::AlternateDomain(text) => builder.alternate_domain(text),
            Self::XorPeerAddress(address) => builder.xor_peer_address(*address),
            Self::XorRelayedAddress(address) => builder.xor_relayed_address(*address),
            Self::Lifetime(seconds) => builder.lifetime(Duration::from_secs((*seconds).into())),
            Self::Data(data) => builder.data(data),
            Self::ChannelNumber(number) => builder.channel_number(*number),
            Self::RequestedTransport(protocol) => builder.requested_transport(*protocol),
            Self::RequestedAddressFamily(family) => builder.requested_address_family(*family),
            Self::AdditionalAddressFamily(family) => builder.additional_address_family(*family),
            Self::AddressErrorCode(family, code, reason) => {
                builder.address_error_code(*family, *code, reason)
            }
            Self::EvenPort(next) => builder.even_port(*next),
            Self::ReservationToken(token) => builder.reservation_token(*token),
            Self::DontFragment => builder.dont_fragment(),
            Self::Icmp(icmp) => builder.icmp(*icmp),
            Self::ConnectionId(id) => builder.connection_id(*id),
            Self::MobilityTicket(ticket) => builder.mobility_ticket(ticket),
            Self::Priority(priority) => builder.priority(*priority),
            Self::UseCandidate => builder.use_candidate(),
            Self::IceControlling(tie_breaker) => builder.ice_controlling(*tie_breaker),
            Self::IceControlled(tie_breaker) => builder.ice_controlled(*tie_breaker),
            Self::ChangeRequest(change) => builder.change_request(*change),
            Self::ResponseOrigin(address) => builder.response_origin(*address),
            Self::OtherAddress(address) => builder.other_address(*address),
            Self::ResponsePort(port) => builder.response_port(*port),
            Self::Padding(len) => builder.padding(*len),
            Self::Raw(kind, value) => builder.raw(AttributeType(*kind), value),
        };
    }

    fn is_read_in(&self, message: &Message<'_>) -> bool {
        match self {
            Self::Username(text) => message.username() == Some(text),
            Self::Userhash(hash) => message.userhash() == Some(*hash),
            Self::Realm(text) => message.realm() == Some(text),
            Self::Nonce(text) => message.nonce() == Some(text),
            Self::PasswordAlgorithm(one) => message.password_algorithm() == Some(Ok(*one)),
            Self::PasswordAlgorithms(list) => message
                .password_algorithms()
                .is_some_and(|read| read.eq(list.iter().map(|one| Ok(*one)))),
            Self::Software(text) => message.software() == Some(text),
            Self::ErrorCode(code, reason) => message
                .error_code()
                .is_some_and(|error| (error.code, error.reason) == (*code, reason)),
            Self::UnknownAttributes(kinds) => message
                .unknown_attributes()
                .eq(kinds.iter().copied().map(AttributeType)),
            Self::XorMappedAddress(address) => message.xor_mapped_address() == Some(*address),
            Self::MappedAddress(address) => message.mapped_address() == Some(*address),
            Self::AlternateServer(address) => message.alternate_server() == Some(*address),
            Self::AlternateDomain(text) => message.alternate_domain() == Some(text),
            Self::XorPeerAddress(address) => message.xor_peer_address() == Some(*address),
            Self::XorRelayedAddress(address) => message.xor_relayed_address() == Some(*address),
            Self::Lifetime(seconds) => {
                message.lifetime() == Some(Duration::from_secs((*seconds).into()))
            }
            Self::Data(data) => message.data() == Some(data),
            Self::ChannelNumber(number) => message.channel_number() == Some(*number),
            Self::RequestedTransport(protocol) => message.requested_transport() == Some(*protocol),
            Self::RequestedAddressFamily(family) => {
                message.requested_address_family() == Some(Some(*family))
            }
            Self::AdditionalAddressFamily(family) => {
                message.additional_address_family() == Some(Some(*family))
            }
            Self::AddressErrorCode(family, code, reason) => {
                message.address_error_code().is_some_and(|read| {
                    (read.family, read.error.code, read.error.reason)
                        == (Some(*family), *code, reason)
                })
            }
            Self::EvenPort(next) => message.even_port() == Some(*next),
            Self::ReservationToken(token) => message.reservation_token() == Some(*token),
            Self::DontFragment => message.dont_fragment(),
            Self::Icmp(icmp) => message.icmp() == Some(*icmp),
            Self::ConnectionId(id) => message.connection_id() == Some(*id),
            Self::MobilityTicket(ticket) => message.mobility_ticket() == Some(ticket),
            Self::Priority(priority) => message.priority() == Some(*priority),
            Self::UseCandidate => message.use_candidate(),
            Self::IceControlling(tie_breaker) => message.ice_controlling() == Some(*tie_breaker),
            Self::IceControlled(tie_breaker) => message.ice_controlled() == Some(*tie_breaker),
            Self::ChangeRequest(change) => message.change_request() == Some(*change),
            Self::ResponseOrigin(address) => message.response_origin() == Some(*address),
            Self::OtherAddress(address) => message.other_address() == Some(*address),
            Self::ResponsePort(port) => message.response_port() == Some(*port),
            Self::Padding(len) => message.padding() == Some(*len),
            Self::Raw(kind, value) => message.attribute(AttributeType(*kind)) == Some(value),
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,30}"
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..70)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        any::<([u8; 4], u16)>().prop_map(SocketAddr::from),
        any::<([u8; 16], u16)>().prop_map(SocketAddr::from),
    ]
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::V4), Just(Family::V6)]
}

fn algorithm() -> impl Strategy<Value = PasswordAlgorithm> {
    prop_oneof![
        Just(PasswordAlgorithm::Md5),
        Just(PasswordAlgorithm::Sha256)
    ]
}

fn of_stun() -> impl Strategy<Value = Attribute> {
    prop_oneof![
        text().prop_map(Attribute::Username),
        any::<[u8; 32]>().prop_map(Attribute::Userhash),
        text().prop_map(Attribute::Realm),
        text().prop_map(Attribute::Nonce),
        algorithm().prop_map(Attribute::PasswordAlgorithm),
        prop::collection::vec(algorithm(), 0..8).prop_map(Attribute::PasswordAlgorithms),
        text().prop_map(Attribute::Software),
        (300u16..700, text()).prop_map(|(code, reason)| Attribute::ErrorCode(code, reason)),
        prop::collection::vec(any::<u16>(), 0..32).prop_map(Attribute::UnknownAttributes),
        address().prop_map(Attribute::XorMappedAddress),
        address().prop_map(Attribute::MappedAddress),
        address().prop_map(Attribute::AlternateServer),
        text().prop_map(Attribute::AlternateDomain),
        (any::<bool>(), any::<bool>())
            .prop_map(|(ip, port)| Attribute::ChangeRequest(ChangeRequest { ip, port })),
        address().prop_map(Attribute::ResponseOrigin),
        address().prop_map(Attribute::OtherAddress),
        any::<u16>().prop_map(Attribute::ResponsePort),
        (0usize..2000).prop_map(Attribute::Padding),
        // None of the registered ones.
        (0x4000u16..0x8000, bytes()).prop_map(|(kind, value)| Attribute::Raw(kind, value)),
        (0xF000u16.., bytes()).prop_map(|(kind, value)| Attribute::Raw(kind, value)),
    ]
}

fn of_turn_and_ice() -> impl Strategy<Value = Attribute> {
    let icmp = (0u8..128, 0u16..512, any::<u32>());
    prop_oneof![
        address().prop_map(Attribute::XorPeerAddress),
        address().prop_map(Attribute::XorRelayedAddress),
        any::<u32>().prop_map(Attribute::Lifetime),
        bytes().prop_map(Attribute::Data),
        any::<u16>().prop_map(Attribute::ChannelNumber),
        any::<u8>().prop_map(Attribute::RequestedTransport),
        family().prop_map(Attribute::RequestedAddressFamily),
        family().prop_map(Attribute::AdditionalAddressFamily),
        (family(), 300u16..700, text())
            .prop_map(|(family, code, text)| Attribute::AddressErrorCode(family, code, text)),
        any::<bool>().prop_map(Attribute::EvenPort),
        any::<[u8; 8]>().prop_map(Attribute::ReservationToken),
        Just(Attribute::DontFragment),
        icmp.prop_map(|(kind, code, data)| Attribute::Icmp(Icmp { kind, code, data })),
        any::<u32>().prop_map(Attribute::ConnectionId),
        bytes().prop_map(Attribute::MobilityTicket),
        any::<u32>().prop_map(Attribute::Priority),
        Just(Attribute::UseCandidate),
        any::<u64>().prop_map(Attribute::IceControlling),
        any::<u64>().prop_map(Attribute::IceControlled),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        attributes in prop::collection::vec(prop_oneof![of_stun(), of_turn_and_ice()], 0..20),
        id: [u8; 12], sha256: bool,
    ) {
        let mut kinds = HashSet::new();
        let attributes: Vec<_> = attributes.into_iter().filter(|one| kinds.insert(one.kind())).collect();
        let key = Key::short_term("password");
        let integrity = if sha256 { Integrity::Sha256 } else { Integrity::Sha1 };
        let mut buffer = Vec::new();
        let mut builder =
            MessageBuilder::new(&mut buffer, Class::Success, Method::ALLOCATE, TransactionId(id));
        for attribute in &attributes {
            attribute.write(&mut builder);
        }
        builder.integrity_as(integrity, &key).fingerprint();

        let message = Message::parse(&buffer).unwrap();
        for attribute in &attributes {
            prop_assert!(attribute.is_read_in(&message), "{attribute:?}");
        }
        prop_assert_eq!(message.attributes().count(), attributes.len());
        let unknown = message.unknown_comprehension_required();
        let raw = attributes.iter().filter_map(|one| one.kind().err()).filter(|kind| *kind < 0x8000);
        prop_assert!(unknown.eq(raw.map(AttributeType)));
        prop_assert_eq!(message.integrity(), Some(integrity));
        prop_assert_eq!(message.verify_integrity(&key), Ok(()));
        prop_assert_eq!(message.has_valid_fingerprint(), Some(true));
    }
}

/// The bytes that RFC 5780 §7, RFC 6062 §6.2, RFC 8016 §3.3 and RFC 8656 §18 draw.
#[test]
fn values_stand_as_the_rfcs_draw_them() {
    type Write = fn(&mut MessageBuilder<'_>);
    let cases: [(Write, &[u8]); 9] = [
        (
            |b| {
                _ = b.change_request(ChangeRequest {
                    ip: true,
                    port: false,
                })
            },
            &[0, 3, 0, 4, 0, 0, 0, 4],
        ),
        (
            |b| {
                _ = b.change_request(ChangeRequest {
                    ip: false,
                    port: true,
                })
            },
            &[0, 3, 0, 4, 0, 0, 0, 2],
        ),
        (
            |b| _ = b.response_port(0x0102),
            &[0, 0x27, 0, 4, 1, 2, 0, 0],
        ),
        (
            |b| _ = b.connection_id(0x0102_0304),
            &[0, 0x2A, 0, 4, 1, 2, 3, 4],
        ),
        (|b| _ = b.mobility_ticket(&[]), &[0x80, 0x30, 0, 0]),
        (
            |b| _ = b.additional_address_family(Family::V6),
            &[0x80, 0, 0, 4, 2, 0, 0, 0],
        ),
        (
            |b| _ = b.address_error_code(Family::V6, 440, ""),
            &[0x80, 1, 0, 4, 2, 0, 4, 40],
        ),
        (
            |b| _ = b.password_algorithms([PasswordAlgorithm::Sha256, PasswordAlgorithm::Md5]),
            &[0x80, 2, 0, 8, 0, 2, 0, 0, 0, 1, 0, 0],
        ),
        (|b| _ = b.even_port(true), &[0, 0x18, 0, 1, 0x80, 0, 0, 0]),
    ];
    for (write, expected) in cases {
        let mut buffer = Vec::new();
        let id = TransactionId([7; 12]);
        write(&mut MessageBuilder::new(
            &mut buffer,
            Class::Request,
            Method::BINDING,
            id,
        ));
        assert_eq!(&buffer[20..], expected);
    }
}

#[test]
fn a_response_port_may_count_its_padding_or_not() {
    for (value, port) in [
        (&[1, 2][..], Some(0x0102)),
        (&[1, 2, 9, 9], Some(0x0102)),
        (&[1, 2, 3], None),
        (&[], None),
    ] {
        let mut buffer = Vec::new();
        let id = TransactionId([7; 12]);
        MessageBuilder::new(&mut buffer, Class::Request, Method::BINDING, id)
            .raw(AttributeType::RESPONSE_PORT, value);
        assert_eq!(Message::parse(&buffer).unwrap().response_port(), port);
    }
}

#[test]
fn what_must_be_understood_is_told_apart_from_what_is_known() {
    let mut buffer = Vec::new();
    let id = TransactionId([7; 12]);
    MessageBuilder::new(&mut buffer, Class::Request, Method::BINDING, id)
        .username("known")
        .change_request(ChangeRequest::default())
        .raw(AttributeType(0x7000), &[])
        .raw(AttributeType(0x8777), &[])
        .software("need not be");
    let message = Message::parse(&buffer).unwrap();
    assert!(
        message
            .unknown_comprehension_required()
            .eq([AttributeType(0x7000)])
    );
    let understood = [AttributeType::USERNAME];
    let refused = message
        .comprehension_required()
        .filter(|kind| !understood.contains(kind));
    assert!(refused.eq([AttributeType::CHANGE_REQUEST, AttributeType(0x7000)]));
    assert_eq!(message.attribute(AttributeType(0x8777)), Some(&[][..]));
}

#[test]
fn there_may_be_an_alternate_server_of_each_family() {
    let servers = ["192.0.2.1:3478", "[2001:db8::1]:3478"].map(|one| one.parse().unwrap());
    let mut buffer = Vec::new();
    let id = TransactionId([7; 12]);
    MessageBuilder::new(&mut buffer, Class::Error, Method::ALLOCATE, id)
        .error_code(300, "Try Alternate")
        .alternate_server(servers[0])
        .alternate_server(servers[1])
        .raw(AttributeType::ALTERNATE_SERVER, &[0, 3]);
    let message = Message::parse(&buffer).unwrap();
    assert_eq!(message.alternate_server(), Some(servers[0]));
    let read = message.alternate_servers();
    assert!(read.eq([Some(servers[0]), Some(servers[1]), None]));
}
