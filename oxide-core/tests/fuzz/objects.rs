//! Objects in memory: numbers, paths, payloads, segments, rows, schemas, pages, records, Arrow columns.

use std::sync::{Arc, OnceLock};

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, DictionaryArray, Float32Array, Float64Array,
    Int32Array, Int64Array, ListArray, StringArray, TimestampMillisecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field as ArrowField, Int32Type};
use arrow::record_batch::RecordBatch;
use oxide_core::codec::{self, Encoding};
use oxide_core::columns;
use oxide_core::files::{self, FileRow, ItemRow};
use oxide_core::hash::Context;
use oxide_core::pack::Kind;
use oxide_core::rows::{self, Value};
use oxide_core::schema::{Field, MergeRule, Schema, Type};
use oxide_core::segment::{self, Segment};
use oxide_core::store::{MemoryObjects, ReadObjects, WriteObjects};
use oxide_core::varint::{self, Reader};
use oxide_core::{record, tree, Id};

use crate::run::Scratch;

/// Numbers and lengths, one after the other.
pub fn varint(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let mut reader = Reader::new("an input", bytes);
    loop {
        let start = reader.position();
        let Ok(value) = reader.varint() else { break };
        let mut again = Vec::new();
        varint::write(&mut again, value);
        assert_eq!(again, bytes[start..reader.position()]);
        assert_eq!(varint::zigzag(varint::unzigzag(value)), value);
        let Ok(taken) = reader.bytes() else { break };
        assert!(taken.len() <= bytes.len());
    }
    true
}

/// Names on disk to text and back.
pub fn paths(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let text = oxide_core::paths::to_text(bytes);
    assert_eq!(oxide_core::paths::to_bytes(&text), bytes);
    let _ = oxide_core::paths::check(&text);
    let _ = oxide_core::paths::collision_key(&text);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let once = oxide_core::paths::to_bytes(text);
        let _ = oxide_core::paths::to_text(&once);
    }
    true
}

/// A record's payload: encoding, decoded length, stored bytes.
pub fn codec(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let Some((head, stored)) = bytes.split_at_checked(5) else {
        return false;
    };
    let Ok(encoding) = Encoding::from_byte(head[0]) else {
        return false;
    };
    // Whoever reads the input's length may allocate what it announces, but not before it is there.
    let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let length = length.min(1 << 20);
    if let Ok(decoded) = codec::decode(encoding, stored, length) {
        assert_eq!(decoded.len(), length);
        let (encoding, again) = codec::encode(&decoded, false);
        let stored = again.as_deref().unwrap_or(&decoded);
        assert_eq!(
            codec::decode(encoding, stored, length).expect("what was encoded"),
            decoded
        );
    }
    let _ = (codec::is_media(bytes), codec::deduplicates(bytes, "a.csv"));
    true
}

/// A segment and a delta to it, each led by its length.
pub fn segment(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let mut reader = Reader::new("an input", bytes);
    let (Ok(base), rest) = (reader.bytes(), reader.position()) else {
        return false;
    };
    let objects = MemoryObjects::default();
    let base_id = Context::Segment.id(base);
    let put = |kind, id: &Id, bytes: &[u8]| objects.write(kind, id, bytes).expect("in memory");
    put(Kind::Segment, &base_id, base);
    let parsed = Segment::parse(base.to_vec());
    let is_segment = parsed.is_ok();
    if let Ok(parsed) = parsed {
        assert_eq!(parsed.bytes(), base);
        assert!(parsed
            .rows()
            .eq((0..parsed.len()).map(|index| parsed.row(index))));
        let again = Segment::from_rows(parsed.rows()).expect("rows of a segment");
        assert_eq!(again.bytes(), base);
        for (position, (key, value)) in parsed.rows().enumerate() {
            assert_eq!(parsed.search(key), Ok(position));
            assert_eq!(parsed.get(key), Some(value));
        }
        segment::read(&objects, &base_id).expect("it was parsed");
    }
    let result = Context::Segment.id(b"whatever the delta leads to");
    put(Kind::SegmentDelta, &result, &bytes[rest..]);
    let _ = segment::chain(&objects, &result);
    let _ = segment::read(&objects, &result);
    // A delta that rests on itself must not be followed for ever.
    let itself = [&result.0[..], bytes.get(rest + 32..).unwrap_or_default()].concat();
    put(Kind::SegmentDelta, &result, &itself);
    assert!(segment::read(&objects, &result).is_err());
    is_segment
}

