//! Three-way merge by row and cell.

mod cell;

pub use cell::{decide_row, merge_row, RowMerge, Side};

use cell::{has_leaves, holds_only_leaves};

use std::cmp::Ordering;

use super::{diff, edit, Merged, RowChange, RowConflict};
use crate::error::Result;
use crate::hash::Id;
use crate::schema::Schema;
use crate::segment::Change;
use crate::store::WriteObjects;

/// Three-way merge by row and cell with the schema's rules. A removal against a change of the same row is a conflict, unless
/// rows hold nothing but leaves: then no row is one without leaves.
pub fn merge(
    objects: &dyn WriteObjects,
    schema: &Schema,
    base: &Id,
    ours: &Id,
    theirs: &Id,
) -> Result<Merged> {
    let settled = |root: &Id| {
        Ok(Merged {
            root: *root,
            conflicts: Vec::new(),
        })
    };
    if ours == theirs || base == theirs {
        return settled(ours);
    }
    if base == ours {
        return settled(theirs);
    }
    let our_changes = diff(objects, base, ours)?;
    let their_changes = diff(objects, base, theirs)?;
    // The result is the same from either side; the one that changed more needs fewer edits.
    let onto_ours = our_changes.len() >= their_changes.len();
    let only_leaves = holds_only_leaves(schema);
    let mut edits: Vec<Change> = Vec::new();
    let mut conflicts = Vec::new();
    for pair in pair_by_key(our_changes, their_changes) {
        match pair {
            Pair::Ours(change) if !onto_ours => edits.push((change.key, change.after)),
            Pair::Theirs(change) if onto_ours => edits.push((change.key, change.after)),
            Pair::Ours(_) | Pair::Theirs(_) => {}
            Pair::Both(our, their) if our.after == their.after => {}
            Pair::Both(our, their) => {
                let (base, ours, theirs) = (our.before, our.after, their.after);
                let merged = match (&ours, &theirs) {
                    (Some(ours), Some(theirs)) => {
                        merge_row(objects, schema, base.as_deref(), ours, theirs)?
                    }
                    _ if only_leaves => {
                        let [ours, theirs] =
                            [&ours, &theirs].map(|row| row.as_deref().unwrap_or_default());
                        match merge_row(objects, schema, base.as_deref(), ours, theirs)? {
                            RowMerge::Conflict(_) => RowMerge::Conflict(Vec::new()),
                            merged => merged,
                        }
                    }
                    _ => RowMerge::Conflict(Vec::new()),
                };
                match merged {
                    RowMerge::Row(row) if only_leaves && !has_leaves(schema, &row)? => {
                        edits.push((our.key, None));
                    }
                    RowMerge::Row(row) => edits.push((our.key, Some(row))),
                    RowMerge::Conflict(fields) => {
                        edits.push((our.key.clone(), base.clone()));
                        conflicts.push(RowConflict {
                            key: our.key,
                            fields,
                            base,
                            ours,
                            theirs,
                        });
                    }
                }
            }
        }
    }
    let onto = if onto_ours { ours } else { theirs };
    Ok(Merged {
        root: edit(objects, schema, onto, edits)?,
        conflicts,
    })
}

/// Who changed a row.
enum Pair {
    Ours(RowChange),
    Theirs(RowChange),
    Both(RowChange, RowChange),
}

/// Pairs two lists of changes, both in key order.
fn pair_by_key(ours: Vec<RowChange>, theirs: Vec<RowChange>) -> impl Iterator<Item = Pair> {
    let mut ours = ours.into_iter().peekable();
    let mut theirs = theirs.into_iter().peekable();
    std::iter::from_fn(move || {
        let order = match (ours.peek(), theirs.peek()) {
            (Some(our), Some(their)) => our.key.cmp(&their.key),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => ours.next().map(Pair::Ours),
            Ordering::Greater => theirs.next().map(Pair::Theirs),
            Ordering::Equal => Some(Pair::Both(ours.next()?, theirs.next()?)),
        }
    })
}
