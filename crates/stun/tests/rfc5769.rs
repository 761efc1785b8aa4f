//! The test vectors of RFC 5769 and RFC 8489 appendix B. The padding of RFC 5769 is not zero, except in §2.4, so only
//! that one and the one of RFC 8489 can be built byte by byte.

use ieum_stun::{
    AttributeType, Class, Integrity, IntegrityError, Key, Message, MessageBuilder, Method,
    PasswordAlgorithm, SecurityFeatures, TransactionId, is_stun, userhash,
};

/// §2.1
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
    002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020\
    000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
/// §2.2
const RESPONSE_V4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
/// §2.3
const RESPONSE_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed41\
    80280004c8fb0b4c";
/// §2.4
const LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b90000\
    0015001c662f2f3439396b3935346436 4f4c33346f4c39465354767936347341\
    0014000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

/// RFC 8489 §B.1 as erratum 6268 has it: the RFC's own lacks PASSWORD-ALGORITHM.
const USERHASH: &str = "000100902112a44278ad3433c6ad72c029da412e001e00204a3cf38fef6992bda952c67804\
    17da0f24819415569e60b205c46e41407f1704001500296f624d61744a6f7332414141\
    43662f2f3439396b39353464364f4c33346f4c39465354767936347341000000\
    0014000b6578616d706c652e6f726700001d000400020000\
    001c0020b5c7bf005b6c52a21c51c5e892f8192413 6296cb927c4314930927 8cc6518e65";

/// The user name of both samples with long-term credentials.
const MATRIX: &str = "マトリックス";
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks_exact(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

#[test]
fn the_sample_request_is_read() {
    let bytes = bytes(REQUEST);
    assert!(is_stun(&bytes));
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.class(), Class::Request);
    assert_eq!(message.method(), Method::BINDING);
    assert_eq!(message.software(), Some("STUN test client"));
    assert_eq!(message.priority(), Some(0x6e00_01ff));
    assert_eq!(message.ice_controlled(), Some(0x932f_f9b1_5126_3b36));
    assert_eq!(message.username(), Some("evtj:h6vY"));
    assert_eq!(message.verify_integrity(&Key::short_term(PASSWORD)), Ok(()));
    assert_eq!(
        message.verify_integrity(&Key::short_term("another")),
        Err(IntegrityError::Mismatch)
    );
    assert_eq!(message.has_valid_fingerprint(), Some(true));
    assert_eq!(message.unknown_comprehension_required().count(), 0);
}

#[test]
fn the_sample_responses_are_read() {
    let samples = [
        (RESPONSE_V4, "192.0.2.1:32853"),
        (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ];
    for (sample, address) in samples {
        let bytes = bytes(sample);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.class(), Class::Success);
        assert_eq!(message.software(), Some("test vector"));
        assert_eq!(message.xor_mapped_address(), Some(address.parse().unwrap()));
        assert_eq!(message.verify_integrity(&Key::short_term(PASSWORD)), Ok(()));
        assert_eq!(message.has_valid_fingerprint(), Some(true));
    }
}

#[test]
fn the_sample_with_long_term_credentials_is_read_and_written() {
    let sample = bytes(LONG_TERM);
    // The password is "TheMatrIX" once prepared, as the RFC says.
    let key = Key::long_term(MATRIX, "example.org", "TheMatrIX");
    let message = Message::parse(&sample).unwrap();
    assert_eq!(message.verify_integrity(&key), Ok(()));
    assert_eq!(message.has_valid_fingerprint(), None);

    let mut built = Vec::new();
    MessageBuilder::new(
        &mut built,
        Class::Request,
        Method::BINDING,
        message.transaction_id(),
    )
    .username(MATRIX)
    .nonce("f//499k954d6OL34oL9FSTvy64sA")
    .realm("example.org")
    .integrity(&key);
    assert_eq!(built, sample);
}

#[test]
fn the_sample_with_sha256_and_a_user_hash_is_read_and_written() {
    let sample = bytes(USERHASH);
    // Its nonce counts the security features from the other end than §9.2 does.
    let nonce = "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA";
    let algorithm = PasswordAlgorithm::Sha256;
    let key = Key::long_term_with(algorithm, MATRIX, "example.org", "TheMatrIX");
    let message = Message::parse(&sample).unwrap();
    assert_eq!(message.integrity(), Some(Integrity::Sha256));
    assert_eq!(message.password_algorithm(), Some(Ok(algorithm)));
    assert_eq!(message.verify_integrity(&key), Ok(()));
    assert_eq!(message.userhash(), Some(userhash(MATRIX, "example.org")));
    assert_eq!(message.nonce(), Some(nonce));
    assert!(SecurityFeatures::of_nonce(nonce).is_some());

    let mut built = Vec::new();
    let id = message.transaction_id();
    MessageBuilder::new(&mut built, Class::Request, Method::BINDING, id)
        .userhash(userhash(MATRIX, "example.org"))
        .nonce(nonce)
        .realm("example.org")
        .password_algorithm(algorithm)
        .integrity_sha256(&key);
    assert_eq!(built, sample);
}

