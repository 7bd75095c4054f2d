//! Editing a table: only the segments that hold a changed key are read, and cutting goes on behind one of them no further
//! than to the next place where old and new boundaries meet.

use std::collections::BTreeMap;
use std::iter::Peekable;

use rayon::prelude::*;

use super::build::{build, window, Writer};
use super::cut::Cutter;
use super::{page, read, Entry};
use crate::error::{Error, ErrorCode, Result};
use crate::hash::Id;
use crate::schema::Schema;
use crate::segment::{self, Change, Segment};
use crate::store::{ReadObjects, WriteObjects};

/// Changes of one segment that are in memory at once; of more than these the rows go on one by one.
const CHANGES: usize = 16_384;

/// Applies changes (any order; the last one of a key counts) and returns the new root.
pub fn edit(
    objects: &dyn WriteObjects,
    schema: &Schema,
    root: &Id,
    changes: Vec<Change>,
) -> Result<Id> {
    let changes = last_of_each_key(changes);
    edit_sorted(objects, schema, root, &mut changes.into_iter())
}

/// [`edit`] with changes in strictly ascending key order, of which a few segments' worth are in memory at once.
pub fn edit_sorted(
    objects: &dyn WriteObjects,
    schema: &Schema,
    root: &Id,
    changes: &mut dyn Iterator<Item = Change>,
) -> Result<Id> {
    let mut changes = changes.peekable();
    if changes.peek().is_none() {
        return Ok(*root);
    }
    let old = read::entries(objects, root)?;
    if old.is_empty() {
        let mut rows = changes.filter_map(|(key, value)| Some((key, value?)));
        return build(objects, schema, &mut rows);
    }
    let mut editor = Editor {
        objects,
        schema,
        incoming: Incoming {
            changes,
            old: &old,
            index: 0,
            last: None,
        },
        loaded: BTreeMap::new(),
        large: None,
        old: &old,
    };
    let mut writer = Writer::new(objects);
    let mut taken = 0;
    while editor.load_window()? {
        while let Some(first) = editor.first() {
            writer.keep(&old[taken..first]);
            taken = editor.recut(first, &mut writer)?;
        }
    }
    if taken == 0 {
        return Ok(*root);
    }
    writer.keep(&old[taken..]);
    page::write_levels(objects, writer.finish()?)
}

fn last_of_each_key(mut changes: Vec<Change>) -> Vec<Change> {
    // Stable, so the last change of a key is the last of its run; swapping keeps it in `kept`.
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    changes.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
    changes
}

/// The changes as they come, by the segment that holds their keys; what is behind the last key belongs to the last segment.
struct Incoming<'a, 'c> {
    changes: Peekable<&'c mut (dyn Iterator<Item = Change> + 'c)>,
    old: &'a [Entry],
    index: usize,
    last: Option<Vec<u8>>,
}

impl Incoming<'_, '_> {
    /// The segment that the next change belongs to.
    fn segment(&mut self) -> Option<usize> {
        let (key, _) = self.changes.peek()?;
        let before = |entry: &Entry| entry.last_key < *key;
        self.index += self.old[self.index..].partition_point(before);
        self.index = self.index.min(self.old.len() - 1);
        Some(self.index)
    }

    /// The next change, if it belongs to segment `index`.
    fn next(&mut self, index: usize) -> Result<Option<Change>> {
        if self.segment() != Some(index) {
            return Ok(None);
        }
        let change = self.changes.next();
        if let Some((key, _)) = &change {
            if self.last.as_ref().is_some_and(|last| last >= key) {
                let message = "changes to a table do not ascend by key";
                return Err(Error::new(ErrorCode::Invalid, message));
            }
            self.last = Some(key.clone());
        }
        Ok(change)
    }

    /// The next changes of segment `index`, at most [`CHANGES`].
    fn some(&mut self, index: usize) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        while changes.len() < CHANGES {
            match self.next(index)? {
                Some(change) => changes.push(change),
                None => break,
            }
        }
        Ok(changes)
    }
}

/// An old segment with its changes applied; the changes are those that do change something.
struct Edited {
    changes: Vec<Change>,
    rows: Segment,
}

struct Editor<'a, 'c> {
    objects: &'a dyn WriteObjects,
    schema: &'a Schema,
    old: &'a [Entry],
    incoming: Incoming<'a, 'c>,
    loaded: BTreeMap<usize, Edited>,
    /// A segment with many changes, behind all that are loaded, and the first of its changes.
    large: Option<(usize, Vec<Change>)>,
}

