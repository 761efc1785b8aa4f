//! The programs of `examples/`, run as a reader would run them.

use std::fs;
use std::time::Duration;

use ieum_interop::{Process, Up, partner};

#[test]
fn the_page_in_javascript_calls_ieum_and_prints_the_echo() {
    let up = Up::start(&[]);
    let mut page = partner::chromium();
    let file = partner::root().join("examples/javascript/index.html");
    page.arg("example")
        .arg(file)
        .arg(format!("server={}", up.url()));
    let mut page = Process::spawn("examples/javascript", page);
    page.expect("pressed", SOON);
    page.expect("state connected", SOON);
    page.expect("equal text", SOON);
    assert!(page.finish(SOON).success());
}

#[test]
fn the_program_in_python_calls_ieum_and_prints_the_echo() {
    let up = Up::start(&[]);
    let mut program = partner::python("examples/python/call.py");
    program.args(["안녕", "--server", up.url()]);
    let mut program = Process::spawn("examples/python/call.py", program);
    program.expect("echo: 안녕", SOON);
    assert!(program.ended(SOON).success());
}

#[test]
fn a_token_opens_the_door_for_both() {
    let up = Up::start(&["--token", "open sesame"]);
    let mut program = partner::python("examples/python/call.py");
    program.args(["--server", up.url(), "--token", "open sesame"]);
    let mut program = Process::spawn("examples/python/call.py", program);
    program.expect("echo: hello", SOON);
    assert!(program.ended(SOON).success());

    let mut page = partner::chromium();
    let file = partner::root().join("examples/javascript/index.html");
    page.arg("example")
        .arg(file)
        .arg(format!("server={}&token=open+sesame", up.url()));
    let mut page = Process::spawn("examples/javascript", page);
    page.expect("equal text", SOON);
    assert!(page.finish(SOON).success());
}

#[test]
fn each_program_has_fewer_than_sixty_lines() {
    for files in [
        &["javascript/index.html", "javascript/call.js"][..],
        &["python/call.py"],
    ] {
        let text = |file: &&str| {
            fs::read_to_string(partner::root().join("examples").join(file)).expect(file)
        };
        let lines: usize = files.iter().map(|file| text(file).lines().count()).sum();
        assert!(lines < 60, "{files:?} have {lines} lines");
    }
}

/// More than Chromium takes to start on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
