//! Which rows of a segment of `files` are which items. `files` is sorted by path: without it, looking for an item means
//! looking through all of them. Segments never change, so an index of one holds for every version that has it.

use std::sync::{Arc, LazyLock};

use crate::error::{Error, Result};
use crate::files::{FileRow, ItemId};
use crate::hash::Id;
use crate::recent::Recent;
use crate::segment::{self, Segment};
use crate::store::ReadObjects;

/// Bytes of indexes that are kept, enough for eight million files.
const INDEX_BYTES: usize = 96 << 20;
const BYTES_OF_A_ROW: usize = 12;
/// Bytes of searched segments that are kept, enough for a million files or more.
const SEGMENT_BYTES: usize = 192 << 20;

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
            let (key, value) = segment.row(at);
            pairs.push((end_of(&FileRow::item_of(key, value)?), row));
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

static INDEXES: LazyLock<Recent<Id, ItemIndex>> =
    LazyLock::new(|| Recent::with_capacity(INDEX_BYTES));
static SEGMENTS: LazyLock<Recent<Id, Segment>> =
    LazyLock::new(|| Recent::with_capacity(SEGMENT_BYTES));

/// The index of a segment.
pub(super) fn index(objects: &dyn ReadObjects, id: &Id) -> Result<Arc<ItemIndex>> {
    if let Some(index) = INDEXES.get(id) {
        return Ok(index);
    }
    let segment = segment(objects, id)?;
    let index = Arc::new(ItemIndex::of(&segment)?);
    let bytes = index.rows.len() * BYTES_OF_A_ROW;
    INDEXES.put(id, index.clone(), bytes);
    Ok(index)
}

/// A segment that was searched: whoever looks at one page of items looks at the next one too.
pub(super) fn segment(objects: &dyn ReadObjects, id: &Id) -> Result<Arc<Segment>> {
    if let Some(segment) = SEGMENTS.get(id) {
        return Ok(segment);
    }
    let segment = Arc::new(segment::read(objects, id)?);
    let bytes = segment.bytes().len();
    SEGMENTS.put(id, segment.clone(), bytes);
    Ok(segment)
}
