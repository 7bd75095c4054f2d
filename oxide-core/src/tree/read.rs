//! Reading a table: its segments, single rows, ranges.

use super::page::{self, Page};
use super::Entry;
use crate::error::Result;
use crate::hash::Id;
use crate::segment;
use crate::store::ReadObjects;

/// What an index page refers to.
pub enum Children {
    /// Pages of the level below.
    Pages(Vec<Id>),
    /// Segments.
    Segments(Vec<Id>),
}

/// What one index page refers to, for those who follow every object.
pub fn page_children(objects: &dyn ReadObjects, id: &Id) -> Result<Children> {
    let page = page::read(objects, id)?;
    let ids = page.entries.into_iter().map(|entry| entry.id).collect();
    Ok(match page.level {
        0 => Children::Segments(ids),
        _ => Children::Pages(ids),
    })
}

/// The table's segments in key order.
pub fn entries(objects: &dyn ReadObjects, root: &Id) -> Result<Vec<Entry>> {
    entries_between(objects, root, &[], None)
}

/// The segments that can hold keys in `[from, to)`, in key order.
pub fn entries_between(
    objects: &dyn ReadObjects,
    root: &Id,
    from: &[u8],
    to: Option<&[u8]>,
) -> Result<Vec<Entry>> {
    let Page {
        mut level,
        mut entries,
    } = page::read(objects, root)?;
    loop {
        narrow(&mut entries, from, to);
        if level == 0 {
            return Ok(entries);
        }
        let mut below = Vec::new();
        for entry in &entries {
            below.extend(page::read_child(objects, level, &entry.id)?.entries);
        }
        entries = below;
        level -= 1;
    }
}

/// Keeps the entries that can hold keys in `[from, to)`.
fn narrow(entries: &mut Vec<Entry>, from: &[u8], to: Option<&[u8]>) {
    if let Some(to) = to {
        // The first entry that ends at or behind `to` still holds smaller keys.
        let end = entries.partition_point(|entry| *entry.last_key < *to);
        entries.truncate(end + 1);
    }
    let start = entries.partition_point(|entry| *entry.last_key < *from);
    entries.drain(..start);
}

/// Number of rows.
pub fn len(objects: &dyn ReadObjects, root: &Id) -> Result<u64> {
    let entries = page::read(objects, root)?.entries;
    Ok(entries
        .iter()
        .fold(0, |sum: u64, entry| sum.saturating_add(entry.rows)))
}

/// One row's value.
pub fn get(objects: &dyn ReadObjects, root: &Id, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let Page {
        mut level,
        mut entries,
    } = page::read(objects, root)?;
    loop {
        let position = entries.partition_point(|entry| *entry.last_key < *key);
        let Some(entry) = entries.get(position) else {
            return Ok(None);
        };
        if level == 0 {
            let segment = segment::read(objects, &entry.id)?;
            return Ok(segment.get(key).map(<[u8]>::to_vec));
        }
        entries = page::read_child(objects, level, &entry.id)?.entries;
        level -= 1;
    }
}

/// Values of many rows, in the order of `keys`; opens each segment once.
pub fn get_many(
    objects: &dyn ReadObjects,
    root: &Id,
    keys: &[Vec<u8>],
) -> Result<Vec<Option<Vec<u8>>>> {
    let mut values = vec![None; keys.len()];
    if let [key] = keys {
        values[0] = get(objects, root, key)?;
        return Ok(values);
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_unstable_by_key(|&index| &keys[index]);
    let (Some(&first), Some(&last)) = (order.first(), order.last()) else {
        return Ok(values);
    };
    // The first segment that ends at or behind the last key is the one that may hold it.
    let entries = entries_between(objects, root, &keys[first], Some(&keys[last]))?;
    let mut rest = &order[..];
    for entry in &entries {
        let count = rest.partition_point(|&index| keys[index] <= entry.last_key);
        let (here, behind) = rest.split_at(count);
        rest = behind;
        if here.is_empty() {
            continue;
        }
        let segment = segment::read(objects, &entry.id)?;
        for &index in here {
            values[index] = segment.get(&keys[index]).map(<[u8]>::to_vec);
        }
    }
    Ok(values)
}

/// Takes key and value of each row, and says whether to go on.
pub type RowVisitor<'a> = dyn FnMut(&[u8], &[u8]) -> Result<bool> + 'a;

/// Visits the rows whose key is in `[from, to)` (`to = None`: to the end) in key order, until the visitor returns false.
pub fn scan(
    objects: &dyn ReadObjects,
    root: &Id,
    from: &[u8],
    to: Option<&[u8]>,
    visit: &mut RowVisitor,
) -> Result<()> {
    for entry in entries_between(objects, root, from, to)? {
        let segment = segment::read(objects, &entry.id)?;
        let (Ok(start) | Err(start)) = segment.search(from);
        for index in start..segment.len() {
            let (key, value) = segment.row(index);
            if to.is_some_and(|to| key >= to) || !visit(key, value)? {
                return Ok(());
            }
        }
    }
    Ok(())
}
