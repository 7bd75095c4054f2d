//! Differences of two tables: pages and segments that both have are not opened, of segments that are stored as deltas to the
//! same one only the changes are compared, and rows of re-cut segments that stayed equal cancel out.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use rayon::prelude::*;

use super::build::window;
use super::page::{self, Page};
use super::{Entry, RowChange};
use crate::error::Result;
use crate::hash::Id;
use crate::segment::{self, Change, Segment};
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
    let (near, before, after) = near_segments(objects, before, after)?;
    let mut near = near.into_iter().peekable();
    visit_rows(objects, before, after, &mut |mut change| {
        while let Some(earlier) = near.next_if(|near| near.key < change.key) {
            visit(earlier)?;
        }
        // A row that went over a boundary left one segment and came into another.
        if let Some(same) = near.next_if(|near| near.key == change.key) {
            change.before = change.before.or(same.before);
            change.after = change.after.or(same.after);
            if change.before == change.after {
                return Ok(());
            }
        }
        visit(change)
    })?;
    near.try_for_each(visit)
}

/// Compares the rows of two lists of segments.
fn visit_rows(
    objects: &dyn ReadObjects,
    before: Vec<Entry>,
    after: Vec<Entry>,
    visit: &mut dyn FnMut(RowChange) -> Result<()>,
) -> Result<()> {
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

/// Most changes against a whole segment that are compared apart from its rows; they are all in memory.
const NEAR: usize = 1_024;

/// How a segment came about: the whole one that it rests on, and the changes to that.
type Origin = (Id, Vec<Change>);

/// The value that a change gave a row, which may be none; `None` where nothing changed it.
type Touched = Option<Option<Vec<u8>>>;

/// Takes the pairs of segments that rest on the same whole one off both lists. Returns how their rows differ, by key, and
/// what is left of the lists. The whole segment is checked by its hash, the deltas by their checksums.
#[allow(clippy::type_complexity)]
fn near_segments(
    objects: &dyn ReadObjects,
    before: Vec<Entry>,
    after: Vec<Entry>,
) -> Result<(Vec<RowChange>, Vec<Entry>, Vec<Entry>)> {
    let origin = |entry: &Entry| segment::origin(objects, &entry.id);
    let new: Vec<Option<Origin>> = after.par_iter().map(origin).collect::<Result<_>>()?;
    // Where nothing is a delta there is nothing to look for.
    let old: Vec<Option<Origin>> = match new.iter().any(Option::is_some) {
        true => before.par_iter().map(origin).collect::<Result<_>>()?,
        false => vec![None; before.len()],
    };
    let whole = |entry: &Entry, origin: &Option<Origin>| origin.as_ref().map_or(entry.id, |o| o.0);
    let small = |origin: &Option<Origin>| origin.as_ref().is_none_or(|o| o.1.len() <= NEAR);
    let mut by_whole: HashMap<Id, usize> = HashMap::new();
    for (index, entry) in before.iter().enumerate().filter(|(at, _)| small(&old[*at])) {
        by_whole.insert(whole(entry, &old[index]), index);
    }
    let mut pairs = Vec::new();
    for (index, entry) in after.iter().enumerate().filter(|(at, _)| small(&new[*at])) {
        if new[index].is_none() && by_whole.get(&entry.id).is_none_or(|at| old[*at].is_none()) {
            continue;
        }
        if let Some(partner) = by_whole.remove(&whole(entry, &new[index])) {
            pairs.push((partner, index));
        }
    }
    let changes_of = |origin: &Option<Origin>| origin.as_ref().map_or(Vec::new(), |o| o.1.clone());
    let changes: Vec<Vec<RowChange>> = pairs
        .par_iter()
        .map(|(a, b)| {
            let whole = segment::read(objects, &whole(&before[*a], &old[*a]))?;
            Ok(compare(&whole, changes_of(&old[*a]), changes_of(&new[*b])))
        })
        .collect::<Result<_>>()?;
    let paired_old: HashSet<usize> = pairs.iter().map(|(old, _)| *old).collect();
    let paired_new: HashSet<usize> = pairs.iter().map(|(_, new)| *new).collect();
    Ok((
        joined(changes),
        unpaired(before, &paired_old),
        unpaired(after, &paired_new),
    ))
}

fn unpaired(entries: Vec<Entry>, paired: &HashSet<usize>) -> Vec<Entry> {
    let entries = entries.into_iter().enumerate();
    let left = entries.filter(|(index, _)| !paired.contains(index));
    left.map(|(_, entry)| entry).collect()
}

/// How the rows differ after one and after the other changes of a segment.
fn compare(whole: &Segment, old: Vec<Change>, new: Vec<Change>) -> Vec<RowChange> {
    let mut touched: BTreeMap<Vec<u8>, [Touched; 2]> = BTreeMap::new();
    for (side, changes) in [old, new].into_iter().enumerate() {
        for (key, value) in changes {
            touched.entry(key).or_default()[side] = Some(value);
        }
    }
    let changes = touched.into_iter().map(|(key, [old, new])| {
        let kept = || whole.get(&key).map(<[u8]>::to_vec);
        RowChange {
            before: old.unwrap_or_else(kept),
            after: new.unwrap_or_else(kept),
            key,
        }
    });
    changes
        .filter(|change| change.before != change.after)
        .collect()
}

/// The changes of all pairs by key; what went from one segment to another is one change, or none.
fn joined(changes: Vec<Vec<RowChange>>) -> Vec<RowChange> {
    let mut all: Vec<RowChange> = changes.into_iter().flatten().collect();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all.dedup_by(|later, kept| {
        let same = later.key == kept.key;
        if same {
            kept.before = kept.before.take().or(later.before.take());
            kept.after = kept.after.take().or(later.after.take());
        }
        same
    });
    all.retain(|change| change.before != change.after);
    all
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
