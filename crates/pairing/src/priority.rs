use crate::Role;

/// The priority of a pair, RFC 8445 §6.1.2.3: both sides compute the same one, so that both check in the same order.
///
/// `local` and `remote` are the priorities of the candidates; `role` is the local side's.
pub const fn pair_priority(role: Role, local: u32, remote: u32) -> u64 {
    // G is the priority of the controlling side's candidate, D that of the controlled side's.
    let (g, d) = match role {
        Role::Controlling => (local, remote),
        Role::Controlled => (remote, local),
    };
    let (low, high) = if g < d { (g, d) } else { (d, g) };
    // 2^32 * MIN(G,D) + 2 * MAX(G,D) + (G > D ? 1 : 0). Candidates have 31 bits (§5.1.2); a peer may say otherwise.
    ((low as u64) << 32).saturating_add(2 * (high as u64) + (g > d) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_compute_the_same() {
        let (a, b) = (2_130_706_431, 1_694_498_815);
        assert_eq!(
            pair_priority(Role::Controlling, a, b),
            pair_priority(Role::Controlled, b, a)
        );
        assert_eq!(
            pair_priority(Role::Controlling, a, b),
            (u64::from(b) << 32) + 2 * u64::from(a) + 1
        );
        assert_eq!(
            pair_priority(Role::Controlled, a, b),
            (u64::from(b) << 32) + 2 * u64::from(a)
        );
    }

    #[test]
    fn a_peer_that_exceeds_the_range_does_no_harm() {
        assert_eq!(
            pair_priority(Role::Controlling, u32::MAX, u32::MAX),
            u64::MAX
        );
    }
}
