//! What one codec writes the others read alike, and what one refuses the others refuse.
//!
//! `cargo test -p ieum-benches --features rivals-stun --test stun_rivals`

#[path = "../stun/codec.rs"]
mod codec;
#[path = "../stun/rivals.rs"]
mod rivals;

use codec::{Check, Codec, Ours};
use ieum_stun::{AttributeType, Class, Message, MessageBuilder, Method, TransactionId};
use rivals::{Is, RtcStun, Stun, StunTypes};

fn built<C: Codec>() -> Vec<u8> {
    C::new().build().to_vec()
}

fn reads_alike<C: Codec>(requests: &[Vec<u8>]) {
    let codec = C::new();
    for (index, request) in requests.iter().enumerate() {
        for check in [codec.parse(request), codec.verify(request)] {
            assert_eq!(check, Some(Check::EXPECTED), "{} reads {index}", C::NAME);
        }
    }
}

#[test]
fn what_one_writes_all_read() {
    let requests = [
        built::<Ours>(),
        built::<Is>(),
        built::<StunTypes>(),
        built::<RtcStun>(),
        built::<Stun>(),
    ];
    reads_alike::<Ours>(&requests);
    reads_alike::<Is>(&requests);
    reads_alike::<StunTypes>(&requests);
    reads_alike::<RtcStun>(&requests);
    reads_alike::<Stun>(&requests);
}

/// `is` does not look at the fingerprint, and stun-types does not miss it.
#[test]
fn a_request_with_any_changed_bit_is_refused_by_all_who_want_a_fingerprint() {
    let request = built::<Ours>();
    let (ours, rtc, stun) = (Ours::new(), RtcStun::new(), Stun::new());
    for bit in 0..request.len() * 8 {
        let mut changed = request.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let believed = [
            ours.verify(&changed),
            rtc.verify(&changed),
            stun.verify(&changed),
        ];
        assert_eq!(believed, [None, None, None], "bit {bit}");
    }
}

/// Structure alone: no signature, no fingerprint.
#[test]
fn messages_with_any_changed_byte_have_the_same_attributes() {
    let mut message = Vec::new();
    let id = TransactionId(codec::ID);
    MessageBuilder::new(&mut message, Class::Request, Method::BINDING, id)
        .username("a name")
        .priority(codec::PRIORITY)
        .use_candidate()
        .software("somebody else's")
        .ice_controlled(codec::TIE_BREAKER)
        .raw(AttributeType(0xC057), &[0, 1, 0, 50]);
    let mut both = 0;
    for at in 0..message.len() {
        for to in (0..=255).step_by(if (20..24).contains(&at) { 1 } else { 7 }) {
            let mut changed = message.clone();
            changed[at] = to;
            both += usize::from(same_attributes(&changed));
        }
    }
    assert!(both > 1000, "{both} messages were read by both");
}

/// Whether both read it; where they do, they read the same.
fn same_attributes(datagram: &[u8]) -> bool {
    let mut theirs = rtc_stun::message::Message::new();
    let (Ok(ours), Ok(())) = (Message::parse(datagram), theirs.unmarshal_binary(datagram)) else {
        return false;
    };
    let signature = |kind: u16| matches!(kind, 0x0008 | 0x001C | 0x8028);
    if theirs
        .attributes
        .0
        .iter()
        .any(|one| signature(one.typ.value()))
    {
        // They do not leave out what stands behind one.
        return false;
    }
    let theirs = theirs.attributes.0.iter();
    let theirs = theirs.map(|one| (one.typ.value(), &one.value[..]));
    let read = ours.attributes().map(|one| (one.kind.0, one.value));
    assert!(read.eq(theirs), "{ours:?}");
    true
}
