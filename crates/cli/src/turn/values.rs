//! What options are made of. Each is read from the same text on the command line and in the file.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use ieum_server::turn::machine::{IpRange, User};
use serde::Deserialize;

/// A shared secret. It is never shown.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Secret(pub(crate) String);

/// A user and their password, which is never shown.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct StaticUser(pub(crate) User);

/// Ports from the first to the last.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct PortRange(pub(crate) RangeInclusive<u16>);

/// A public address, and the private one that it stands for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct ExternalIp {
    pub(crate) public: IpAddr,
    pub(crate) private: Option<IpAddr>,
}

/// Addresses with a common beginning.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Range(pub(crate) IpRange);

/// A time: `90s`, `10m`, `1h`, or seconds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "Written")]
pub(crate) struct Period(pub(crate) Duration);

/// A time in a file may be a bare number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.is_empty() {
            true => Err("a secret is not empty".to_owned()),
            false => Ok(Self(text.to_owned())),
        }
    }
}

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

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ports = text.split_once('-');
        let port = |text: &str| text.trim().parse().ok().filter(|port: &u16| *port > 0);
        match ports.and_then(|(low, high)| Some((port(low)?, port(high)?))) {
            Some((low, high)) if low <= high => Ok(Self(low..=high)),
            _ => Err(format!(
                "`{text}` is no range of ports, such as 49152-65535"
            )),
        }
    }
}

impl FromStr for ExternalIp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ip = |text: &str| {
            let wrong = |_| format!("`{text}` is no IP address");
            text.trim().parse::<IpAddr>().map_err(wrong)
        };
        let (public, private) = match text.split_once('/') {
            Some((public, private)) => (ip(public)?, Some(ip(private)?)),
            None => (ip(text)?, None),
        };
        match private {
            Some(private) if private.is_ipv4() != public.is_ipv4() => {
                Err(format!("`{text}` mixes IPv4 and IPv6"))
            }
            private => Ok(Self { public, private }),
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

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
            Some(at) => text.split_at(at),
            None => (text, "s"),
        };
        let seconds = match unit {
            "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3600),
            _ => None,
        };
        let count = number.parse::<u64>().ok();
        match count.and_then(|count| count.checked_mul(seconds?)) {
            Some(seconds) if seconds <= LONGEST => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(format!("`{text}` is no time, such as 90s, 10m or 1h")),
        }
    }
}

impl TryFrom<Written> for Period {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(seconds) => seconds.to_string().parse(),
            Written::Text(text) => text.parse(),
        }
    }
}

/// In a file, the same text as on the command line.
macro_rules! from_text {
    ($($kind:ty),*) => {
        $(impl TryFrom<String> for $kind {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        })*
    };
}

from_text!(Secret, StaticUser, PortRange, ExternalIp, Range);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl fmt::Debug for StaticUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaticUser({:?}, ..)", self.0.name)
    }
}

/// A year: what is longer is a mistake.
const LONGEST: u64 = 366 * 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |text: &str| text.parse::<Period>().map(|period| period.0.as_secs());
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("1h"), Ok(3600));
        for wrong in [
            "",
            "m",
            "1d",
            "-1",
            "1.5h",
            "99999999h",
            "18446744073709551615h",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mapping_is_of_one_family() {
        let mapping = |text: &str| text.parse::<ExternalIp>();
        assert_eq!(
            mapping("203.0.113.1/10.0.0.1"),
            Ok(ExternalIp {
                public: [203, 0, 113, 1].into(),
                private: Some([10, 0, 0, 1].into()),
            })
        );
        assert!(mapping("203.0.113.1").is_ok_and(|mapping| mapping.private.is_none()));
        assert!(mapping("203.0.113.1/fd00::1").is_err());
        assert!(mapping("here").is_err());
    }

    #[test]
    fn ports_are_a_range() {
        assert_eq!("1-2".parse(), Ok(PortRange(1..=2)));
        for wrong in ["2-1", "0-5", "5", "1-70000", "a-b"] {
            assert!(wrong.parse::<PortRange>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_secret_is_not_shown_even_where_it_is_wrong() {
        let user: StaticUser = "alice:hidden".parse().unwrap();
        let secret: Secret = "hidden".parse().unwrap();
        let refused = "hidden".parse::<StaticUser>().unwrap_err();
        for shown in [format!("{user:?}"), format!("{secret:?}"), refused] {
            assert!(!shown.contains("hidden"), "{shown}");
        }
    }
}
