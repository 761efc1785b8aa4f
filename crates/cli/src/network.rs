//! The flags that say which addresses and ports connections use.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::Args;
use ieum::peer::{AddressMapping, Interfaces, MappingMode};

#[derive(Debug, Args)]
pub(crate) struct Network {
    /// Address under which the world reaches this machine (a cloud's 1:1 NAT); PUBLIC/OWN where it has several
    #[arg(long, value_name = "PUBLIC")]
    external_ip: Vec<ExternalIp>,
    /// UDP ports of connections and relays, as in 50000-50100
    #[arg(long, value_name = "FIRST-LAST", value_parser = ports)]
    pub(crate) ports: Option<RangeInclusive<u16>>,
    /// Use this network interface only; `eth*` for all that begin so; may be repeated
    #[arg(long, value_name = "NAME")]
    interface: Vec<String>,
    /// Use no IPv6
    #[arg(long)]
    no_ipv6: bool,
}

impl Network {
    /// The world's address beside the own one: neighbours still find the latter.
    pub(crate) fn mappings(&self) -> Vec<AddressMapping> {
        let mapping = |ip: &ExternalIp| AddressMapping {
            internal: ip.own,
            external: ip.public,
            mode: MappingMode::AddReflexive,
        };
        self.external_ip.iter().map(mapping).collect()
    }

    pub(crate) fn interfaces(&self) -> Interfaces {
        Interfaces {
            include: self.interface.clone(),
            ipv6: !self.no_ipv6,
            ..Interfaces::default()
        }
    }
}

/// `PUBLIC` or `PUBLIC/OWN`.
#[derive(Clone, Debug)]
struct ExternalIp {
    public: IpAddr,
    own: Option<IpAddr>,
}

impl FromStr for ExternalIp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ip = |text: &str| {
            let parsed = text.parse::<IpAddr>();
            parsed.map_err(|_| format!("{text:?} is no IP address"))
        };
        let (public, own) = match text.split_once('/') {
            Some((public, own)) => (ip(public)?, Some(ip(own)?)),
            None => (ip(text)?, None),
        };
        if own.is_some_and(|own| own.is_ipv4() != public.is_ipv4()) {
            return Err("both addresses must be of one family".to_owned());
        }
        Ok(Self { public, own })
    }
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{text:?} is no port")),
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(text)?, port(text)?),
    };
    if first > last {
        return Err(format!("{first} is above {last}"));
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_a_range_or_one() {
        assert_eq!(ports("50000-50100"), Ok(50000..=50100));
        assert_eq!(ports("50000"), Ok(50000..=50000));
        for wrong in ["", "-", "0-5", "5-4", "1-65536", "a-b", "1-2-3"] {
            assert!(ports(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_external_address_may_name_the_own_one() {
        let both: ExternalIp = "203.0.113.1/10.0.0.2".parse().unwrap();
        assert_eq!(both.public.to_string(), "203.0.113.1");
        assert_eq!(both.own.unwrap().to_string(), "10.0.0.2");
        assert!("203.0.113.1".parse::<ExternalIp>().unwrap().own.is_none());
        for wrong in ["", "/", "203.0.113.1/", "203.0.113.1/::1", "here"] {
            assert!(wrong.parse::<ExternalIp>().is_err(), "{wrong:?}");
        }
    }
}
