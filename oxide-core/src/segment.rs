//! Segments: sorted runs of canonical rows, stored whole (zstd) or as a row delta; identity is the rows' hash either way.

mod delta;

use std::sync::Arc;

use crate::counters;
use crate::error::{Error, Result};
use crate::hash::{Context, Id};
use crate::pack::Kind;
use crate::rows::EncodedRow;
use crate::store::{ReadObjects, WriteObjects};
use crate::varint::{self, Reader};

/// Longest chain of deltas under a whole segment.
pub const MAXIMUM_CHAIN: usize = 8;

/// One change of a delta: the row's new value, or its removal.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// A segment in memory: its canonical bytes and where each row begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    bytes: Arc<Vec<u8>>,
    rows: Vec<u32>,
}

impl Segment {
    /// From rows in strictly ascending key order.
    pub fn from_rows<'a>(rows: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Result<Segment> {
        let mut segment = Segment::default();
        for (key, value) in rows {
            segment.push(key, value)?;
        }
        Ok(segment)
    }

    /// Adds a row behind the last one.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if self.last_key().is_some_and(|last| last >= key) {
            return Err(Error::integrity("rows of a segment do not ascend by key"));
        }
        self.append(key, value)
    }

    fn append(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let start = u32::try_from(self.bytes.len())
            .map_err(|_| Error::integrity("a segment is over 4 GiB"))?;
        self.rows.push(start);
        let bytes = Arc::make_mut(&mut self.bytes);
        varint::write_bytes(bytes, key);
        varint::write_bytes(bytes, value);
        Ok(())
    }

    /// Parses canonical bytes; damaged bytes are an error, never a panic.
    pub fn parse(bytes: impl Into<Arc<Vec<u8>>>) -> Result<Segment> {
        let bytes = bytes.into();
        let mut rows = Vec::new();
        let mut reader = Reader::new("a segment", &bytes);
        let mut last: Option<&[u8]> = None;
        while !reader.is_empty() {
            let start = u32::try_from(reader.position());
            rows.push(start.map_err(|_| reader.damaged("it is over 4 GiB"))?);
            let key = reader.bytes()?;
            reader.bytes()?;
            if last.is_some_and(|last| last >= key) {
                return Err(reader.damaged("keys do not ascend"));
            }
            last = Some(key);
        }
        Ok(Segment { bytes, rows })
    }

    /// The id of these rows.
    pub fn id(&self) -> Id {
        Context::Segment.id(&self.bytes)
    }

    /// The canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
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
        let bytes = &self.bytes[self.rows[index] as usize..];
        let (key, bytes) = split_bytes(bytes);
        let (value, _) = split_bytes(bytes);
        (key, value)
    }

    /// Key of row `index`.
    pub fn key(&self, index: usize) -> &[u8] {
        split_bytes(&self.bytes[self.rows[index] as usize..]).0
    }

    /// Key of the last row.
    pub fn last_key(&self) -> Option<&[u8]> {
        let last = self.len().checked_sub(1)?;
        Some(self.key(last))
    }

    /// All rows in key order.
    pub fn rows(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.len()).map(|index| self.row(index))
    }

    /// Position of a key, or where it would stand.
    pub fn search(&self, key: &[u8]) -> std::result::Result<usize, usize> {
        self.rows
            .binary_search_by(|start| split_bytes(&self.bytes[*start as usize..]).0.cmp(key))
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.search(key).ok().map(|index| self.row(index).1)
    }

    /// Adds rows `from..to` of `other`, whose keys stand behind all of this one's.
    pub fn extend(&mut self, other: &Segment, from: usize, to: usize) -> Result<()> {
        if from == to {
            return Ok(());
        }
        let start = other.start(from);
        let end = other.start(to);
        let shift = self.bytes.len();
        if shift + (end - start) > u32::MAX as usize {
            return Err(Error::integrity("a segment is over 4 GiB"));
        }
        Arc::make_mut(&mut self.bytes).extend_from_slice(&other.bytes[start..end]);
        let moved = |row: &u32| (*row as usize - start + shift) as u32;
        self.rows.extend(other.rows[from..to].iter().map(moved));
        Ok(())
    }

    /// Where row `index` begins, or the end of all rows.
    fn start(&self, index: usize) -> usize {
        self.rows
            .get(index)
            .map_or(self.bytes.len(), |start| *start as usize)
    }

    /// These rows with `changes`, in ascending key order, applied.
    pub fn apply(&self, changes: &[Change]) -> Result<Segment> {
        let mut result = Segment::default();
        let mut done = 0;
        for (key, value) in changes {
            let (position, found) = match self.search(key) {
                Ok(position) => (position, true),
                Err(position) => (position, false),
            };
            if position < done {
                return Err(Error::integrity(
                    "changes to a segment do not ascend by key",
                ));
            }
            result.extend(self, done, position)?;
            if let Some(value) = value {
                result.push(key, value)?;
            }
            done = position + usize::from(found);
        }
        result.extend(self, done, self.len())?;
        Ok(result)
    }
}

/// Splits validated bytes after one length and its bytes.
fn split_bytes(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut length = 0;
    let mut position = 0;
    loop {
        let byte = bytes[position];
        length |= usize::from(byte & 0x7f) << (7 * position);
        position += 1;
        if byte & 0x80 == 0 {
            return bytes[position..].split_at(length);
        }
    }
}

