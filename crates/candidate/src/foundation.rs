use alloc::format;
use alloc::string::String;
use core::net::IpAddr;

use crate::{Kind, Transport};

/// The foundation of a candidate, RFC 8445 §5.1.1.3: equal for candidates of the same kind, base address, server and
/// transport, and (but for a collision of a 32-bit hash, which only delays a check) different for others.
///
/// `base_ip` is the IP address of the candidate's base, without its port; `server_ip` that of the STUN or TURN server,
/// for the kinds that have one. The result is 1 to 8 characters of `0-9a-f`, the same in every run.
///
/// It is a plain hash: whoever hides a base behind an mDNS name must not send a foundation made of it, for 2³² IPv4
/// addresses are tried in seconds.
pub fn foundation(
    kind: Kind,
    base_ip: IpAddr,
    server_ip: Option<IpAddr>,
    transport: Transport,
) -> String {
    let mut hash = Fnv::new();
    hash.write(kind.as_str().as_bytes());
    hash.write(transport.as_str().as_bytes());
    hash.write(
        transport
            .tcp_type()
            .map_or("", |tcp_type| tcp_type.as_str())
            .as_bytes(),
    );
    hash.write_ip(base_ip);
    if let Some(server_ip) = server_ip {
        hash.write_ip(server_ip);
    }
    format!("{:x}", hash.finish())
}

/// FNV-1a, 64 bits, folded to 32: no key, so that equal inputs give equal foundations everywhere.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn write_ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) => self.write(&ip.octets()),
            IpAddr::V6(ip) => self.write(&ip.octets()),
        }
    }

    const fn finish(&self) -> u32 {
        (self.0 ^ (self.0 >> 32)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TcpType;
    use alloc::collections::BTreeSet;

    #[test]
    fn each_of_the_four_ingredients_changes_it() {
        let a: IpAddr = [10, 0, 0, 1].into();
        let b: IpAddr = [10, 0, 0, 2].into();
        let all = [
            foundation(Kind::Host, a, None, Transport::Udp),
            foundation(Kind::Host, b, None, Transport::Udp),
            foundation(Kind::Host, a, None, Transport::Tcp(TcpType::Active)),
            foundation(Kind::Host, a, None, Transport::Tcp(TcpType::Passive)),
            foundation(Kind::ServerReflexive, a, Some(b), Transport::Udp),
            foundation(Kind::ServerReflexive, a, Some(a), Transport::Udp),
            foundation(Kind::Relayed, a, Some(b), Transport::Udp),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn it_never_changes_from_run_to_run() {
        assert_eq!(
            foundation(Kind::Host, [127, 0, 0, 1].into(), None, Transport::Udp),
            "80e3f9e5"
        );
    }
}
