//! Table objects that one process read or made lately, decoded: a verb asks for the same pages and segments several times.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::hash::Id;
use crate::pack::Kind;

/// Bytes kept at most: some ten segments of `files`.
const CAPACITY: usize = 32 << 20;

#[derive(Default)]
struct State {
    objects: HashMap<(Kind, Id), Arc<Vec<u8>>>,
    order: VecDeque<(Kind, Id)>,
    bytes: usize,
}

/// The objects, oldest out first.
#[derive(Default)]
pub(super) struct Recent {
    state: Mutex<State>,
}

impl Recent {
    /// The object, if it is kept.
    pub fn get(&self, kind: Kind, id: &Id) -> Option<Arc<Vec<u8>>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.objects.get(&(kind, *id)).cloned()
    }

    /// Keeps an object, unless it alone would push out most of the others.
    pub fn put(&self, kind: Kind, id: &Id, bytes: Arc<Vec<u8>>) {
        if bytes.len() > CAPACITY / 4 {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let length = bytes.len();
        if state.objects.insert((kind, *id), bytes).is_some() {
            return;
        }
        state.bytes += length;
        state.order.push_back((kind, *id));
        while state.bytes > CAPACITY {
            let Some(oldest) = state.order.pop_front() else {
                return;
            };
            let gone = state.objects.remove(&oldest);
            state.bytes -= gone.map_or(0, |object| object.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Context;

    #[test]
    fn the_oldest_objects_make_room() {
        let recent = Recent::default();
        let object = Arc::new(vec![7; CAPACITY / 8]);
        let ids: Vec<Id> = (0..10_u8).map(|n| Context::Segment.id(&[n])).collect();
        for id in &ids {
            recent.put(Kind::Segment, id, object.clone());
            recent.put(Kind::Segment, id, object.clone());
        }
        assert!(recent.get(Kind::Segment, &ids[1]).is_none());
        assert!(recent.get(Kind::Segment, &ids[2]).is_some());
        assert!(recent.get(Kind::Page, &ids[9]).is_none());
        recent.put(Kind::Segment, &ids[0], Arc::new(vec![0; CAPACITY]));
        assert!(recent.get(Kind::Segment, &ids[0]).is_none());
    }
}
