//! `Session`: storing contents, records and tables.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use oxide_core::browse;
use oxide_core::hash::hex;
use oxide_core::pack::Kind;
use oxide_core::schema::Schema;
use oxide_core::segment::Change;
use oxide_core::store::StoredContent;
use oxide_core::{files, record, tree, workspace, Error, Id};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::arrow;
use crate::convert::{self, HexRoots};
use crate::errors::{invalid, Result};
use crate::progress::{long, short};
use crate::store::optional_row;
use crate::workspace::Scanned;

/// A writer; closed when it leaves its `with` block.
#[pyclass(frozen, module = "oxide._core")]
pub struct Session {
    session: Mutex<Option<Arc<oxide_core::store::Session>>>,
    /// Records that it has written.
    made: Mutex<HashSet<Id>>,
}

impl Session {
    pub(crate) fn new(session: oxide_core::store::Session) -> Session {
        Session {
            session: Mutex::new(Some(Arc::new(session))),
            made: Mutex::default(),
        }
    }

    /// The session, kept open for the call that asks.
    pub(crate) fn get(&self) -> Result<Arc<oxide_core::store::Session>> {
        let session = self.session.lock().ok().and_then(|session| session.clone());
        session.ok_or_else(|| invalid("this session is closed"))
    }

    fn schema(&self, id: &str) -> Result<Schema> {
        Ok(browse::schema(&*self.get()?, &Id::from_hex(id)?)?)
    }
}

#[pymethods]
impl Session {
    fn __enter__(this: Py<Session>) -> Py<Session> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn close(&self, py: Python<'_>) {
        let session = self
            .session
            .lock()
            .ok()
            .and_then(|mut session| session.take());
        py.detach(|| drop(session));
    }

    fn write_record(
        &self,
        py: Python<'_>,
        kind: &str,
        record: &Bound<'_, PyDict>,
    ) -> Result<String> {
        let (session, kind) = (self.get()?, convert::record_kind(kind)?);
        let record = convert::record_from_python(record)?;
        let id = short(py, || record::write(&*session, kind, &record))?;
        if let Ok(mut made) = self.made.lock() {
            made.insert(id);
        }
        Ok(id.to_hex())
    }

    fn has_made(&self, id: &str) -> Result<bool> {
        let id = Id::from_hex(id)?;
        Ok(self.made.lock().is_ok_and(|made| made.contains(&id)))
    }

    fn is_beside_tombstones(&self) -> Result<bool> {
        Ok(self.get()?.is_beside_tombstones())
    }

