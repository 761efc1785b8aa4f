//! What happens to packets on their way.

use std::time::Duration;

/// What happens to packets from one node to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// One way.
    pub delay: Duration,
    /// The share of packets that are lost, 0.0 to 1.0.
    pub loss: f64,
}

/// A link, and all else that can go wrong on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wire {
    /// Delay and loss.
    pub link: Link,
    /// At most so much is added to the delay, each time something else. Packets stay in order.
    pub jitter: Duration,
    /// The share of packets that are held back for another [`Link::delay`] or so, while later ones pass.
    pub reordering: f64,
    /// The share of packets that arrive twice.
    pub duplication: f64,
    /// Packets with a longer payload, in bytes, are dropped.
    pub mtu: usize,
}

impl Wire {
    /// Two links in a row.
    pub(crate) fn then(self, next: Wire) -> Wire {
        // One of several independent misfortunes.
        let either = |a: f64, b: f64| 1.0 - (1.0 - a) * (1.0 - b);
        Wire {
            link: Link {
                delay: self.link.delay + next.link.delay,
                loss: either(self.link.loss, next.link.loss),
            },
            jitter: self.jitter + next.jitter,
            reordering: either(self.reordering, next.reordering),
            duplication: either(self.duplication, next.duplication),
            mtu: self.mtu.min(next.mtu),
        }
    }
}

impl From<Link> for Wire {
    fn from(link: Link) -> Self {
        Wire {
            link,
            jitter: Duration::ZERO,
            reordering: 0.0,
            duplication: 0.0,
            mtu: usize::MAX,
        }
    }
}
