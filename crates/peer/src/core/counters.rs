//! What was ignored, and why.

/// Why something of the peer was ignored. What the ICE agent ignores is counted there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Ignored {
    /// A datagram that is no protocol of ours.
    UnknownProtocol,
    /// RTP or RTCP: there is no media.
    Media,
    /// DTLS after DTLS ended, or more of it before the descriptions were exchanged than is kept.
    UnexpectedDtls,
    /// Data before the peer's certificate was checked.
    Unverified,
    /// A DTLS datagram without effect, once SCTP is up: replayed, forged or malformed, or a part of the handshake that came
    /// again.
    DtlsWithoutEffect,
    /// A channel establishment message that is malformed, or on a stream where none belongs.
    MalformedDcep,
    /// A message on a stream without a channel.
    UnknownStream,
    /// A message of a type that is not for data channels.
    UnknownPayload,
    /// A text that is not UTF-8.
    MalformedText,
    /// A message larger than we said that we take; its channel was closed.
    MessageTooLarge,
    /// A channel over the limit; it was closed.
    TooManyChannels,
    /// A candidate of an older ICE generation, or of a section that is not in use.
    StaleCandidate,
    /// A candidate of a transport or type that is not known.
    UnsupportedCandidate,
    /// A candidate with a name that is not one of multicast DNS (RFC 8839 §5.1: domain names are ignored).
    NamedCandidate,
    /// A candidate over the number that is kept until there is an answer.
    TooManyCandidates,
}

impl Ignored {
    /// All reasons, in order.
    pub const ALL: [Self; 15] = [
        Self::UnknownProtocol,
        Self::Media,
        Self::UnexpectedDtls,
        Self::Unverified,
        Self::DtlsWithoutEffect,
        Self::MalformedDcep,
        Self::UnknownStream,
        Self::UnknownPayload,
        Self::MalformedText,
        Self::MessageTooLarge,
        Self::TooManyChannels,
        Self::StaleCandidate,
        Self::UnsupportedCandidate,
        Self::NamedCandidate,
        Self::TooManyCandidates,
    ];
}

/// How often something was ignored, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    ignored: [u64; Ignored::ALL.len()],
}

impl Counters {
    /// How often, for this reason.
    #[must_use]
    pub fn ignored(&self, reason: Ignored) -> u64 {
        self.ignored[reason as usize]
    }

    /// All reasons for which anything was ignored, and how often.
    pub fn ignored_by_reason(&self) -> impl Iterator<Item = (Ignored, u64)> + '_ {
        Ignored::ALL
            .into_iter()
            .zip(self.ignored)
            .filter(|(_, count)| *count > 0)
    }

    pub(super) fn ignore(&mut self, reason: Ignored) {
        self.ignored[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_of_its_own() {
        for (index, reason) in Ignored::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
