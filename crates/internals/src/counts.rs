//! How many candidates of each kind.

use std::fmt;

use ieum_candidate::Kind;

/// A number for each kind of candidate. Displays as `2 host, 1 srflx`, or `none`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Host candidates.
    pub host: u32,
    /// Server reflexive candidates.
    pub srflx: u32,
    /// Peer reflexive candidates.
    pub prflx: u32,
    /// Relayed candidates.
    pub relay: u32,
}

impl Counts {
    /// The number for one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Host => self.host,
            Kind::ServerReflexive => self.srflx,
            Kind::PeerReflexive => self.prflx,
            Kind::Relayed => self.relay,
        }
    }

    /// Of all kinds together.
    #[must_use]
    pub fn total(&self) -> u32 {
        [self.host, self.srflx, self.prflx, self.relay]
            .into_iter()
            .fold(0, u32::saturating_add)
    }

    pub(crate) fn add(&mut self, kind: Kind) {
        let count = match kind {
            Kind::Host => &mut self.host,
            Kind::ServerReflexive => &mut self.srflx,
            Kind::PeerReflexive => &mut self.prflx,
            Kind::Relayed => &mut self.relay,
        };
        *count = count.saturating_add(1);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for kind in [
            Kind::Host,
            Kind::ServerReflexive,
            Kind::PeerReflexive,
            Kind::Relayed,
        ] {
            match self.of(kind) {
                0 => {}
                count => {
                    write!(f, "{separator}{count} {kind}")?;
                    separator = ", ";
                }
            }
        }
        if separator.is_empty() {
            f.write_str("none")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_were_not_found_are_not_shown() {
        let mut counts = Counts::default();
        assert_eq!(counts.to_string(), "none");
        counts.add(Kind::Host);
        counts.add(Kind::Host);
        counts.add(Kind::Relayed);
        assert_eq!(counts.to_string(), "2 host, 1 relay");
        assert_eq!(counts.total(), 3);
    }
}
