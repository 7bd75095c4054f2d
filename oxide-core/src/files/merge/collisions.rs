//! Items that a merge brings to one path, or one below another's path.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{ancestors, facts, ItemId};
use super::TouchedItems;

/// Settles collisions until none is left: of two new items with equal rows the smaller stays, all others go back to the
/// base's state, which may collide in turn. Every round takes at least one item back, and base rows do not collide, so it
/// ends. Returns (dropped, kept) items.
pub(super) fn resolve(touched: &mut TouchedItems) -> Vec<(ItemId, ItemId)> {
    let mut kept: BTreeMap<ItemId, ItemId> = BTreeMap::new();
    // A base that is itself at odds would collide for ever: stop when a round changes nothing.
    let mut progress = true;
    while std::mem::take(&mut progress) {
        for (items, reason) in find(touched) {
            if let Some((small, large)) = twins(touched, &items) {
                kept.insert(small, large);
                let dropped = touched.get_mut(&large).and_then(|item| item.merged.take());
                let stays = touched
                    .get_mut(&small)
                    .and_then(|item| item.merged.as_mut());
                if let (Some(stays), Some(dropped)) = (stays, dropped) {
                    stays.facts = facts::better(stays, &dropped);
                }
                progress = true;
                continue;
            }
            for item in items {
                // A twin goes with the one that was kept, so that neither side's new file is lost silently.
                let twin = kept.remove(&item);
                for id in [Some(item), twin].into_iter().flatten() {
                    progress |= take_back(touched, &id, reason);
                }
            }
        }
    }
    kept.into_iter()
        .map(|(small, large)| (large, small))
        .collect()
}

/// Takes an item back to the base's state. An item that is there already stays: it is the other one that cannot come.
fn take_back(touched: &mut TouchedItems, id: &ItemId, reason: &'static str) -> bool {
    let Some(item) = touched.get_mut(id) else {
        return false;
    };
    if item.conflict.is_some() || item.merged.is_some() && item.merged == item.base {
        return false;
    }
    item.give_up(reason);
    true
}

/// Groups of items that cannot stand in one tree.
fn find(touched: &TouchedItems) -> Vec<(BTreeSet<ItemId>, &'static str)> {
    let mut by_path: BTreeMap<&str, BTreeSet<ItemId>> = BTreeMap::new();
    for (id, item) in touched {
        if let Some(row) = &item.merged {
            by_path.entry(&row.path).or_default().insert(*id);
        }
    }
    let mut collisions = Vec::new();
    for (path, items) in &by_path {
        if items.len() > 1 {
            collisions.push((items.clone(), "added"));
        }
        for above in ancestors(path).filter_map(|folder| by_path.get(folder)) {
            collisions.push((items | above, "folder"));
        }
    }
    collisions
}

/// Two new items with equal rows but for their id and facts: (smaller, larger).
fn twins(touched: &TouchedItems, items: &BTreeSet<ItemId>) -> Option<(ItemId, ItemId)> {
    let (&small, &large) = (items.first()?, items.last()?);
    let (first, second) = (touched.get(&small)?, touched.get(&large)?);
    let new = first.base.is_none() && second.base.is_none();
    let same = first.merged.as_ref()?.same_file(second.merged.as_ref()?);
    (items.len() == 2 && new && same).then_some((small, large))
}
