//! Segments: sorted runs of canonical rows, stored whole (zstd) or as a row delta; identity is the rows' hash either way.

use crate::error::Result;
use crate::hash::Id;
use crate::rows::EncodedRow;
use crate::store::{ReadObjects, WriteObjects};

/// Longest chain of deltas under a whole segment.
pub const MAXIMUM_CHAIN: usize = 8;

/// A segment in memory: its canonical bytes and where each row begins.
#[derive(Clone)]
pub struct Segment {
    bytes: Vec<u8>,
    rows: Vec<u32>,
}

impl Segment {
    /// From rows in strictly ascending key order.
    pub fn from_rows<'a>(rows: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Segment {
        let _ = rows;
        todo!()
    }

    /// Parses canonical bytes; damaged bytes are an error, never a panic.
    pub fn parse(bytes: Vec<u8>) -> Result<Segment> {
        todo!("{}", bytes.len())
    }

    /// The id of these rows.
    pub fn id(&self) -> Id {
        todo!("{}", self.bytes.len())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Key and value of row `index`.
    pub fn row(&self, index: usize) -> (&[u8], &[u8]) {
        todo!("{index}")
    }

    /// All rows in key order.
    pub fn rows(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.len()).map(|index| self.row(index))
    }

    /// Position of a key, or where it would stand.
    pub fn search(&self, key: &[u8]) -> std::result::Result<usize, usize> {
        todo!("{key:?}")
    }
}

/// One change of a delta: the row's new value, or its removal.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// Reads a segment, resolving deltas, and checks that the rows hash to `id`.
pub fn read(objects: &dyn ReadObjects, id: &Id) -> Result<Segment> {
    todo!(
        "{id:?} {}",
        objects.contains(crate::pack::Kind::Segment, id)?
    )
}

/// Stores a segment: as a delta to `base` by `changes` where that is allowed and smaller, else whole.
pub fn write(
    objects: &dyn WriteObjects,
    segment: &Segment,
    base: Option<(&Id, &[Change])>,
) -> Result<Id> {
    let _ = (objects, segment, base);
    todo!()
}

/// Rows as owned pairs: a convenience for tests and small tables.
pub fn collect(segment: &Segment) -> Vec<EncodedRow> {
    segment
        .rows()
        .map(|(key, value)| EncodedRow {
            key: key.to_vec(),
            value: value.to_vec(),
        })
        .collect()
}
