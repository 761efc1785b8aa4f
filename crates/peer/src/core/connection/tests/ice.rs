//! What the descriptions say of ICE, and what comes of it.

use ieum_ice::Role;

use super::*;

/// `a` with other settings than `b`.
fn pair(a: impl FnOnce(&mut Config), b: impl FnOnce(&mut Config)) -> Pair {
    let a = Side::with(1, "192.0.2.1:5000", a);
    let b = Side::with(2, "192.0.2.2:5000", b);
    Pair::between(a, b, Network::new(1, LAN), |offer| offer)
}

fn answer(pair: &mut Pair, change: impl Fn(String) -> String) {
    let now = pair.network.now();
    let SessionDescription { kind, sdp } = pair.b().core.local_description().unwrap();
    let sdp = change(sdp);
    let answer = SessionDescription { kind, sdp };
    pair.a().core.set_remote_description(now, answer).unwrap();
}

fn lines_without(sdp: &str, begin: &str) -> String {
    let lines = sdp.split_inclusive('\n');
    lines.filter(|line| !line.starts_with(begin)).collect()
}

#[test]
fn checks_are_5_ms_apart_where_both_descriptions_say_so_and_50_where_one_is_a_browsers() {
    // RFC 8839 §5.5: the larger value counts, and 50 ms is meant where nothing is said.
    let sent = |says: bool| {
        let mut pair = pair(|_| {}, |_| {});
        answer(&mut pair, |sdp| {
            let mut sdp = lines_without(&sdp, "a=candidate");
            for last in 100..110 {
                sdp +=
                    &format!("a=candidate:{last} 1 udp 2130706431 192.0.2.{last} 9 typ host\r\n");
            }
            if says {
                sdp
            } else {
                lines_without(&sdp, "a=ice-pacing")
            }
        });
        pair.network.run_for(Duration::from_millis(40));
        pair.a().core.ice_counters().checks_sent
    };
    assert!(sent(true) >= 9, "{}", sent(true));
    assert!(sent(false) <= 3, "{}", sent(false));
}

#[test]
fn a_lite_side_is_controlled_whoever_offers() {
    let lite = |config: &mut Config| config.ice_lite = true;
    // RFC 8445 §6.1.1.
    let offers = (pair(lite, |_| {}), Role::Controlled);
    let answers = (pair(|_| {}, lite), Role::Controlling);
    for (mut pair, role_of_a) in [offers, answers] {
        answer(&mut pair, |sdp| sdp);
        // By the descriptions, and not because a conflict was repaired.
        assert_eq!(pair.a().core.agent.role(), role_of_a);
        assert_ne!(pair.b().core.agent.role(), role_of_a);
        pair.connect();
        let is_lite = |side: &Side| {
            let sdp = side.core.local_description().unwrap().sdp;
            sdp.contains("a=ice-lite\r\n")
        };
        assert_eq!(is_lite(pair.a()), role_of_a == Role::Controlled);
        assert_eq!(is_lite(pair.b()), role_of_a == Role::Controlling);
        pair.exchange();
    }
}

#[test]
fn renomination_is_offered_where_it_is_switched_on() {
    for (on, options) in [(false, "trickle ice2"), (true, "trickle ice2 renomination")] {
        let mut pair = pair(|config| config.renomination = on, |_| {});
        let sdp = pair.a().core.local_description().unwrap().sdp;
        let line = format!("a=ice-options:{options}\r\n");
        assert!(sdp.contains(&line), "{sdp}");
    }
}

#[test]
fn an_ice_restart_gathers_again_and_ends_again() {
    let mut pair = pair(|_| {}, |_| {});
    answer(&mut pair, |sdp| sdp);
    pair.connect();
    let now = pair.network.now();
    let a = pair.a();
    let old = a.core.agent.local_credentials().ufrag.clone();
    a.core.restart_ice();
    a.core.set_local_description(now, None).unwrap();
    let mut told = Vec::new();
    while let Some(event) = a.core.poll_event() {
        match event {
            Event::IceCandidate(Some(candidate)) => {
                assert_ne!(candidate.username_fragment, Some(old.clone()));
                told.push("candidate");
            }
            Event::IceCandidate(None) => told.push("end"),
            Event::IceGatheringStateChange(state) => told.push(state.as_str()),
            _ => {}
        }
    }
    // RFC 8445 §9: candidates are gathered anew; W3C: the state says so, and it ends like the first time.
    assert_eq!(told, ["gathering", "candidate", "end", "complete"]);
}

#[test]
fn only_names_of_multicast_dns_are_asked_for_and_domain_names_are_ignored() {
    let name = "8f3f1cd0-2b4e-4c7a-9b1e-0d2f6a7c9e11.local";
    let mut pair = pair(|_| {}, |_| {});
    answer(&mut pair, |sdp| {
        let mut sdp = lines_without(&sdp, "a=candidate");
        for (foundation, address) in ["host.example", "printer.local", name].iter().enumerate() {
            sdp += &format!("a=candidate:{foundation} 1 udp 2130706431 {address} 9 typ host\r\n");
        }
        sdp
    });
    let a = pair.a();
    let events = std::iter::from_fn(|| a.core.poll_event());
    let asked = events.filter(|event| matches!(event, Event::ResolveName(_)));
    let asked: Vec<_> = asked.collect();
    assert_eq!(asked, [Event::ResolveName(name.to_owned())]);
    assert_eq!(a.core.counters().ignored(Ignored::NamedCandidate), 2);
}