/// RFC 8489 §9.2.2: MD5 of "user:realm:pass".
#[test]
fn the_key_of_the_rfcs_example() {
    let hashed = Key::from_bytes(&bytes("8493fbc53ba582fb4c044c456bdc40eb"));
    let mut signed = Vec::new();
    let id = TransactionId([1; 12]);
    MessageBuilder::new(&mut signed, Class::Request, Method::BINDING, id).integrity(&hashed);
    let key = Key::long_term("user", "realm", "pass");
    let message = Message::parse(&signed).unwrap();
    assert_eq!(message.verify_integrity(&key), Ok(()));
}

#[test]
fn any_changed_bit_is_noticed() {
    let key = Key::short_term(PASSWORD);
    let sample = bytes(REQUEST);
    for at in 0..sample.len() * 8 {
        let mut changed = sample.clone();
        changed[at / 8] ^= 1 << (at % 8);
        let believed = Message::parse(&changed).is_ok_and(|message| {
            message.verify_integrity(&key).is_ok() && message.has_valid_fingerprint() == Some(true)
        });
        assert!(!believed, "bit {at}");
    }
}

#[test]
fn what_stands_behind_the_integrity_does_not_exist() {
    let key = Key::short_term(PASSWORD);
    let mut bytes = Vec::new();
    MessageBuilder::new(
        &mut bytes,
        Class::Request,
        Method::BINDING,
        TransactionId([1; 12]),
    )
    .priority(7)
    .integrity(&key)
    .username("forged")
    .raw(AttributeType(0x7777), &[1])
    .use_candidate()
    .fingerprint();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.verify_integrity(&key), Ok(()));
    assert_eq!(message.has_valid_fingerprint(), Some(true));
    assert_eq!(message.priority(), Some(7));
    assert_eq!(message.username(), None);
    assert!(!message.use_candidate());
    assert_eq!(message.unknown_comprehension_required().count(), 0);
}

#[test]
fn a_truncated_sha256_is_16_to_32_bytes_in_steps_of_4() {
    let key = Key::short_term(PASSWORD);
    for len in 0..=40 {
        let mut bytes = Vec::new();
        let id = TransactionId([1; 12]);
        let built = MessageBuilder::new(&mut bytes, Class::Request, Method::BINDING, id)
            .priority(7)
            .integrity_sha256_truncated(&key, len)
            .finish();
        match [16, 20, 24, 28, 32].contains(&len) {
            true => {
                let message = Message::parse(&bytes).unwrap();
                assert_eq!(message.verify_integrity(&key), Ok(()), "{len}");
                let another = Key::short_term("another");
                let mismatch = Err(IntegrityError::Mismatch);
                assert_eq!(message.verify_integrity(&another), mismatch);
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                let message = Message::parse(&bytes).unwrap();
                assert_eq!(message.verify_integrity(&key), mismatch);
            }
            false => assert_eq!((built, bytes.len()), (0, 0), "{len}"),
        }
        // The same length in a message of somebody else's.
        let mut claimed = Vec::new();
        let kind = AttributeType::MESSAGE_INTEGRITY_SHA256;
        MessageBuilder::new(&mut claimed, Class::Request, Method::BINDING, id)
            .raw(kind, &vec![0; len]);
        let may = (16..=32).contains(&len) && len % 4 == 0;
        assert_eq!(Message::parse(&claimed).is_ok(), may, "{len}");
    }
}

#[test]
fn where_both_sign_the_stronger_one_decides() {
    let (right, wrong) = (Key::short_term(PASSWORD), Key::short_term("another"));
    let verify = |sha1: &Key, sha256: &Key| {
        let mut bytes = Vec::new();
        let id = TransactionId([1; 12]);
        MessageBuilder::new(&mut bytes, Class::Request, Method::BINDING, id)
            .username("u")
            .integrity(sha1)
            .integrity_sha256(sha256)
            .fingerprint();
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.attributes().count(), 1);
        assert_eq!(message.has_valid_fingerprint(), Some(true));
        message.verify_integrity(&right)
    };
    assert_eq!(verify(&right, &right), Ok(()));
    assert_eq!(verify(&wrong, &right), Ok(()));
    assert_eq!(verify(&right, &wrong), Err(IntegrityError::Mismatch));
}

#[test]
fn behind_the_stronger_signature_the_weaker_one_does_not_exist() {
    let key = Key::short_term(PASSWORD);
    let mut bytes = Vec::new();
    let id = TransactionId([1; 12]);
    MessageBuilder::new(&mut bytes, Class::Request, Method::BINDING, id)
        .integrity_sha256(&key)
        .username("forged")
        .raw(AttributeType::MESSAGE_INTEGRITY, &[0; 20]);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.verify_integrity(&key), Ok(()));
    assert_eq!(message.attributes().count(), 0);
}