/// A schema with a field of every type.
fn every_type() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let kinds = [
            Type::Text,
            Type::Bytes,
            Type::Fixed(3),
            Type::Int,
            Type::Bool,
            Type::Time,
            Type::Float,
            Type::Json,
            Type::Vector,
            Type::Text,
            Type::Bool,
            Type::Bytes,
            Type::Fixed(12),
            Type::Int,
        ];
        let field = |(position, kind): (usize, &Type)| Field {
            id: position as u32 + 1,
            name: format!("field{}", position + 1),
            kind: *kind,
            merge: MergeRule::Conflict,
            content: false,
        };
        Schema {
            name: "every".into(),
            fields: kinds.iter().enumerate().map(field).collect(),
            key: vec![1, 2, 3, 4, 5],
            target_rows: 64,
        }
    })
}

/// Which schema, a key led by its length, a value.
pub fn rows(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let mut reader = Reader::new("an input", bytes);
    let Ok(which) = reader.byte() else {
        return false;
    };
    let Ok(key) = reader.bytes() else {
        return false;
    };
    let value = &bytes[reader.position()..];
    let schema = match which % 3 {
        0 => files::files_schema(),
        1 => files::items_schema(),
        _ => every_type(),
    };
    for cell in rows::cells(value) {
        let Ok(cell) = cell else { break };
        let _ = cell.external();
    }
    if let Ok(row) = FileRow::decode(key, value) {
        let (key, value) = row.encode();
        assert_eq!(FileRow::decode(&key, &value).expect("an encoded row"), row);
    }
    if let Ok(row) = ItemRow::decode(key, value) {
        let (key, value) = row.encode();
        assert_eq!(ItemRow::decode(&key, &value).expect("an encoded row"), row);
    }
    let Ok(cells) = rows::decode(schema, key, value) else {
        return false;
    };
    let keys: Vec<Value> = rows::decode_key(schema, key).expect("a decoded row");
    assert_eq!(rows::encode_key(schema, &keys).expect("a decoded key"), key);
    let objects = MemoryObjects::default();
    for (field, cell) in schema.fields.iter().zip(&cells) {
        let _ = rows::resolve(&objects, field.kind, cell.clone());
    }
    // JSON is checked when it is written, and a NaN has one form.
    if let Ok(row) = rows::encode(schema, &cells) {
        let again = rows::decode(schema, &row.key, &row.value).expect("an encoded row");
        assert_eq!(rows::encode(schema, &again).expect("a decoded row"), row);
    }
    true
}

pub fn schema(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let Ok(schema) = Schema::from_bytes(bytes) else {
        return false;
    };
    assert_eq!(
        Schema::from_bytes(&schema.to_bytes()).expect("its own bytes"),
        schema
    );
    schema.check_evolution(&schema).expect("no change");
    let _ = schema.check_evolution(every_type());
    let _ = columns::arrow_schema(&schema);
    let _ = rows::decode(&schema, b"key\0\0", b"");
    true
}

/// An index page, under its own hash.
pub fn page(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let objects = MemoryObjects::default();
    let id = Context::Page.id(bytes);
    objects.write(Kind::Page, &id, bytes).expect("in memory");
    let parsed = tree::page_children(&objects, &id);
    let is_page = parsed.is_ok();
    let _ = tree::len(&objects, &id);
    let _ = tree::get(&objects, &id, b"images/005.png\0\0");
    let _ = tree::get_many(&objects, &id, &[b"a".to_vec(), b"b".to_vec()]);
    let _ = tree::diff(&objects, &id, &tree::empty_root());
    if let (Ok(tree::Children::Segments(segments)), Ok(entries)) =
        (parsed, tree::entries(&objects, &id))
    {
        assert!(entries.iter().map(|entry| entry.id).eq(segments));
        assert!(entries.is_sorted_by(|a, b| a.last_key < b.last_key));
    }
    is_page
}

