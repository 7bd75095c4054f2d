//! Rows that belong to items: tables whose key begins with an item's id (annotations, keyframes, metadata). They follow
//! their items, whatever is done to the files.

mod item_index;

use std::collections::HashMap;

use rayon::prelude::*;

use crate::error::Result;
use crate::files::{FileRow, ItemId};
use crate::hash::Id;
use crate::schema::Schema;
use crate::segment::{self, Change, Segment};
use crate::store::{ReadObjects, WriteObjects};
use crate::tree::{self, Entry, RowVisitor};

/// Visits the rows of some items in key order, opening each segment once.
pub fn visit(
    objects: &dyn ReadObjects,
    root: &Id,
    items: &[ItemId],
    visit: &mut RowVisitor,
) -> Result<()> {
    let mut items = items.to_vec();
    items.sort_unstable();
    items.dedup();
    if items.is_empty() {
        return Ok(());
    }
    let entries = tree::entries(objects, root)?;
    let mut open: Option<(usize, Segment)> = None;
    for item in items {
        let mut at = entries.partition_point(|entry| entry.last_key[..] < item.0[..]);
        while at < entries.len() {
            let segment = opened(objects, &entries, at, &mut open)?;
            let (Ok(start) | Err(start)) = segment.search(&item.0);
            let mut ended = false;
            for row in start..segment.len() {
                let (key, value) = segment.row(row);
                ended = !key.starts_with(&item.0);
                if ended {
                    break;
                }
                if !visit(key, value)? {
                    return Ok(());
                }
            }
            if ended {
                break;
            }
            at += 1;
        }
    }
    Ok(())
}

fn opened<'a>(
    objects: &dyn ReadObjects,
    entries: &[Entry],
    at: usize,
    open: &'a mut Option<(usize, Segment)>,
) -> Result<&'a Segment> {
    let segment = match open.take() {
        Some((index, segment)) if index == at => segment,
        _ => segment::read(objects, &entries[at].id)?,
    };
    Ok(&open.insert((at, segment)).1)
}

/// The rows of some items.
pub fn rows(
    objects: &dyn ReadObjects,
    root: &Id,
    items: &[ItemId],
) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut rows = Vec::new();
    visit(objects, root, items, &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        Ok(true)
    })?;
    Ok(rows)
}

/// `target` with the rows of some items as they are in `source`.
pub fn replace(
    objects: &dyn WriteObjects,
    schema: &Schema,
    target: &Id,
    source: &Id,
    items: &[ItemId],
) -> Result<Id> {
    let mut changes: Vec<Change> = Vec::new();
    visit(objects, target, items, &mut |key, _| {
        changes.push((key.to_vec(), None));
        Ok(true)
    })?;
    // Of several changes to one key the last one counts.
    visit(objects, source, items, &mut |key, value| {
        changes.push((key.to_vec(), Some(value.to_vec())));
        Ok(true)
    })?;
    tree::edit(objects, schema, target, changes)
}

/// A table in which the rows of some items belong to others: (old, new). A row that the new item has under the rest of
/// the key stays.
pub fn rekey(
    objects: &dyn WriteObjects,
    schema: &Schema,
    root: &Id,
    pairs: &[(ItemId, ItemId)],
) -> Result<Id> {
    let new_items: HashMap<ItemId, ItemId> = pairs.iter().copied().collect();
    let old_items: Vec<ItemId> = new_items.keys().copied().collect();
    let mut changes: Vec<Change> = Vec::new();
    let mut moved: Vec<Change> = Vec::new();
    visit(objects, root, &old_items, &mut |key, value| {
        let (old, rest) = key.split_at(ItemId::LENGTH);
        let new = ItemId::from_key(old).and_then(|old| new_items.get(&old));
        if let Some(new) = new {
            changes.push((key.to_vec(), None));
            moved.push(([&new.0, rest].concat(), Some(value.to_vec())));
        }
        Ok(true)
    })?;
    let keys: Vec<Vec<u8>> = moved.iter().map(|change| change.0.clone()).collect();
    let taken = tree::get_many(objects, root, &keys)?;
    let free = moved.into_iter().zip(taken);
    changes.extend(free.filter_map(|(change, taken)| taken.is_none().then_some(change)));
    tree::edit(objects, schema, root, changes)
}

