//! The `items` table of a merge: a row lives exactly when its file does.

use super::super::replace::missing_item;
use super::super::{items_schema, FileRoots, ItemRow};
use super::TouchedItems;
use crate::error::Result;
use crate::hash::Id;
use crate::segment::Change;
use crate::store::WriteObjects;
use crate::tree;

pub(super) fn merge(
    objects: &dyn WriteObjects,
    base: &FileRoots,
    ours: &FileRoots,
    theirs: &FileRoots,
    touched: &TouchedItems,
) -> Result<Id> {
    let schema = items_schema();
    let merged = tree::merge(objects, schema, &base.items, &ours.items, &theirs.items)?;
    let mut changes: Vec<Change> = Vec::new();
    // Without the base's row an item has no row to go back to: of two the larger stays.
    for conflict in merged.conflicts {
        if conflict.base.is_none() {
            changes.push((conflict.key, conflict.ours.max(conflict.theirs)));
        }
    }
    let mut root = tree::edit(objects, schema, &merged.root, changes)?;

    let keys: Vec<Vec<u8>> = touched.keys().map(ItemRow::key).collect();
    let present = tree::get_many(objects, &root, &keys)?;
    let mut changes: Vec<Change> = Vec::new();
    for ((key, item), present) in keys.into_iter().zip(touched.values()).zip(present) {
        match (&item.merged, present) {
            (None, Some(_)) => changes.push((key, None)),
            (Some(file), None) => {
                let mut value = None;
                for side in [base, ours, theirs] {
                    if value.is_none() {
                        value = tree::get(objects, &side.items, &key)?;
                    }
                }
                changes.push((key, Some(value.ok_or_else(|| missing_item(file))?)));
            }
            _ => {}
        }
    }
    root = tree::edit(objects, schema, &root, changes)?;
    Ok(root)
}
