//! Building a table from rows in key order.

use rayon::prelude::*;

use super::cut::Cutter;
use super::{page, Entry};
use crate::error::{Error, ErrorCode, Result};
use crate::hash::Id;
use crate::schema::Schema;
use crate::segment::{self, Change, Segment};
use crate::store::WriteObjects;

/// Root of the empty table; stores its page.
pub fn empty(objects: &dyn WriteObjects) -> Result<Id> {
    page::write_levels(objects, Vec::new())
}

/// Builds a table from rows in strictly ascending key order.
pub fn build(
    objects: &dyn WriteObjects,
    schema: &Schema,
    rows: &mut dyn Iterator<Item = (Vec<u8>, Vec<u8>)>,
) -> Result<Id> {
    let mut writer = Writer::new(objects);
    let mut cutter = Cutter::new(0, schema.target_rows);
    let mut open = Segment::default();
    let mut last_key: Vec<u8> = Vec::new();
    for (number, (key, value)) in rows.enumerate() {
        if number > 0 && last_key >= key {
            return Err(Error::new(
                ErrorCode::Invalid,
                format!("row {number} of table '{}' is out of order", schema.name),
            ));
        }
        open.push(&key, &value)?;
        if cutter.push(&key) {
            writer.add(std::mem::take(&mut open), None)?;
        }
        last_key = key;
    }
    if !open.is_empty() {
        writer.add(open, None)?;
    }
    page::write_levels(objects, writer.finish()?)
}

/// Stores segments in parallel, a few at a time so that memory stays bounded, and lists them in order.
pub(super) struct Writer<'a> {
    objects: &'a dyn WriteObjects,
    parts: Vec<Part>,
    new_parts: usize,
    done: Vec<Entry>,
}

enum Part {
    /// Segments that are stored already.
    Stored(Vec<Entry>),
    /// A segment to store, and the one that it changes.
    New(Segment, Option<(Id, Vec<Change>)>),
}

impl<'a> Writer<'a> {
    pub fn new(objects: &'a dyn WriteObjects) -> Writer<'a> {
        Writer {
            objects,
            parts: Vec::new(),
            new_parts: 0,
            done: Vec::new(),
        }
    }

    /// Takes the next segment, which is not empty, with the id of and the changes to the one it came from.
    pub fn add(&mut self, segment: Segment, base: Option<(Id, Vec<Change>)>) -> Result<()> {
        self.parts.push(Part::New(segment, base));
        self.new_parts += 1;
        if self.new_parts >= window() {
            self.store()?;
        }
        Ok(())
    }

    /// Takes segments that are stored already.
    pub fn keep(&mut self, entries: &[Entry]) {
        self.parts.push(Part::Stored(entries.to_vec()));
    }

    /// All segments in the order in which they came.
    pub fn finish(mut self) -> Result<Vec<Entry>> {
        self.store()?;
        Ok(self.done)
    }

    fn store(&mut self) -> Result<()> {
        let objects = self.objects;
        self.new_parts = 0;
        let parts: Vec<Vec<Entry>> = std::mem::take(&mut self.parts)
            .into_par_iter()
            .map(|part| match part {
                Part::Stored(entries) => Ok(entries),
                Part::New(segment, base) => store_segment(objects, segment, base),
            })
            .collect::<Result<_>>()?;
        self.done.extend(parts.into_iter().flatten());
        Ok(())
    }
}

fn store_segment(
    objects: &dyn WriteObjects,
    segment: Segment,
    base: Option<(Id, Vec<Change>)>,
) -> Result<Vec<Entry>> {
    let base = base.as_ref().map(|(id, changes)| (id, &changes[..]));
    Ok(vec![Entry {
        last_key: segment.last_key().unwrap_or_default().to_vec(),
        rows: segment.len() as u64,
        id: segment::write(objects, &segment, base)?,
    }])
}

/// How many segments are in memory at once.
pub(super) fn window() -> usize {
    2 * rayon::current_num_threads()
}
