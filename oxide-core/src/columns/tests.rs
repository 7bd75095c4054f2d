//! Rows to Arrow and back, and Parquet bytes.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;

use super::statistics::Condition;
use super::*;
use crate::hash::Id;
use crate::progress::Progress;
use crate::rows::{self, Value};
use crate::schema::{Field, MergeRule, Schema, Type};
use crate::segment::Segment;
use crate::store::MemoryObjects;
use crate::tree;

fn schema() -> Schema {
    let kinds = [
        ("name", Type::Text),
        ("flag", Type::Bool),
        ("number", Type::Int),
        ("score", Type::Float),
        ("hash", Type::Fixed(3)),
        ("data", Type::Json),
        ("when", Type::Time),
        ("vector", Type::Vector),
        ("bytes", Type::Bytes),
    ];
    Schema {
        name: "test".into(),
        fields: kinds
            .into_iter()
            .zip(1..)
            .map(|((name, kind), id)| Field {
                id,
                name: name.into(),
                kind,
                merge: MergeRule::Conflict,
                content: false,
            })
            .collect(),
        key: vec![1],
        target_rows: 8,
    }
}

fn sample(objects: &MemoryObjects) -> Segment {
    let schema = schema();
    let mut full = vec![
        Value::Text("a".into()),
        Value::Bool(true),
        Value::Int(-5),
        Value::Float(f64::NAN),
        Value::Bytes(vec![1, 2, 3]),
        Value::Text(format!(r#"{{"long":"{}"}}"#, "x".repeat(5_000))),
        Value::Int(1_700_000_000_000_000),
        Value::Vector(vec![0.25; 2_000]),
        Value::Bytes(vec![0, 255]),
    ];
    rows::externalise(objects, &schema, &mut full).unwrap();
    let mut sparse = vec![Value::Null; 9];
    sparse[0] = Value::Text("b".into());
    let encoded = [full, sparse].map(|values| rows::encode(&schema, &values).unwrap());
    Segment::from_rows(encoded.iter().map(|row| (&row.key[..], &row.value[..]))).unwrap()
}

#[test]
fn rows_survive_arrow() {
    let objects = MemoryObjects::default();
    let segment = sample(&objects);
    let batch = segment_batch(&objects, &schema(), &segment).unwrap();
    assert_eq!(batch.num_rows(), 2);
    assert_eq!(batch.schema(), arrow_schema(&schema()));
    assert_eq!(batch.schema().field(4).metadata()["PARQUET:field_id"], "5");
    assert!(batch.column(5).as_string::<i32>().value(0).len() > 5_000);
    let changes = batch_changes(&objects, &schema(), &batch).unwrap();
    let rows = changes
        .iter()
        .map(|(key, value)| (&key[..], value.as_deref().unwrap()));
    assert_eq!(Segment::from_rows(rows).unwrap(), segment);
    let some: Vec<_> = segment.rows().skip(1).collect();
    let part = rows_batch(&objects, &schema(), &some).unwrap();
    assert_eq!(part, batch.slice(1, 1));
}

#[test]
fn parquet_holds_the_rows_and_the_field_ids() {
    let objects = MemoryObjects::default();
    let segment = sample(&objects);
    let bytes = parquet_bytes(&objects, &schema(), &segment).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(arrow_bytes(bytes)).unwrap();
    let root = reader.parquet_schema().root_schema().clone();
    let fields = root.get_fields().iter().take(9);
    let ids: Vec<i32> = fields.map(|field| field.get_basic_info().id()).collect();
    assert_eq!(ids, (1..=9).collect::<Vec<_>>());
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let batch = batch.project(&(0..9).collect::<Vec<_>>()).unwrap();
    let changes = batch_changes(&objects, &schema(), &batch).unwrap();
    let rows = changes
        .iter()
        .map(|(key, value)| (&key[..], value.as_deref().unwrap()));
    assert_eq!(Segment::from_rows(rows).unwrap(), segment);
}

fn arrow_bytes(bytes: Vec<u8>) -> std::fs::File {
    use std::io::Write;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    file
}

fn with_key(name: &str, column: ArrayRef) -> RecordBatch {
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..column.len()).map(|n| n.to_string()),
    ));
    RecordBatch::try_from_iter_with_nullable([("name", keys, false), (name, column, true)]).unwrap()
}

