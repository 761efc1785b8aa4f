use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display, Write};

/// Something that is said, with names: a tree. `Display` indents it for people, with control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Said {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Number(u64),
    /// A text.
    Text(String),
    /// Several, in order.
    List(Vec<Said>),
    /// Several, each with its name, in order.
    Map(Vec<(&'static str, Said)>),
}

impl Said {
    /// The same as JSON on one line (RFC 8259).
    pub fn json(&self) -> String {
        let mut out = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write_json(&mut out);
        out
    }

    pub(super) fn text(text: impl Display) -> Self {
        Said::Text(text.to_string())
    }

    fn write_json(&self, out: &mut String) -> fmt::Result {
        match self {
            Said::Bool(bool) => write!(out, "{bool}"),
            Said::Number(number) => write!(out, "{number}"),
            Said::Text(text) => write_string(out, text),
            Said::List(list) => {
                out.push('[');
                for (at, said) in list.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    said.write_json(out)?;
                }
                out.push(']');
                Ok(())
            }
            Said::Map(map) => {
                out.push('{');
                for (at, (name, said)) in map.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    write_string(out, name)?;
                    out.push(':');
                    said.write_json(out)?;
                }
                out.push('}');
                Ok(())
            }
        }
    }

    fn is_simple(&self) -> bool {
        !matches!(self, Said::List(_) | Said::Map(_))
    }

    fn write_indented(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let indent = depth * 2;
        match self {
            Said::Bool(bool) => writeln!(f, "{bool}"),
            Said::Number(number) => writeln!(f, "{number}"),
            Said::Text(text) => writeln!(f, "{}", Visible(text)),
            Said::List(list) => list.iter().try_for_each(|said| {
                write!(f, "{:indent$}- ", "")?;
                match said {
                    Said::Map(map) => write_map(f, map, depth + 1, true),
                    said => said.write_indented(f, depth + 1),
                }
            }),
            Said::Map(map) => write_map(f, map, depth, false),
        }
    }
}

/// `inline`: the first name stands where the pen is.
fn write_map(
    f: &mut fmt::Formatter<'_>,
    map: &[(&'static str, Said)],
    depth: usize,
    mut inline: bool,
) -> fmt::Result {
    for (name, said) in map {
        let indent = if inline { 0 } else { depth * 2 };
        inline = false;
        let name = Spaced(name);
        if said.is_simple() {
            write!(f, "{:indent$}{name}: ", "")?;
            said.write_indented(f, depth)?;
        } else {
            writeln!(f, "{:indent$}{name}:", "")?;
            said.write_indented(f, depth + 1)?;
        }
    }
    Ok(())
}

impl FromIterator<Said> for Said {
    fn from_iter<I: IntoIterator<Item = Said>>(list: I) -> Self {
        Said::List(list.into_iter().collect())
    }
}

impl Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_indented(f, 0)
    }
}

/// A name, with spaces for its underscores.
struct Spaced<'a>(&'a str);

impl Display for Spaced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .chars()
            .try_for_each(|c| f.write_char(if c == '_' { ' ' } else { c }))
    }
}

/// Text of a peer, with nothing in it that moves the cursor.
struct Visible<'a>(&'a str);

impl Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if c.is_control() {
                write!(f, "{}", c.escape_default())
            } else {
                f.write_char(c)
            }
        })
    }
}

fn write_string(out: &mut String, text: &str) -> fmt::Result {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            // RFC 8259 §7; all else that is a control character is escaped for the sake of terminals.
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.push(c),
        }
    }
    out.push('"');
    Ok(())
}
