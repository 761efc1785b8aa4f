//! How many connections each address has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// The addresses that have connections; the task that accepts them owns it.
#[derive(Debug)]
pub(super) struct Addresses {
    /// 0: no limit.
    most: usize,
    /// Each connection holds one more of what stands here.
    taken: HashMap<IpAddr, Share>,
    /// How many there may be before those are looked for that have none any more.
    sweep: usize,
}

/// A connection's share of its address; it is free again when this is dropped.
pub(super) type Share = Arc<()>;

impl Addresses {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            taken: HashMap::new(),
            sweep: SWEEP,
        }
    }

    /// A share for one more connection; none where the address has as many as it may have.
    pub(super) fn take(&mut self, from: IpAddr) -> Option<Share> {
        if self.most == 0 {
            return Some(Share::default());
        }
        if self.taken.len() >= self.sweep {
            self.taken.retain(|_, share| Arc::strong_count(share) > 1);
            self.sweep = SWEEP.max(2 * self.taken.len());
        }
        let share = self.taken.entry(network(from)).or_default();
        (Arc::strong_count(share) <= self.most).then(|| Arc::clone(share))
    }
}

/// Who has one IPv6 address mostly has 64 bits of them (RFC 6177 section 2).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

const SWEEP: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let mut addresses = Addresses::new(2);
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let one = addresses.take(at("192.0.2.1")).unwrap();
        let _two = addresses.take(at("::ffff:192.0.2.1")).unwrap();
        assert!(addresses.take(at("192.0.2.1")).is_none());
        let _other = addresses.take(at("192.0.2.2")).unwrap();
        drop(one);
        assert!(addresses.take(at("192.0.2.1")).is_some());
        let _a = addresses.take(at("2001:db8::1")).unwrap();
        let _b = addresses.take(at("2001:db8::2:1")).unwrap();
        assert!(addresses.take(at("2001:db8::3")).is_none());
        assert!(addresses.take(at("2001:db8:0:1::3")).is_some());
    }

    #[test]
    fn addresses_that_have_gone_are_forgotten() {
        let mut addresses = Addresses::new(1);
        for n in 0..100_000u32 {
            assert!(addresses.take(IpAddr::V4(n.into())).is_some());
        }
        assert!(addresses.taken.len() <= SWEEP);
    }
}
