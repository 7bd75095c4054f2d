//! Editing a table: only the segments that hold a changed key are read, and cutting goes on behind one of them no further
//! than to the next place where old and new boundaries meet.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::build::{build, window, Writer};
use super::cut::Cutter;
use super::{page, read, Entry};
use crate::error::Result;
use crate::hash::Id;
use crate::schema::Schema;
use crate::segment::{self, Change, Segment};
use crate::store::{ReadObjects, WriteObjects};

/// Applies changes (any order; the last one of a key counts) and returns the new root.
pub fn edit(
    objects: &dyn WriteObjects,
    schema: &Schema,
    root: &Id,
    changes: Vec<Change>,
) -> Result<Id> {
    let changes = last_of_each_key(changes);
    if changes.is_empty() {
        return Ok(*root);
    }
    let old = read::entries(objects, root)?;
    if old.is_empty() {
        let mut rows = changes
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        return build(objects, schema, &mut rows);
    }
    let mut editor = Editor {
        objects,
        schema,
        touched: by_segment(&old, changes),
        loaded: BTreeMap::new(),
        old: &old,
    };
    let mut writer = Writer::new(objects);
    let mut taken = 0;
    while editor.load_window()? {
        while let Some((first, edited)) = editor.loaded.pop_first() {
            writer.keep(&old[taken..first]);
            taken = editor.recut(first, edited, &mut writer)?;
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

/// Changes by the index of the segment that holds their keys; what is behind the last key belongs to the last segment.
fn by_segment(old: &[Entry], changes: Vec<Change>) -> BTreeMap<usize, Vec<Change>> {
    let mut touched: BTreeMap<usize, Vec<Change>> = BTreeMap::new();
    let mut index = 0;
    for change in changes {
        index += old[index..].partition_point(|entry| entry.last_key < change.0);
        index = index.min(old.len() - 1);
        touched.entry(index).or_default().push(change);
    }
    touched
}

/// An old segment with its changes applied; the changes are those that do change something.
struct Edited {
    changes: Vec<Change>,
    rows: Segment,
}

struct Editor<'a> {
    objects: &'a dyn WriteObjects,
    schema: &'a Schema,
    old: &'a [Entry],
    touched: BTreeMap<usize, Vec<Change>>,
    loaded: BTreeMap<usize, Edited>,
}

impl Editor<'_> {
    /// Applies the changes of the next few touched segments in parallel. `false` when none is left.
    fn load_window(&mut self) -> Result<bool> {
        let mut window_changes = Vec::new();
        while window_changes.len() < window() {
            match self.touched.pop_first() {
                Some(next) => window_changes.push(next),
                None => break,
            }
        }
        let (objects, old) = (self.objects, self.old);
        let any = !window_changes.is_empty();
        let edited: Vec<(usize, Edited)> = window_changes
            .into_par_iter()
            .map(|(index, changes)| Ok((index, apply(objects, &old[index], changes)?)))
            .collect::<Result<_>>()?;
        let changed = edited.into_iter().filter(|(_, e)| !e.changes.is_empty());
        self.loaded.extend(changed);
        Ok(any)
    }

    /// Cuts the rows of segment `first` anew, and those of its followers until a cut falls on an old boundary. Returns the
    /// first old segment that stays.
    fn recut(&mut self, first: usize, edited: Edited, writer: &mut Writer) -> Result<usize> {
        let mut cutter = Cutter::new(0, self.schema.target_rows);
        let mut open = Segment::default();
        let mut pieces = Vec::new();
        let mut next = first + 1;
        cut(&edited.rows, &mut cutter, &mut open, &mut pieces)?;
        while !open.is_empty() && next < self.old.len() {
            let rows = self.take_rows(next)?;
            cut(&rows, &mut cutter, &mut open, &mut pieces)?;
            next += 1;
        }
        if !open.is_empty() {
            pieces.push(open);
        }
        let one_to_one = next == first + 1 && pieces.len() == 1;
        let mut base = one_to_one.then_some((self.old[first].id, edited.changes));
        for piece in pieces {
            writer.add(piece, base.take())?;
        }
        Ok(next)
    }

    /// The rows of an old segment with its own changes, which are then done.
    fn take_rows(&mut self, index: usize) -> Result<Segment> {
        if let Some(edited) = self.loaded.remove(&index) {
            return Ok(edited.rows);
        }
        let changes = self.touched.remove(&index).unwrap_or_default();
        Ok(apply(self.objects, &self.old[index], changes)?.rows)
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

/// Feeds rows to the cutter: complete runs go to `pieces`, the rest stays in `open`.
fn cut(
    rows: &Segment,
    cutter: &mut Cutter,
    open: &mut Segment,
    pieces: &mut Vec<Segment>,
) -> Result<()> {
    let mut start = 0;
    for index in 0..rows.len() {
        if cutter.push(rows.key(index)) {
            open.extend(rows, start, index + 1)?;
            pieces.push(std::mem::take(open));
            start = index + 1;
        }
    }
    open.extend(rows, start, rows.len())
}
