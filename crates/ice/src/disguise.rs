//! Owns how our host candidates are told to the peer: as they are, under an external address, or under a name.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ieum_candidate::{Candidate, Kind, OwnedAddress, Scope, TcpType, Transport, foundation, scope};

use crate::candidates::COMPONENT;
use crate::gathering::Base;
use crate::random::Random;

/// An address under which the world reaches this host, though no interface has it: a cloud's 1:1 NAT, a published
/// container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressMapping {
    /// The address of the interface; `None`: of every interface of the same family that is not public, nor loopback or
    /// link-local.
    pub internal: Option<IpAddr>,
    /// The address that the world knows. The port is the same.
    pub external: IpAddr,
    /// What becomes of the host candidate.
    pub mode: MappingMode,
}

/// What an [`AddressMapping`] makes of a host candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MappingMode {
    /// It is told with the external address instead: for a server that nobody reaches otherwise.
    ReplaceHost,
    /// A server reflexive candidate with the external address is told besides: for a host that has neighbours too.
    AddReflexive,
}

impl AddressMapping {
    fn applies_to(&self, base: IpAddr) -> bool {
        let hidden = matches!(
            scope(base),
            Scope::Private | Scope::UniqueLocal | Scope::Cgnat
        );
        self.external.is_ipv4() == base.is_ipv4()
            && self.internal.map_or(hidden, |internal| internal == base)
    }
}

/// The names of our addresses.
#[derive(Debug, Default)]
pub(crate) struct Disguise {
    /// 128 random bits for each address: its name, and what stands in its place in foundations. A foundation made of
    /// the address itself would give it away, for there are only 2³² of them.
    names: BTreeMap<IpAddr, u128>,
}

impl Disguise {
    /// The candidates to be told for a base, by the given mappings.
    pub(crate) fn mapped(mappings: &[AddressMapping], base: Base) -> Vec<Candidate> {
        let mut host = Candidate::host(base.address, base.transport, COMPONENT, base.preference);
        let mut reflexive = Vec::new();
        for mapping in mappings {
            if !mapping.applies_to(base.address.ip()) {
                continue;
            }
            match mapping.mode {
                MappingMode::ReplaceHost => host.address = mapping.external.into(),
                // A connection that we open is seen where it is seen.
                MappingMode::AddReflexive if base.transport == ACTIVE => {}
                MappingMode::AddReflexive => reflexive.push(Candidate::server_reflexive(
                    SocketAddr::new(mapping.external, base.address.port()),
                    base.address,
                    mapping.external,
                    base.transport,
                    COMPONENT,
                    base.preference,
                )),
            }
        }
        reflexive.insert(0, host);
        reflexive
    }

    /// Hides a host candidate behind a name, if it tells this address. Gives the name if it is a new one.
    pub(crate) fn hide_host(
        &mut self,
        random: &mut Random,
        candidate: &mut Candidate,
        ip: IpAddr,
    ) -> Option<String> {
        if candidate.address != OwnedAddress::Ip(ip) {
            return None;
        }
        let known = self.names.contains_key(&ip);
        let bits = *self.names.entry(ip).or_insert_with(|| random.uuid());
        let name = name(bits);
        candidate.address = OwnedAddress::Name(name.clone());
        candidate.foundation = foundation(Kind::Host, stand_in(bits), None, candidate.transport);
        (!known).then_some(name)
    }

    /// Takes the base out of a reflexive candidate, if it is hidden.
    pub(crate) fn hide_base(&self, candidate: &mut Candidate, base: IpAddr, server: IpAddr) {
        let Some(bits) = self.names.get(&base) else {
            return;
        };
        candidate.foundation = foundation(
            candidate.kind,
            stand_in(*bits),
            Some(server),
            candidate.transport,
        );
        candidate.related = Some(nowhere(base));
    }
}

/// Nowhere, in the same family.
pub(crate) fn nowhere(like: IpAddr) -> SocketAddr {
    match like {
        IpAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        IpAddr::V6(_) => ([0_u16; 8], 0).into(),
    }
}

/// draft-ietf-mmusic-mdns-ice-candidates §3.1.1: "a version 4 UUID as defined in RFC 4122, followed by .local".
fn name(bits: u128) -> String {
    let text = format!("{bits:032x}");
    let part = |range: std::ops::Range<usize>| &text[range];
    format!(
        "{}-{}-{}-{}-{}.local",
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32)
    )
}

fn stand_in(bits: u128) -> IpAddr {
    Ipv6Addr::from(bits).into()
}

const ACTIVE: Transport = Transport::Tcp(TcpType::Active);
