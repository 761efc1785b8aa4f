//! Values that are written alike on the command line and in a configuration file.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// Text that is never shown.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct Secret(pub(crate) String);

/// Ports from the first to the last, or one.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct PortRange(pub(crate) RangeInclusive<u16>);

/// A public address, and where it is said, the private one that it stands for: `PUBLIC` or `PUBLIC/OWN`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct ExternalIp {
    pub(crate) public: IpAddr,
    pub(crate) private: Option<IpAddr>,
}

/// A length of time: `500ms`, `30s`, `5m`, `1h`; a bare number is seconds.
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

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| text.trim().parse().ok().filter(|port: &u16| *port > 0);
        match (port(low), port(high)) {
            (Some(low), Some(high)) if low <= high => Ok(Self(low..=high)),
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

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
            Some(at) => text.split_at(at),
            None => (text, "s"),
        };
        let unit: Option<u64> = match unit {
            "ms" => Some(1),
            "s" => Some(1000),
            "m" => Some(60_000),
            "h" => Some(3_600_000),
            _ => None,
        };
        let count = number.parse::<u64>().ok();
        match count.and_then(|count| count.checked_mul(unit?)) {
            Some(ms) if ms <= LONGEST_MS => Ok(Self(Duration::from_millis(ms))),
            _ => Err(format!(
                "`{text}` is no time, such as 500ms, 90s, 10m or 1h"
            )),
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

pub(crate) use from_text;

from_text!(Secret, PortRange, ExternalIp);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A year: what is longer is a mistake.
const LONGEST_MS: u64 = 366 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let ms = |text: &str| text.parse::<Period>().map(|period| period.0.as_millis());
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("90"), Ok(90_000));
        assert_eq!(ms("90s"), Ok(90_000));
        assert_eq!(ms("10m"), Ok(600_000));
        assert_eq!(ms("1h"), Ok(3_600_000));
        for wrong in [
            "",
            "m",
            "1d",
            "-1",
            "1.5h",
            "99999999h",
            "18446744073709551615h",
        ] {
            assert!(ms(wrong).is_err(), "{wrong}");
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
    fn ports_are_a_range_or_one() {
        assert_eq!("1-2".parse(), Ok(PortRange(1..=2)));
        assert_eq!("5".parse(), Ok(PortRange(5..=5)));
        for wrong in ["", "-", "2-1", "0-5", "1-70000", "a-b", "1-2-3"] {
            assert!(wrong.parse::<PortRange>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret: Secret = "hidden".parse().unwrap();
        assert!(!format!("{secret:?}").contains("hidden"));
        assert!("".parse::<Secret>().is_err());
    }
}
