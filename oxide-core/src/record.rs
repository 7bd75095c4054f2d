//! Commits, views and operations as canonical JSON: sorted keys, no spaces, integers only, unknown fields kept.

mod links;

use serde_json::Value;

use crate::error::{Error, ErrorCode, Result};
use crate::files;
use crate::hash::{Context, Id};
use crate::pack::Kind;
use crate::schema::Schema;
use crate::store::{ReadObjects, WriteObjects};

pub use links::{commit_links, view_links, view_refs, CommitLinks, Ref, RefKind, ViewLinks};

/// A record: commit, view, list or schema, as a JSON object.
pub type Record = serde_json::Map<String, Value>;

/// Deepest nesting of a record: below what the parser accepts, so that whatever is written can be read.
const MAXIMUM_DEPTH: usize = 100;

/// Canonical bytes of a record.
pub fn to_bytes(record: &Record) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(512);
    write_object(record, 1, &mut out)?;
    Ok(out)
}

fn write_value(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<()> {
    if depth > MAXIMUM_DEPTH {
        return Err(invalid(format!(
            "a record is nested deeper than {MAXIMUM_DEPTH} levels"
        )));
    }
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            out.extend_from_slice(number.to_string().as_bytes());
        }
        Value::Number(number) => {
            return Err(invalid(format!(
                "a record holds the number {number}: only integers of 64 bits have one spelling"
            )))
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write_value(item, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(members, depth, out)?,
    }
    Ok(())
}

fn write_object(members: &Record, depth: usize, out: &mut Vec<u8>) -> Result<()> {
    // The map's own order depends on a feature of the JSON crate that any other crate may switch on.
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    out.push(b'{');
    for (position, (name, value)) in sorted.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_text(name, out);
        out.push(b':');
        write_value(value, depth + 1, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Parses canonical bytes; refuses bytes that are not canonical.
pub fn from_bytes(bytes: &[u8]) -> Result<Record> {
    let record: Record = serde_json::from_slice(bytes)
        .map_err(|error| Error::integrity(format!("a record is no JSON object: {error}")))?;
    let again = to_bytes(&record).map_err(|error| Error::integrity(error.message))?;
    if again != bytes {
        return Err(Error::integrity("a record is not in canonical form"));
    }
    Ok(record)
}

/// The hash context of a record kind (Commit, View, List, Schema).
pub fn context(kind: Kind) -> Result<Context> {
    match kind {
        Kind::Commit => Ok(Context::Commit),
        Kind::View => Ok(Context::View),
        Kind::List => Ok(Context::List),
        Kind::Schema => Ok(Context::Schema),
        _ => Err(invalid(format!("a {} is no JSON record", kind.name()))),
    }
}

/// Stores a record and returns its id. Commits and views are checked for the fields that every reader needs.
pub fn write(objects: &dyn WriteObjects, kind: Kind, record: &Record) -> Result<Id> {
    let context = context(kind)?;
    let bytes = match kind {
        Kind::Schema => schema_bytes(record)?,
        _ => {
            check_fields(kind, record)?;
            to_bytes(record)?
        }
    };
    let id = context.id(&bytes);
    objects.write(kind, &id, &bytes)?;
    Ok(id)
}

/// A schema record in the one form that the table layer hashes.
fn schema_bytes(record: &Record) -> Result<Vec<u8>> {
    let schema: Schema = serde_json::from_value(Value::Object(record.clone()))
        .map_err(|error| invalid(format!("not a schema: {error}")))?;
    let bytes = schema.to_bytes();
    Schema::from_bytes(&bytes)
        .map_err(|error| Error::new(ErrorCode::Invalid, error.message).hint(""))?;
    Ok(bytes)
}

/// Reads a record and checks that it hashes to `id`. The built-in schemas need not be stored.
pub fn read(objects: &dyn ReadObjects, kind: Kind, id: &Id) -> Result<Record> {
    let context = context(kind)?;
    let bytes = match kind {
        Kind::Schema => schema_by_id(objects, id)?,
        _ => objects.read(kind, id)?,
    };
    if context.id(&bytes) != *id {
        return Err(Error::integrity(format!(
            "{} {id} is damaged: its bytes hash to something else",
            kind.name()
        )));
    }
    from_bytes(&bytes).map_err(|error| {
        Error::integrity(format!(
            "{} {id} is damaged: {}",
            kind.name(),
            error.message
        ))
    })
}

fn schema_by_id(objects: &dyn ReadObjects, id: &Id) -> Result<Vec<u8>> {
    match files::builtin_schemas()
        .into_iter()
        .find(|schema| schema.id() == *id)
    {
        Some(schema) => Ok(schema.to_bytes()),
        None => objects.read(Kind::Schema, id),
    }
}

fn check_fields(kind: Kind, record: &Record) -> Result<()> {
    let explain = |error: Error| invalid(error.message);
    match kind {
        Kind::Commit => {
            commit_links(record).map_err(explain)?;
            for person in ["author", "committer"] {
                let value = object(record, person).map_err(explain)?;
                text(value, "name").map_err(explain)?;
                text(value, "email").map_err(explain)?;
            }
            text(record, "message").map_err(explain)?;
            for number in ["generation", "time", "zone"] {
                integer(record, number).map_err(explain)?;
            }
        }
        Kind::View => {
            for map in ["branches", "tags", "workspaces"] {
                object(record, map).map_err(explain)?;
            }
            view_links(record).map_err(explain)?;
        }
        Kind::List => {
            array(record, "items").map_err(explain)?;
        }
        _ => {}
    }
    Ok(())
}

fn object<'a>(record: &'a Record, name: &str) -> Result<&'a Record> {
    let value = record.get(name).and_then(Value::as_object);
    value.ok_or_else(|| wrong(name, "an object"))
}

fn array<'a>(record: &'a Record, name: &str) -> Result<&'a [Value]> {
    let value = record.get(name).and_then(Value::as_array);
    value
        .map(Vec::as_slice)
        .ok_or_else(|| wrong(name, "an array"))
}

