//! Two hosts behind a NAT each, `ieum up` in public between them: which pair a call ends on, for every NAT against every
//! other, with real sockets and the kernel's NATs. In one laboratory, for making one takes longer than a call.

use std::time::{Duration, Instant};

use ieum_interop::{Host, Lab, Nat, Process, Up, binary, call, partner, wait};

#[test]
fn a_call_is_direct_exactly_where_the_nats_have_a_path() {
    let laboratory = Laboratory::up();
    for one in Nat::ALL {
        for two in Nat::ALL {
            laboratory.put(one, two);
            let (caller, callee) = laboratory.call();
            let took = settle(caller, callee, one, two);
            println!("{one:?} - {two:?}: {} in {took:.1?}", way(one, two));
        }
    }
}

#[test]
fn calls_to_and_from_aiortc_cross_the_nats() {
    let laboratory = Laboratory::up();
    let cells = [
        (Nat::FullCone, Nat::Symmetric),
        (Nat::PortRestricted, Nat::PortRestricted),
        (Nat::Symmetric, Nat::AddressRestricted),
        (Nat::Symmetric, Nat::Symmetric),
    ];
    for (one, two) in cells {
        laboratory.put(one, two);
        laboratory.call_aiortc(one, two);
        laboratory.put(one, two);
        laboratory.be_called_by_aiortc(one, two);
    }
}

fn way(one: Nat, two: Nat) -> &'static str {
    if one.has_direct_path(two) {
        "direct"
    } else {
        "relayed"
    }
}

/// Talks until both sides mean one pair and it is what theory wants: what is said first may go over a pair that is valid
/// and not nominated yet. Says how long it took.
fn settle(mut caller: Process, mut callee: Process, one: Nat, two: Nat) -> Duration {
    let began = Instant::now();
    loop {
        round_trip(&mut caller, &mut callee);
        let (ours, theirs) = (Pair::of(&mut caller), Pair::of(&mut callee));
        if are_as_wanted(&ours, &theirs, one, two) {
            return began.elapsed();
        }
        assert!(
            began.elapsed() < SOON,
            "{one:?} - {two:?} should be {}, and the pairs are\n{ours:?}\n{theirs:?}",
            way(one, two)
        );
    }
}

fn are_as_wanted(caller: &Pair, callee: &Pair, one: Nat, two: Nat) -> bool {
    if !one.has_direct_path(two) {
        // One relayed candidate is enough, and both sides mean the same one.
        return (caller.local.kind == "relay" && caller.local == callee.remote)
            || (caller.remote.kind == "relay" && caller.remote == callee.local);
    }
    caller.is_direct(one, ONE, TWO) && callee.is_direct(two, TWO, ONE)
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
    fn up() -> Self {
        let lab = Lab::up(Nat::PortRestricted, Nat::PortRestricted);
        let up = Up::start_as(lab.command(Host::Public, binary()), &["--bind", PUBLIC]);
        Self { up, lab }
    }

    fn put(&self, one: Nat, two: Nat) {
        self.lab.set_nats(one, two);
    }

    /// Host one calls host two.
    fn call(&self) -> (Process, Process) {
        let url = self.up.url();
        let callee = wait(self.lab.command(Host::Two, binary()), url, "two", &[]);
        let mut caller = call(self.lab.command(Host::One, binary()), url, "two", &[]);
        caller.expect("step 6", SOON);
        (caller, callee)
    }

    fn aiortc(&self, host: Host, arguments: &[&str]) -> Process {
        let mut command = partner::python("crates/interop/partners/aiortc_peer.py");
        command.arg(self.up.url()).args(arguments).arg("--servers");
        Process::spawn("aiortc", self.lab.inside(host, &command))
    }

    /// Host one calls aiortc on host two, which echoes.
    fn call_aiortc(&self, one: Nat, two: Nat) {
        let began = Instant::now();
        let mut aiortc = self.aiortc(Host::Two, &["aiortc"]);
        aiortc.expect("ready", SOON);
        let url = self.up.url();
        let mut caller = call(self.lab.command(Host::One, binary()), url, "aiortc", &[]);
        caller.expect("step 6", SOON);
        loop {
            caller.say("there and back");
            caller.expect("there and back", SOON);
            let pair = Pair::of(&mut caller);
            if pair.is_relayed() != one.has_direct_path(two) {
                break;
            }
            assert!(began.elapsed() < SOON, "{one:?} - {two:?}: {pair:?}");
        }
        println!(
            "{one:?} - aiortc, {two:?}: {} in {:.1?}",
            way(one, two),
            began.elapsed()
        );
    }

    /// aiortc on host one calls host two. It controls then, and nominates what answers first: where the first direct checks
    /// are lost at a NAT, that is a relay.
    fn be_called_by_aiortc(&self, one: Nat, two: Nat) {
        let began = Instant::now();
        let url = self.up.url();
        let mut callee = wait(self.lab.command(Host::Two, binary()), url, "two", &[]);
        let mut aiortc = self.aiortc(Host::One, &["aiortc-one", "--call", "two"]);
        callee.expect("step 6", SOON);
        callee.expect("from aiortc", SOON);
        aiortc.expect("channel", SOON);
        let pair = Pair::of(&mut callee);
        let lets_everybody_in = one == Nat::FullCone || two == Nat::FullCone;
        if lets_everybody_in || !one.has_direct_path(two) {
            let direct = one.has_direct_path(two);
            assert_ne!(pair.is_relayed(), direct, "{one:?} - {two:?}: {pair:?}");
        }
        let way = if pair.is_relayed() {
            "relayed"
        } else {
            "direct"
        };
        println!(
            "aiortc, {one:?} - {two:?}: {way} in {:.1?}",
            began.elapsed()
        );
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

    fn is_relayed(&self) -> bool {
        [&self.local, &self.remote]
            .iter()
            .any(|end| end.kind == "relay")
    }

    /// From behind the NAT `ours` to behind the NAT `theirs`.
    fn is_direct(&self, nat: Nat, ours: &str, theirs: &str) -> bool {
        // RFC 8445 §7.2.5.3.2: the local candidate of a valid pair is the one that the check's mapped address names. Where
        // the mapping does not depend on the destination, that is the server reflexive candidate.
        let local = match nat {
            Nat::Symmetric => "prflx",
            _ => "srflx",
        };
        // §7.3.1.3: where the other side's check came before its candidate did, the same address is peer reflexive.
        let remote = self.remote.is("srflx", theirs) || self.remote.is("prflx", theirs);
        self.local.is(local, ours) && remote
    }
}

impl End {
    fn is(&self, kind: &str, ip: &str) -> bool {
        self.kind == kind && self.address.starts_with(ip)
    }
}

const PUBLIC: &str = "203.0.113.10";
/// What the world sees of host one, and of host two below: an address, and the colon before its port.
const ONE: &str = "203.0.113.1:";
const TWO: &str = "203.0.113.2:";

/// More than a call takes on a loaded machine, even where every direct check must fail first.
const SOON: Duration = Duration::from_secs(40);
