//! Properties of tables as a whole.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::error::Result;
use crate::hash::Id;
use crate::pack::Kind;
use crate::rows::{decode, encode, Value};
use crate::schema::{Field, MergeRule, Schema, Type};
use crate::segment::Change;
use crate::store::{MemoryObjects, ReadObjects, WriteObjects};

/// Counts what is written newly and read, by kind.
#[derive(Default)]
struct Counting {
    objects: MemoryObjects,
    written: [AtomicUsize; 10],
    read: [AtomicUsize; 10],
}

impl Counting {
    fn take(counts: &[AtomicUsize; 10], kind: Kind) -> usize {
        counts[kind as usize].swap(0, Ordering::Relaxed)
    }
    /// (whole segments, deltas, pages) written since the last call.
    fn take_written(&self) -> (usize, usize, usize) {
        (
            Counting::take(&self.written, Kind::Segment),
            Counting::take(&self.written, Kind::SegmentDelta),
            Counting::take(&self.written, Kind::Page),
        )
    }
    fn take_read(&self) -> usize {
        [Kind::Segment, Kind::SegmentDelta, Kind::Page]
            .into_iter()
            .map(|kind| Counting::take(&self.read, kind))
            .sum()
    }
}

impl ReadObjects for Counting {
    fn read(&self, kind: Kind, id: &Id) -> Result<Vec<u8>> {
        self.read[kind as usize].fetch_add(1, Ordering::Relaxed);
        self.objects.read(kind, id)
    }
    fn contains(&self, kind: Kind, id: &Id) -> Result<bool> {
        self.objects.contains(kind, id)
    }
}

impl WriteObjects for Counting {
    fn write(&self, kind: Kind, id: &Id, bytes: &[u8]) -> Result<bool> {
        let new = self.objects.write(kind, id, bytes)?;
        self.written[kind as usize].fetch_add(usize::from(new), Ordering::Relaxed);
        Ok(new)
    }
}

fn field(id: u32, name: &str, kind: Type, merge: MergeRule) -> Field {
    Field {
        id,
        name: name.into(),
        kind,
        merge,
        content: false,
    }
}

fn schema(target_rows: u32) -> Schema {
    Schema {
        name: "test".into(),
        fields: vec![
            field(1, "number", Type::Int, MergeRule::Conflict),
            field(2, "label", Type::Text, MergeRule::Conflict),
            field(3, "updated", Type::Time, MergeRule::Maximum),
            field(4, "author", Type::Text, MergeRule::Follow(3)),
            field(5, "data", Type::Json, MergeRule::Leaves),
            field(6, "facts", Type::Bytes, MergeRule::Derived),
        ],
        key: vec![1],
        target_rows,
    }
}

fn row(schema: &Schema, number: i64, label: &str) -> (Vec<u8>, Vec<u8>) {
    let mut values = vec![Value::Null; 6];
    values[0] = Value::Int(number);
    values[1] = Value::Text(label.into());
    let row = encode(schema, &values).unwrap();
    (row.key, row.value)
}

type Content = BTreeMap<Vec<u8>, Vec<u8>>;

fn build_content(objects: &dyn WriteObjects, schema: &Schema, content: &Content) -> Id {
    let mut rows = content.clone().into_iter();
    build(objects, schema, &mut rows).unwrap()
}

fn content(objects: &dyn ReadObjects, root: &Id) -> Content {
    let mut rows = Content::new();
    scan(objects, root, &[], None, &mut |key, value| {
        rows.insert(key.to_vec(), value.to_vec());
        Ok(true)
    })
    .unwrap();
    rows
}

fn apply(content: &mut Content, changes: &[Change]) {
    for (key, value) in changes {
        match value {
            Some(value) => drop(content.insert(key.clone(), value.clone())),
            None => drop(content.remove(key)),
        }
    }
}

