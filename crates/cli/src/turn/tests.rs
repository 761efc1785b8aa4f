use clap::Parser;

use super::*;
use crate::args::{Cli, Command};

fn options(line: &[&str]) -> Turn {
    let line = ["ieum", "turn"].iter().chain(line);
    match Cli::try_parse_from(line).unwrap().command {
        Some(Command::Turn(turn)) => *turn,
        other => panic!("{other:?}"),
    }
}

fn refusal(line: &[&str]) -> String {
    options(line).settings().unwrap_err()
}

#[test]
fn every_option_of_a_file_is_a_flag() {
    use clap::CommandFactory;
    let cli = Cli::command();
    let turn = cli.find_subcommand("turn").unwrap();
    let flags: Vec<_> = turn
        .get_arguments()
        .filter_map(|flag| flag.get_long())
        .collect();
    for name in Options::names() {
        assert!(flags.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn without_credentials_it_does_not_start() {
    assert!(refusal(&[]).contains("--secret"));
    assert!(options(&["--user", "a:b"]).settings().is_ok());
    assert!(options(&["--secret", "s"]).settings().is_ok());
}

#[test]
fn what_contradicts_itself_is_told_by_its_flag() {
    for (line, names) in [
        (&["--secret", "s", "--cert", "x"][..], "--key"),
        (&["--secret", "s", "--key", "x"], "--cert"),
        (
            &[
                "--secret",
                "s",
                "--cert",
                "/nonexistent",
                "--key",
                "/nonexistent",
            ],
            "/nonexistent",
        ),
        (
            &["--secret", "s", "--tls-listen", "127.0.0.1:1"],
            "--tls-listen",
        ),
        (&["--secret", "s", "--no-udp", "--no-tcp"], "--no-udp"),
        (
            &["--secret", "s", "--alternate", "127.0.0.2:2"],
            "--alternate",
        ),
        (&["--secret", "s", "--relay-ip", "0.0.0.0"], "--relay-ip"),
        (
            &[
                "--secret",
                "s",
                "--listen",
                "127.0.0.1:0",
                "--external-ip",
                "2001:db8::1",
            ],
            "--external-ip",
        ),
        (&["--secret-file", "/nonexistent"], "--secret-file"),
        (&["--config", "/nonexistent"], "/nonexistent"),
    ] {
        let refusal = refusal(line);
        assert!(refusal.contains(names), "{line:?}: {refusal}");
        assert!(!refusal.contains('\n'), "{refusal}");
    }
}

#[test]
fn secrets_do_not_show_in_what_is_logged() {
    let turn = options(&["--secret", "hidden", "--user", "alice:hidden"]);
    let settings = turn.settings().unwrap();
    for shown in [format!("{turn:?}"), format!("{settings:?}")] {
        assert!(!shown.contains("hidden"), "{shown}");
    }
}

#[test]
fn a_mapping_goes_with_its_own_address() {
    let line = [
        "--secret",
        "s",
        "--relay-ip",
        "10.0.0.1",
        "--relay-ip",
        "10.0.0.2",
        "--external-ip",
        "203.0.113.2/10.0.0.2",
    ];
    let relays = options(&line).settings().unwrap().turn.relays;
    assert_eq!(relays[0].external, None);
    assert_eq!(relays[1].external, Some([203, 0, 113, 2].into()));
}

#[test]
fn relays_of_tcp_can_be_switched_off_and_strangers_be_given_less_time() {
    let settings = |line: &[&str]| options(&[&["--secret", "s"], line].concat()).settings();
    let turn = settings(&["--no-tcp-relay", "--allocate-within", "5s"])
        .unwrap()
        .turn;
    let within = turn.connections.allocate_within;
    assert_eq!((turn.tcp_relays, within.as_secs()), (false, 5));
    let turn = settings(&[]).unwrap().turn;
    let within = turn.connections.allocate_within;
    assert_eq!((turn.tcp_relays, within.as_secs()), (true, 30));
}

#[test]
fn what_software_it_is_can_be_kept_back() {
    let software = |line: &[&str]| {
        let settings = options(&[&["--secret", "s"], line].concat()).settings();
        settings.unwrap().turn.machine.software
    };
    assert!(software(&[]).is_some());
    assert_eq!(software(&["--no-software"]), None);
}

#[test]
fn own_addresses_are_reached_on_relay_ports_only() {
    let line = [
        "--secret",
        "s",
        "--relay-ip",
        "10.0.0.1",
        "--relay-ports",
        "5000-6000",
    ];
    let peers = options(&line).settings().unwrap().turn.machine.peers;
    assert!(peers.own.contains(&[10, 0, 0, 1].into()));
    assert_eq!(peers.relay_ports, 5000..=6000);
    assert!(peers.allows([10, 0, 0, 1].into()) && !peers.allows([10, 0, 0, 2].into()));
}

#[test]
fn a_wrong_value_is_told_with_its_line_and_its_field() {
    for (text, line, field) in [
        ("realm = \"x\"\nlisten = [\"here\"]\n", 2, "listen"),
        ("\n\nrelay-ports = \"9-1\"", 3, "relay-ports"),
        ("max-lifetime = \"soon\"", 1, "max-lifetime"),
        (
            "allow-peer = [\n  \"10.0.0.0/8\",\n  \"10.0.0.0/99\",\n]",
            1,
            "allow-peer",
        ),
        ("user-quota = -1", 1, "user-quota"),
        ("secret = \"not a list\"", 1, "secret"),
        ("# x = 1\nunheard-of = 1", 2, "unheard-of"),
        ("realm = \"unfinished", 1, "realm"),
    ] {
        let (at, what) = file::parse::<Options>(text).unwrap_err();
        assert_eq!(at, line, "{text}: {what}");
        assert!(what.contains(field), "{text}: {what}");
        assert!(!what.contains('\n'), "{what}");
    }
}

#[test]
fn a_secret_in_a_wrong_line_is_not_told() {
    for text in [
        "user = [\"hidden\"]",
        "secret = 1 # hidden\nuser = [\"hidden\"]",
    ] {
        let (_, what) = file::parse::<Options>(text).unwrap_err();
        assert!(!what.contains("hidden"), "{what}");
    }
}

#[test]
fn the_example_names_every_option() {
    file::assert_shows::<Options>(include_str!("../../turn.example.toml"), &Options::names());
}
