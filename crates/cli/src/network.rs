//! The flags that say which addresses and ports connections use.

use std::ops::RangeInclusive;

use clap::Args;
use ieum::peer::{AddressMapping, Interfaces, MappingMode};

use crate::values::{ExternalIp, PortRange};

#[derive(Debug, Args)]
pub(crate) struct Network {
    /// Address under which the world reaches this machine (a cloud's 1:1 NAT); PUBLIC/OWN where it has several
    #[arg(long, value_name = "PUBLIC")]
    external_ip: Vec<ExternalIp>,
    /// UDP ports of connections and relays, as in 50000-50100
    #[arg(long, value_name = "FIRST-LAST")]
    ports: Option<PortRange>,
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
            internal: ip.private,
            external: ip.public,
            mode: MappingMode::AddReflexive,
        };
        self.external_ip.iter().map(mapping).collect()
    }

    pub(crate) fn ports(&self) -> Option<RangeInclusive<u16>> {
        self.ports.as_ref().map(|ports| ports.0.clone())
    }

    pub(crate) fn interfaces(&self) -> Interfaces {
        Interfaces {
            include: self.interface.clone(),
            ipv6: !self.no_ipv6,
            ..Interfaces::default()
        }
    }
}
