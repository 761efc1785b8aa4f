//! The arguments of an event, kept as they came.
//!
//! A relayed body passes through untouched. Text is never taken apart and written again: number spellings, the order
//! of fields and repeated fields stay. Only a body with binary attachments goes through a tree, because its
//! attachments must be numbered anew.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::{Deserialize, IgnoredAny};
use serde_json::value::RawValue;

use super::socket_io::fill;

/// An event: its name and its first two arguments. No event of ours has more, and further ones are not kept.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) first: Option<Body>,
    /// What [`Body::route`] gives for the first.
    pub(super) route: Option<Route>,
    pub(super) second: Option<Body>,
}

/// One argument.
#[derive(Debug)]
pub(super) enum Body {
    /// Its JSON text.
    Text(Box<str>),
    /// A tree with binary attachments in it.
    Binary(rmpv::Value),
}

/// Where a message says that it comes from and goes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) from: Name,
    pub(super) target: Name,
}

/// A name in a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(super) enum Name {
    /// The field is missing or null.
    #[default]
    Missing,
    /// The field holds something else than a string.
    NoText,
    /// The name.
    Text(String),
}

impl Body {
    /// A message of the server's own.
    pub(super) fn of<T: Serialize>(value: &T) -> Self {
        // The server's messages are strings and lists, which can always be written.
        let text = serde_json::value::to_raw_value(value);
        Self::from(text.unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// The message as JSON, for carriers that know nothing else: an attachment is a list of its bytes there.
    pub(super) fn json(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Binary(tree) => Cow::Owned(serde_json::to_string(tree).unwrap_or_default()),
        }
    }

    /// Its share of a queue's bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(tree) => tree_len(tree),
        }
    }

    /// The JSON value, where it is text of at most `limit` bytes.
    pub(super) fn small(&self, limit: usize) -> Option<serde_json::Value> {
        match self {
            // Six bytes of JSON (\u0041) may spell one byte of text.
            Self::Text(text) if text.len() <= 6 * limit + 2 => serde_json::from_str(text).ok(),
            _ => None,
        }
    }

    /// Reads `from` and `target`. `None`: an object that cannot be read, or that names one of them twice (readers
    /// differ on which one counts).
    pub(super) fn route(&self) -> Option<Route> {
        match self {
            Self::Text(text) if text.starts_with('{') => {
                serde_json::from_str(text).ok().map(Fields::route)
            }
            Self::Binary(rmpv::Value::Map(fields)) => binary_route(fields),
            _ => Some(Route::default()),
        }
    }
}

impl From<Box<RawValue>> for Body {
    fn from(raw: Box<RawValue>) -> Self {
        Self::Text(raw.into())
    }
}

impl<'a> Arguments<'a> {
    /// Reads `[name, first, second, ...]`, in one pass. `None`: it is no such list.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        let rest = blank(json).strip_prefix('[')?;
        let (EventName(name), _, mut rest) = value(rest)?;
        let mut event = Self {
            name,
            first: None,
            route: Some(Route::default()),
            second: None,
        };
        loop {
            rest = blank(rest);
            if let Some(end) = rest.strip_prefix(']') {
                return blank(end).is_empty().then_some(event);
            }
            rest = blank(rest.strip_prefix(',')?);
            let text;
            if event.first.is_none() {
                (event.route, text, rest) = routed(rest)?;
                event.first = Some(Body::Text(text.into()));
            } else {
                (_, text, rest) = value::<IgnoredAny>(rest)?;
                let second = || Body::Text(text.into());
                event.second.get_or_insert_with(second);
            }
        }
    }

    /// The same with placeholders in the first argument, and what they stand for. `None` also where it names what is not there.
    pub(super) fn with_attachments(
        json: &str,
        attachments: Vec<Vec<u8>>,
    ) -> Option<Arguments<'static>> {
        let mut event = Arguments::read(json)?;
        if let Some(Body::Text(first)) = &event.first {
            let mut tree = serde_json::from_str(first).ok()?;
            let mut attachments: Vec<_> = attachments.into_iter().map(Some).collect();
            if !fill(&mut tree, &mut attachments) {
                return None;
            }
            let body = Body::Binary(tree);
            event.route = body.route();
            event.first = Some(body);
        }
        Some(Arguments {
            name: Cow::Owned(event.name.into_owned()),
            ..event
        })
    }
}

/// Borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct EventName<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads the value that the text begins with: the value, its text, and what follows.
fn value<'a, T: Deserialize<'a>>(text: &'a str) -> Option<(T, &'a str, &'a str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    let value = values.next()?.ok()?;
    let (read, rest) = text.split_at_checked(values.byte_offset())?;
    Some((value, read, rest))
}

/// The same of a body, and its [`Body::route`].
fn routed(text: &str) -> Option<(Option<Route>, &str, &str)> {
    if text.starts_with('{')
        && let Some((fields, read, rest)) = value::<Fields<'_>>(text)
    {
        return Some((Some(fields.route()), read, rest));
    }
    let (IgnoredAny, read, rest) = value(text)?;
    let route = (!text.starts_with('{')).then(Route::default);
    Some((route, read, rest))
}

/// Without the white space of JSON before it.
fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

#[derive(serde::Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    from: Option<&'a RawValue>,
    #[serde(borrow, default)]
    target: Option<&'a RawValue>,
}

impl Fields<'_> {
    fn route(self) -> Route {
        let name = |field: Option<&RawValue>| match field.map(RawValue::get) {
            None => Name::Missing,
            Some(text) => serde_json::from_str(text).map_or(Name::NoText, Name::Text),
        };
        Route {
            from: name(self.from),
            target: name(self.target),
        }
    }
}

