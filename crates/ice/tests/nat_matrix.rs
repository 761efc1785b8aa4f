//! Every NAT against every NAT: whether they connect, by which kind of pair, in how many round trips.
//!
//! The tables are in `nat_matrix.txt`; `UPDATE_SNAPSHOT=1 cargo test -p ieum-ice --test nat_matrix` writes them anew.

mod support;

use std::fmt::Write as _;

use ieum_ice::Kind;
use ieum_netsim::{Nat, Variation};
use support::{Call, Setup, ms, stun, turn};

use Variation::{
    AddressAndPortDependent as Apd, AddressDependent as Ad, EndpointIndependent as Ei,
};

const SERVER: &str = "203.0.113.9:3478";
const SNAPSHOT: &str = include_str!("nat_matrix.txt");

/// Mapping and filtering.
type NatKind = (Variation, Variation);

fn kinds() -> Vec<NatKind> {
    let of = |mapping| Variation::ALL.map(|filtering| (mapping, filtering));
    Variation::ALL.into_iter().flat_map(of).collect()
}

/// Whether hole punching can work between two NATs, given that each side knows where the other one's packets to a
/// server came from, and that a check must be answered from where it was sent to (RFC 8445 §7.2.5.2.1).
fn has_direct_path((map_a, let_a): NatKind, (map_b, let_b): NatKind) -> bool {
    match (map_a == Ei, map_b == Ei) {
        // Each is where the other one sends to, and has opened its own door by sending.
        (true, true) => true,
        // The other side's packets come from a port that was never sent to.
        (true, false) => let_a != Apd,
        (false, true) => let_b != Apd,
        // The first check passes only a door that is open to all, the way back only one that ignores ports; and if
        // both change their port with every destination, every answer comes from elsewhere.
        (false, false) => {
            let first = (let_a == Ei && let_b != Apd) || (let_b == Ei && let_a != Apd);
            first && (map_a, map_b) != (Apd, Apd)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Direct(u128),
    Relayed(u128),
    Nothing,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&match self {
            Outcome::Direct(trips) => format!("direct {trips}"),
            Outcome::Relayed(trips) => format!("relay {trips}"),
            Outcome::Nothing => "-".to_owned(),
        })
    }
}

/// Both gather first. The time runs from when both have everything until both can send; what is nominated counts.
fn outcome(mut call: Call, with_turn: bool) -> Outcome {
    let servers = [stun(SERVER), turn(SERVER)];
    call.gather(&servers[..1 + usize::from(with_turn)]);
    call.run(ms(300));
    call.exchange_credentials();
    let Some(time) = call.connect(ms(10_000)) else {
        return Outcome::Nothing;
    };
    // 10 ms one way.
    let trips = time.as_millis().div_ceil(20);
    call.nominate(ms(5000)).expect("a nominated pair");
    call.run(ms(500));
    call.assert_data_flows();
    let a = call.a;
    let pair = call.peer(a).agent.selected_pair().unwrap();
    match [pair.local.kind, pair.remote.kind].contains(&Kind::Relayed) {
        true => Outcome::Relayed(trips),
        false => Outcome::Direct(trips),
    }
}

fn nat(public: [u8; 4], (mapping, filtering): NatKind, hairpin: bool) -> Nat {
    Nat::new(public.into(), mapping)
        .filtering(filtering)
        .hairpin(hairpin)
}

fn homes() -> Setup {
    Setup {
        bases: [&["192.168.0.2:5000"], &["192.168.0.2:5000"]],
        ..Setup::default()
    }
}

fn apart(a: NatKind, b: NatKind, hairpin: bool, with_turn: bool) -> Outcome {
    let mut call = homes().call();
    call.add_relay(SERVER);
    let ids = call.both();
    call.network
        .put_behind(ids[0], nat([198, 51, 100, 1], a, hairpin));
    call.network
        .put_behind(ids[1], nat([198, 51, 100, 2], b, hairpin));
    outcome(call, with_turn)
}