/// The items of which any row differs between two tables, in order.
pub fn changed_items(objects: &dyn ReadObjects, before: &Id, after: &Id) -> Result<Vec<ItemId>> {
    let mut items: Vec<ItemId> = Vec::new();
    tree::visit_diff(objects, before, after, &mut |change| {
        if let Some(item) = ItemId::from_key(&change.key) {
            if items.last() != Some(&item) {
                items.push(item);
            }
        }
        Ok(())
    })?;
    Ok(items)
}

/// (added, removed): the items that only the second and only the first of two tables `items` has, in order.
pub fn items_that_differ(
    objects: &dyn ReadObjects,
    before: &Id,
    after: &Id,
) -> Result<(Vec<ItemId>, Vec<ItemId>)> {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    tree::visit_diff(objects, before, after, &mut |change| {
        let item = ItemId::from_key(&change.key);
        match (&change.before, &change.after) {
            (None, Some(_)) => added.extend(item),
            (Some(_), None) => removed.extend(item),
            _ => {}
        }
        Ok(())
    })?;
    Ok((added, removed))
}

/// The rows of `files` that some items are, in the order of `items`. The first search of a process in a segment looks
/// through it; later ones know where its items are.
pub fn files_of(
    objects: &dyn ReadObjects,
    files: &Id,
    items: &[ItemId],
) -> Result<Vec<Option<FileRow>>> {
    let mut wanted = items.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let entries = tree::entries(objects, files)?;
    let found: Vec<Vec<FileRow>> = entries
        .par_iter()
        .map(|entry| files_in(objects, &entry.id, &wanted))
        .collect::<Result<_>>()?;
    let found: HashMap<ItemId, FileRow> = found
        .into_iter()
        .flatten()
        .map(|row| (row.item, row))
        .collect();
    Ok(items.iter().map(|item| found.get(item).cloned()).collect())
}

