//! `ieum up --external-ip --ports` behind a 1:1 NAT, as a cloud has it, called from elsewhere.

use std::time::Duration;

use ieum_interop::{Host, Lab, Nat, Process, Up, binary, call};

#[test]
fn a_server_behind_a_1_to_1_nat_is_reached_by_its_external_address_within_its_ports() {
    let lab = Lab::up(Nat::OneToOne, Nat::PortRestricted);
    let flags = ["--bind", OWN, "--external-ip", EXTERNAL];
    let ports = ["--ports", "50000-50049"];
    let up = Up::start_as(
        lab.command(Host::One, binary()),
        &[&flags[..], &ports[..]].concat(),
    );
    let url = up.url().replace(OWN, EXTERNAL);
    for (relay_only, flags) in [(false, &[][..]), (true, &["--relay-only"])] {
        let mut caller = call(lab.command(Host::Two, binary()), &url, "ieum", flags);
        caller.expect("step 6", SOON);
        caller.say("from elsewhere");
        caller.expect("< from elsewhere", SOON);
        let (local, remote) = pair(&mut caller);
        // The relay's own address where the relay is the caller's, the echo peer's where nothing is between.
        let (ours, theirs) = if relay_only {
            assert!(local.starts_with("relay "), "{local} -> {remote}");
            (local, remote)
        } else {
            assert!(!remote.starts_with("relay "), "{local} -> {remote}");
            (remote, local)
        };
        assert!(is_opened(&ours), "{ours}, with {theirs}");
    }
}

/// Whether `KIND ADDRESS` is the external address and a port of the range.
fn is_opened(end: &str) -> bool {
    let address = end.split_whitespace().nth(1).unwrap_or_default();
    let port = address
        .strip_prefix(EXTERNAL)
        .and_then(|port| port.strip_prefix(':'));
    port.and_then(|port| port.parse().ok())
        .is_some_and(|port| (50_000..=50_049).contains(&port))
}

/// The two ends of the pair that the caller has chosen last, `KIND ADDRESS` each.
fn pair(native: &mut Process) -> (String, String) {
    native.assert_no_panic();
    let seen = native.seen();
    let line = seen.iter().rfind(|line| line.contains(" -> "));
    let line = line.unwrap_or_else(|| panic!("no pair in {seen:#?}"));
    let (local, remote) = line.split_once(" -> ").expect("it was looked for");
    let local = local.rsplit("  ").next().expect("a field");
    (local.to_owned(), remote.to_owned())
}

/// Of host one; and what its NAT has in place of it.
const OWN: &str = "10.1.0.2";
const EXTERNAL: &str = "203.0.113.1";

/// More than a call takes on a loaded machine.
const SOON: Duration = Duration::from_secs(40);
