//! Two hosts behind a NAT each, `ieum up` in public between them: which pair a call ends on.

use std::time::Duration;

use ieum_interop::{Host, Lab, Nat, Process, Up, binary, call, wait};

#[test]
fn port_restricted_on_both_sides_connects_by_a_server_reflexive_pair() {
    let laboratory = Laboratory::up(Nat::PortRestricted);
    let (mut caller, mut callee) = laboratory.call();
    for (native, nat, other) in [(&mut caller, ONE, TWO), (&mut callee, TWO, ONE)] {
        let pair = Pair::of(native);
        // RFC 8445 §7.2.5.3.2: the local candidate of the valid pair is the one that the check's mapped address names. The mapping does not
        // depend on the destination, so this is the server reflexive candidate.
        assert_eq!(pair.local_kind, "srflx", "{pair:?}");
        assert!(pair.local.starts_with(nat), "{pair:?}");
        // §7.3.1.3: where the other side's check came before its candidate did, the same address is peer reflexive.
        assert!(
            ["srflx", "prflx"].contains(&pair.remote_kind.as_str()),
            "{pair:?}"
        );
        assert!(pair.remote.starts_with(other), "{pair:?}");
    }
}

#[test]
fn symmetric_on_both_sides_connects_by_the_relay() {
    let laboratory = Laboratory::up(Nat::Symmetric);
    let (mut caller, mut callee) = laboratory.call();
    let (ours, theirs) = (Pair::of(&mut caller), Pair::of(&mut callee));
    for pair in [&ours, &theirs] {
        assert!(
            pair.local_kind == "relay" || pair.remote_kind == "relay",
            "{pair:?}"
        );
    }
    // One relayed candidate is enough, and both sides mean the same one: the relay of one end is the other's remote.
    let relays = |pair: &Pair| (pair.local_kind == "relay", pair.remote_kind == "relay");
    let (local, remote) = relays(&ours);
    assert_eq!((remote, local), relays(&theirs), "{ours:?} {theirs:?}");
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

    /// Host one calls host two, and text has gone both ways.
    fn call(&self) -> (Process, Process) {
        let url = self.up.url();
        let mut callee = wait(self.lab.command(Host::Two, binary()), url, "two", &[]);
        let mut caller = call(self.lab.command(Host::One, binary()), url, "two", &[]);
        caller.expect("step 6", SOON);
        caller.say("from behind one NAT");
        callee.expect("from behind one NAT", SOON);
        callee.say("from behind the other");
        caller.expect("from behind the other", SOON);
        (caller, callee)
    }
}

/// The pair that a native peer has chosen, as it prints it: `KIND ADDRESS -> KIND ADDRESS`.
#[derive(Debug)]
struct Pair {
    local_kind: String,
    local: String,
    remote_kind: String,
    remote: String,
}

impl Pair {
    /// The last one: a better pair may have taken the place of the first.
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
        let word = |at: usize| {
            words
                .get(at)
                .map_or_else(String::new, |word| (*word).to_owned())
        };
        Self {
            local_kind: word(arrow - 2),
            local: word(arrow - 1),
            remote_kind: word(arrow + 1),
            remote: word(arrow + 2),
        }
    }
}

const PUBLIC: &str = "203.0.113.10";
/// What the world sees of host one and of host two.
const ONE: &str = "203.0.113.1:";
const TWO: &str = "203.0.113.2:";

/// More than a call takes on a loaded machine, even where every direct check must fail first.
const SOON: Duration = Duration::from_secs(40);
