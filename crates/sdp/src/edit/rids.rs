//! What is left of `a=rid` and `a=simulcast` when formats are gone: RFC 8851 §6.3.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::SectionMut;
use crate::Attribute;
use crate::session::Entry;
use crate::webrtc::{Alternative, Simulcast};

/// What becomes of an `a=rid`.
enum Outcome {
    Stays,
    Changes(String),
    /// It named no other format.
    Goes,
}

impl SectionMut<'_, '_> {
    /// Takes formats out of all `pt=`.
    pub(super) fn restrict_rids(&mut self, is_removed: impl Fn(&str) -> bool) {
        let mut gone = BTreeSet::new();
        for at in self.start..self.end {
            let Some(attribute) = self.attribute_at(at) else {
                continue;
            };
            match restricted(&attribute, &is_removed) {
                Outcome::Stays => {}
                Outcome::Changes(text) => self.replace(at, text),
                Outcome::Goes => {
                    gone.insert(name(&attribute).to_owned());
                }
            }
        }
        if gone.is_empty() {
            return;
        }
        self.remove_attributes(|it| it.name() == "rid" && gone.contains(name(it)));
        self.without_streams(&gone);
    }

    /// Takes streams out of `a=simulcast`, which goes where none is left (RFC 8853 §5.1). What cannot be read stays.
    fn without_streams(&mut self, gone: &BTreeSet<String>) {
        let mut empty = Vec::new();
        for at in self.start..self.end {
            let simulcast = self.attribute_at(at).filter(|it| it.name() == "simulcast");
            let Some(mut simulcast) = simulcast.and_then(|it| Simulcast::read(it.value()?)) else {
                continue;
            };
            let stays = |alternative: &Alternative<'_>| !gone.contains(alternative.rid.as_ref());
            let all =
                |it: &Simulcast<'_>| it.send.iter().chain(&it.recv).map(Vec::len).sum::<usize>();
            let before = all(&simulcast);
            for list in [&mut simulcast.send, &mut simulcast.recv] {
                list.iter_mut().for_each(|stream| stream.retain(stays));
                list.retain(|stream| !stream.is_empty());
            }
            match all(&simulcast) {
                0 => empty.push(at - self.start),
                after if after < before => {
                    let text = format!("a=simulcast:{simulcast}");
                    self.replace(at, text);
                }
                _ => {}
            }
        }
        let mut empty = empty.into_iter().peekable();
        self.remove_at(|at, _| empty.next_if_eq(&at).is_some());
    }

    fn attribute_at(&self, at: usize) -> Option<Attribute<'_>> {
        let entry: &Entry<'_> = self.session.entries.get(at)?;
        entry.line().attribute()
    }
}

/// `a=rid:<name> <direction> pt=<formats>;...` without some of the formats, all else as it stands.
fn restricted(attribute: &Attribute<'_>, is_removed: impl Fn(&str) -> bool) -> Outcome {
    let value = attribute.value().filter(|_| attribute.name() == "rid");
    // The name and the direction have neither a semicolon nor an equals sign (RFC 8851 §10).
    let Some((head, rest)) = value.and_then(|value| value.split_once("pt=")) else {
        return Outcome::Stays;
    };
    let is_parameter = head.ends_with([' ', ';']);
    let (list, rest) = rest.split_at(rest.find([';', ' ']).unwrap_or(rest.len()));
    let kept: Vec<&str> = list
        .split(',')
        .filter(|it| !is_removed(it.trim()))
        .collect();
    if !is_parameter || kept.len() == list.split(',').count() {
        Outcome::Stays
    } else if kept.is_empty() {
        Outcome::Goes
    } else {
        Outcome::Changes(format!("a=rid:{head}pt={}{rest}", kept.join(",")))
    }
}

/// The name of a rid.
fn name<'a>(attribute: &Attribute<'a>) -> &'a str {
    let value = attribute.value().unwrap_or_default();
    value.split_ascii_whitespace().next().unwrap_or_default()
}
