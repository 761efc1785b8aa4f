//! Two hosts behind a NAT each, `ieum up` in public between them: which pair a call ends on.

use std::time::{Duration, Instant};

use ieum_interop::{Host, Lab, Nat, Process, Up, binary, call, wait};

#[test]
fn port_restricted_on_both_sides_connects_by_a_server_reflexive_pair() {
    let laboratory = Laboratory::up(Nat::PortRestricted);
    let (caller, callee) = laboratory.call();
    settle(caller, callee, |caller, callee| {
        // RFC 8445 §7.2.5.3.2: the local candidate of a valid pair is the one that the check's mapped address names. Here the
        // mapping does not depend on the destination, so that is the server reflexive candidate.
        let local = |pair: &Pair, nat| pair.local.is("srflx", nat);
        // §7.3.1.3: where the other side's check came before its candidate did, the same address is peer reflexive.
        let remote =
            |pair: &Pair, nat| pair.remote.is("srflx", nat) || pair.remote.is("prflx", nat);
        local(caller, ONE) && remote(caller, TWO) && local(callee, TWO) && remote(callee, ONE)
    });
}

#[test]
fn symmetric_on_both_sides_connects_by_the_relay() {
    let laboratory = Laboratory::up(Nat::Symmetric);
    let (caller, callee) = laboratory.call();
    settle(caller, callee, |caller, callee| {
        // One relayed candidate is enough, and both sides mean the same one.
        (caller.local.kind == "relay" && caller.local == callee.remote)
            || (caller.remote.kind == "relay" && caller.remote == callee.local)
    });
}

#[test]
fn a_server_behind_a_1_to_1_nat_is_reached_by_its_external_address_within_its_ports() {
    let lab = Lab::up(Nat::OneToOne, Nat::PortRestricted);
    let flags = ["--bind", "10.1.0.2", "--external-ip", EXTERNAL];
    let ports = ["--ports", "50000-50049"];
    let up = Up::start_as(
        lab.command(Host::One, binary()),
        &[&flags[..], &ports[..]].concat(),
    );
    let url = up.url().replace("10.1.0.2", EXTERNAL);
    let opened = |address: &str| {
        let port = address.strip_prefix(ONE).and_then(|port| port.parse().ok());
        port.is_some_and(|port| (50000..=50049).contains(&port))
    };
    for (relay_only, flags) in [(false, &[][..]), (true, &["--relay-only"])] {
        let mut caller = call(lab.command(Host::Two, binary()), &url, "ieum", flags);
        caller.expect("step 6", SOON);
        caller.say("from elsewhere");
        caller.expect("< from elsewhere", SOON);
        let pair = Pair::of(&mut caller);
        // The relay's own address where the relay is the caller's, the echo peer's where nothing is between.
        if relay_only {
            assert!(
                pair.local.kind == "relay" && opened(&pair.local.address),
                "{pair:?}"
            );
        } else {
            assert!(
                pair.remote.kind != "relay" && opened(&pair.remote.address),
                "{pair:?}"
            );
        }
    }
}

/// Talks until the pairs that both sides have chosen are as `wanted`: what is said first may go over a pair that is
/// valid and not nominated yet.
fn settle(mut caller: Process, mut callee: Process, wanted: impl Fn(&Pair, &Pair) -> bool) {
    let began = Instant::now();
    loop {
        round_trip(&mut caller, &mut callee);
        let (ours, theirs) = (Pair::of(&mut caller), Pair::of(&mut callee));
        if wanted(&ours, &theirs) {
            return;
        }
        assert!(
            began.elapsed() < SOON,
            "the pairs are\n{ours:?}\n{theirs:?}"
        );
    }
}

fn round_trip(caller: &mut Process, callee: &mut Process) {
    caller.say("from behind one NAT");
    callee.expect("from behind one NAT", SOON);
    callee.say("from behind the other");
    caller.expect("from behind the other", SOON);
}

/// The NATs, and `ieum up` in the public segment.
struct Laboratory {
    // Ends before the namespaces go.
    up: Up,
    lab: Lab,
}

impl Laboratory {
    fn up(nat: Nat) -> Self {
        let lab = Lab::up(nat, nat);
        let up = Up::start_as(lab.command(Host::Public, binary()), &["--bind", PUBLIC]);
        Self { up, lab }
    }

    /// Host one calls host two.
    fn call(&self) -> (Process, Process) {
        let url = self.up.url();
        let callee = wait(self.lab.command(Host::Two, binary()), url, "two", &[]);
        let mut caller = call(self.lab.command(Host::One, binary()), url, "two", &[]);
        caller.expect("step 6", SOON);
        (caller, callee)
    }
}

/// The pair that a native peer has chosen, as it prints it: `KIND ADDRESS -> KIND ADDRESS`.
#[derive(Debug)]
struct Pair {
    local: End,
    remote: End,
}

#[derive(Debug, PartialEq)]
struct End {
    kind: String,
    address: String,
}

impl Pair {
    /// The last one: a better pair takes the place of the first.
    fn of(native: &mut Process) -> Self {
        native.assert_no_panic();
        let line = native
            .seen()
            .iter()
            .rfind(|line| line.contains("pair") && line.contains(" -> "));
        let line = line.unwrap_or_else(|| panic!("no pair in {:#?}", native.seen()));
        let words: Vec<&str> = line.split_whitespace().collect();
        let arrow = words
            .iter()
            .position(|word| *word == "->")
            .expect("it was looked for");
        let end = |at: usize| End {
            kind: words[at].to_owned(),
            address: words[at + 1].to_owned(),
        };
        Self {
            local: end(arrow - 2),
            remote: end(arrow + 1),
        }
    }
}

impl End {
    fn is(&self, kind: &str, ip: &str) -> bool {
        self.kind == kind && self.address.starts_with(ip)
    }
}

const PUBLIC: &str = "203.0.113.10";
/// Of host one, where its NAT is 1:1.
const EXTERNAL: &str = "203.0.113.1";
/// What the world sees of host one, and of host two below: an address, and the colon before its port.
const ONE: &str = "203.0.113.1:";
const TWO: &str = "203.0.113.2:";

/// More than a call takes on a loaded machine, even where every direct check must fail first.
const SOON: Duration = Duration::from_secs(40);