    fn file_row<'py>(
        &self,
        py: Python<'py>,
        root: &str,
        path: &str,
    ) -> Result<Option<Bound<'py, PyDict>>> {
        let (session, root) = (self.get()?, Id::from_hex(root)?);
        let row = short(py, || browse::file_row(&*session, &root, path))?;
        Ok(convert::optional_file_row(py, &row)?)
    }

    #[pyo3(signature = (root, paths=Vec::new()))]
    fn file_rows<'py>(
        &self,
        py: Python<'py>,
        root: &str,
        paths: Vec<String>,
    ) -> Result<Bound<'py, PyList>> {
        let (session, root) = (self.get()?, Id::from_hex(root)?);
        let rows = short(py, || browse::file_rows(&*session, &root, &paths))?;
        Ok(convert::file_rows(py, &rows)?)
    }

    #[pyo3(signature = (files, paths, *, all=false, progress=None))]
    fn scan(
        &self,
        py: Python<'_>,
        files: &str,
        paths: Vec<String>,
        all: bool,
        progress: Option<Bound<'_, PyAny>>,
    ) -> Result<Scanned> {
        let (session, files) = (self.get()?, Id::from_hex(files)?);
        let scanned = long(py, progress.as_ref(), |progress| {
            workspace::scan(&session, &files, &paths, all, progress)
        })?;
        Ok(Scanned::new(scanned))
    }

    fn row_value(&self, py: Python<'_>, root: &str, key: &str) -> Result<Option<String>> {
        let (session, root) = (self.get()?, Id::from_hex(root)?);
        let key = convert::bytes_from_hex(key)?;
        let value = short(py, || tree::get(&*session, &root, &key))?;
        Ok(value.map(|value| hex(&value)))
    }

    fn write_builtin_schemas(&self, py: Python<'_>) -> Result<()> {
        let session = self.get()?;
        short(py, || browse::write_builtin_schemas(&*session))
    }

    fn write_schema(&self, py: Python<'_>, schema: &Bound<'_, PyDict>) -> Result<String> {
        self.write_record(py, Kind::Schema.name(), schema)
    }

    fn put_content<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
        name: &str,
    ) -> Result<Bound<'py, PyDict>> {
        let session = self.get()?;
        let stored = short(py, || session.put_content(data, name))?;
        Ok(stored_content(py, &stored)?)
    }

    #[pyo3(signature = (path, name, progress=None))]
    fn put_file<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        name: &str,
        progress: Option<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyDict>> {
        let session = self.get()?;
        let stored = long(py, progress.as_ref(), |progress| {
            let file = File::open(&path).map_err(|error| Error::io("open", &path, &error))?;
            session.put_file(&file, &path, name, progress)
        })?;
        Ok(stored_content(py, &stored)?)
    }

    fn flush(&self, py: Python<'_>) -> Result<()> {
        let session = self.get()?;
        short(py, || session.flush())
    }

    fn empty_table(&self, py: Python<'_>) -> Result<String> {
        let session = self.get()?;
        Ok(short(py, || tree::empty(&*session))?.to_hex())
    }

    fn build_table(&self, py: Python<'_>, schema: &str, rows: &Bound<'_, PyAny>) -> Result<String> {
        let (session, schema) = (self.get()?, self.schema(schema)?);
        let rows = arrow::import(rows)?;
        let root = long(py, None, |_| {
            let rows = arrow::changes(&*session, &schema, rows)?;
            browse::build_table(&*session, &schema, rows)
        })?;
        Ok(root.to_hex())
    }

    #[pyo3(signature = (schema, root, upserts, deletes))]
    fn edit_table(
        &self,
        py: Python<'_>,
        schema: &str,
        root: &str,
        upserts: Option<&Bound<'_, PyAny>>,
        deletes: Option<&Bound<'_, PyAny>>,
    ) -> Result<String> {
        let (session, schema) = (self.get()?, self.schema(schema)?);
        let root = Id::from_hex(root)?;
        let upserts = upserts.map(arrow::import).transpose()?;
        let deletes = deletes.map(arrow::import).transpose()?;
        let root = long(py, None, |_| {
            let mut changes = Vec::new();
            if let Some(deletes) = deletes {
                let rows = arrow::changes(&*session, &schema, deletes)?;
                changes.extend(rows.into_iter().map(|(key, _)| (key, None)));
            }
            if let Some(upserts) = upserts {
                changes.extend(arrow::changes(&*session, &schema, upserts)?);
            }
            tree::edit(&*session, &schema, &root, changes)
        })?;
        Ok(root.to_hex())
    }

    fn set_rows(
        &self,
        py: Python<'_>,
        schema: &str,
        root: &str,
        rows: Vec<(String, Option<String>)>,
    ) -> Result<String> {
        let (session, schema) = (self.get()?, self.schema(schema)?);
        let root = Id::from_hex(root)?;
        let mut changes: Vec<Change> = Vec::with_capacity(rows.len());
        for (key, value) in rows {
            let value = value.map(|value| convert::bytes_from_hex(&value));
            changes.push((convert::bytes_from_hex(&key)?, value.transpose()?));
        }
        let root = short(py, || browse::set_rows(&*session, &schema, &root, changes))?;
        Ok(root.to_hex())
    }

    fn merge_table<'py>(
        &self,
        py: Python<'py>,
        schema: &str,
        base: &str,
        ours: &str,
        theirs: &str,
    ) -> Result<(String, Bound<'py, PyList>)> {
        let (session, schema) = (self.get()?, self.schema(schema)?);
        let (base, ours, theirs) = (
            Id::from_hex(base)?,
            Id::from_hex(ours)?,
            Id::from_hex(theirs)?,
        );
        let (merged, cells) = long(py, None, |_| {
            let merged = tree::merge(&*session, &schema, &base, &ours, &theirs)?;
            let cells = browse::conflict_cells(&*session, &schema, &merged.conflicts)?;
            Ok((merged, cells))
        })?;
        let conflicts = PyList::empty(py);
        for (conflict, cells) in merged.conflicts.iter().zip(&cells) {
            let names = conflict.fields.iter().filter_map(|id| {
                let field = schema.fields.iter().find(|field| field.id == *id);
                field.map(|field| field.name.as_str())
            });
            let dictionary = PyDict::new(py);
            dictionary.set_item("key", hex(&conflict.key))?;
            dictionary.set_item("fields", names.collect::<Vec<_>>())?;
            let sides = [&conflict.base, &conflict.ours, &conflict.theirs];
            for ((name, value), cells) in ["base", "ours", "theirs"].iter().zip(sides).zip(cells) {
                let side = value
                    .as_ref()
                    .map(|value| conflict_side(py, &schema, value, cells));
                dictionary.set_item(name, side.transpose()?)?;
            }
            conflicts.append(dictionary)?;
        }
        Ok((merged.root.to_hex(), conflicts))
    }

    fn decide_row(
        &self,
        schema: &str,
        base: Option<&str>,
        ours: Option<&str>,
        theirs: Option<&str>,
        side: &str,
    ) -> Result<Option<String>> {
        let (session, schema) = (self.get()?, self.schema(schema)?);
        let side = match side {
            "base" => tree::Side::Base,
            "ours" => tree::Side::Ours,
            "theirs" => tree::Side::Theirs,
            _ => return Err(invalid(format!("'{side}' is no side of a conflict"))),
        };
        let [base, ours, theirs] =
            [base, ours, theirs].map(|row| row.map(convert::bytes_from_hex).transpose());
        let (base, ours, theirs) = (base?, ours?, theirs?);
        let decided = tree::decide_row(
            &*session,
            &schema,
            base.as_deref(),
            ours.as_deref(),
            theirs.as_deref(),
            side,
        )?;
        Ok(decided.map(|row| hex(&row)))
    }

    #[allow(clippy::type_complexity)]
    fn merge_files<'py>(
        &self,
        py: Python<'py>,
        base: HexRoots,
        ours: HexRoots,
        theirs: HexRoots,
    ) -> Result<(HexRoots, Bound<'py, PyList>, Vec<(String, String)>)> {
        let session = self.get()?;
        let (base, ours, theirs) = (
            convert::roots(&base)?,
            convert::roots(&ours)?,
            convert::roots(&theirs)?,
        );
        let merged = long(py, None, |_| files::merge(&*session, &base, &ours, &theirs))?;
        let conflicts = PyList::empty(py);
        for conflict in &merged.conflicts {
            let dictionary = PyDict::new(py);
            dictionary.set_item("path", &conflict.path)?;
            dictionary.set_item("reason", conflict.reason)?;
            dictionary.set_item("base", convert::optional_file_row(py, &conflict.base)?)?;
            dictionary.set_item("ours", convert::optional_file_row(py, &conflict.ours)?)?;
            dictionary.set_item("theirs", convert::optional_file_row(py, &conflict.theirs)?)?;
            conflicts.append(dictionary)?;
        }
        let rekeyed = merged.rekeyed.iter();
        let rekeyed = rekeyed.map(|(dropped, kept)| (hex(&dropped.0), hex(&kept.0)));
        Ok((
            convert::hex_roots(&merged.roots),
            conflicts,
            rekeyed.collect(),
        ))
    }

    fn replace_files(
        &self,
        py: Python<'_>,
        target: HexRoots,
        source: HexRoots,
        paths: Vec<String>,
    ) -> Result<HexRoots> {
        let session = self.get()?;
        let (target, source) = (convert::roots(&target)?, convert::roots(&source)?);
        let roots = short(py, || files::replace(&*session, &target, &source, &paths))?;
        Ok(convert::hex_roots(&roots))
    }

    fn set_files(
        &self,
        py: Python<'_>,
        roots: HexRoots,
        removes: Vec<String>,
        upserts: Vec<Bound<'_, PyDict>>,
    ) -> Result<HexRoots> {
        let (session, roots) = (self.get()?, convert::roots(&roots)?);
        let upserts = upserts.iter().map(convert::file_upsert);
        let upserts = upserts.collect::<Result<Vec<_>>>()?;
        let roots = short(py, || {
            browse::set_files(&*session, &roots, &removes, &upserts)
        })?;
        Ok(convert::hex_roots(&roots))
    }
}

fn stored_content<'py>(py: Python<'py>, stored: &StoredContent) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    dictionary.set_item("content_id", stored.digests.content.to_hex())?;
    dictionary.set_item("sha256", hex(&stored.digests.sha256))?;
    dictionary.set_item("size", stored.size)?;
    dictionary.set_item("new", stored.new)?;
    Ok(dictionary)
}

fn conflict_side<'py>(
    py: Python<'py>,
    schema: &Schema,
    value: &[u8],
    cells: &Option<Vec<oxide_core::rows::Value>>,
) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    dictionary.set_item("value", hex(value))?;
    dictionary.set_item("row", optional_row(py, schema, cells)?)?;
    Ok(dictionary)
}
