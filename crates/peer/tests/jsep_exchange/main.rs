//! Random operations on two negotiators, with glare and rollback: they always come to rest, and agree.

mod exchange;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn two_negotiators_always_agree(operations in proptest::collection::vec(any::<u8>(), 0..200)) {
        exchange::run(&operations);
    }
}