/// Commits, views, lists, operations.
pub fn record(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let Ok(parsed) = record::from_bytes(bytes) else {
        return false;
    };
    assert_eq!(record::to_bytes(&parsed).expect("its own bytes"), bytes);
    let _ = record::commit_links(&parsed);
    let _ = record::view_links(&parsed);
    let objects = MemoryObjects::default();
    for kind in [Kind::Commit, Kind::View, Kind::List, Kind::Schema] {
        if let Ok(id) = record::write(&objects, kind, &parsed) {
            let stored = objects.read(kind, &id).expect("just written");
            assert_eq!(record::context(kind).expect("a record").id(&stored), id);
            record::read(&objects, kind, &id).expect("just written");
        }
    }
    true
}

/// Columns of many types, with values and lengths that the input chooses, as rows of a table.
pub fn arrow(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let schema = &Schema {
        key: vec![1],
        ..every_type().clone()
    };
    let mut reader = Reader::new("an input", bytes);
    let rows = usize::from(reader.byte().unwrap_or(0) % 9);
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for field in &schema.fields {
        let (Ok(kind), Ok(nulls)) = (reader.byte(), reader.byte()) else {
            break;
        };
        let Some(column) = column(&mut reader, kind, nulls, rows) else {
            break;
        };
        columns.push((field.name.clone(), column));
    }
    let Ok(batch) = RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    ) else {
        return false;
    };
    let objects = MemoryObjects::default();
    let Ok(changes) = columns::batch_changes(&objects, schema, &batch) else {
        return false;
    };
    assert_eq!(changes.len(), batch.num_rows());
    for (key, value) in changes {
        let value = value.expect("a row that is set");
        rows::decode(schema, &key, &value).expect("an encoded row");
    }
    true
}

fn column(reader: &mut Reader<'_>, kind: u8, nulls: u8, rows: usize) -> Option<ArrayRef> {
    let mut number = || -> Option<i64> {
        let bytes = reader.take(8).ok()?.try_into().ok()?;
        Some(i64::from_le_bytes(bytes))
    };
    let numbers: Vec<i64> = (0..rows).map(|_| number()).collect::<Option<_>>()?;
    let valid = |row: usize| nulls & (1 << (row % 8)) == 0;
    let option = |row: usize| valid(row).then_some(numbers[row]);
    let text = |row: usize| {
        let length = (numbers[row].unsigned_abs() % 9000) as usize;
        valid(row).then(|| format!("{:x}", numbers[row]).repeat(length / 8 + 1))
    };
    let rows = 0..rows;
    Some(match kind % 10 {
        0 => Arc::new(Int64Array::from_iter(rows.map(option))),
        1 => Arc::new(Int32Array::from_iter(
            rows.map(|row| option(row).map(|n| n as i32)),
        )),
        2 => Arc::new(Float64Array::from_iter(
            rows.map(|row| option(row).map(|n| f64::from_bits(n as u64))),
        )),
        3 => Arc::new(StringArray::from_iter(rows.map(text))),
        4 => Arc::new(BinaryArray::from_iter(
            rows.map(|row| option(row).map(|n| n.to_le_bytes()[..3].to_vec())),
        )),
        5 => Arc::new(
            rows.map(text)
                .collect::<Vec<_>>()
                .iter()
                .map(Option::as_deref)
                .collect::<DictionaryArray<Int32Type>>(),
        ),
        6 => Arc::new(TimestampMillisecondArray::from_iter(rows.map(option))),
        7 => Arc::new(list(&numbers, nulls)),
        8 => Arc::new(BooleanArray::from_iter(
            rows.map(|row| option(row).map(|n| n % 2 == 0)),
        )),
        _ => arrow::array::new_null_array(&DataType::Null, rows.len()),
    })
}

/// Lists of one to four numbers.
fn list(numbers: &[i64], nulls: u8) -> ListArray {
    let lengths: Vec<usize> = numbers
        .iter()
        .map(|n| (n.unsigned_abs() % 4) as usize)
        .collect();
    let values: Vec<Option<f32>> = (0..lengths.iter().sum::<usize>())
        .map(|place| (nulls & 128 == 0 || place % 3 > 0).then_some(place as f32))
        .collect();
    let values = Float32Array::from(values);
    let valid = NullBuffer::from_iter((0..numbers.len()).map(|row| nulls & (1 << (row % 8)) == 0));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets.to_vec()));
    let field = Arc::new(ArrowField::new("item", values.data_type().clone(), true));
    ListArray::new(field, offsets, Arc::new(values), Some(valid))
}
