//! Rows of `files` and `items` as structs.

use std::sync::LazyLock;

use super::facts;
use crate::error::{Error, Result};
use crate::hash::{hex, Id};
use crate::media::Facts;
use crate::rows::{self, Value};
use crate::schema::{Field, MergeRule, Schema, Type};

/// A 12-byte item id in ObjectId layout: seconds, random, counter; big-endian, so ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub [u8; 12]);

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileType {
    /// A regular file.
    File,
    /// A symbolic link; its content is the target's bytes.
    Link,
    /// A symbolic link to a file outside the tree; its content is that file's bytes, which are not copied into the store.
    Reference,
}

/// A row of `files`. Fields by id: 1 path (key), 2 content_id, 3 size, 4 item_id, 5 sha256, 6 link (null for
/// a reference), 7 executable, from 8 on the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// Path from the tree's root, `/` between names, in the UTF-8 mapping of [`crate::paths`].
    pub path: String,
    /// Identity of the content.
    pub content: Id,
    /// Length of the content in bytes.
    pub size: u64,
    /// The item that this file is.
    pub item: ItemId,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// File, link or reference.
    pub kind: FileType,
    /// Whether the owner may execute it.
    pub executable: bool,
    /// What the headers of a picture or video say. They follow from the content, so they never make a file differ.
    pub facts: Option<Box<Facts>>,
}

/// A row of `items`. Fields by id: 1 item_id (key), 2 created, 3 creator, 4 hidden, 5 source_id, 6 source_item, 7 frame_index, 8 frame_time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRow {
    /// The item.
    pub item: ItemId,
    /// When it was added, microseconds since 1970 UTC.
    pub created: i64,
    /// Who added it.
    pub creator: String,
}

impl ItemId {
    /// Bytes of an id.
    pub const LENGTH: usize = 12;

    /// The item that a key begins with.
    pub fn from_key(key: &[u8]) -> Option<ItemId> {
        key.first_chunk().copied().map(ItemId)
    }
}

impl std::fmt::Display for ItemId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

const TARGET_ROWS: u32 = 32_768;
/// Field of `files` that holds the item.
const ITEM: u32 = 4;

static FILES: LazyLock<Schema> = LazyLock::new(|| {
    let mut schema = FILES_WITHOUT_FACTS.clone();
    schema.fields.extend(facts::fields());
    schema
});

/// The schema of tables that versions before the facts wrote.
static FILES_WITHOUT_FACTS: LazyLock<Schema> = LazyLock::new(|| Schema {
    name: "files".into(),
    fields: vec![
        field(1, "path", Type::Text),
        Field {
            content: true,
            ..field(2, "content_id", Type::Fixed(32))
        },
        field(3, "size", Type::Int),
        field(4, "item_id", Type::Fixed(12)),
        field(5, "sha256", Type::Fixed(32)),
        field(6, "link", Type::Bool),
        field(7, "executable", Type::Bool),
    ],
    key: vec![1],
    target_rows: TARGET_ROWS,
});

static ITEMS: LazyLock<Schema> = LazyLock::new(|| Schema {
    name: "items".into(),
    fields: vec![
        field(1, "item_id", Type::Fixed(12)),
        field(2, "created", Type::Time),
        field(3, "creator", Type::Text),
        field(4, "hidden", Type::Bool),
        field(5, "source_id", Type::Text),
        field(6, "source_item", Type::Fixed(12)),
        field(7, "frame_index", Type::Int),
        field(8, "frame_time", Type::Float),
    ],
    key: vec![1],
    target_rows: TARGET_ROWS,
});

pub(super) fn field(id: u32, name: &str, kind: Type) -> Field {
    Field {
        id,
        name: name.into(),
        kind,
        merge: MergeRule::Conflict,
        content: false,
    }
}

/// Schema of `files` (target 32 768 rows).
pub fn files_schema() -> &'static Schema {
    &FILES
}

/// Schema of `items` (target 32 768 rows).
pub fn items_schema() -> &'static Schema {
    &ITEMS
}

/// The schema of `files` that earlier versions wrote. The table is read with its present one: what that has in addition is
/// null in old rows.
pub fn earlier_files_schema() -> &'static Schema {
    &FILES_WITHOUT_FACTS
}

/// Whether an id is that of a schema of `files`, be it the present one or an earlier.
pub fn is_files_schema(id: &Id) -> bool {
    [files_schema(), earlier_files_schema()]
        .iter()
        .any(|schema| schema.id() == *id)
}

/// The schemas that are known without a store, the present ones first.
pub fn builtin_schemas() -> [&'static Schema; 3] {
    [&FILES, &ITEMS, &FILES_WITHOUT_FACTS]
}

