//! Attributes of ICE (RFC 8445 §7.1).

use super::Message;
use crate::attribute::AttributeType;

impl Message<'_> {
    /// PRIORITY of a check (RFC 8445 §7.1.1).
    pub fn priority(&self) -> Option<u32> {
        self.array(AttributeType::PRIORITY).map(u32::from_be_bytes)
    }

    /// Whether USE-CANDIDATE is there: the pair is nominated (RFC 8445 §7.1.2).
    pub fn use_candidate(&self) -> bool {
        self.attribute(AttributeType::USE_CANDIDATE).is_some()
    }

    /// ICE-CONTROLLING: the tie-breaker of a controlling agent (RFC 8445 §7.1.3).
    pub fn ice_controlling(&self) -> Option<u64> {
        self.array(AttributeType::ICE_CONTROLLING)
            .map(u64::from_be_bytes)
    }

    /// ICE-CONTROLLED: the tie-breaker of a controlled agent (RFC 8445 §7.1.3).
    pub fn ice_controlled(&self) -> Option<u64> {
        self.array(AttributeType::ICE_CONTROLLED)
            .map(u64::from_be_bytes)
    }
}
