//! What goes over the wire: questions and answers, by `simple-dns`.

use std::net::IpAddr;

use simple_dns::rdata::{A, AAAA, NSEC, NsecTypeBitMap, RData};
use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
};

/// A message that came in, as far as it is of use.
#[derive(Debug)]
pub(super) enum Message {
    /// Names that are asked for, in lower case, and the id to repeat to one that asks as plain DNS does.
    Query { id: u16, names: Vec<String> },
    /// Names in lower case, and their addresses; none that is being given up.
    Response(Vec<(String, IpAddr)>),
}

/// Reads a message. `None`: it is malformed, or of a kind that mDNS ignores (RFC 6762 §18.3, §18.11).
pub(super) fn read(datagram: &[u8]) -> Option<Message> {
    let packet = Packet::parse(datagram).ok()?;
    if packet.opcode() != OPCODE::StandardQuery || packet.rcode() != RCODE::NoError {
        return None;
    }
    if packet.has_flags(PacketFlag::RESPONSE) {
        let records = packet.answers.iter().chain(&packet.additional_records);
        return Some(Message::Response(records.filter_map(address).collect()));
    }
    let asked = packet.questions.iter().filter(|it| asks_for_address(it));
    Some(Message::Query {
        id: packet.id(),
        names: asked.map(|it| lower(&it.qname)).collect(),
    })
}

fn asks_for_address(question: &Question<'_>) -> bool {
    let of_type = matches!(
        question.qtype,
        QTYPE::ANY | QTYPE::TYPE(TYPE::A | TYPE::AAAA)
    );
    let of_class = matches!(question.qclass, QCLASS::ANY | QCLASS::CLASS(CLASS::IN));
    of_type && of_class
}

fn address(record: &ResourceRecord<'_>) -> Option<(String, IpAddr)> {
    let ip: IpAddr = match &record.rdata {
        RData::A(a) => IpAddr::V4(a.address.into()),
        RData::AAAA(aaaa) => IpAddr::V6(aaaa.address.into()),
        _ => return None,
    };
    // RFC 6762 §10.1: a TTL of 0 takes the record back.
    let is_of_use = record.class == CLASS::IN && record.ttl > 0;
    is_of_use.then(|| (lower(&record.name), ip))
}

fn lower(name: &Name<'_>) -> String {
    name.to_string().to_ascii_lowercase()
}

/// The questions for a name's IPv4 and its IPv6 address: a message each, because Chromium's responder reads no message
/// with two questions. `None`: it is no DNS name.
pub(super) fn questions(name: &str) -> Option<[Vec<u8>; 2]> {
    let ask = |kind| {
        // RFC 6762 §18.1: the id of a multicast query is 0.
        let mut packet = Packet::new_query(0);
        packet.questions.push(question(name, kind)?);
        packet.build_bytes_vec().ok()
    };
    Some([ask(TYPE::A)?, ask(TYPE::AAAA)?])
}

fn question(name: &str, kind: TYPE) -> Option<Question<'_>> {
    let name = Name::new(name).ok()?;
    let class = QCLASS::CLASS(CLASS::IN);
    Some(Question::new(name, QTYPE::TYPE(kind), class, false))
}

/// Tells a name's address, and that it has no other.
pub(super) fn response(name: &str, ip: IpAddr, ttl: u32) -> Option<Vec<u8>> {
    let mut packet = reply(0);
    // RFC 6762 §10.2: nobody else has this name.
    packet.answers.push(record(name, ip, ttl, true)?);
    packet.additional_records.push(only(name, ip, ttl)?);
    packet.build_bytes_vec().ok()
}

/// The same for one that asks as plain DNS does: RFC 6762 §6.7.
pub(super) fn legacy_response(id: u16, name: &str, ip: IpAddr) -> Option<Vec<u8>> {
    let mut packet = reply(id);
    packet.questions.push(question(name, type_of(ip))?);
    packet.answers.push(record(name, ip, LEGACY_TTL, false)?);
    packet.build_bytes_vec().ok()
}

fn reply<'a>(id: u16) -> Packet<'a> {
    let mut packet = Packet::new_reply(id);
    // RFC 6762 §18.4.
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    packet
}

fn record(name: &str, ip: IpAddr, ttl: u32, flush: bool) -> Option<ResourceRecord<'_>> {
    let data = match ip {
        IpAddr::V4(ip) => RData::A(A { address: ip.into() }),
        IpAddr::V6(ip) => RData::AAAA(AAAA { address: ip.into() }),
    };
    let record = ResourceRecord::new(Name::new(name).ok()?, CLASS::IN, ttl, data);
    Some(record.with_cache_flush(flush))
}

/// RFC 6762 §6.1: there is no record of another type, so that nobody waits for one.
fn only(name: &str, ip: IpAddr, ttl: u32) -> Option<ResourceRecord<'_>> {
    let number = u16::from(type_of(ip));
    let mut bitmap = vec![0; usize::from(number / 8) + 1];
    // RFC 4034 §4.1.2: bit 0 is the highest of the first byte.
    bitmap[usize::from(number / 8)] = 0x80 >> (number % 8);
    let types = NsecTypeBitMap {
        window_block: 0,
        bitmap: bitmap.into(),
    };
    let data = RData::NSEC(NSEC {
        next_name: Name::new(name).ok()?,
        type_bit_maps: vec![types],
    });
    let record = ResourceRecord::new(Name::new(name).ok()?, CLASS::IN, ttl, data);
    Some(record.with_cache_flush(true))
}

fn type_of(ip: IpAddr) -> TYPE {
    if ip.is_ipv4() { TYPE::A } else { TYPE::AAAA }
}

/// RFC 6762 §6.7: at most ten seconds.
const LEGACY_TTL: u32 = 10;