impl FileRow {
    /// Canonical key and value. Written cell by cell, as there are millions of them.
    pub fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        let mut value = Vec::with_capacity(96);
        rows::write_bytes(&mut value, 2, &self.content.0);
        // No file system has a file of 2^63 bytes.
        let size = i64::try_from(self.size).unwrap_or(i64::MAX);
        rows::write_int(&mut value, 3, size);
        rows::write_bytes(&mut value, ITEM, &self.item.0);
        rows::write_bytes(&mut value, 5, &self.sha256);
        match self.kind {
            FileType::File => rows::write_bool(&mut value, 6, false),
            FileType::Link => rows::write_bool(&mut value, 6, true),
            FileType::Reference => {}
        }
        rows::write_bool(&mut value, 7, self.executable);
        if let Some(facts) = &self.facts {
            facts::write(facts, &mut value);
        }
        (FileRow::key(&self.path), value)
    }

    /// From canonical key and value.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<FileRow> {
        let row = rows::decode(&FILES, key, value)?;
        let [Value::Text(path), content, Value::Int(size), item, sha256, link, executable, facts @ ..] =
            &row[..]
        else {
            return Err(damaged("files", key));
        };
        Ok(FileRow {
            path: path.clone(),
            content: Id(fixed(content).ok_or_else(|| damaged("files", key))?),
            size: u64::try_from(*size).map_err(|_| damaged("files", key))?,
            item: ItemId(fixed(item).ok_or_else(|| damaged("files", key))?),
            sha256: fixed(sha256).ok_or_else(|| damaged("files", key))?,
            kind: match link {
                Value::Bool(false) => FileType::File,
                Value::Bool(true) => FileType::Link,
                _ => FileType::Reference,
            },
            executable: *executable == Value::Bool(true),
            facts: facts::read(facts).map_err(|()| damaged("files", key))?,
        })
    }

    /// The item alone of a row, given as canonical key and value.
    pub fn item_of(key: &[u8], value: &[u8]) -> Result<ItemId> {
        let field = FILES.field(ITEM).expect("a row has an item");
        for cell in rows::cells(value) {
            let cell = cell?;
            if cell.field == ITEM {
                let item = fixed(&cell.decode(&FILES, field)?);
                return item.map(ItemId).ok_or_else(|| damaged("files", key));
            }
        }
        Err(damaged("files", key))
    }

    /// Whether both stand for the same bytes, type and executable bit at one path, whichever item that is.
    pub fn same_file(&self, other: &FileRow) -> bool {
        self.path == other.path
            && self.content == other.content
            && self.kind == other.kind
            && self.executable == other.executable
    }

    /// The key of a path.
    pub fn key(path: &str) -> Vec<u8> {
        let mut key = rows::escape(path.as_bytes());
        key.extend_from_slice(&[0, 0]);
        key
    }

    /// The keys `[from, to)` of everything below a folder (not of the folder's own path); the empty folder holds all.
    pub fn keys_below(folder: &str) -> (Vec<u8>, Option<Vec<u8>>) {
        if folder.is_empty() {
            return (Vec::new(), None);
        }
        let mut from = rows::escape(folder.as_bytes());
        let mut to = from.clone();
        from.push(b'/');
        to.push(b'/' + 1);
        (from, Some(to))
    }

    /// The path of a key.
    pub fn path_of(key: &[u8]) -> Result<String> {
        match rows::decode_key(&FILES, key)?.pop() {
            Some(Value::Text(path)) => Ok(path),
            _ => Err(damaged("files", key)),
        }
    }
}

impl ItemRow {
    /// Canonical key and value.
    pub fn encode(&self) -> (Vec<u8>, Vec<u8>) {
        let mut row = vec![Value::Null; ITEMS.fields.len()];
        row[0] = Value::Bytes(self.item.0.to_vec());
        row[1] = Value::Int(self.created);
        // A name of any length comes from a configuration; cells over the limit would need a store.
        let mut end = self.creator.len().min(rows::INLINE_LIMIT);
        while !self.creator.is_char_boundary(end) {
            end -= 1;
        }
        row[2] = Value::Text(self.creator[..end].to_owned());
        let row = rows::encode(&ITEMS, &row).expect("every cell has its field's type");
        (row.key, row.value)
    }

    /// From canonical key and value.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<ItemRow> {
        let row = rows::decode(&ITEMS, key, value)?;
        let [item, Value::Int(created), Value::Text(creator), ..] = &row[..] else {
            return Err(damaged("items", key));
        };
        Ok(ItemRow {
            item: ItemId(fixed(item).ok_or_else(|| damaged("items", key))?),
            created: *created,
            creator: creator.clone(),
        })
    }

    /// The key of an item.
    pub fn key(item: &ItemId) -> Vec<u8> {
        item.0.to_vec()
    }
}

fn fixed<const N: usize>(value: &Value) -> Option<[u8; N]> {
    match value {
        Value::Bytes(bytes) => bytes.as_slice().try_into().ok(),
        _ => None,
    }
}

fn damaged(table: &str, key: &[u8]) -> Error {
    let key = String::from_utf8_lossy(key);
    Error::integrity(format!(
        "the row of '{}' in table '{table}' is damaged",
        key.trim_end_matches('\0')
    ))
}
