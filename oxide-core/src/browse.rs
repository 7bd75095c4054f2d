//! What callers ask of tables beyond single rows: files below a path, rows with their long cells, edits of single files.

use std::collections::{BTreeMap, HashSet};

use crate::error::{Error, ErrorCode, Result};
use crate::files::{self, FileRoots, FileRow, ItemId, ItemRow};
use crate::hash::{Context, Id};
use crate::pack::Kind;
use crate::rows::{self, Value};
use crate::schema::Schema;
use crate::segment::Change;
use crate::store::{ReadObjects, WriteObjects};
use crate::tree::{self, RowConflict};

/// A stored schema by its id; the built-in ones need not be stored.
pub fn schema(objects: &dyn ReadObjects, id: &Id) -> Result<Schema> {
    for builtin in files::builtin_schemas() {
        if builtin.id() == *id {
            return Ok(builtin.clone());
        }
    }
    let bytes = objects.read(Kind::Schema, id)?;
    if Context::Schema.id(&bytes) != *id {
        return Err(Error::integrity(format!("schema {id} is damaged")));
    }
    Schema::from_bytes(&bytes)
}

/// Stores the schemas of `files` and `items`.
pub fn write_builtin_schemas(objects: &dyn WriteObjects) -> Result<()> {
    for schema in [files::files_schema(), files::items_schema()] {
        objects.write(Kind::Schema, &schema.id(), &schema.to_bytes())?;
    }
    Ok(())
}

/// A row's cells in schema order, long ones read from their blobs.
pub fn cells(
    objects: &dyn ReadObjects,
    schema: &Schema,
    key: &[u8],
    value: &[u8],
) -> Result<Vec<Value>> {
    let cells = rows::decode(schema, key, value)?;
    let resolved = cells.into_iter().zip(&schema.fields);
    resolved
        .map(|(cell, field)| rows::resolve(objects, field.kind, cell))
        .collect()
}

/// Rows of `files` at and below `paths` (empty: all), by path.
pub fn file_rows(objects: &dyn ReadObjects, root: &Id, paths: &[String]) -> Result<Vec<FileRow>> {
    if paths.is_empty() || paths.iter().any(String::is_empty) {
        return rows_in(objects, root, &(Vec::new(), None));
    }
    let keys: Vec<Vec<u8>> = paths.iter().map(|path| FileRow::key(path)).collect();
    let values = tree::get_many(objects, root, &keys)?;
    let mut rows = Vec::new();
    for ((path, key), value) in paths.iter().zip(&keys).zip(values) {
        match value {
            Some(value) => rows.push(FileRow::decode(key, &value)?),
            None => rows.extend(rows_in(objects, root, &FileRow::keys_below(path))?),
        }
    }
    if paths.len() > 1 {
        rows.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        rows.dedup_by(|a, b| a.path == b.path);
    }
    Ok(rows)
}

fn rows_in(
    objects: &dyn ReadObjects,
    root: &Id,
    (from, to): &(Vec<u8>, Option<Vec<u8>>),
) -> Result<Vec<FileRow>> {
    let mut rows = Vec::new();
    tree::scan(objects, root, from, to.as_deref(), &mut |key, value| {
        rows.push(FileRow::decode(key, value)?);
        Ok(true)
    })?;
    Ok(rows)
}

/// The row of `files` with this path.
pub fn file_row(objects: &dyn ReadObjects, root: &Id, path: &str) -> Result<Option<FileRow>> {
    let key = FileRow::key(path);
    let value = tree::get(objects, root, &key)?;
    value.map(|value| FileRow::decode(&key, &value)).transpose()
}

/// Whether any row of `files` lies below `path`.
pub fn has_folder(objects: &dyn ReadObjects, root: &Id, path: &str) -> Result<bool> {
    let (from, to) = match path {
        "" => (Vec::new(), None),
        path => FileRow::keys_below(path),
    };
    let mut found = false;
    tree::scan(objects, root, &from, to.as_deref(), &mut |_, _| {
        found = true;
        Ok(false)
    })?;
    Ok(found)
}

/// A row to set in `files`, and what to note about its item when that is new.
pub struct FileUpsert {
    /// The row.
    pub row: FileRow,
    /// When the item was made, microseconds since 1970 UTC; by default the time in its id.
    pub created: Option<i64>,
    /// Who made the item.
    pub creator: String,
}

/// Edits rows of `files`. A new item gets its row in `items`; an item whose file goes loses it.
pub fn set_files(
    objects: &dyn WriteObjects,
    roots: &FileRoots,
    removes: &[String],
    upserts: &[FileUpsert],
) -> Result<FileRoots> {
    // Removals first: of several changes to one key the last one counts.
    let mut file_changes: Vec<Change> = Vec::new();
    file_changes.extend(removes.iter().map(|path| (FileRow::key(path), None)));
    for upsert in upserts {
        let (key, value) = upsert.row.encode();
        file_changes.push((key, Some(value)));
    }
    let keys: Vec<Vec<u8>> = file_changes.iter().map(|change| change.0.clone()).collect();
    let kept: HashSet<ItemId> = upserts.iter().map(|upsert| upsert.row.item).collect();
    let mut item_changes: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
    let replaced = tree::get_many(objects, &roots.files, &keys)?;
    for (key, value) in keys.iter().zip(replaced) {
        let Some(value) = value else { continue };
        let row = FileRow::decode(key, &value)?;
        if !kept.contains(&row.item) {
            item_changes.insert(ItemRow::key(&row.item), None);
        }
    }
    let item_keys: Vec<Vec<u8>> = upserts
        .iter()
        .map(|upsert| ItemRow::key(&upsert.row.item))
        .collect();
    let known = tree::get_many(objects, &roots.items, &item_keys)?;
    for (upsert, known) in upserts.iter().zip(known) {
        if known.is_none() {
            let (key, value) = new_item(upsert).encode();
            item_changes.insert(key, Some(value));
        }
    }
    let item_changes = item_changes.into_iter().collect();
    Ok(FileRoots {
        files: tree::edit(objects, files::files_schema(), &roots.files, file_changes)?,
        items: tree::edit(objects, files::items_schema(), &roots.items, item_changes)?,
    })
}

