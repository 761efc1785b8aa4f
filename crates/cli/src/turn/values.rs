//! What only options of `ieum turn` are made of.

use std::fmt;
use std::str::FromStr;

use ieum_server::turn::machine::{IpRange, User};
use serde::Deserialize;

use crate::values::from_text;

/// A user and their password, which is never shown.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct StaticUser(pub(crate) User);

/// Addresses with a common beginning.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Range(pub(crate) IpRange);

impl FromStr for StaticUser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((name, password)) if !name.is_empty() && !password.is_empty() => Ok(Self(User {
                name: name.to_owned(),
                password: password.to_owned(),
            })),
            // Without the text: it may be a password.
            _ => Err("expected NAME:PASSWORD".to_owned()),
        }
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|error| format!("`{text}`: {error}"))
    }
}

from_text!(StaticUser, Range);

impl fmt::Debug for StaticUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaticUser({:?}, ..)", self.0.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown_even_where_it_is_wrong() {
        let user: StaticUser = "alice:hidden".parse().unwrap();
        let refused = "hidden".parse::<StaticUser>().unwrap_err();
        for shown in [format!("{user:?}"), refused] {
            assert!(!shown.contains("hidden"), "{shown}");
        }
    }
}
