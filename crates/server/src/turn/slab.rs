//! Things by a small number, which is used again.

/// Things by a small number.
#[derive(Debug)]
pub(super) struct Slab<T> {
    slots: Vec<Option<T>>,
    vacant: Vec<usize>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    /// The number that the next thing gets.
    pub(super) fn next(&self) -> usize {
        self.vacant.last().copied().unwrap_or(self.slots.len())
    }

    pub(super) fn insert(&mut self, thing: T) -> usize {
        match self.vacant.pop() {
            Some(index) => {
                self.slots[index] = Some(thing);
                index
            }
            None => {
                self.slots.push(Some(thing));
                self.slots.len() - 1
            }
        }
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.slots.get_mut(index)?.as_mut()
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.slots.get(index)?.as_ref()
    }

    pub(super) fn remove(&mut self, index: usize) -> Option<T> {
        let thing = self.slots.get_mut(index)?.take()?;
        self.vacant.push(index);
        Some(thing)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }
}
