//! Properties of merges, and what a side decides.

use super::*;

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
