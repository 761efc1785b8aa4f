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
