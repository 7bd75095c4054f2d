//! Properties of tables as a whole.

mod merging;

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

#[test]
fn golden_root_of_a_table_of_many_pages() {
    let objects = MemoryObjects::default();
    let schema = schema(8);
    let rows: Content = (0..5_000).map(|n| row(&schema, n, "same")).collect();
    let root = build_content(&objects, &schema, &rows);
    let page = page::Page::parse(&objects.read(Kind::Page, &root).unwrap()).unwrap();
    assert_eq!((page.level, page.entries.len()), GOLDEN_TOP);
    assert_eq!(root.to_hex(), GOLDEN_ROOT);
}

const GOLDEN_TOP: (u64, usize) = (1, 3);
const GOLDEN_ROOT: &str = "6d970be318c9bbe201188a5b4dadc6dcfd760b78dbb3943acfb8cc2e7fa7e0fc";

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

#[test]
fn cost_follows_the_change() {
    use crate::files::{files_schema, FileRow, FileType, ItemId};
    let file = |number: u32, size: u64| {
        let file = FileRow {
            path: format!("folder/{:02}/picture {number:06}.jpg", number % 100),
            content: crate::hash::Context::Content.id(&number.to_be_bytes()),
            size,
            item: ItemId([number as u8; 12]),
            sha256: [number as u8; 32],
            kind: FileType::File,
            executable: false,
            facts: None,
        };
        file.encode()
    };
    let objects = Counting::default();
    let schema = files_schema();
    let mut rows: Vec<_> = (0..100_000).map(|number| file(number, 1)).collect();
    rows.sort();
    let root = build(&objects, schema, &mut rows.into_iter()).unwrap();
    let (segments, deltas, pages) = objects.take_written();
    assert!((2..=5).contains(&segments) && deltas == 0 && pages == 1);

    let set = |number, size| {
        let (key, value) = file(number, size);
        (key, Some(value))
    };
    objects.take_read();
    let changed = edit(&objects, schema, &root, vec![set(77_777, 2)]).unwrap();
    assert_eq!(objects.take_written(), (0, 1, 1));
    assert_eq!(objects.take_read(), 2, "the root page and one segment");

    let added = edit(&objects, schema, &changed, vec![set(100_000, 1)]).unwrap();
    let (segments, deltas, pages) = objects.take_written();
    assert!(
        segments + deltas <= 2 && pages == 1,
        "{segments} whole, {deltas} deltas"
    );

    objects.take_read();
    let changes = diff(&objects, &root, &changed).unwrap();
    assert_eq!(changes.len(), 1);
    assert!(
        objects.take_read() <= 5,
        "two pages, a segment, and a delta with its base"
    );

    let nothing = vec![set(5, 1), set(77_777, 2), (b"missing".to_vec(), None)];
    assert_eq!(edit(&objects, schema, &added, nothing).unwrap(), added);
    assert_eq!(edit(&objects, schema, &added, vec![]).unwrap(), added);
    assert_eq!(objects.take_written(), (0, 0, 0));

    let removed = vec![(set(100_000, 1).0, None), set(77_777, 1)];
    assert_eq!(edit(&objects, schema, &added, removed).unwrap(), root);
    assert_eq!(objects.take_written(), (0, 0, 0));
}

#[test]
fn rows_out_of_order_and_damaged_pages_are_refused() {
    let schema = schema(8);
    let objects = MemoryObjects::default();
    let rows = vec![row(&schema, 2, "b"), row(&schema, 1, "a")];
    assert!(build(&objects, &schema, &mut rows.into_iter()).is_err());
    let id = Id([3; 32]);
    assert!(entries(&objects, &id).is_err());
    objects.write(Kind::Page, &id, &[0, 0]).unwrap();
    let message = entries(&objects, &id).unwrap_err().message;
    assert!(message.contains(&id.to_hex()), "{message}");
}

#[test]
fn many_changes_of_one_segment_go_through_row_by_row() {
    let schema = schema(1024);
    let objects = MemoryObjects::default();
    let mut wanted: Content = [0, 50_000, 90_000, 90_001]
        .map(|number| row(&schema, number, "old"))
        .into();
    let before = build_content(&objects, &schema, &wanted);
    let mut changes: Vec<Change> = Vec::new();
    for number in 1..70_000 {
        let (key, value) = row(&schema, number, "new");
        let value = (number % 7 != 0).then_some(value);
        match value.clone() {
            Some(value) => wanted.insert(key.clone(), value),
            None => wanted.remove(&key),
        };
        changes.push((key, value));
    }
    let after = edit_sorted(&objects, &schema, &before, &mut changes.into_iter()).unwrap();
    assert_eq!(content(&objects, &after), wanted);
    assert_eq!(after, build_content(&objects, &schema, &wanted));
    // And in the middle of many segments, with changes before and behind.
    let mut changes: Vec<Change> = Vec::new();
    for number in (70_000..88_000).chain([3, 89_999]) {
        let (key, value) = row(&schema, number, "later");
        wanted.insert(key.clone(), value.clone());
        changes.push((key, Some(value)));
    }
    changes.sort();
    let last = edit_sorted(&objects, &schema, &after, &mut changes.into_iter()).unwrap();
    assert_eq!(last, build_content(&objects, &schema, &wanted));
}

#[test]
fn changes_that_do_not_ascend_are_refused() {
    let schema = schema(8);
    let objects = MemoryObjects::default();
    let before = build_content(&objects, &schema, &[row(&schema, 1, "old")].into());
    let changes = [3, 2].map(|number| {
        let (key, value) = row(&schema, number, "new");
        (key, Some(value))
    });
    let refused = edit_sorted(&objects, &schema, &before, &mut changes.into_iter());
    assert_eq!(refused.unwrap_err().code, crate::error::ErrorCode::Invalid);
}
