//! Whose message is next: weighted fair queueing (RFC 8831 §6.4, RFC 8260 §3.6), self-clocked.
//!
//! Every message is due when a queue of its own that got its share all the time would have sent it; the earliest goes first. A
//! queue that was empty has no claim to what it did not use, and none waits for ever: the clock of all goes on with what is sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Queues of `T`, one for each `K`.
#[derive(Debug)]
pub(crate) struct Fair<K, T> {
    /// Those where something waits.
    queues: BTreeMap<K, Queue<T>>,
    /// When the head of each is due.
    due: BTreeSet<(u64, K)>,
    clock: u64,
}

#[derive(Debug)]
struct Queue<T> {
    /// With what each costs, in time.
    waiting: VecDeque<(u64, T)>,
    /// When its head is due.
    due: u64,
}

impl<K, T> Default for Fair<K, T> {
    fn default() -> Self {
        Self {
            queues: BTreeMap::new(),
            due: BTreeSet::new(),
            clock: 0,
        }
    }
}

impl<K: Copy + Ord, T> Fair<K, T> {
    /// Queues an item of `len` bytes behind those of its key. A key of twice the weight sends twice the bytes.
    pub(crate) fn push(&mut self, key: K, weight: u16, len: usize, item: T) {
        let cost = (len as u64 + OVERHEAD) * SCALE / u64::from(weight.max(1));
        let queue = self.queues.entry(key).or_insert_with(|| {
            let due = self.clock + cost;
            self.due.insert((due, key));
            let waiting = VecDeque::new();
            Queue { waiting, due }
        });
        queue.waiting.push_back((cost, item));
    }

    /// The next.
    pub(crate) fn pop(&mut self) -> Option<(K, T)> {
        let (due, key) = self.due.pop_first()?;
        self.clock = due;
        let queue = self.queues.get_mut(&key)?;
        let (_, item) = queue.waiting.pop_front()?;
        match queue.waiting.front() {
            Some((cost, _)) => {
                queue.due = due + cost;
                self.due.insert((queue.due, key));
            }
            None => {
                self.queues.remove(&key);
            }
        }
        Some((key, item))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Whether something of this key waits.
    pub(crate) fn has(&self, key: K) -> bool {
        self.queues.contains_key(&key)
    }

    /// Takes out what waits of a key, in its order.
    pub(crate) fn remove(&mut self, key: K) -> impl Iterator<Item = T> + use<K, T> {
        let queue = self.queues.remove(&key);
        if let Some(queue) = &queue {
            self.due.remove(&(queue.due, key));
        }
        let waiting = queue.into_iter().flat_map(|queue| queue.waiting);
        waiting.map(|(_, item)| item)
    }
}

/// What a message costs besides its bytes: about a chunk's header.
const OVERHEAD: u64 = 16;
/// Keeps the shares of the largest weight whole numbers.
const SCALE: u64 = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_are_shared_by_weight_whatever_the_sizes_of_messages() {
        let mut fair = Fair::default();
        let kinds = [
            (0, 128, 16_384),
            (1, 256, 1000),
            (2, 512, 100),
            (3, 1024, 60_000),
        ];
        for (key, weight, len) in kinds {
            for _ in 0..40_000_000 / len {
                fair.push(key, weight, len, len);
            }
        }
        let mut sent = [0; 4];
        while sent.iter().sum::<usize>() < 30_000_000 {
            let (key, len) = fair.pop().unwrap();
            sent[key] += len + OVERHEAD as usize;
        }
        let unit = sent.iter().sum::<usize>() / (1 + 2 + 4 + 8);
        for (key, share) in [1, 2, 4, 8].into_iter().enumerate() {
            let off = sent[key].abs_diff(unit * share);
            assert!(off <= 2 * 60_016, "{sent:?}");
        }
    }

    #[test]
    fn who_was_silent_has_saved_nothing_up_and_is_not_late_either() {
        let mut fair = Fair::default();
        for n in 0..100 {
            fair.push('a', 256, 1000, n);
        }
        for _ in 0..50 {
            fair.pop();
        }
        for n in 0..50 {
            fair.push('b', 256, 1000, n);
        }
        let next: String = (0..6)
            .filter_map(|_| fair.pop())
            .map(|(key, _)| key)
            .collect();
        assert_eq!(next, "ababab");
    }

    #[test]
    fn a_short_message_of_a_higher_rank_goes_before_a_queue() {
        let mut fair = Fair::default();
        for _ in 0..100 {
            fair.push("bulk", 256, 16_384, ());
        }
        fair.pop();
        fair.push("urgent", 1024, 100, ());
        assert_eq!(fair.pop(), Some(("urgent", ())));
    }

    proptest! {
        #[test]
        fn each_key_keeps_its_order_and_nothing_is_lost(
            pushed in prop::collection::vec((0..5_u8, 0..4_usize, 0..70_000_usize, any::<bool>()), 0..200)
        ) {
            let mut fair = Fair::default();
            let (mut left, mut seen) = (pushed.len(), [None; 5]);
            let mut check = |(key, at): (u8, usize)| {
                assert!(seen[usize::from(key)] < Some(at));
                seen[usize::from(key)] = Some(at);
                left -= 1;
            };
            for (at, (key, weight, len, pops)) in pushed.into_iter().enumerate() {
                fair.push(key, 128 << weight, len, at);
                assert!(fair.has(key));
                if pops {
                    check(fair.pop().unwrap());
                }
            }
            while let Some(popped) = fair.pop() {
                check(popped);
            }
            assert!(fair.is_empty());
            assert_eq!(left, 0);
        }
    }
}
