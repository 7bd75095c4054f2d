//! Encoding of rows: golden bytes, order, round trips, damage.

use proptest::prelude::*;

use super::*;
use crate::schema::{Field, MergeRule};
use crate::store::MemoryObjects;

fn schema(key: &[Type], cells: &[Type]) -> Schema {
    let fields = key.iter().chain(cells).zip(1u32..);
    Schema {
        name: "test".into(),
        fields: fields
            .map(|(kind, id)| Field {
                id,
                name: format!("f{id}"),
                kind: *kind,
                merge: MergeRule::Conflict,
                content: false,
            })
            .collect(),
        key: (1..=key.len() as u32).collect(),
        target_rows: 8,
    }
}

const CELLS: [Type; 9] = [
    Type::Bool,
    Type::Int,
    Type::Float,
    Type::Text,
    Type::Bytes,
    Type::Fixed(2),
    Type::Json,
    Type::Time,
    Type::Vector,
];

#[test]
fn golden_bytes() {
    let schema = schema(&[Type::Text, Type::Int, Type::Fixed(2), Type::Bool], &CELLS);
    let values = [
        Value::Text("a\0b".into()),
        Value::Int(-2),
        Value::Bytes(vec![7, 8]),
        Value::Bool(true),
        Value::Bool(false),
        Value::Int(-3),
        Value::Float(-f64::NAN),
        Value::Text("é".into()),
        Value::Null,
        Value::Bytes(vec![1, 2]),
        Value::Text(r#"{ "b": 1.50, "a": [1, "\u00e9"] }"#.into()),
        Value::Int(300),
        Value::Vector(vec![1.0]),
    ];
    let row = encode(&schema, &values).unwrap();
    let mut key = b"a\0\xffb\0\0".to_vec();
    key.extend([0x7f, 255, 255, 255, 255, 255, 255, 0xfe, 7, 8, 1]);
    assert_eq!(row.key, key);
    let mut value = vec![0x2c, 0x30, 5, 0x39, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f];
    value.extend([0x42, 2, 0xc3, 0xa9, 0x52, 2, 1, 2, 0x5a, 18]);
    value.extend(r#"{"a":[1,"é"],"b":1.5}"#.as_bytes());
    value[21] = r#"{"a":[1,"é"],"b":1.5}"#.len() as u8;
    value.extend([0x60, 0xd8, 0x04, 0x6a, 4, 0, 0, 0x80, 0x3f]);
    assert_eq!(row.value, value);
}

#[test]
fn long_cells_are_blobs() {
    let schema = schema(&[Type::Int], &[Type::Text, Type::Vector, Type::Json]);
    let objects = MemoryObjects::default();
    let json = format!("[\"{}\"]", "j".repeat(5000));
    let long = vec![
        Value::Int(1),
        Value::Text("t".repeat(4097)),
        Value::Vector(vec![0.5; 1025]),
        Value::Text(format!(" {json} ")),
    ];
    assert!(encode(&schema, &long).is_err());
    let mut stored = long.clone();
    externalise(&objects, &schema, &mut stored).unwrap();
    assert!(matches!(stored[1], Value::External { length: 4097, .. }));
    let row = encode(&schema, &stored).unwrap();
    let blobs: Vec<_> = cells(&row.value)
        .map(|cell| cell.unwrap().external().unwrap())
        .collect();
    assert!(blobs.len() == 3 && blobs.iter().all(Option::is_some));
    let read = decode(&schema, &row.key, &row.value).unwrap();
    assert_eq!(read, stored);
    for (position, field) in schema.fields.iter().enumerate().skip(1) {
        let value = resolve(&objects, field.kind, read[position].clone()).unwrap();
        let expected = if position == 3 {
            Value::Text(json.clone())
        } else {
            long[position].clone()
        };
        assert_eq!(value, expected);
    }
    assert!(resolve(&MemoryObjects::default(), Type::Text, read[1].clone()).is_err());
}

#[test]
fn an_older_and_a_newer_schema_read_a_row() {
    let new = schema(&[Type::Int], &[Type::Text, Type::Int]);
    let mut old = new.clone();
    old.fields.pop();
    let full = [Value::Int(1), Value::Text("a".into()), Value::Int(2)];
    let row = encode(&new, &full).unwrap();
    assert_eq!(decode(&old, &row.key, &row.value).unwrap(), full[..2]);
    let short = encode(&old, &full[..2]).unwrap();
    let read = decode(&new, &short.key, &short.value).unwrap();
    assert_eq!(read[2], Value::Null);
}

#[test]
fn json_has_one_form() {
    for (text, canonical) in [
        (
            r#" {"b":1,"a":{"d":null,"c":[true , false]}} "#,
            r#"{"a":{"c":[true,false],"d":null},"b":1}"#,
        ),
        (r#""\u00e9\/\n\u0001""#, "\"é/\\n\\u0001\""),
        ("1.0", "1.0"),
        ("1e2", "100.0"),
        ("0.1000000000000000055", "0.1"),
        ("-9223372036854775808", "-9223372036854775808"),
    ] {
        assert_eq!(canonical_json(text).unwrap(), canonical);
    }
    assert!(canonical_json("{a:1}").is_err());
    assert!(canonical_json(&"[".repeat(100_000)).is_err());
}

fn value_of(kind: Type) -> BoxedStrategy<Value> {
    match kind {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int | Type::Time => prop_oneof![any::<i64>(), -3..3i64]
            .prop_map(Value::Int)
            .boxed(),
        Type::Float => any::<f64>().prop_map(Value::Float).boxed(),
        Type::Text => "[\\x00-\\x02a-cé]{0,6}".prop_map(Value::Text).boxed(),
        Type::Bytes => proptest::collection::vec(0..3u8, 0..6)
            .prop_map(Value::Bytes)
            .boxed(),
        Type::Fixed(n) => proptest::collection::vec(any::<u8>(), usize::from(n))
            .prop_map(Value::Bytes)
            .boxed(),
        Type::Json => any::<f64>()
            .prop_map(|n| Value::Text(serde_json::json!({ "n": n }).to_string()))
            .boxed(),
        Type::Vector => proptest::collection::vec(-9.0..9.0f32, 0..4)
            .prop_map(Value::Vector)
            .boxed(),
    }
}

fn order(a: &[Value], b: &[Value]) -> std::cmp::Ordering {
    let pairs = a.iter().zip(b).map(|pair| match pair {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        other => panic!("no key: {other:?}"),
    });
    pairs.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
}

const KEYS: [Type; 5] = [
    Type::Text,
    Type::Bytes,
    Type::Int,
    Type::Fixed(2),
    Type::Bool,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn keys_sort_as_their_values(a in KEYS.map(value_of), b in KEYS.map(value_of)) {
        let schema = schema(&KEYS, &[]);
        let [x, y] = [&a, &b].map(|values| encode_key(&schema, values).unwrap());
        prop_assert_eq!(x.cmp(&y), order(&a, &b));
        prop_assert_eq!(decode_key(&schema, &x).unwrap(), a.to_vec());
        prop_assert!(x.starts_with(&encode_key(&schema, &a[..2]).unwrap()));
    }

    #[test]
    fn rows_round_trip(cells in CELLS.map(|kind| prop_oneof![1 => Just(Value::Null), 3 => value_of(kind)])) {
        let schema = schema(&[Type::Int], &CELLS);
        let mut values = vec![Value::Int(5)];
        values.extend(cells);
        let row = encode(&schema, &values).unwrap();
        let again = decode(&schema, &row.key, &row.value).unwrap();
        prop_assert_eq!(encode(&schema, &again).unwrap(), row);
    }

    #[test]
    fn damaged_rows_are_errors(
        key in proptest::collection::vec(any::<u8>(), 0..20),
        value in proptest::collection::vec(0..60u8, 0..40),
    ) {
        let schema = schema(&[Type::Text, Type::Bool], &CELLS);
        let _ = decode(&schema, &key, b"");
        let _ = decode(&schema, b"\0\0\0", &value);
    }
}
