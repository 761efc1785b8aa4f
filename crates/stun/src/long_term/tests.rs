use super::*;
use crate::{Class, Method, TransactionId, code};

const MD5: PasswordAlgorithm = PasswordAlgorithm::Md5;
const OFFER: [PasswordAlgorithm; 2] = [PasswordAlgorithm::Sha256, PasswordAlgorithm::Md5];

fn message(class: Class, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let id = TransactionId([7; 12]);
    let mut builder = MessageBuilder::new(&mut bytes, class, Method::ALLOCATE, id);
    write(&mut builder);
    bytes
}

fn nonce(features: SecurityFeatures) -> String {
    let mut nonce = String::from_utf8(features.cookie().to_vec()).unwrap();
    nonce.push_str("499k954d6OL34oL9FSTvy64sA");
    nonce
}

fn response(features: SecurityFeatures, offer: &[PasswordAlgorithm]) -> Vec<u8> {
    message(Class::Error, |builder| {
        builder
            .error_code(code::UNAUTHENTICATED, "Unauthenticated")
            .realm("example.org")
            .nonce(&nonce(features));
        if !offer.is_empty() {
            builder.password_algorithms(offer.iter().copied());
        }
    })
}

fn challenge(response: &[u8]) -> Result<Challenge, ChallengeError> {
    Challenge::read(&Message::parse(response).unwrap())
}

/// A whole exchange; gives the request as the server reads it.
fn exchange(features: SecurityFeatures, offer: &[PasswordAlgorithm]) -> Vec<u8> {
    let challenge = challenge(&response(features, offer)).unwrap();
    let key = challenge.key("alice", "secret").unwrap();
    message(Class::Request, |builder| {
        challenge.answer("alice", builder);
        builder.integrity_as(challenge.integrity(), &key);
    })
}

#[test]
fn a_server_of_rfc_5389_gets_md5_and_sha1() {
    let request = exchange(SecurityFeatures::NONE, &[]);
    let request = Message::parse(&request).unwrap();
    assert_eq!(request.integrity(), Some(Integrity::Sha1));
    assert_eq!(request.username(), Some("alice"));
    assert_eq!(request.password_algorithm(), None);
    let key = Key::long_term("alice", "example.org", "secret");
    assert_eq!(request.verify_integrity(&key), Ok(()));
    assert_eq!(
        request.agreed_password_algorithm(&OFFER),
        Ok(PasswordAlgorithm::Md5)
    );
}

#[test]
fn the_first_algorithm_of_the_servers_is_taken_and_its_list_goes_back() {
    let features = SecurityFeatures::PASSWORD_ALGORITHMS;
    for offer in [&OFFER[..], &OFFER[..1], &OFFER[1..]] {
        let request = exchange(features, offer);
        let request = Message::parse(&request).unwrap();
        assert_eq!(request.integrity(), Some(Integrity::Sha256));
        assert_eq!(request.agreed_password_algorithm(offer), Ok(offer[0]));
        let key = Key::long_term_with(offer[0], "alice", "example.org", "secret");
        assert_eq!(request.verify_integrity(&key), Ok(()));
    }
}

#[test]
fn a_server_that_wants_it_gets_no_name() {
    let request = exchange(SecurityFeatures::USERNAME_ANONYMITY, &[]);
    let request = Message::parse(&request).unwrap();
    assert_eq!(request.username(), None);
    assert_eq!(request.userhash(), Some(userhash("alice", "example.org")));
}

#[test]
fn algorithms_that_were_taken_out_are_missed() {
    let features = SecurityFeatures::PASSWORD_ALGORITHMS;
    assert_eq!(
        challenge(&response(features, &[])),
        Err(ChallengeError::BidDown)
    );
    // Put in by somebody: the server sees a list that it never sent.
    let request = exchange(features, &OFFER[1..]);
    let request = Message::parse(&request).unwrap();
    assert_eq!(
        request.agreed_password_algorithm(&OFFER),
        Err(AlgorithmError)
    );
}

#[test]
fn a_request_names_both_the_list_and_a_choice_of_it_or_neither() {
    let check = |write: &dyn Fn(&mut MessageBuilder<'_>), offer: &[PasswordAlgorithm]| {
        let request = message(Class::Request, write);
        let request = Message::parse(&request).unwrap();
        request.agreed_password_algorithm(offer)
    };
    type Write = dyn Fn(&mut MessageBuilder<'_>);
    let wrong: [&Write; 5] = [
        &|builder| _ = builder.password_algorithms(OFFER),
        &|builder| _ = builder.password_algorithm(MD5),
        &|builder| _ = builder.password_algorithms([MD5]).password_algorithm(MD5),
        &|builder| {
            let unknown = [0, 9, 0, 0];
            builder
                .password_algorithms(OFFER)
                .raw(AttributeType::PASSWORD_ALGORITHM, &unknown);
        },
        &|builder| _ = builder.password_algorithms([]).password_algorithm(MD5),
    ];
    for (index, write) in wrong.into_iter().enumerate() {
        assert_eq!(check(write, &OFFER), Err(AlgorithmError), "{index}");
    }
    let other: &Write = &|builder| {
        builder
            .password_algorithms([PasswordAlgorithm::Sha256])
            .password_algorithm(MD5);
    };
    assert_eq!(
        check(other, &[PasswordAlgorithm::Sha256]),
        Err(AlgorithmError)
    );
    assert_eq!(check(&|_| (), &OFFER), Ok(MD5));
}

#[test]
fn a_challenge_without_what_it_needs_is_none() {
    let realm_only = message(Class::Error, |builder| _ = builder.realm("example.org"));
    let nonce_only = message(Class::Error, |builder| _ = builder.nonce("nonce"));
    let unknown = message(Class::Error, |builder| {
        builder
            .realm("example.org")
            .nonce("nonce")
            .raw(AttributeType::PASSWORD_ALGORITHMS, &[0, 9, 0, 0]);
    });
    for (bytes, error) in [
        (realm_only, ChallengeError::Nonce),
        (nonce_only, ChallengeError::Realm),
        (unknown, ChallengeError::Algorithm),
    ] {
        assert_eq!(challenge(&bytes), Err(error));
    }
}

#[test]
fn nothing_of_a_nonce_is_shown() {
    let challenge = challenge(&response(SecurityFeatures::NONE, &[])).unwrap();
    let shown = std::format!("{challenge:?}");
    assert!(shown.contains("example.org") && !shown.contains("499k"));
}
