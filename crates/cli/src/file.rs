//! Configuration files: TOML, whose keys are the names of the flags.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

/// Reads a file. What is wrong with it is told in one line: file, line, field, what was expected.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    parse(&text).map_err(|(line, what)| format!("{name}:{line}: {what}"))
}

/// Reads the first line of a file: a secret that is not to stand in a command line.
pub(crate) fn first_line(path: &Path) -> Result<String, String> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    match text.lines().next() {
        Some(line) if !line.trim().is_empty() => Ok(line.trim().to_owned()),
        _ => Err(format!("{name}:1: the first line is empty")),
    }
}

/// The line is counted from 1.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, (usize, String)> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        // What was expected instead would be every option.
        let message = error.message();
        let what = message.split(", expected one of").next().unwrap_or(message);
        let what = what.lines().collect::<Vec<_>>().join(" ");
        let field = field(text, line).filter(|field| !what.contains(&format!("`{field}`")));
        let what = match field {
            Some(field) => format!("{field}: {what}"),
            None => what,
        };
        (line, what)
    })
}

/// The key that a line, or the one where its list begins, is about.
fn field(text: &str, line: usize) -> Option<&str> {
    let lines: Vec<_> = text.lines().take(line).collect();
    let key = |line: &&&str| line.contains('=') && !line.trim_start().starts_with(['"', '\'', '#']);
    let (key, _) = lines.iter().rev().find(key)?.split_once('=')?;
    Some(key.trim())
}

/// An example file, and whether it shows every option: lines that begin with `#:` show one that it leaves at its default.
#[cfg(test)]
pub(crate) fn assert_shows<T: DeserializeOwned>(example: &str, names: &[String]) {
    assert!(parse::<T>(example).is_ok(), "the example is a valid file");
    let full: String = example
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    if let Err((line, what)) = parse::<T>(&full) {
        panic!("what is commented out is valid too: line {line}: {what}");
    }
    for name in names {
        let shown = full
            .lines()
            .any(|line| line.starts_with(&format!("{name} = ")));
        assert!(shown, "{name}");
    }
}
