//! Events with attachments: bodies that are trees, because their attachments are numbered anew on the way out.

use std::cell::RefCell;

use rmpv::Value;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// An event of which some attachments have not come yet.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) ack: Option<u64>,
    json: String,
    attachments: Vec<Vec<u8>>,
    wanted: usize,
    bytes: usize,
}

/// More attachments, or longer ones, than a message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMuch;

impl Partial {
    /// An event that `wanted` attachments follow.
    pub(super) fn new(ack: Option<u64>, json: &str, wanted: usize) -> Result<Self, TooMuch> {
        if wanted > ATTACHMENTS {
            return Err(TooMuch);
        }
        Ok(Self {
            ack,
            json: json.to_owned(),
            attachments: Vec::new(),
            wanted,
            bytes: json.len(),
        })
    }

    /// Takes an attachment. True: it was the last one.
    pub(super) fn take(&mut self, attachment: &[u8], most_bytes: usize) -> Result<bool, TooMuch> {
        self.bytes += attachment.len();
        if self.bytes > most_bytes {
            return Err(TooMuch);
        }
        self.attachments.push(attachment.to_vec());
        Ok(self.attachments.len() >= self.wanted)
    }

    /// The event's JSON, and what its placeholders stand for.
    pub(super) fn into_parts(self) -> (String, Vec<Vec<u8>>) {
        (self.json, self.attachments)
    }
}

/// Puts attachments where a tree has placeholders for them. False: it names one that is not there, or one twice, by which few bytes
/// would become many.
pub(in crate::server) fn fill(tree: &mut Value, attachments: &mut [Option<Vec<u8>>]) -> bool {
    if let Some(number) = placeholder(tree) {
        let number = number.as_u64().and_then(|n| usize::try_from(n).ok());
        let named = number.and_then(|n| attachments.get_mut(n));
        let Some(bytes) = named.and_then(Option::take) else {
            return false;
        };
        *tree = Value::Binary(bytes);
        return true;
    }
    match tree {
        Value::Array(items) => items.iter_mut().all(|item| fill(item, attachments)),
        Value::Map(fields) => fields.iter_mut().all(|(_, value)| fill(value, attachments)),
        _ => true,
    }
}

/// `{ _placeholder: true, num }`
fn placeholder(tree: &Value) -> Option<&Value> {
    let Value::Map(fields) = tree else {
        return None;
    };
    let field = |name: &str| {
        let mut named = fields.iter().filter(|(key, _)| key.as_str() == Some(name));
        named.next().map(|(_, value)| value)
    };
    (field("_placeholder") == Some(&Value::Boolean(true)))
        .then(|| field("num"))
        .flatten()
}

/// A tree as JSON with placeholders, and the attachments in the order of their numbers.
pub(super) fn take_apart(tree: &Value) -> (String, Vec<&[u8]>) {
    let attachments = RefCell::default();
    let numbered = Numbered {
        tree,
        attachments: &attachments,
    };
    // A tree's keys are strings, as it was JSON: it can be written.
    let json = serde_json::to_string(&numbered).unwrap_or_else(|_| "null".to_owned());
    (json, attachments.into_inner())
}

struct Numbered<'a, 't> {
    tree: &'t Value,
    attachments: &'a RefCell<Vec<&'t [u8]>>,
}

impl Serialize for Numbered<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let attachments = self.attachments;
        match self.tree {
            Value::Binary(bytes) | Value::Ext(_, bytes) => {
                let number = attachments.borrow().len();
                attachments.borrow_mut().push(bytes);
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("_placeholder", &true)?;
                map.serialize_entry("num", &number)?;
                map.end()
            }
            Value::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for tree in items {
                    seq.serialize_element(&Numbered { tree, attachments })?;
                }
                seq.end()
            }
            Value::Map(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, tree) in fields {
                    map.serialize_entry(key, &Numbered { tree, attachments })?;
                }
                map.end()
            }
            plain => plain.serialize(serializer),
        }
    }
}

/// Attachments of one message.
const ATTACHMENTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn attachments_are_put_in_and_numbered_anew() {
        let mut body = tree(
            r#"{"z":[{"_placeholder":true,"num":1},1.5,-2,null],"a":{"_placeholder":true,"num":0},"b":"\u0000"}"#,
        );
        let mut attachments = [Some(vec![0, 255]), Some(vec![7])];
        assert!(fill(&mut body, &mut attachments));
        let (json, taken) = take_apart(&body);
        assert_eq!(
            json,
            r#"{"z":[{"_placeholder":true,"num":0},1.5,-2,null],"a":{"_placeholder":true,"num":1},"b":"\u0000"}"#
        );
        assert_eq!(taken, [[7].as_slice(), &[0, 255]]);
    }

    #[test]
    fn an_attachment_that_is_not_there_or_named_twice_is_refused() {
        for json in [
            r#"[{"_placeholder":true,"num":1}]"#,
            r#"[{"_placeholder":true,"num":-1}]"#,
            r#"[{"_placeholder":true,"num":"0"}]"#,
            r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#,
        ] {
            assert!(!fill(&mut tree(json), &mut [Some(vec![0])]), "{json}");
        }
        assert!(fill(
            &mut tree(r#"[{"_placeholder":false,"num":1}]"#),
            &mut []
        ));
    }

    #[test]
    fn attachments_are_bounded_in_number_and_bytes() {
        assert_eq!(Partial::new(None, "[]", 65).err(), Some(TooMuch));
        let mut partial = Partial::new(None, "[]", 2).unwrap();
        assert_eq!(partial.take(&[0; 50], 100), Ok(false));
        assert_eq!(partial.take(&[0; 50], 100), Err(TooMuch));
    }
}
