//! The `items` rows that appear and go with the files.

use std::collections::{BTreeMap, HashSet};

use crate::error::Result;
use crate::files::{ItemId, ItemRow};
use crate::segment::Change;
use crate::store::ReadObjects;
use crate::tree;
use crate::workspace::changes::{Changes, FileChange};
use crate::workspace::rename::Identities;
use crate::workspace::StageRequest;

/// Changes to the table `items`.
#[derive(Debug, Default)]
pub(in crate::workspace) struct ItemChanges {
    /// Items that appear, sorted.
    gained: Vec<ItemId>,
    /// Items that go, sorted.
    lost: Vec<ItemId>,
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
        let items = |side: fn(&FileChange<'_>) -> Option<ItemId>| {
            let rows = changes.iter().filter(FileChange::is_change);
            let mut items: Vec<ItemId> = Vec::with_capacity(changes.len());
            items.extend(rows.filter_map(|change| side(&change)));
            items.sort_unstable();
            items
        };
        let before = items(|change| change.before.map(|row| row.item));
        let mut gained = items(|change| change.after.map(|row| row.item));
        let goes = |item: &&ItemId| gained.binary_search(item).is_err();
        let lost: Vec<ItemId> = before.iter().filter(goes).copied().collect();
        gained.retain(|item| before.binary_search(item).is_err());
        let known: HashSet<ItemId> = identities.taken.values().map(|(_, item)| *item).collect();
        let again = gained.iter().filter(|item| known.contains(item));
        let again: Vec<ItemId> = again.copied().collect();
        let mut restored = BTreeMap::new();
        if let Some(base) = request.base.as_ref().filter(|_| !again.is_empty()) {
            let keys: Vec<Vec<u8>> = again.iter().map(ItemRow::key).collect();
            let values = tree::get_many(objects, &base.items, &keys)?;
            let rows = again.into_iter().zip(values);
            restored.extend(rows.filter_map(|(item, value)| Some((item, value?))));
        }
        Ok(ItemChanges {
            gained,
            lost,
            restored,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty()
    }

    /// The changes by key; new items are of this time and creator.
    pub(super) fn rows<'a>(
        &'a self,
        created: i64,
        creator: &'a str,
    ) -> impl Iterator<Item = Change> + 'a {
        let (mut gained, mut lost) = (self.gained.iter().peekable(), self.lost.iter().peekable());
        std::iter::from_fn(move || {
            // No item is in both.
            let next = gained.peek().copied();
            if let Some(item) = lost.next_if(|item| next.is_none_or(|next| *item < next)) {
                return Some((ItemRow::key(item), None));
            }
            let item = gained.next()?;
            let value = match self.restored.get(item) {
                Some(value) => value.clone(),
                None => new_item(*item, created, creator).1,
            };
            Some((ItemRow::key(item), Some(value)))
        })
    }
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