/// Those rows of one segment of `files` that some items are.
fn files_in(objects: &dyn ReadObjects, id: &Id, items: &[ItemId]) -> Result<Vec<FileRow>> {
    let index = item_index::index(objects, id)?;
    let candidates: Vec<(ItemId, u32)> = items
        .iter()
        .flat_map(|item| index.candidates(item).iter().map(|row| (*item, *row)))
        .collect();
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let segment = item_index::segment(objects, id)?;
    let mut found = Vec::with_capacity(candidates.len());
    for (item, row) in candidates {
        let (key, value) = segment.row(row as usize);
        let row = FileRow::decode(key, value)?;
        if row.item == item {
            found.push(row);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::hash::Context;
    use crate::schema::{Field, MergeRule, Type};
    use crate::store::MemoryObjects;

    type Model = BTreeMap<(u8, u8), u8>;

    fn schema() -> Schema {
        let field = |id, name: &str, kind| Field {
            id,
            name: name.into(),
            kind,
            merge: MergeRule::Conflict,
            content: false,
        };
        Schema {
            name: "notes".into(),
            fields: vec![
                field(1, "item_id", Type::Fixed(12)),
                field(2, "number", Type::Int),
                field(3, "note", Type::Int),
            ],
            key: vec![1, 2],
            target_rows: 4,
        }
    }

    fn item(number: u8) -> ItemId {
        ItemId(std::array::from_fn(|at| if at == 11 { number } else { 7 }))
    }

    fn row((owner, number): (u8, u8), note: u8) -> (Vec<u8>, Vec<u8>) {
        use crate::rows::{encode, Value};
        let cells = [
            Value::Bytes(item(owner).0.to_vec()),
            Value::Int(i64::from(number)),
            Value::Int(i64::from(note)),
        ];
        let row = encode(&schema(), &cells).unwrap();
        (row.key, row.value)
    }

    fn build(objects: &MemoryObjects, model: &Model) -> Id {
        let mut rows = model.iter().map(|(key, note)| row(*key, *note));
        tree::build(objects, &schema(), &mut rows).unwrap()
    }

    fn models() -> impl Strategy<Value = Model> {
        prop::collection::btree_map((0u8..9, 0u8..6), any::<u8>(), 0..40)
    }

    proptest! {
        #[test]
        fn rows_are_those_of_the_items(model in models(), wanted in prop::collection::vec(0u8..9, 0..5)) {
            let objects = MemoryObjects::default();
            let root = build(&objects, &model);
            let items: Vec<ItemId> = wanted.iter().map(|number| item(*number)).collect();
            let expected: Vec<_> = model
                .iter()
                .filter(|(key, _)| wanted.contains(&key.0))
                .map(|(key, note)| row(*key, *note))
                .collect();
            prop_assert_eq!(rows(&objects, &root, &items).unwrap(), expected);
        }

        #[test]
        fn replaced_items_are_as_in_the_source(
            target in models(),
            source in models(),
            wanted in prop::collection::vec(0u8..9, 0..5),
        ) {
            let objects = MemoryObjects::default();
            let items: Vec<ItemId> = wanted.iter().map(|number| item(*number)).collect();
            let mut expected = target.clone();
            expected.retain(|key, _| !wanted.contains(&key.0));
            expected.extend(source.iter().filter(|(key, _)| wanted.contains(&key.0)).map(|(k, v)| (*k, *v)));
            let (from, to) = (build(&objects, &target), build(&objects, &source));
            let replaced = replace(&objects, &schema(), &from, &to, &items).unwrap();
            prop_assert_eq!(replaced, build(&objects, &expected));
            let changed: Vec<u8> = changed_items(&objects, &from, &replaced)
                .unwrap()
                .iter()
                .map(|item| item.0[11])
                .collect();
            let mut differing: Vec<u8> = (0..9)
                .filter(|number| {
                    let of = |model: &Model| -> Model {
                        model.iter().filter(|(key, _)| key.0 == *number).map(|(k, v)| (*k, *v)).collect()
                    };
                    of(&target) != of(&expected)
                })
                .collect();
            differing.sort_unstable();
            prop_assert_eq!(changed, differing);
        }

        #[test]
        fn rekeyed_rows_change_their_owner(model in models(), old in 0u8..9, new in 0u8..9) {
            prop_assume!(old != new);
            let objects = MemoryObjects::default();
            let mut expected = model.clone();
            for (key, note) in model.iter().filter(|(key, _)| key.0 == old) {
                expected.remove(key);
                expected.entry((new, key.1)).or_insert(*note);
            }
            let root = rekey(&objects, &schema(), &build(&objects, &model), &[(item(old), item(new))]).unwrap();
            prop_assert_eq!(root, build(&objects, &expected));
        }
    }

    #[test]
    fn files_are_found_by_their_items() {
        let objects = MemoryObjects::default();
        let file = |number: u8| FileRow {
            path: format!("images/{number}.jpg"),
            content: Context::Content.id(&[number]),
            size: 1,
            item: item(number),
            sha256: [0; 32],
            kind: crate::files::FileType::File,
            executable: false,
            facts: None,
        };
        let mut rows = (0..9).map(|number| file(number).encode());
        let root = tree::build(&objects, crate::files::files_schema(), &mut rows).unwrap();
        let named = |number: u8| Some(format!("images/{number}.jpg"));
        for _ in 0..2 {
            let found = files_of(&objects, &root, &[item(4), item(200), item(0), item(4)]).unwrap();
            let paths: Vec<Option<String>> =
                found.into_iter().map(|row| row.map(|r| r.path)).collect();
            assert_eq!(paths, [named(4), None, named(0), named(4)]);
        }
        let moved = FileRow {
            path: "elsewhere/4.jpg".into(),
            ..file(4)
        };
        let changes = vec![
            (file(4).encode().0, None),
            (moved.encode().0, Some(moved.encode().1)),
        ];
        let root = tree::edit(&objects, crate::files::files_schema(), &root, changes).unwrap();
        let found = files_of(&objects, &root, &[item(4), item(5)]).unwrap();
        assert_eq!(found, [Some(moved), Some(file(5))]);
    }
}
