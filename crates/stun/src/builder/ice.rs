//! Attributes of ICE (RFC 8445 §7.1).

use super::MessageBuilder;
use crate::attribute::AttributeType;

impl MessageBuilder<'_> {
    /// PRIORITY (RFC 8445 §7.1.1).
    pub fn priority(&mut self, priority: u32) -> &mut Self {
        self.raw(AttributeType::PRIORITY, &priority.to_be_bytes())
    }

    /// USE-CANDIDATE (RFC 8445 §7.1.2).
    pub fn use_candidate(&mut self) -> &mut Self {
        self.raw(AttributeType::USE_CANDIDATE, &[])
    }

    /// ICE-CONTROLLING with the tie-breaker (RFC 8445 §7.1.3).
    pub fn ice_controlling(&mut self, tie_breaker: u64) -> &mut Self {
        self.raw(AttributeType::ICE_CONTROLLING, &tie_breaker.to_be_bytes())
    }

    /// ICE-CONTROLLED with the tie-breaker (RFC 8445 §7.1.3).
    pub fn ice_controlled(&mut self, tie_breaker: u64) -> &mut Self {
        self.raw(AttributeType::ICE_CONTROLLED, &tie_breaker.to_be_bytes())
    }
}
