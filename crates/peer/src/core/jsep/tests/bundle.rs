//! One transport for all, and what changes it.

use super::*;

fn audio_and_data() -> (Negotiator, Negotiator, SessionDescription) {
    let (mut a, b) = (peer(), peer());
    add(&mut a, Audio, SendRecv);
    a.want_data();
    let offer = offer(&mut a);
    (a, b, offer)
}

/// RFC 9143 §7.3, RFC 9429 §4.1.1 "max-bundle".
#[test]
fn an_answer_that_declines_to_bundle_is_refused_and_says_why() {
    let (mut a, mut b, offer) = audio_and_data();
    b.set_remote(offer).unwrap();
    let answered = answer(&mut b);
    for group in ["", "a=group:BUNDLE 1\r\n"] {
        let sdp = answered.sdp.replace("a=group:BUNDLE 0 1\r\n", group);
        let error = a.set_remote(SessionDescription::answer(sdp)).unwrap_err();
        assert_eq!(error, RemoteError::NotBundled.into());
        assert!(error.to_string().contains("declines to bundle"));
        assert_eq!(a.signaling_state(), SignalingState::HaveLocalOffer);
    }
    a.set_remote(answered).unwrap();
}

/// RFC 9429 §5.3.1: of an offer that does not bundle, the first section that can be is accepted.
#[test]
fn what_is_not_bundled_with_the_first_accepted_section_is_rejected() {
    let (_, mut b, offer) = audio_and_data();
    let sdp = offer.sdp.replace("a=group:BUNDLE 0 1\r\n", "");
    b.set_remote(SessionDescription::offer(sdp)).unwrap();
    let answered = read(&answer(&mut b));
    let rejected: Vec<_> = answered.media.iter().map(Media::is_rejected).collect();
    assert_eq!((rejected, answered.bundle.len()), (vec![false, true], 0));
}

/// RFC 9143 §7.3.3: the group has what was accepted.
#[test]
fn a_rejected_section_leaves_the_bundle() {
    let (mut a, _, offer) = audio_and_data();
    let mut without_audio = Negotiator::new(2, Capabilities::default());
    without_audio.set_remote(offer).unwrap();
    let answered = answer(&mut without_audio);
    a.set_remote(answered.clone()).unwrap();
    let answered = read(&answered);
    assert_eq!(answered.bundle, ["1"]);
    assert_eq!(
        (answered.media[0].port, answered.media[0].mid.as_deref()),
        (0, Some("0"))
    );
}

/// RFC 9143 §6 and §7.1.3: a bundle-only section has port 0 and takes its transport from the first.
#[test]
fn a_bundle_only_section_is_accepted_with_the_transport_of_the_first() {
    let (_, mut b, offer) = audio_and_data();
    let (first, data) = offer.sdp.split_at(offer.sdp.find("m=application").unwrap());
    let is_transport = |line: &str| {
        ["a=ice-", "a=fingerprint", "a=setup"]
            .iter()
            .any(|it| line.starts_with(it))
    };
    let data: String = data
        .split_inclusive("\r\n")
        .filter(|line| !is_transport(line))
        .collect();
    let data = data.replace("m=application 9", "m=application 0") + "a=bundle-only\r\n";
    b.set_remote(SessionDescription::offer(first.to_owned() + &data))
        .unwrap();
    let answered = read(&answer(&mut b));
    assert!(answered.media.iter().all(|it| !it.is_rejected()));
    assert_eq!(answered.media[1].setup, Some(Setup::Active));
}

/// RFC 9429 §5.3.1: RTCP on a port of its own is not done.
#[test]
fn a_section_without_rtcp_mux_is_rejected() {
    let (_, mut b, offer) = audio_and_data();
    let sdp = offer.sdp.replace("a=rtcp-mux\r\n", "");
    b.set_remote(SessionDescription::offer(sdp)).unwrap();
    let answered = read(&answer(&mut b));
    assert!(answered.media[0].is_rejected() && !answered.media[1].is_rejected());
}

/// RFC 8839 §4.4.1.1.1: another user name fragment or password in a later offer.
#[test]
fn an_offer_with_other_credentials_restarts_ice() {
    let (mut a, mut b) = (peer(), peer());
    a.want_data();
    negotiate(&mut a, &mut b);
    let same = offer(&mut a);
    assert!(!b.set_remote(same).unwrap().restarts_ice);
    a.set_remote(answer(&mut b)).unwrap();
    a.restart_ice();
    assert!(a.negotiation_needed());
    let other = with_ufrag("ETEn", |local| a.create_offer(local)).unwrap();
    a.set_local(other.clone()).unwrap();
    assert!(b.set_remote(other).unwrap().restarts_ice);
    a.set_remote(answer(&mut b)).unwrap();
    assert!(!a.negotiation_needed());
}

/// RFC 8842 §5.3: the answer chooses, and keeps what there is.
#[test]
fn an_answer_is_active_unless_the_association_says_otherwise() {
    let (_, mut b, offer) = audio_and_data();
    b.set_remote(offer).unwrap();
    for (role, setup) in [
        (None, Setup::Active),
        (Some(DtlsRole::Server), Setup::Passive),
    ] {
        let answer = with_local(|local| b.create_answer(local, role)).unwrap();
        let answer = read(&answer);
        assert!(answer.media.iter().all(|media| media.setup == Some(setup)));
    }
}

/// RFC 8842 §5.3: the association stays what it is, whoever offers next.
#[test]
fn a_later_answer_keeps_the_role_of_the_first_negotiation() {
    let (mut a, mut b, offer) = audio_and_data();
    b.set_remote(offer).unwrap();
    a.set_remote(answer(&mut b)).unwrap();
    let (_, answered) = negotiate(&mut b, &mut a);
    assert!(
        answered
            .media
            .iter()
            .all(|it| it.setup == Some(Setup::Passive))
    );
    let (_, answered) = negotiate(&mut a, &mut b);
    assert!(
        answered
            .media
            .iter()
            .all(|it| it.setup == Some(Setup::Active))
    );
}

/// RFC 8840 §4.1, W3C canTrickleIceCandidates.
#[test]
fn whether_the_peer_trickles_is_known_once_it_has_said_so() {
    let (_, mut b, offer) = audio_and_data();
    assert_eq!(b.can_trickle_ice_candidates(), None);
    let without = offer.sdp.replace("a=ice-options:trickle\r\n", "");
    b.set_remote(offer).unwrap();
    assert_eq!(b.can_trickle_ice_candidates(), Some(true));
    b.set_remote(SessionDescription::offer(without)).unwrap();
    assert_eq!(b.can_trickle_ice_candidates(), Some(false));
}
