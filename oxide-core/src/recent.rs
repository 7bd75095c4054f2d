//! What a process found lately, up to so many bytes: the oldest makes room.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

struct State<K, V> {
    found: HashMap<K, (Arc<V>, usize)>,
    order: VecDeque<K>,
    bytes: usize,
}

/// Values by key. What alone takes more than a quarter of the room is not kept: it would push out most of the others.
pub(crate) struct Recent<K, V> {
    capacity: usize,
    state: Mutex<State<K, V>>,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// Room for so many bytes.
    pub fn with_capacity(capacity: usize) -> Recent<K, V> {
        Recent {
            capacity,
            state: Mutex::new(State {
                found: HashMap::new(),
                order: VecDeque::new(),
                bytes: 0,
            }),
        }
    }

    /// The value, if it is kept.
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        self.lock().found.get(key).map(|(value, _)| value.clone())
    }

    /// Keeps a value of so many bytes; of one that is kept already nothing changes.
    pub fn put(&self, key: &K, value: Arc<V>, bytes: usize) {
        if bytes > self.capacity / 4 {
            return;
        }
        let mut state = self.lock();
        if state.found.contains_key(key) {
            return;
        }
        state.found.insert(key.clone(), (value, bytes));
        state.order.push_back(key.clone());
        state.bytes += bytes;
        while state.bytes > self.capacity {
            let Some(oldest) = state.order.pop_front() else {
                return;
            };
            let gone = state.found.remove(&oldest);
            state.bytes -= gone.map_or(0, |(_, bytes)| bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room() {
        let recent = Recent::with_capacity(100);
        for number in 0..9 {
            recent.put(&number, Arc::new(number), 20);
            recent.put(&number, Arc::new(number), 20);
        }
        let left: Vec<i32> = (0..9)
            .filter_map(|key| recent.get(&key))
            .map(|number| *number)
            .collect();
        assert_eq!(left, [4, 5, 6, 7, 8]);
        recent.put(&0, Arc::new(0), 26);
        assert!(recent.get(&0).is_none());
    }
}