/// Each behind a NAT of its own that does nothing worse than hide it, both of them behind one carrier's.
fn behind_one_carrier(kind: NatKind, hairpin: bool, with_turn: bool) -> Outcome {
    let mut call = homes().call();
    call.add_relay(SERVER);
    let carrier = call
        .network
        .add_nat(nat([198, 51, 100, 1], kind, hairpin), None);
    for (id, public) in call
        .both()
        .into_iter()
        .zip([[100, 64, 0, 1], [100, 64, 0, 2]])
    {
        let home = call
            .network
            .add_nat(nat(public, (Ei, Ei), false), Some(carrier));
        call.network.put_with(id, home);
    }
    outcome(call, with_turn)
}

/// Both in the network behind one NAT.
fn neighbours(kind: NatKind, hairpin: bool) -> Outcome {
    let mut call = Setup {
        bases: [&["192.168.0.2:5000"], &["192.168.0.3:5000"]],
        ..Setup::default()
    }
    .call();
    call.add_relay(SERVER);
    let home = call
        .network
        .add_nat(nat([198, 51, 100, 1], kind, hairpin), None);
    for id in call.both() {
        call.network.put_with(id, home);
    }
    outcome(call, true)
}

fn name((mapping, filtering): NatKind) -> String {
    let short = |variation| match variation {
        Ei => "EI",
        Ad => "AD",
        Apd => "APD",
    };
    format!("{}/{}", short(mapping), short(filtering))
}

/// Two NATs, as a table; every cell is held against theory.
fn matrix(out: &mut String, with_turn: bool) {
    let kinds = kinds();
    let with = if with_turn { "with" } else { "without" };
    writeln!(out, "A's NAT down, B's across, {with} TURN").unwrap();
    write!(out, "{:8}", "").unwrap();
    for b in &kinds {
        write!(out, "{:10}", name(*b)).unwrap();
    }
    out.push('\n');
    for a in &kinds {
        write!(out, "{:8}", name(*a)).unwrap();
        for b in &kinds {
            let cell = apart(*a, *b, false, with_turn);
            let expected = has_direct_path(*a, *b);
            let direct = matches!(cell, Outcome::Direct(_));
            assert_eq!(direct, expected, "{} - {}", name(*a), name(*b));
            assert!(direct || with_turn == matches!(cell, Outcome::Relayed(_)));
            // Hairpinning is for neighbours: to others it makes no difference.
            assert_eq!(apart(*a, *b, true, with_turn), cell);
            write!(out, "{cell:10}").unwrap();
        }
        out.push('\n');
    }
    out.push('\n');
}

fn shared(out: &mut String) {
    writeln!(out, "both behind homes' NATs behind one carrier's NAT").unwrap();
    writeln!(
        out,
        "{:8}{:18}{:18}{:18}neighbours",
        "", "hairpin", "no hairpin", "no hairpin, TURN"
    )
    .unwrap();
    for kind in kinds() {
        let cells = [(true, false), (false, false), (false, true)]
            .map(|(hairpin, with_turn)| behind_one_carrier(kind, hairpin, with_turn));
        let direct = matches!(cells[0], Outcome::Direct(_));
        assert_eq!(direct, has_direct_path(kind, kind), "{}", name(kind));
        assert_eq!(cells[1], Outcome::Nothing, "{}", name(kind));
        assert!(matches!(cells[2], Outcome::Relayed(_)));
        let inside = [true, false].map(|hairpin| neighbours(kind, hairpin));
        assert_eq!(inside, [Outcome::Direct(1); 2]);
        let [first, second, third] = cells;
        writeln!(
            out,
            "{:8}{first:18}{second:18}{third:18}{}",
            name(kind),
            inside[0]
        )
        .unwrap();
    }
}

#[test]
fn a_direct_path_is_found_exactly_where_there_is_one() {
    let mut tables = String::from(
        "Mapping/filtering: endpoint-independent, address-dependent, address and port-dependent (RFC 4787).\n\
         The kind of the nominated pair, and the round trips until both sides could send.\n\n",
    );
    matrix(&mut tables, false);
    matrix(&mut tables, true);
    shared(&mut tables);
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/nat_matrix.txt");
        std::fs::write(path, &tables).unwrap();
        return;
    }
    assert_eq!(tables, SNAPSHOT, "\n{tables}");
}
