//! Values that are written alike on the command line and in a file.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A length of time: `500ms`, `30s`, `5m`, `1h`; a bare number is seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Period(pub(crate) Duration);

/// Text that is not to be shown.
#[derive(Clone, Eq, PartialEq, Deserialize)]
pub(crate) struct Secret(pub(crate) String);

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit_ms: u64 = match unit {
            "ms" => 1,
            "" | "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(WRONG_PERIOD.into()),
        };
        let number: u64 = number.parse().map_err(|_| WRONG_PERIOD.to_owned())?;
        let ms = number.checked_mul(unit_ms).filter(|ms| *ms < YEAR_MS);
        let ms = ms.ok_or_else(|| WRONG_PERIOD.to_owned())?;
        Ok(Self(Duration::from_millis(ms)))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Seconds(u64),
            Text(String),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Seconds(seconds)) => seconds.to_string().parse(),
            Ok(Written::Text(text)) => text.parse(),
            Err(_) => Err(WRONG_PERIOD.to_owned()),
        }
        .map_err(de::Error::custom)
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("...")
    }
}

const WRONG_PERIOD: &str = "a time is a number with ms, s, m or h, such as 30s";

const YEAR_MS: u64 = 366 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_in_seconds() {
        let ms = |text: &str| text.parse::<Period>().map(|period| period.0.as_millis());
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("30"), Ok(30_000));
        assert_eq!(ms("30s"), Ok(30_000));
        assert_eq!(ms("5m"), Ok(300_000));
        assert_eq!(ms("1h"), Ok(3_600_000));
        for wrong in [
            "",
            "s",
            "1d",
            "-1s",
            "1.5s",
            "99999999999999999999",
            "9999999h",
        ] {
            assert!(ms(wrong).is_err(), "{wrong}");
        }
    }
}