/// Short values, so that edits often change nothing or undo each other.
fn any_changes(keys: i64, most: usize) -> impl Strategy<Value = Vec<Change>> {
    let change = (0..keys, proptest::option::weighted(0.6, 0..4u8));
    proptest::collection::vec(change, 0..most).prop_map(|changes| {
        let schema = schema(8);
        let changed = |(number, label): (i64, Option<u8>)| {
            let (key, value) = row(&schema, number, &label.unwrap_or_default().to_string());
            (key, label.map(|_| value))
        };
        changes.into_iter().map(changed).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn equal_content_has_an_equal_root_whatever_the_history(
        target in prop_oneof![Just(1u32), Just(2), Just(8)],
        edits in proptest::collection::vec(any_changes(150, 80), 1..8),
    ) {
        let schema = schema(target);
        let objects = MemoryObjects::default();
        let mut root = empty(&objects).unwrap();
        let mut expected = Content::new();
        for changes in edits {
            apply(&mut expected, &changes);
            root = edit(&objects, &schema, &root, changes).unwrap();
        }
        prop_assert_eq!(&content(&objects, &root), &expected);
        prop_assert_eq!(len(&objects, &root).unwrap(), expected.len() as u64);
        prop_assert_eq!(build_content(&MemoryObjects::default(), &schema, &expected), root);
    }

    #[test]
    fn the_difference_leads_from_one_table_to_the_other(
        before in any_changes(200, 200), change in any_changes(200, 30),
    ) {
        let schema = schema(8);
        let objects = MemoryObjects::default();
        let empty = empty(&objects).unwrap();
        let a = edit(&objects, &schema, &empty, before).unwrap();
        let b = edit(&objects, &schema, &a, change).unwrap();
        let difference = diff(&objects, &a, &b).unwrap();
        prop_assert!(difference.is_sorted_by(|x, y| x.key < y.key));
        prop_assert!(difference.iter().all(|row| row.before != row.after));
        let there = difference.iter().map(|row| (row.key.clone(), row.after.clone())).collect();
        let back = difference.iter().map(|row| (row.key.clone(), row.before.clone())).collect();
        prop_assert_eq!(edit(&objects, &schema, &a, there).unwrap(), b);
        prop_assert_eq!(edit(&objects, &schema, &b, back).unwrap(), a);
    }

    #[test]
    fn single_rows_and_ranges_are_found(
        rows in any_changes(100, 150), keys in proptest::collection::vec(-1..101i64, 0..20),
        from in -1..101i64, to in proptest::option::of(-1..101i64),
    ) {
        let schema = schema(2);
        let objects = MemoryObjects::default();
        let mut expected = Content::new();
        apply(&mut expected, &rows);
        let root = build_content(&objects, &schema, &expected);
        let keys: Vec<Vec<u8>> = keys.iter().map(|n| row(&schema, *n, "").0).collect();
        let many = get_many(&objects, &root, &keys).unwrap();
        for (key, value) in keys.iter().zip(many) {
            prop_assert_eq!(&value, &expected.get(key).cloned());
            prop_assert_eq!(value, get(&objects, &root, key).unwrap());
        }
        let from = row(&schema, from, "").0;
        let to = to.map(|to| row(&schema, to, "").0);
        let mut found = Content::new();
        scan(&objects, &root, &from, to.as_deref(), &mut |key, value| {
            found.insert(key.to_vec(), value.to_vec());
            Ok(true)
        }).unwrap();
        expected.retain(|key, _| *key >= from && to.as_ref().is_none_or(|to| key < to));
        prop_assert_eq!(found, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn tables_of_many_pages_too(edits in proptest::collection::vec(any_changes(3_000, 2_500), 1..4)) {
        let schema = schema(1);
        let objects = MemoryObjects::default();
        let empty = empty(&objects).unwrap();
        let mut root = empty;
        let mut expected = Content::new();
        for changes in edits {
            let before = root;
            apply(&mut expected, &changes);
            root = edit(&objects, &schema, &root, changes).unwrap();
            let back = diff(&objects, &root, &before).unwrap();
            let back = back.into_iter().map(|row| (row.key, row.after)).collect();
            prop_assert_eq!(edit(&objects, &schema, &root, back).unwrap(), before);
        }
        prop_assert_eq!(build_content(&MemoryObjects::default(), &schema, &expected), root);
        for (key, value) in expected.iter().step_by(97) {
            prop_assert_eq!(get(&objects, &root, key).unwrap(), Some(value.clone()));
        }
        let gone = diff(&objects, &root, &empty).unwrap();
        prop_assert_eq!(gone.len(), expected.len());
    }
}
