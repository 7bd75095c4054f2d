//! Which rows of a segment of `files` are which items. `files` is sorted by path: without it, looking for an item means
//! looking through all of them. Segments never change, so an index of one holds for every version that has it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::files::ItemId;
use crate::hash::Id;
use crate::rows;
use crate::segment::{self, Segment};
use crate::store::ReadObjects;

/// Bytes of indexes that are kept, enough for eight million files.
const INDEX_BYTES: usize = 96 << 20;
const BYTES_OF_A_ROW: usize = 12;
/// Bytes of searched segments that are kept, enough for a million files or more.
const SEGMENT_BYTES: usize = 192 << 20;

/// Field of `files` that holds the item.
const ITEM_FIELD: u32 = 4;

/// The rows of one segment by their items.
#[derive(Debug, Default)]
pub(super) struct ItemIndex {
    /// The ends of the items' ids in ascending order. They begin with a time that many have in common.
    ends: Vec<u64>,
    /// The row of each.
    rows: Vec<u32>,
}

impl ItemIndex {
    /// Looks through a segment.
    pub fn of(segment: &Segment) -> Result<ItemIndex> {
        let mut pairs = Vec::with_capacity(segment.len());
        for at in 0..segment.len() {
            let row =
                u32::try_from(at).map_err(|_| Error::integrity("a segment has too many rows"))?;
            pairs.push((end_of(&item_of(segment.row(at).1)?), row));
        }
        pairs.sort_unstable();
        let (ends, rows) = pairs.into_iter().unzip();
        Ok(ItemIndex { ends, rows })
    }

    /// The rows that an item may be: few, and all that it is.
    pub fn candidates(&self, item: &ItemId) -> &[u32] {
        let end = end_of(item);
        let first = self.ends.partition_point(|each| *each < end);
        let count = self.ends[first..].partition_point(|each| *each == end);
        &self.rows[first..first + count]
    }
}

fn end_of(item: &ItemId) -> u64 {
    u64::from_be_bytes(*item.0.last_chunk().expect("an id has 12 bytes"))
}

/// The item of a row of `files`.
fn item_of(value: &[u8]) -> Result<ItemId> {
    for cell in rows::cells(value) {
        let cell = cell?;
        if cell.field == ITEM_FIELD {
            if let Some(item) = cell.bytes.last_chunk() {
                return Ok(ItemId(*item));
            }
        }
    }
    Err(Error::integrity("a row of files has no item"))
}

/// What was found of segments lately, up to so many bytes; the oldest makes room.
struct Kept<T> {
    capacity: usize,
    found: HashMap<Id, (Arc<T>, usize)>,
    order: VecDeque<Id>,
    bytes: usize,
}

impl<T> Kept<T> {
    fn up_to(capacity: usize) -> Mutex<Kept<T>> {
        Mutex::new(Kept {
            capacity,
            found: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
        })
    }

    fn get(&self, segment: &Id) -> Option<Arc<T>> {
        self.found.get(segment).map(|(value, _)| value.clone())
    }

    fn put(&mut self, segment: &Id, value: Arc<T>, bytes: usize) {
        self.bytes += bytes;
        if let Some((_, same)) = self.found.insert(*segment, (value, bytes)) {
            self.bytes -= same;
            return;
        }
        self.order.push_back(*segment);
        while self.bytes > self.capacity {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.bytes -= self.found.remove(&oldest).map_or(0, |(_, bytes)| bytes);
        }
    }
}

static INDEXES: LazyLock<Mutex<Kept<ItemIndex>>> = LazyLock::new(|| Kept::up_to(INDEX_BYTES));
static SEGMENTS: LazyLock<Mutex<Kept<Segment>>> = LazyLock::new(|| Kept::up_to(SEGMENT_BYTES));

/// The index of a segment.
pub(super) fn index(objects: &dyn ReadObjects, id: &Id) -> Result<Arc<ItemIndex>> {
    if let Some(index) = lock(&INDEXES).get(id) {
        return Ok(index);
    }
    let segment = segment(objects, id)?;
    let index = Arc::new(ItemIndex::of(&segment)?);
    let bytes = index.rows.len() * BYTES_OF_A_ROW;
    lock(&INDEXES).put(id, index.clone(), bytes);
    Ok(index)
}

/// A segment that was searched: whoever looks at one page of items looks at the next one too.
pub(super) fn segment(objects: &dyn ReadObjects, id: &Id) -> Result<Arc<Segment>> {
    if let Some(segment) = lock(&SEGMENTS).get(id) {
        return Ok(segment);
    }
    let segment = Arc::new(segment::read(objects, id)?);
    let bytes = segment.bytes().len();
    lock(&SEGMENTS).put(id, segment.clone(), bytes);
    Ok(segment)
}

fn lock<T>(kept: &Mutex<Kept<T>>) -> MutexGuard<'_, Kept<T>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Context;

    #[test]
    fn the_oldest_make_room() {
        let kept = Kept::up_to(100);
        let mut kept = lock(&kept);
        let ids: Vec<Id> = (0..9_u8).map(|n| Context::Segment.id(&[n])).collect();
        for (number, id) in ids.iter().enumerate() {
            kept.put(id, Arc::new(number), 30);
            kept.put(id, Arc::new(number), 20);
        }
        let left: Vec<usize> = ids
            .iter()
            .filter_map(|id| kept.get(id))
            .map(|number| *number)
            .collect();
        assert_eq!(left, [5, 6, 7, 8]);
        kept.put(&ids[0], Arc::new(0), 101);
        assert!(ids.iter().all(|id| kept.get(id).is_none()));
    }
}