/// Reads a segment, resolving deltas, and checks that the rows hash to `id`.
pub fn read(objects: &dyn ReadObjects, id: &Id) -> Result<Segment> {
    if let Some(bytes) = objects.recall(Kind::Segment, id) {
        return Segment::parse(bytes);
    }
    let damaged = |error: Error| Error::integrity(format!("segment {id}: {}", error.message));
    let mut changes = Vec::new();
    let mut at = *id;
    // Writers keep chains at eight; the limit only stops a circle made of damaged records.
    for _ in 0..=delta::MAXIMUM_STEP {
        if objects.contains(Kind::Segment, &at)? {
            counters::TABLE_OBJECTS_READ.add(1);
            let whole = Segment::parse(objects.read(Kind::Segment, &at)?).map_err(damaged)?;
            let segment = if changes.is_empty() {
                whole
            } else {
                whole.apply(&changes).map_err(damaged)?
            };
            if segment.id() != *id {
                return Err(Error::integrity(format!(
                    "segment {id} is damaged: its rows have another hash"
                )));
            }
            objects.remember(Kind::Segment, id, segment.bytes.clone());
            return Ok(segment);
        }
        let delta = delta::read(objects, &at).map_err(damaged)?;
        changes = delta::compose(delta.changes, changes);
        at = delta.base;
    }
    Err(Error::integrity(format!(
        "segment {id} is damaged: its chain of deltas has no end"
    )))
}

/// The records that [`read`] needs for a segment, in the order of reading: deltas and the whole one at the end.
pub fn chain(objects: &dyn ReadObjects, id: &Id) -> Result<Vec<(Kind, Id)>> {
    let mut records = Vec::new();
    let mut at = *id;
    for _ in 0..=delta::MAXIMUM_STEP {
        if objects.contains(Kind::Segment, &at)? {
            records.push((Kind::Segment, at));
            return Ok(records);
        }
        records.push((Kind::SegmentDelta, at));
        at = delta::read(objects, &at)?.base;
    }
    Err(Error::integrity(format!(
        "segment {id} is damaged: its chain of deltas has no end"
    )))
}

/// The whole segment that one rests on, and all changes to that together; `None` when it is stored whole itself. Whoever
/// uses the changes without [`read`] relies on the checksums of their records.
pub fn origin(objects: &dyn ReadObjects, id: &Id) -> Result<Option<(Id, Vec<Change>)>> {
    let mut changes = Vec::new();
    let mut at = *id;
    for _ in 0..=delta::MAXIMUM_STEP {
        let Some(delta) = delta::read_delta(objects, &at)? else {
            return Ok((at != *id).then_some((at, changes)));
        };
        changes = delta::compose(delta.changes, changes);
        at = delta.base;
    }
    Err(Error::integrity(format!(
        "segment {id} is damaged: its chain of deltas has no end"
    )))
}

/// How a segment is stored: `None` for whole, else the segment that it changes and the changes.
pub fn stored_delta(objects: &dyn ReadObjects, id: &Id) -> Result<Option<(Id, Vec<Change>)>> {
    let delta = delta::read_delta(objects, id)?;
    Ok(delta.map(|delta| (delta.base, delta.changes)))
}

/// Stores a segment: as a delta to `base` by `changes` where that is allowed and smaller, else whole.
pub fn write(
    objects: &dyn WriteObjects,
    segment: &Segment,
    base: Option<(&Id, &[Change])>,
) -> Result<Id> {
    let id = segment.id();
    // A record that is there already stays: a second one could close a circle of deltas.
    if keeps_chain(objects, &id)? {
        return Ok(id);
    }
    // Beside a record that is about to go, or a delta whose base has gone, only the whole segment is safe: a delta could rest on itself through it.
    let going =
        objects.contains(Kind::Segment, &id)? || objects.contains(Kind::SegmentDelta, &id)?;
    let base = base.filter(|_| !going);
    if let Some((base, changes)) = base {
        let limit = segment.bytes.len() / 4;
        if let Some(bytes) = delta::encode_onto(objects, base, changes, limit)? {
            objects.remember(Kind::Segment, &id, segment.bytes.clone());
            if objects.write(Kind::SegmentDelta, &id, &bytes)? {
                counters::DELTAS_WRITTEN.add(1);
            }
            return Ok(id);
        }
    }
    objects.remember(Kind::Segment, &id, segment.bytes.clone());
    if objects.write(Kind::Segment, &id, &segment.bytes)? {
        counters::SEGMENTS_WRITTEN.add(1);
    }
    Ok(id)
}

/// Whether a segment is stored and can be relied on, with all that its deltas rest on. The collector takes a base that
/// nothing reaches, while a delta that nothing reaches either may stay in a pack that is not worth rewriting.
fn keeps_chain(objects: &dyn WriteObjects, id: &Id) -> Result<bool> {
    let mut at = *id;
    for _ in 0..=delta::MAXIMUM_STEP {
        if objects.keeps(Kind::Segment, &at)? {
            return Ok(true);
        }
        if !objects.keeps(Kind::SegmentDelta, &at)? {
            return Ok(false);
        }
        at = delta::read(objects, &at)?.base;
    }
    Ok(false)
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

#[cfg(test)]
mod tests;
