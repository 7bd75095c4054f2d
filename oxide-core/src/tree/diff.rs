//! Differences of two tables: pages and segments that both have are not opened, and rows of re-cut segments that stayed equal
//! cancel out.

use std::cmp::Ordering;
use std::collections::{HashSet, VecDeque};

use rayon::prelude::*;

use super::build::window;
use super::page::{self, Page};
use super::{Entry, RowChange};
use crate::error::Result;
use crate::hash::Id;
use crate::segment::{self, Segment};
use crate::store::ReadObjects;

/// Rows that differ between two tables, in key order; equal segments are not opened.
pub fn diff(objects: &dyn ReadObjects, before: &Id, after: &Id) -> Result<Vec<RowChange>> {
    let mut changes = Vec::new();
    visit_diff(objects, before, after, &mut |change| {
        changes.push(change);
        Ok(())
    })?;
    Ok(changes)
}

/// [`diff`], one change at a time; a few segments are in memory at once.
pub fn visit_diff(
    objects: &dyn ReadObjects,
    before: &Id,
    after: &Id,
    visit: &mut dyn FnMut(RowChange) -> Result<()>,
) -> Result<()> {
    let (before, after) = unshared_segments(objects, before, after)?;
    let mut old = Rows::new(objects, before);
    let mut new = Rows::new(objects, after);
    loop {
        let order = match (old.head()?, new.head()?) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old_key, old_value)), Some((new_key, new_value))) => {
                let order = old_key.cmp(new_key);
                if order.is_eq() && old_value == new_value {
                    old.row += 1;
                    new.row += 1;
                    continue;
                }
                order
            }
        };
        let removed = if order.is_le() { old.take()? } else { None };
        let added = if order.is_ge() { new.take()? } else { None };
        let key = removed.as_ref().or(added.as_ref());
        visit(RowChange {
            key: key.map(|(key, _)| key.clone()).unwrap_or_default(),
            before: removed.map(|(_, value)| value),
            after: added.map(|(_, value)| value),
        })?;
    }
}

/// The segments that only the one and only the other table has. Whole subtrees that both have are skipped.
fn unshared_segments(
    objects: &dyn ReadObjects,
    before: &Id,
    after: &Id,
) -> Result<(Vec<Entry>, Vec<Entry>)> {
    if before == after {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut old = page::read(objects, before)?;
    let mut new = page::read(objects, after)?;
    loop {
        match old.level.cmp(&new.level) {
            Ordering::Less => descend(objects, &mut new)?,
            Ordering::Greater => descend(objects, &mut old)?,
            Ordering::Equal => {
                drop_shared(&mut old.entries, &mut new.entries);
                if old.level == 0 {
                    return Ok((old.entries, new.entries));
                }
                descend(objects, &mut old)?;
                descend(objects, &mut new)?;
            }
        }
    }
}

fn drop_shared(old: &mut Vec<Entry>, new: &mut Vec<Entry>) {
    let old_ids: HashSet<Id> = old.iter().map(|entry| entry.id).collect();
    let new_ids: HashSet<Id> = new.iter().map(|entry| entry.id).collect();
    old.retain(|entry| !new_ids.contains(&entry.id));
    new.retain(|entry| !old_ids.contains(&entry.id));
}

/// Replaces entries by those of the pages that they name.
fn descend(objects: &dyn ReadObjects, page: &mut Page) -> Result<()> {
    let mut below = Vec::new();
    for entry in &page.entries {
        below.extend(page::read_child(objects, page.level, &entry.id)?.entries);
    }
    page.entries = below;
    page.level -= 1;
    Ok(())
}

/// The rows of a list of segments, read a few segments ahead.
struct Rows<'a> {
    objects: &'a dyn ReadObjects,
    waiting: VecDeque<Entry>,
    loaded: VecDeque<Segment>,
    row: usize,
}

impl<'a> Rows<'a> {
    fn new(objects: &'a dyn ReadObjects, entries: Vec<Entry>) -> Rows<'a> {
        Rows {
            objects,
            waiting: entries.into(),
            loaded: VecDeque::new(),
            row: 0,
        }
    }

    /// The next row.
    fn head(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        while self.loaded.front().is_some_and(|s| self.row >= s.len()) {
            self.loaded.pop_front();
            self.row = 0;
        }
        if self.loaded.is_empty() && !self.waiting.is_empty() {
            let count = window().min(self.waiting.len());
            let next: Vec<Entry> = self.waiting.drain(..count).collect();
            self.loaded = next
                .par_iter()
                .map(|entry| segment::read(self.objects, &entry.id))
                .collect::<Result<Vec<_>>>()?
                .into();
            return self.head();
        }
        Ok(self.loaded.front().map(|segment| segment.row(self.row)))
    }

    /// The next row, which is then behind.
    fn take(&mut self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let row = self
            .head()?
            .map(|(key, value)| (key.to_vec(), value.to_vec()));
        self.row += 1;
        Ok(row)
    }
}
