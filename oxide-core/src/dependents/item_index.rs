//! Which rows of a segment of `files` are which items. `files` is sorted by path: without it, looking for an item means
//! looking through all of them. Segments never change, so an index of one holds for every version that has it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::files::ItemId;
use crate::hash::Id;
use crate::rows;
use crate::segment::Segment;

/// Rows that are kept indexed at most, of 12 bytes each.
const CAPACITY: usize = 8 << 20;

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

#[derive(Default)]
struct Kept {
    indexes: HashMap<Id, Arc<ItemIndex>>,
    order: VecDeque<Id>,
    rows: usize,
}

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// The index of a segment, if this process made it lately.
pub(super) fn recall(segment: &Id) -> Option<Arc<ItemIndex>> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.indexes.get(segment).cloned()
}

/// Keeps the index of a segment; the oldest make room.
pub(super) fn remember(segment: &Id, index: Arc<ItemIndex>) {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.rows += index.rows.len();
    if let Some(same) = kept.indexes.insert(*segment, index) {
        kept.rows -= same.rows.len();
        return;
    }
    kept.order.push_back(*segment);
    while kept.rows > CAPACITY && kept.order.len() > 1 {
        let Some(gone) = kept
            .order
            .pop_front()
            .and_then(|oldest| kept.indexes.remove(&oldest))
        else {
            return;
        };
        kept.rows -= gone.rows.len();
    }
}
