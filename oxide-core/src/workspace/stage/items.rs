//! The `items` rows that appear and go with the files.

use std::collections::{BTreeMap, HashSet};

use super::super::changes::Changes;
use super::super::rename::Identities;
use super::super::StageRequest;
use crate::error::Result;
use crate::files::{ItemId, ItemRow};
use crate::segment::Change;
use crate::store::ReadObjects;
use crate::tree;

/// Changes to the table `items`.
#[derive(Debug, Default)]
pub(in crate::workspace) struct ItemChanges {
    /// Sorted; whether the item appears or goes.
    items: Vec<(ItemId, bool)>,
    /// Rows that the base has, of items that appear again.
    restored: BTreeMap<ItemId, Vec<u8>>,
}

impl ItemChanges {
    /// What follows from changes of files.
    pub(super) fn of(
        changes: &Changes,
        identities: &Identities,
        objects: &dyn ReadObjects,
        request: &StageRequest<'_>,
    ) -> Result<ItemChanges> {
        let rows = || changes.iter().filter(|change| change.is_change());
        let before = sorted(rows().filter_map(|change| change.before.map(|row| row.item)));
        let after = sorted(rows().filter_map(|change| change.after.map(|row| row.item)));
        let missing = |items: &[ItemId], from: &[ItemId]| -> Vec<ItemId> {
            let missing = items
                .iter()
                .filter(|item| from.binary_search(item).is_err());
            missing.copied().collect()
        };
        let gained = missing(&after, &before);
        let known: HashSet<ItemId> = identities.taken.values().map(|(_, item)| *item).collect();
        let again: Vec<ItemId> = gained
            .iter()
            .filter(|i| known.contains(i))
            .copied()
            .collect();
        let mut restored = BTreeMap::new();
        if let Some(base) = request.base.as_ref().filter(|_| !again.is_empty()) {
            let keys: Vec<Vec<u8>> = again.iter().map(ItemRow::key).collect();
            let values = tree::get_many(objects, &base.items, &keys)?;
            let rows = again.into_iter().zip(values);
            restored.extend(rows.filter_map(|(item, value)| Some((item, value?))));
        }
        let lost = missing(&before, &after)
            .into_iter()
            .map(|item| (item, false));
        let mut items: Vec<(ItemId, bool)> = lost.collect();
        items.extend(gained.into_iter().map(|item| (item, true)));
        items.sort_unstable();
        Ok(ItemChanges { items, restored })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The changes by key; new items are of this time and creator.
    pub(super) fn rows<'a>(
        &'a self,
        created: i64,
        creator: &'a str,
    ) -> impl Iterator<Item = Change> + 'a {
        self.items.iter().map(move |(item, appears)| {
            let value = appears.then(|| match self.restored.get(item) {
                Some(value) => value.clone(),
                None => new_item(*item, created, creator).1,
            });
            (ItemRow::key(item), value)
        })
    }
}

fn sorted(items: impl Iterator<Item = ItemId>) -> Vec<ItemId> {
    let mut items: Vec<ItemId> = items.collect();
    items.sort_unstable();
    items
}

/// Key and value of a new item.
pub(super) fn new_item(item: ItemId, created: i64, creator: &str) -> (Vec<u8>, Vec<u8>) {
    let row = ItemRow {
        item,
        created,
        creator: creator.to_string(),
    };
    row.encode()
}
