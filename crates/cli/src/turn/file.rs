//! The configuration file: TOML, whose keys are the names of the flags.

use std::fs;
use std::path::Path;

use super::options::Options;

/// Reads a file. What is wrong with it is told in one line: file, line, field, what was expected.
pub(crate) fn read(path: &Path) -> Result<Options, String> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    parse(&text).map_err(|(line, what)| format!("{name}:{line}: {what}"))
}

/// The line is counted from 1.
fn parse(text: &str) -> Result<Options, (usize, String)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> (usize, String) {
        parse(text).unwrap_err()
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
            let (at, what) = refusal(text);
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
            let (_, what) = refusal(text);
            assert!(!what.contains("hidden"), "{what}");
        }
    }

    #[test]
    fn the_example_names_every_option() {
        let example = include_str!("../../turn.example.toml");
        parse(example).expect("the example is a valid file");
        // Lines that are commented out show an option too: all of them together are a valid file as well.
        let full: String = example
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        parse(&full).expect("what is commented out is valid too");
        for name in Options::names() {
            let shown = full
                .lines()
                .any(|line| line.starts_with(&format!("{name} = ")));
            assert!(shown, "{name}");
        }
    }
}
