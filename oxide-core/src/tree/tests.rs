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

/// Rows with every merge rule in them.
fn any_rows() -> impl Strategy<Value = Vec<Change>> {
    let json = prop_oneof![
        Just("{}"),
        Just(r#"{"a":1}"#),
        Just(r#"{"a":2}"#),
        Just(r#"{"a":1,"b":{"c":0.0}}"#),
        Just(r#"{"b":{"c":-0.0,"d":[1]}}"#),
        Just("7"),
    ];
    let cells = (
        proptest::option::of(0..2u8),
        proptest::option::of(0..3i64),
        proptest::option::of(0..2u8),
        proptest::option::of(json),
        proptest::option::of(0..2u8),
    );
    let change = (0..12i64, proptest::option::weighted(0.8, cells));
    proptest::collection::vec(change, 0..14).prop_map(|changes| {
        let schema = schema(2);
        let text = |n: Option<u8>| n.map_or(Value::Null, |n| Value::Text(n.to_string()));
        let encoded = changes.into_iter().map(|(number, cells)| {
            let key = row(&schema, number, "").0;
            let value = cells.map(|(label, updated, author, data, facts)| {
                let values = [
                    Value::Int(number),
                    text(label),
                    updated.map_or(Value::Null, Value::Int),
                    text(author),
                    data.map_or(Value::Null, |json| Value::Text(json.into())),
                    facts.map_or(Value::Null, |byte| Value::Bytes(vec![byte])),
                ];
                encode(&schema, &values).unwrap().value
            });
            (key, value)
        });
        encoded.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn merges_are_symmetric(base in any_rows(), ours in any_rows(), theirs in any_rows()) {
        let schema = schema(2);
        let objects = MemoryObjects::default();
        let empty = empty(&objects).unwrap();
        let base = edit(&objects, &schema, &empty, base).unwrap();
        let ours = edit(&objects, &schema, &base, ours).unwrap();
        let theirs = edit(&objects, &schema, &base, theirs).unwrap();
        let there = merge(&objects, &schema, &base, &ours, &theirs).unwrap();
        let back = merge(&objects, &schema, &base, &theirs, &ours).unwrap();
        prop_assert_eq!(there.root, back.root);
        let mirrored: Vec<RowConflict> = back.conflicts.into_iter().map(|conflict| RowConflict {
            ours: conflict.theirs,
            theirs: conflict.ours,
            ..conflict
        }).collect();
        prop_assert_eq!(&there.conflicts, &mirrored);

        let [b, o, t, merged] = [&base, &ours, &theirs, &there.root].map(|root| content(&objects, root));
        for (key, value) in &merged {
            decode(&schema, key, value).unwrap();
        }
        for conflict in &there.conflicts {
            prop_assert_eq!(merged.get(&conflict.key), conflict.base.as_ref());
        }
        for number in 0..12 {
            let key = row(&schema, number, "").0;
            let [b, o, t, m] = [&b, &o, &t, &merged].map(|side| side.get(&key));
            if t == b {
                prop_assert_eq!(m, o);
            } else if o == b {
                prop_assert_eq!(m, t);
            }
        }
    }
}

fn merged_row(base: [&str; 5], ours: [&str; 5], theirs: [&str; 5]) -> RowMerge {
    let schema = schema(2);
    let objects = MemoryObjects::default();
    let [base, ours, theirs] = [base, ours, theirs].map(|cells| encoded(&schema, cells));
    merge_row(&objects, &schema, Some(&base), &ours, &theirs).unwrap()
}

/// Label, updated, author, data, facts; empty is null.
fn encoded(schema: &Schema, cells: [&str; 5]) -> Vec<u8> {
    let mut values = vec![Value::Int(1)];
    for (field, cell) in schema.fields[1..].iter().zip(cells) {
        values.push(match field.kind {
            _ if cell.is_empty() => Value::Null,
            Type::Time => Value::Int(cell.parse().unwrap()),
            Type::Bytes => Value::Bytes(cell.as_bytes().to_vec()),
            _ => Value::Text(cell.into()),
        });
    }
    encode(schema, &values).unwrap().value
}

#[test]
fn cells_merge_by_their_rules() {
    let base = ["cat", "1", "ann", r#"{"a":{"x":1,"y":2},"l":[1]}"#, "f"];
    // Maximum, follow, leaves and derived never need a person here.
    let ours = ["cat", "5", "bob", r#"{"a":{"x":9,"y":2},"l":[1]}"#, "g"];
    let theirs = ["dog", "3", "eve", r#"{"a":{"x":1},"l":[1,2]}"#, "h"];
    let result = ["dog", "5", "bob", r#"{"a":{"x":9},"l":[1,2]}"#, "h"];
    let expected = RowMerge::Row(encoded(&schema(2), result));
    assert_eq!(merged_row(base, ours, theirs), expected);
    assert_eq!(merged_row(base, theirs, ours), expected);
    // The winner of `updated` gives the author even when it did not change it.
    let ours = ["cat", "5", "ann", base[3], "f"];
    let theirs = ["cat", "3", "eve", base[3], "f"];
    let expected = RowMerge::Row(encoded(&schema(2), ours));
    assert_eq!(merged_row(base, ours, theirs), expected);
    // One leaf, one label: two conflicts, by field id.
    let ours = ["cow", "1", "ann", r#"{"a":{"x":8,"y":2},"l":[1]}"#, "f"];
    let theirs = ["dog", "1", "ann", r#"{"a":5,"l":[1]}"#, "f"];
    assert_eq!(
        merged_row(base, ours, theirs),
        RowMerge::Conflict(vec![2, 5])
    );
}

#[test]
fn no_value_is_one_without_leaves() {
    let row = |data| ["cat", "1", "ann", data, "f"];
    let merged = |base, ours, theirs| {
        let there = merged_row(row(base), row(ours), row(theirs));
        assert_eq!(merged_row(row(base), row(theirs), row(ours)), there);
        there
    };
    let is = |data| RowMerge::Row(encoded(&schema(2), row(data)));
    // One side removes the last leaf, the other adds one.
    assert_eq!(
        merged(r#"{"a":1}"#, "", r#"{"a":1,"b":2}"#),
        is(r#"{"b":2}"#)
    );
    assert_eq!(
        merged(r#"{"a":1}"#, "{}", r#"{"a":1,"b":2}"#),
        is(r#"{"b":2}"#)
    );
    assert_eq!(merged("{}", "", r#"{"b":2}"#), is(r#"{"b":2}"#));
    // So it is further down, and what became empty on neither side alone is gone.
    let deep = r#"{"a":{"x":1,"y":2},"b":1}"#;
    assert_eq!(
        merged(deep, r#"{"b":1}"#, r#"{"a":{"x":1,"y":2,"z":3},"b":1}"#),
        is(r#"{"a":{"z":3},"b":1}"#)
    );
    assert_eq!(
        merged(deep, r#"{"a":{"x":1},"b":1}"#, r#"{"a":{"y":2},"b":1}"#),
        is(r#"{"b":1}"#)
    );
    assert_eq!(
        merged(r#"{"a":1,"b":2}"#, r#"{"a":1}"#, r#"{"b":2}"#),
        is("")
    );
    // A leaf that one side removed and the other changed is contested.
    let contested = RowMerge::Conflict(vec![5]);
    assert_eq!(merged(r#"{"a":1}"#, "", r#"{"a":2,"b":2}"#), contested);
    assert_eq!(merged(r#"{"a":1}"#, "", r#"{"a":{"b":2}}"#), contested);
    assert_eq!(merged("5", "", r#"{"a":1}"#), contested);
}

#[test]
fn a_side_decides_what_is_contested_and_nothing_else() {
    let schema = schema(2);
    let objects = MemoryObjects::default();
    let [base, ours, theirs] = [
        ["cat", "1", "ann", r#"{"a":1,"b":1,"c":1}"#, "f"],
        ["cow", "2", "bob", r#"{"a":2,"b":1,"c":2}"#, "f"],
        ["dog", "3", "eve", r#"{"a":3,"b":3,"c":1}"#, "g"],
    ]
    .map(|cells| encoded(&schema, cells));
    for (side, label, a) in [
        (Side::Base, "cat", 1),
        (Side::Ours, "cow", 2),
        (Side::Theirs, "dog", 3),
    ] {
        let decided = decide_row(
            &objects,
            &schema,
            Some(&base),
            Some(&ours),
            Some(&theirs),
            side,
        );
        let data = format!(r#"{{"a":{a},"b":3,"c":2}}"#);
        let expected = encoded(&schema, [label, "3", "eve", &data, "g"]);
        assert_eq!(decided.unwrap(), Some(expected));
        let removed = decide_row(&objects, &schema, Some(&base), None, Some(&theirs), side);
        let whole = [Some(&base), None, Some(&theirs)][side as usize].cloned();
        assert_eq!(removed.unwrap(), whole);
    }
}

#[test]
fn rows_of_leaves_alone_merge_where_one_side_has_none() {
    let schema = Schema {
        name: "notes".into(),
        fields: vec![
            field(1, "number", Type::Int, MergeRule::Conflict),
            field(2, "data", Type::Json, MergeRule::Leaves),
            field(3, "updated", Type::Time, MergeRule::Maximum),
        ],
        key: vec![1],
        target_rows: 2,
    };
    schema.validate().unwrap();
    let objects = MemoryObjects::default();
    let (key, _) = row_of(&schema, "{}", 1);
    let table = |data: &str, updated| match data {
        "" => Content::new(),
        data => Content::from([row_of(&schema, data, updated)]),
    };
    let merged = |base: Content, ours: Content, theirs: Content| {
        let [base, ours, theirs] =
            [base, ours, theirs].map(|rows| build_content(&objects, &schema, &rows));
        let there = merge(&objects, &schema, &base, &ours, &theirs).unwrap();
        let back = merge(&objects, &schema, &base, &theirs, &ours).unwrap();
        assert_eq!(there.root, back.root);
        (content(&objects, &there.root), there.conflicts)
    };
    let base = || table(r#"{"a":1}"#, 1);
    let (rows, conflicts) = merged(base(), table("", 0), table(r#"{"a":1,"b":2}"#, 3));
    assert!(conflicts.is_empty());
    assert_eq!(rows, table(r#"{"b":2}"#, 3));
    // Nothing is left, so there is no row.
    let (rows, conflicts) = merged(base(), table("", 0), table(r#"{"a":1}"#, 3));
    assert!(conflicts.is_empty() && rows.is_empty());
    let (rows, conflicts) = merged(base(), table("", 0), table(r#"{"a":2,"b":2}"#, 3));
    assert_eq!((rows, conflicts.len()), (base(), 1));
    for (side, data) in [
        (Side::Base, r#"{"a":1,"b":2}"#),
        (Side::Ours, r#"{"b":2}"#),
        (Side::Theirs, r#"{"a":2,"b":2}"#),
    ] {
        let [base, ours, theirs] = [&conflicts[0].base, &conflicts[0].ours, &conflicts[0].theirs];
        let decided = decide_row(
            &objects,
            &schema,
            base.as_deref(),
            ours.as_deref(),
            theirs.as_deref(),
            side,
        );
        assert_eq!(decided.unwrap().as_ref(), table(data, 3).get(&key));
    }
}

fn row_of(schema: &Schema, data: &str, updated: i64) -> (Vec<u8>, Vec<u8>) {
    let values = [Value::Int(1), Value::Text(data.into()), Value::Int(updated)];
    let row = encode(schema, &values).unwrap();
    (row.key, row.value)
}

/// A box: geometry leads x and width, label is a cell of its own.
fn merged_box(base: [&str; 4], ours: [&str; 4], theirs: [&str; 4]) -> RowMerge {
    let schema = Schema {
        name: "boxes".into(),
        fields: vec![
            field(1, "number", Type::Int, MergeRule::Conflict),
            field(2, "label", Type::Text, MergeRule::Conflict),
            field(3, "geometry", Type::Text, MergeRule::Conflict),
            field(4, "x", Type::Text, MergeRule::Together(3)),
            field(5, "width", Type::Text, MergeRule::Together(3)),
        ],
        key: vec![1],
        target_rows: 2,
    };
    schema.validate().unwrap();
    let objects = MemoryObjects::default();
    let row = |cells: [&str; 4]| {
        let text = |cell: &str| match cell {
            "" => Value::Null,
            cell => Value::Text(cell.into()),
        };
        let mut values = vec![Value::Int(1)];
        values.extend(cells.map(text));
        encode(&schema, &values).unwrap().value
    };
    let merged = merge_row(
        &objects,
        &schema,
        Some(&row(base)),
        &row(ours),
        &row(theirs),
    );
    match merged.unwrap() {
        RowMerge::Row(merged) => {
            let found = [base, ours, theirs, ["dog", "", "2", "10"]]
                .into_iter()
                .find(|cells| row(*cells) == merged);
            assert!(found.is_some(), "a mixture that no side asked for");
            RowMerge::Row(merged)
        }
        conflict => conflict,
    }
}

#[test]
fn cells_that_are_one_come_from_one_side() {
    let base = ["cat", "", "1", "10"];
    // One side relabels, the other moves: both count.
    let (relabelled, moved) = (["dog", "", "1", "10"], ["cat", "", "2", "10"]);
    assert!(matches!(
        merged_box(base, relabelled, moved),
        RowMerge::Row(_)
    ));
    assert_eq!(
        merged_box(base, relabelled, moved),
        merged_box(base, moved, relabelled)
    );
    // One changes x, the other the width: never a box that nobody drew, one conflict, told by the leader.
    let widened = ["cat", "", "1", "20"];
    assert_eq!(
        merged_box(base, moved, widened),
        RowMerge::Conflict(vec![3])
    );
    // The leader alone and a follower alone are one cell, too.
    let turned = ["cat", "30 degrees", "1", "10"];
    assert_eq!(
        merged_box(base, turned, widened),
        RowMerge::Conflict(vec![3])
    );
    assert!(matches!(
        merged_box(base, widened, widened),
        RowMerge::Row(_)
    ));
}

#[test]
fn long_json_merges_by_leaves_too() {
    let schema = schema(2);
    let objects = MemoryObjects::default();
    let long = "x".repeat(5_000);
    let stored = |a: &str, b: &str| {
        let data = serde_json::json!({ "a": a, "b": b, "long": long }).to_string();
        let mut values = vec![Value::Null; 6];
        values[0] = Value::Int(1);
        values[4] = Value::Text(data);
        crate::rows::externalise(&objects, &schema, &mut values).unwrap();
        encode(&schema, &values).unwrap().value
    };
    let (base, ours, theirs) = (stored("1", "1"), stored("2", "1"), stored("1", "2"));
    let merged = merge_row(&objects, &schema, Some(&base), &ours, &theirs).unwrap();
    assert_eq!(merged, RowMerge::Row(stored("2", "2")));
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