/// About as many bytes as a tree would take as text.
fn tree_len(tree: &rmpv::Value) -> usize {
    use rmpv::Value;
    match tree {
        Value::String(text) => text.as_bytes().len() + 2,
        Value::Binary(bytes) | Value::Ext(_, bytes) => bytes.len(),
        Value::Array(items) => items.iter().map(tree_len).sum::<usize>() + 2,
        Value::Map(fields) => {
            let fields = fields.iter();
            fields
                .map(|(key, value)| tree_len(key) + tree_len(value) + 2)
                .sum::<usize>()
                + 2
        }
        _ => 8,
    }
}

/// A message in the log that nodes share, where attachments stay what they are.
pub(super) mod log {
    use std::sync::Arc;

    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::value::RawValue;

    use super::Body;

    #[derive(Serialize, Deserialize)]
    struct Logged {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        json: Option<Box<RawValue>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tree: Option<String>,
    }

    pub(in super::super) fn serialize<S: Serializer>(
        body: &Arc<Body>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let logged = match body.as_ref() {
            Body::Text(text) => Logged {
                json: Some(serde_json::from_str(text).map_err(S::Error::custom)?),
                tree: None,
            },
            Body::Binary(tree) => {
                let mut bytes = Vec::new();
                // Writing to memory does not fail.
                let _ = rmpv::encode::write_value(&mut bytes, tree);
                Logged {
                    json: None,
                    tree: Some(BASE64_STANDARD.encode(bytes)),
                }
            }
        };
        logged.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Body>, D::Error> {
        let logged = Logged::deserialize(deserializer)?;
        if let Some(text) = logged.tree {
            let bytes = BASE64_STANDARD.decode(text).map_err(D::Error::custom)?;
            let tree = rmpv::decode::read_value(&mut bytes.as_slice()).map_err(D::Error::custom)?;
            return Ok(Arc::new(Body::Binary(tree)));
        }
        // `null` is a message too, and reads as none.
        let json = logged.json.unwrap_or_else(|| RawValue::NULL.to_owned());
        Ok(Arc::new(Body::from(json)))
    }
}

fn binary_route(fields: &[(rmpv::Value, rmpv::Value)]) -> Option<Route> {
    let name = |wanted: &str| {
        let mut found = fields
            .iter()
            .filter(|(key, _)| key.as_str() == Some(wanted))
            .map(|(_, value)| value);
        match (found.next(), found.next()) {
            (None | Some(rmpv::Value::Nil), None) => Some(Name::Missing),
            (Some(value), None) => Some(
                value
                    .as_str()
                    .map_or(Name::NoText, |text| Name::Text(text.to_owned())),
            ),
            (_, Some(_)) => None,
        }
    };
    Some(Route {
        from: name("from")?,
        target: name("target")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(event: &str) -> Option<Arguments<'_>> {
        Arguments::read(event)
    }

    fn route(body: &str) -> Option<Route> {
        let event = format!("[\"message\",{body}]");
        let event = read(&event).unwrap();
        assert_eq!(event.first.unwrap().route(), event.route);
        event.route
    }

    fn text(name: &str) -> Name {
        Name::Text(name.into())
    }

    #[test]
    fn a_body_keeps_every_byte() {
        let body = r#"{"z":1.50e2, "a":123456789012345678901234567890,"a":2,"from":"\u0061"}"#;
        let event = format!("[\"message\", {body} ,7,8,9]");
        let arguments = read(&event).unwrap();
        let Some(Body::Text(text)) = arguments.first else {
            panic!()
        };
        assert_eq!(&*text, body);
        assert!(matches!(arguments.second, Some(Body::Text(second)) if &*second == "7"));
    }

    #[test]
    fn the_route_is_read_whatever_the_spelling() {
        let read = route(r#"{"payload":{"from":"x"},"from":"\u0061lice","target":"bob"}"#).unwrap();
        assert_eq!(
            read,
            Route {
                from: text("alice"),
                target: text("bob")
            }
        );
    }

    #[test]
    fn a_missing_name_differs_from_one_that_is_no_text() {
        assert_eq!(route(r#"{"from":null}"#).unwrap(), Route::default());
        assert_eq!(
            route(r#"{"from":7,"target":{}}"#).unwrap(),
            Route {
                from: Name::NoText,
                target: Name::NoText
            }
        );
    }

    #[test]
    fn a_sender_named_twice_is_refused() {
        assert_eq!(route(r#"{"from":"a","from":"b"}"#), None);
        let twice = [("from", "a"), ("from", "b")].map(|(key, value)| (key.into(), value.into()));
        assert_eq!(binary_route(&twice), None);
    }

    #[test]
    fn what_is_no_object_has_no_route() {
        for body in ["\"text\"", "7", "null", "[\"from\"]"] {
            assert_eq!(route(body).unwrap(), Route::default());
        }
    }

    #[test]
    fn nesting_without_end_does_not_exhaust_the_stack() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        let event = format!("[\"message\",{deep}]");
        let arguments = read(&event).unwrap();
        assert!(arguments.first.unwrap().small(256).is_none());
    }

    #[test]
    fn an_event_without_arguments_has_none() {
        let arguments = read("[\"ready\"]").unwrap();
        assert!(arguments.first.is_none() && arguments.second.is_none());
        for none in [
            "{}",
            "[]",
            "[7]",
            "[null,1]",
            "",
            "[\"a\"",
            "[\"a\",]",
            "[\"a\" 1]",
            "[\"a\",1,]",
            "[\"a\",{]",
            "[\"a\",{\"from\":}]",
            "[\"a\"]]",
            "[\"a\"],",
            "[,\"a\"]",
            "[\"a\",01]",
            "[\"a\",\"\n\"]",
        ] {
            assert!(read(none).is_none(), "{none}");
        }
    }
}