#[test]
fn types_are_cast_where_nothing_is_lost() {
    let objects = MemoryObjects::default();
    let read = |name: &str, column: ArrayRef| {
        let changes = batch_changes(&objects, &schema(), &with_key(name, column))?;
        let (key, value) = &changes[0];
        let values = rows::decode(&schema(), key, value.as_deref().unwrap_or_default())?;
        Ok::<Value, crate::Error>(values[schema().position(name).unwrap_or_default()].clone())
    };
    let dictionary: DictionaryArray<Int32Type> = ["cat"].into_iter().collect();
    let good: [(&str, ArrayRef, Value); 5] = [
        ("number", Arc::new(Int32Array::from(vec![7])), Value::Int(7)),
        (
            "number",
            Arc::new(Float64Array::from(vec![7.0])),
            Value::Int(7),
        ),
        (
            "score",
            Arc::new(Int64Array::from(vec![7])),
            Value::Float(7.0),
        ),
        (
            "when",
            Arc::new(TimestampNanosecondArray::from(vec![5_000])),
            Value::Int(5),
        ),
        (
            "data",
            Arc::new(StringArray::from(vec!["{ }"])),
            Value::Text("{}".into()),
        ),
    ];
    for (name, column, value) in good {
        assert_eq!(read(name, column).unwrap(), value);
    }
    assert!(
        read("data", Arc::new(dictionary)).is_err(),
        "cat is no JSON"
    );
    let bad: [(&str, ArrayRef); 6] = [
        ("number", Arc::new(Float64Array::from(vec![7.5]))),
        ("number", Arc::new(StringArray::from(vec!["7"]))),
        ("score", Arc::new(Int64Array::from(vec![i64::MAX]))),
        (
            "when",
            Arc::new(TimestampNanosecondArray::from(vec![5_001])),
        ),
        ("hash", Arc::new(StringArray::from(vec!["abc"]))),
        ("unknown", Arc::new(Int32Array::from(vec![7]))),
    ];
    for (name, column) in bad {
        let error = read(name, column).unwrap_err();
        assert!(error.message.contains(name), "{error}");
    }
}

#[test]
fn exported_files_are_used_again() {
    let objects = MemoryObjects::default();
    let folder = tempfile::tempdir().unwrap();
    let schema = schema();
    let rows = |range: std::ops::Range<u32>| {
        let encoded = range.map(|number| {
            let mut values = vec![Value::Null; 9];
            values[0] = Value::Text(format!("{number:04}"));
            let row = rows::encode(&schema, &values).unwrap();
            (row.key, Some(row.value))
        });
        encoded.collect::<Vec<_>>()
    };
    let empty = tree::empty(&objects).unwrap();
    let root = tree::edit(&objects, &schema, &empty, rows(0..100)).unwrap();
    let cache = folder.path().join("cache");
    let export = |root: &Id, conditions: &str| {
        let conditions: Vec<Condition> = serde_json::from_str(conditions).unwrap();
        let keys = (&[][..], None);
        let progress = Progress::default();
        export_parquet(
            &objects,
            &schema,
            root,
            &cache,
            keys,
            &conditions,
            &progress,
        )
        .unwrap()
    };
    assert_eq!(export(&empty, "[]"), Exported::default());
    let first = export(&root, "[]");
    let segments = tree::entries(&objects, &root).unwrap().len();
    assert_eq!((first.segments, first.opened), (segments, segments));
    assert_eq!(first.extracts.len(), 1, "a bundle, not a file a segment");
    assert_eq!(first.extracts[0].wanted, None);
    let written = std::fs::metadata(&first.extracts[0].path)
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(export(&root, "[]"), first);

    let removed = rows(50..51).into_iter().map(|(key, _)| (key, None));
    let shorter = tree::edit(&objects, &schema, &root, removed.collect()).unwrap();
    let second = export(&shorter, "[]");
    assert_eq!(second.extracts.len(), 2, "the bundle and what is new");
    assert_eq!(second.extracts[0].path, first.extracts[0].path);
    assert!(
        second.extracts[0].wanted.is_some(),
        "one of its segments is not wanted any more"
    );
    let again = std::fs::metadata(&first.extracts[0].path)
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(again, written);

    let one = export(&root, r#"[{"column": "name", "among": ["0042"]}]"#);
    assert_eq!((one.segments, one.opened), (segments, 1));
    let none = export(&root, r#"[{"column": "name", "least": "1"}]"#);
    assert_eq!((none.opened, none.extracts.len()), (0, 0));
}