fn new_item(upsert: &FileUpsert) -> ItemRow {
    let [a, b, c, d, ..] = upsert.row.item.0;
    let seconds = i64::from(u32::from_be_bytes([a, b, c, d]));
    ItemRow {
        item: upsert.row.item,
        created: upsert.created.unwrap_or(seconds * 1_000_000),
        creator: upsert.creator.clone(),
    }
}

/// (added, modified, removed) rows between two tables.
pub fn diff_counts(objects: &dyn ReadObjects, before: &Id, after: &Id) -> Result<(u64, u64, u64)> {
    let (mut added, mut modified, mut removed) = (0, 0, 0);
    for change in tree::diff(objects, before, after)? {
        match (change.before, change.after) {
            (None, _) => added += 1,
            (_, None) => removed += 1,
            _ => modified += 1,
        }
    }
    Ok((added, modified, removed))
}

/// A row that differs, in cells.
pub struct CellChange {
    /// The row's key.
    pub key: Vec<u8>,
    /// Its cells in the first table.
    pub before: Option<Vec<Value>>,
    /// Its cells in the second.
    pub after: Option<Vec<Value>>,
}

/// Rows that differ between two tables, in cells.
pub fn diff_cells(
    objects: &dyn ReadObjects,
    schema: &Schema,
    before: &Id,
    after: &Id,
) -> Result<Vec<CellChange>> {
    let changes = tree::diff(objects, before, after)?;
    let changes = changes.into_iter().map(|change| {
        Ok(CellChange {
            before: optional_cells(objects, schema, &change.key, &change.before)?,
            after: optional_cells(objects, schema, &change.key, &change.after)?,
            key: change.key,
        })
    });
    changes.collect()
}

/// Rows by key, in cells.
pub fn get_cells(
    objects: &dyn ReadObjects,
    schema: &Schema,
    root: &Id,
    keys: &[Vec<u8>],
) -> Result<Vec<Option<Vec<Value>>>> {
    let values = tree::get_many(objects, root, keys)?;
    let rows = keys.iter().zip(&values);
    rows.map(|(key, value)| optional_cells(objects, schema, key, value))
        .collect()
}

/// The cells of base, ours and theirs of each conflict.
pub fn conflict_cells(
    objects: &dyn ReadObjects,
    schema: &Schema,
    conflicts: &[RowConflict],
) -> Result<Vec<[Option<Vec<Value>>; 3]>> {
    let sides = conflicts.iter().map(|conflict| {
        let side = |value| optional_cells(objects, schema, &conflict.key, value);
        Ok([
            side(&conflict.base)?,
            side(&conflict.ours)?,
            side(&conflict.theirs)?,
        ])
    });
    sides.collect()
}

fn optional_cells(
    objects: &dyn ReadObjects,
    schema: &Schema,
    key: &[u8],
    value: &Option<Vec<u8>>,
) -> Result<Option<Vec<Value>>> {
    let value = value.as_ref();
    value
        .map(|value| cells(objects, schema, key, value))
        .transpose()
}

/// Sets or removes rows given in canonical bytes, which are checked against the schema.
pub fn set_rows(
    objects: &dyn WriteObjects,
    schema: &Schema,
    root: &Id,
    changes: Vec<Change>,
) -> Result<Id> {
    for (key, value) in &changes {
        let checked = rows::decode(schema, key, value.as_deref().unwrap_or(&[]));
        checked.map_err(|error| {
            Error::new(
                ErrorCode::Invalid,
                format!("not a row of '{}': {}", schema.name, error.message),
            )
        })?;
    }
    tree::edit(objects, schema, root, changes)
}

/// Builds a table from rows in any order; a repeated key is an error.
pub fn build_table(
    objects: &dyn WriteObjects,
    schema: &Schema,
    mut rows: Vec<Change>,
) -> Result<Id> {
    rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let cells = rows::decode(schema, &pair[0].0, &[])?;
        let keys = schema.fields.iter().zip(cells);
        let named: Vec<String> = keys
            .filter(|(field, _)| schema.key.contains(&field.id))
            .map(|(field, cell)| format!("{} = {cell:?}", field.name))
            .collect();
        return Err(Error::new(
            ErrorCode::Invalid,
            format!(
                "two rows of '{}' have one key: {}",
                schema.name,
                named.join(", ")
            ),
        ));
    }
    let mut rows = rows
        .into_iter()
        .filter_map(|(key, value)| value.map(|value| (key, value)));
    tree::build(objects, schema, &mut rows)
}