/// A text field that must be there.
pub(crate) fn text<'a>(record: &'a Record, name: &str) -> Result<&'a str> {
    let value = record.get(name).and_then(Value::as_str);
    value.ok_or_else(|| wrong(name, "a text"))
}

/// An integer field that must be there.
pub(crate) fn integer(record: &Record, name: &str) -> Result<i64> {
    let value = record.get(name).and_then(Value::as_i64);
    value.ok_or_else(|| wrong(name, "an integer"))
}

fn id(value: &Value, what: &str) -> Result<Id> {
    let hex = value.as_str().unwrap_or("");
    let id = Id::from_hex(hex).ok().filter(|id| id.to_hex() == hex);
    id.ok_or_else(|| Error::integrity(format!("{what} is {value}, not an id of 64 hex digits")))
}

fn wrong(name: &str, expected: &str) -> Error {
    Error::integrity(format!("the record's field '{name}' is not {expected}"))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::Invalid, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::store::MemoryObjects;

    fn record(value: Value) -> Record {
        value.as_object().unwrap().clone()
    }

    fn commit() -> Record {
        record(json!({
            "tables": {"files": {"root": "11".repeat(32), "schema": "22".repeat(32)}},
            "parents": ["33".repeat(32)],
            "message": "two lines\n\"quoted\" \u{1} caf\u{e9}",
            "author": {"name": "A", "email": "a@b"},
            "committer": {"name": "C", "email": "c@d"},
            "generation": 7, "time": 1_760_000_000_000_000_i64, "zone": -120, "later": [1, null, true],
        }))
    }

    fn view() -> Record {
        let id = |digit: &str| digit.repeat(64);
        record(json!({
            "branches": {"main": id("1")}, "tags": {"v1": {"commit": id("2")}},
            "remotes": {"origin": {"main": id("3")}}, "upstreams": {"main": "origin/main"},
            "stashes": [{"commit": id("4"), "message": "", "branch": "main", "time": 1}],
            "workspaces": {"default": {"branch": "main", "base": id("5"),
                "pending": {"files": {"root": id("6"), "schema": id("7")}},
                "merging": {"heads": [id("8")], "message": "m"}, "conflicts": id("9")}},
            "frozen": {},
        }))
    }

    #[test]
    fn golden_commit() {
        let bytes = to_bytes(&commit()).unwrap();
        let expected = format!(
            "{{\"author\":{{\"email\":\"a@b\",\"name\":\"A\"}},\"committer\":{{\"email\":\"c@d\",\"name\":\"C\"}},\
             \"generation\":7,\"later\":[1,null,true],\"message\":\"two lines\\n\\\"quoted\\\" \\u0001 caf\u{e9}\",\
             \"parents\":[\"{}\"],\"tables\":{{\"files\":{{\"root\":\"{}\",\"schema\":\"{}\"}}}},\
             \"time\":1760000000000000,\"zone\":-120}}",
            "33".repeat(32),
            "11".repeat(32),
            "22".repeat(32)
        );
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
        assert_eq!(from_bytes(&bytes).unwrap(), commit());
        let id = write(&MemoryObjects::default(), Kind::Commit, &commit()).unwrap();
        assert_eq!(id.to_hex(), GOLDEN_COMMIT);
    }

    #[test]
    fn golden_view_and_list() {
        let objects = MemoryObjects::default();
        let id = write(&objects, Kind::View, &view()).unwrap();
        assert_eq!(id.to_hex(), GOLDEN_VIEW);
        assert_eq!(read(&objects, Kind::View, &id).unwrap(), view());
        let list = record(json!({"items": [{"path": "a"}]}));
        let id = write(&objects, Kind::List, &list).unwrap();
        assert_eq!(id.to_hex(), GOLDEN_LIST);
        assert_eq!(to_bytes(&list).unwrap(), b"{\"items\":[{\"path\":\"a\"}]}");
    }

    const GOLDEN_COMMIT: &str = "069fb6bca975d7331536a9ba0342944874f7a91f2dc452702a7cf9bd5c8b5c5a";
    const GOLDEN_VIEW: &str = "f2b0b7dd619ddf065bf3291e28b68228dbd428869437ec1ed4efedfa69d48db3";
    const GOLDEN_LIST: &str = "3e2d819215896ce31be7a2871a420fee8fbab36aa3ce204367454039d77ec024";

    #[test]
    fn links_of_a_view_and_a_commit() {
        let id = |digit: &str| Id::from_hex(&digit.repeat(64)).unwrap();
        let mut view = view();
        view["frozen"] = json!({"test": {"list": "a".repeat(64)}});
        let links = view_links(&view).unwrap();
        assert_eq!(links.commits, ["1", "2", "3", "5", "8"].map(id));
        assert_eq!(links.stashes, [id("4")]);
        assert_eq!(links.tables, [(id("7"), id("6"))]);
        assert_eq!(links.lists, [id("a"), id("9")]);
        let links = commit_links(&commit()).unwrap();
        assert_eq!(links.parents, [id("3")]);
        assert_eq!(links.tables["files"], (id("2"), id("1")));
    }

    #[test]
    fn what_readers_need_must_be_there() {
        let objects = MemoryObjects::default();
        for field in [
            "author",
            "committer",
            "generation",
            "message",
            "parents",
            "tables",
            "time",
            "zone",
        ] {
            let mut damaged = commit();
            damaged.remove(field);
            let error = write(&objects, Kind::Commit, &damaged).unwrap_err();
            assert_eq!(error.code, ErrorCode::Invalid, "{field}");
            assert!(error.message.contains(field), "{}", error.message);
        }
        let mut damaged = view();
        damaged.insert("branches".into(), json!({"main": "no id"}));
        assert_eq!(
            write(&objects, Kind::View, &damaged).unwrap_err().code,
            ErrorCode::Invalid
        );
    }

    #[test]
    fn refuses_other_spellings_and_numbers() {
        let spellings: [&[u8]; 9] = [
            b"{\"b\":1,\"a\":2}",
            b"{\"a\": 1}",
            b"{\"a\":1}\n",
            b"{\"a\":1,\"a\":1}",
            b"{\"a\":\"\\u0041\"}",
            b"{\"a\":1.0}",
            b"{\"a\":-0}",
            b"[]",
            b"{\"a\":\"\xff\"}",
        ];
        for bytes in spellings {
            assert_eq!(from_bytes(bytes).unwrap_err().code, ErrorCode::Integrity);
        }
        let error = to_bytes(&record(json!({"a": 0.5}))).unwrap_err();
        assert_eq!(error.code, ErrorCode::Invalid);
        let mut deep = json!(1);
        for _ in 0..200 {
            deep = json!([deep]);
        }
        assert!(to_bytes(&record(json!({ "a": deep }))).is_err());
    }

    #[test]
    fn a_record_that_hashes_to_something_else_is_refused() {
        let objects = MemoryObjects::default();
        let wrong = Id([7; 32]);
        objects
            .write(Kind::List, &wrong, b"{\"items\":[]}")
            .unwrap();
        let error = read(&objects, Kind::List, &wrong).unwrap_err();
        assert_eq!(error.code, ErrorCode::Integrity);
        assert!(error.message.contains(&wrong.to_hex()));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_bytes_are_json_and_come_back(members in prop::collection::btree_map(".*", any_value(), 0..6)) {
            let record: Record = members.into_iter().collect();
            let bytes = to_bytes(&record).unwrap();
            prop_assert_eq!(from_bytes(&bytes).unwrap(), record);
        }

        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = from_bytes(&bytes);
        }
    }
}
