//! What every sample says, against what it said when somebody looked: `tests/snapshots`.
//!
//! `IEUM_WRITE_SNAPSHOTS=1 cargo test -p ieum-sdp --test snapshots` writes them anew; then read the difference.

use ieum_sdp::{Expected, Inspection, Session};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn samples() -> Vec<PathBuf> {
    let list = |folder: &str| {
        let folder = fs::read_dir(root().join("samples").join(folder)).unwrap();
        let paths = folder.map(|entry| entry.unwrap().path());
        let is_sdp = |path: &PathBuf| path.extension().is_some_and(|it| it == "sdp");
        paths.filter(is_sdp).collect::<Vec<_>>()
    };
    let all = [list("."), list("browsers")].concat();
    assert_eq!(all.len(), 41);
    all
}

#[test]
fn every_sample_says_what_its_snapshot_says() {
    let writes = std::env::var_os("IEUM_WRITE_SNAPSHOTS").is_some();
    for path in samples() {
        let text = fs::read_to_string(&path).unwrap();
        let said = Inspection::of(&text).to_string();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let snapshot = root().join("snapshots").join(format!("{name}.txt"));
        if writes {
            fs::write(&snapshot, &said).unwrap();
        }
        let expected = fs::read_to_string(&snapshot).unwrap_or_default();
        assert!(said == expected, "{name}: it now says\n{said}");
    }
}

#[test]
fn an_unknown_line_type_is_refused_by_the_strict_reader_alone() {
    let text = fs::read_to_string(root().join("samples/invalid.sdp")).unwrap();
    let session = Session::parse(&text).unwrap();
    assert_eq!(session.to_string(), text);
    let error = Session::parse_strict(&text).unwrap_err();
    assert_eq!(
        (error.line, error.column, error.expected),
        (10, 1, Expected::KnownLineType)
    );
}

#[test]
fn the_strict_reader_takes_what_browsers_write() {
    for path in samples() {
        let text = fs::read_to_string(&path).unwrap();
        let is_browsers = path.parent().is_some_and(|it| it.ends_with("browsers"));
        if let Err(error) = Session::parse_strict(&text) {
            assert!(!is_browsers, "{}: {error}", path.display());
        }
    }
}