impl Editor<'_, '_> {
    /// Applies the changes of the next few touched segments in parallel. `false` when none is left.
    fn load_window(&mut self) -> Result<bool> {
        let mut window_changes = Vec::new();
        while window_changes.len() < window() && self.large.is_none() {
            let Some(index) = self.incoming.segment() else {
                break;
            };
            let changes = self.incoming.some(index)?;
            if changes.len() == CHANGES {
                self.large = Some((index, changes));
            } else {
                window_changes.push((index, changes));
            }
        }
        let (objects, old) = (self.objects, self.old);
        let any = !window_changes.is_empty() || self.large.is_some();
        let edited: Vec<(usize, Edited)> = window_changes
            .into_par_iter()
            .map(|(index, changes)| Ok((index, apply(objects, &old[index], changes)?)))
            .collect::<Result<_>>()?;
        let changed = edited.into_iter().filter(|(_, e)| !e.changes.is_empty());
        self.loaded.extend(changed);
        Ok(any)
    }

    /// The next old segment to be cut anew.
    fn first(&self) -> Option<usize> {
        let loaded = self.loaded.keys().next().copied();
        loaded.or(self.large.as_ref().map(|(index, _)| *index))
    }

    /// Cuts the rows of segment `first` anew, and those of its followers until a cut falls on an old boundary. Returns the
    /// first old segment that stays.
    fn recut(&mut self, first: usize, writer: &mut Writer) -> Result<usize> {
        let mut pieces = Pieces {
            cutter: Cutter::new(0, self.schema.target_rows),
            open: Segment::default(),
            held: None,
            count: 0,
            writer,
        };
        let mut base = None;
        let mut next = first;
        while next == first || !pieces.open.is_empty() && next < self.old.len() {
            if let Some(Edited { changes, rows }) = self.edited(next, &mut pieces)? {
                pieces.extend(&rows)?;
                base.get_or_insert((self.old[next].id, changes));
            }
            next += 1;
        }
        pieces.finish(base.filter(|_| next == first + 1))?;
        Ok(next)
    }

    /// An old segment with its own changes, which are then done; `None` when they were so many that its rows went straight
    /// to `pieces`.
    fn edited(&mut self, index: usize, pieces: &mut Pieces) -> Result<Option<Edited>> {
        if let Some(edited) = self.loaded.remove(&index) {
            return Ok(Some(edited));
        }
        let changes = match self.large.take_if(|(large, _)| *large == index) {
            Some((_, changes)) => changes,
            None => self.incoming.some(index)?,
        };
        if changes.len() == CHANGES {
            self.stream(index, changes, pieces)?;
            return Ok(None);
        }
        apply(self.objects, &self.old[index], changes).map(Some)
    }

    /// Cuts an old segment with its many changes, row by row.
    fn stream(&mut self, index: usize, changes: Vec<Change>, pieces: &mut Pieces) -> Result<()> {
        let before = segment::read(self.objects, &self.old[index].id)?;
        let mut done = 0;
        let mut changes = changes.into_iter();
        loop {
            let change = match changes.next() {
                None => self.incoming.next(index)?,
                some => some,
            };
            let Some((key, value)) = change else {
                break;
            };
            let (position, found) = match before.search(&key) {
                Ok(position) => (position, true),
                Err(position) => (position, false),
            };
            for row in done..position {
                let (key, value) = before.row(row);
                pieces.push(key, value)?;
            }
            if let Some(value) = value {
                pieces.push(&key, &value)?;
            }
            done = position + usize::from(found);
        }
        for row in done..before.len() {
            let (key, value) = before.row(row);
            pieces.push(key, value)?;
        }
        Ok(())
    }
}

/// Rows being cut into segments. One finished segment is held back: if it stays the only one, it is a delta to the old one.
struct Pieces<'a, 'b> {
    cutter: Cutter,
    open: Segment,
    held: Option<Segment>,
    count: usize,
    writer: &'a mut Writer<'b>,
}

impl Pieces<'_, '_> {
    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.open.push(key, value)?;
        if self.cutter.push(key) {
            self.close()?;
        }
        Ok(())
    }

    fn extend(&mut self, rows: &Segment) -> Result<()> {
        let mut start = 0;
        for index in 0..rows.len() {
            if self.cutter.push(rows.key(index)) {
                self.open.extend(rows, start, index + 1)?;
                self.close()?;
                start = index + 1;
            }
        }
        self.open.extend(rows, start, rows.len())
    }

    fn close(&mut self) -> Result<()> {
        self.count += 1;
        let done = std::mem::take(&mut self.open);
        match self.held.replace(done) {
            Some(earlier) => self.writer.add(earlier, None),
            None => Ok(()),
        }
    }

    fn finish(mut self, base: Option<(Id, Vec<Change>)>) -> Result<()> {
        if !self.open.is_empty() {
            self.close()?;
        }
        match self.held {
            Some(last) => self.writer.add(last, base.filter(|_| self.count == 1)),
            None => Ok(()),
        }
    }
}

fn apply(objects: &dyn ReadObjects, entry: &Entry, mut changes: Vec<Change>) -> Result<Edited> {
    let before = segment::read(objects, &entry.id)?;
    changes.retain(|(key, value)| before.get(key) != value.as_deref());
    let rows = if changes.is_empty() {
        before
    } else {
        before.apply(&changes)?
    };
    Ok(Edited { changes, rows })
}
