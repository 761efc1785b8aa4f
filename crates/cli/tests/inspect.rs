//! `ieum inspect` as a person or a script sees it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn inspect(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ieum"))
        .arg("inspect")
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who does not read standard input has closed it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn sample(name: &str) -> String {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdp/tests/samples");
    samples.join(name).to_str().unwrap().to_owned()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn an_offer_is_said_without_its_password() {
    let output = inspect(&[&sample("browsers/chromium-156-data-offer.sdp")], "");
    let said = text(&output.stdout);
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(said.contains("longest message: 262144") && said.contains("address: 192.0.2.2"));
    assert!(!said.contains("2h/KoqbpiEtYsIciFtfaMYtV"));
}

#[test]
fn warnings_have_their_places_and_are_no_failure() {
    let output = inspect(&[&sample("invalid.sdp"), "--json"], "");
    assert!(output.status.success());
    let said = text(&output.stdout);
    let warning = r#""warnings":[{"message":"line 10, column 1: expected a line type of RFC 8866","line":10,"column":1}]"#;
    assert!(said.contains(warning), "{said}");
    assert!(said.starts_with('{') && said.trim_end().ends_with('}') && said.lines().count() == 1);
}

#[test]
fn a_session_that_is_not_for_webrtc_is_said_with_the_reason_and_is_no_failure() {
    let output = inspect(&[&sample("alac.sdp")], "");
    assert!(output.status.success() && output.stderr.is_empty());
    let said = text(&output.stdout);
    assert!(said.contains("name: iTunes") && said.contains("rtpmap:96 AppleLossless"));
    assert!(said.contains("fpaeskey (not shown)"));
    let reason = "no description:\n  message: line 7, column 10: malformed rtpmap";
    assert!(said.contains(reason), "{said}");
    // The same from a peer that speaks ICE cannot be used, and says so.
    let sdp = std::fs::read_to_string(sample("alac.sdp")).unwrap() + "a=ice-ufrag:abcd\r\n";
    let output = inspect(&["-"], &sdp);
    assert_eq!(output.status.code(), Some(1));
    let complaint = text(&output.stderr);
    assert!(complaint.starts_with("error: -: line 7, column 10: malformed rtpmap"));
    assert!(
        text(&output.stdout).contains("name: iTunes"),
        "said all the same"
    );
}

#[test]
fn candidates_come_by_standard_input() {
    let output = inspect(
        &["-"],
        "candidate:1 1 udp 2122260223 10.0.0.7 50000 typ host\n\na=candidate:2 1 udp 1 192.0.2.7 1 typ relay\r\n",
    );
    assert!(output.status.success());
    let said = text(&output.stdout);
    assert!(
        said.contains("type: host")
            && said.contains("type: relay")
            && said.contains("scope: private")
    );
}

#[test]
fn what_cannot_be_read_is_status_1_and_one_line_with_its_place() {
    for (input, place) in [
        ("nonsense", "-: line 1, column 1: expected v=0"),
        (
            "candidate:1 1 udp 1 192.0.2.7 1 typ host\n candidate:1 1 udp 1 192.0.2.7 x typ host\n",
            "-: line 2, column 32: expected a port (0 to 65535)",
        ),
        (
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=setup:never\r\n",
            "-: line 5, column 9: malformed setup: expected actpass",
        ),
    ] {
        let output = inspect(&["-"], input);
        assert_eq!(output.status.code(), Some(1));
        let complaint = text(&output.stderr);
        assert!(
            complaint.starts_with(&format!("error: {place}")),
            "{complaint}"
        );
        assert_eq!(complaint.lines().count(), 1);
    }
    let output = inspect(&["/nowhere/at/all"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: cannot read /nowhere/at/all: "));
}
