//! `Store`: reading records, tables, contents and operations.

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Mutex;

use oxide_core::columns::statistics::Condition;
use oxide_core::fsck::FsckRequest;
use oxide_core::gc::GcRequest;
use oxide_core::rows::Value;
use oxide_core::schema::Schema;
use oxide_core::store::{Lease, ReadObjects};
use oxide_core::{browse, columns, files, fsck, gc, oplog, record, tree, usage, ErrorCode, Id};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::arrow::{self, ArrowStream};
use crate::convert;
use crate::errors::{invalid, Result};
use crate::progress::{long, short};
use crate::session::Session;

/// (schema id, root id) as hex.
type Table = (String, String);

/// An open repository store.
#[pyclass(frozen, module = "oxide._core")]
pub struct Store {
    pub(crate) store: oxide_core::store::Store,
}

impl Store {
    fn table(&self, table: &Table) -> Result<(Schema, Id)> {
        let schema = browse::schema(&self.store, &Id::from_hex(&table.0)?)?;
        Ok((schema, Id::from_hex(&table.1)?))
    }
}

/// What a reader holds against the collector, until it is closed or dropped.
#[pyclass(frozen, module = "oxide._core")]
pub struct Hold {
    lease: Mutex<Option<Lease>>,
}

#[pymethods]
impl Hold {
    fn __enter__(this: Py<Hold>) -> Py<Hold> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn close(&self, py: Python<'_>) {
        let lease = self.lease.lock().ok().and_then(|mut lease| lease.take());
        py.detach(|| drop(lease));
    }
}

#[pymethods]
impl Store {
    #[staticmethod]
    fn create(py: Python<'_>, control: PathBuf) -> Result<Store> {
        let store = short(py, || oxide_core::store::Store::create(&control))?;
        Ok(Store { store })
    }

    #[staticmethod]
    fn open(py: Python<'_>, control: PathBuf) -> Result<Store> {
        let store = short(py, || oxide_core::store::Store::open(&control))?;
        Ok(Store { store })
    }

    #[getter]
    fn control(&self) -> &std::ffi::OsStr {
        self.store.control().as_os_str()
    }

    fn hold(&self, py: Python<'_>) -> Hold {
        let lease = py.detach(|| self.store.hold());
        Hold {
            lease: Mutex::new(lease),
        }
    }

    fn begin(&self, py: Python<'_>) -> Result<Session> {
        Ok(Session::new(short(py, || self.store.begin())?))
    }

    fn read_record<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        id: &str,
    ) -> Result<Bound<'py, PyDict>> {
        let (kind, id) = (convert::record_kind(kind)?, Id::from_hex(id)?);
        let record = short(py, || record::read(&self.store, kind, &id))?;
        Ok(convert::record_to_python(py, &record)?)
    }

    fn contains(&self, py: Python<'_>, kind: &str, id: &str) -> Result<bool> {
        let (kind, id) = (convert::record_kind(kind)?, Id::from_hex(id)?);
        short(py, || self.store.contains(kind, &id))
    }

    #[pyo3(signature = (kind, prefix, limit=16))]
    fn find(&self, py: Python<'_>, kind: &str, prefix: &str, limit: usize) -> Result<Vec<String>> {
        let kind = convert::record_kind(kind)?;
        let ids = short(py, || self.store.find(kind, prefix, limit))?;
        Ok(ids.into_iter().map(Id::to_hex).collect())
    }

    fn has_content(&self, py: Python<'_>, id: &str) -> Result<bool> {
        let id = Id::from_hex(id)?;
        short(py, || self.store.has_content(&id))
    }

    fn content<'py>(&self, py: Python<'py>, id: &str) -> Result<Bound<'py, PyBytes>> {
        let id = Id::from_hex(id)?;
        let bytes = short(py, || self.store.content(&id))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn copy_content(&self, py: Python<'_>, id: &str, descriptor: i32) -> Result<u64> {
        let id = Id::from_hex(id)?;
        if descriptor < 0 {
            return Err(invalid(format!("{descriptor} is no file descriptor")));
        }
        // SAFETY: borrowed only for the duplication, which fails on a descriptor that is not open.
        let target = unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned();
        let target = File::from(target.map_err(PyErr::from)?);
        let name = PathBuf::from(format!("descriptor {descriptor}"));
        long(py, None, |progress| {
            self.store.copy_content(&id, &target, &name, progress)
        })
    }

    fn head<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyDict>>> {
        let head = short(py, || oplog::head(self.store.control()))?;
        let record = head.map(|(_, record)| convert::record_to_python(py, &record));
        Ok(record.transpose()?)
    }

    fn operation<'py>(&self, py: Python<'py>, number: u64) -> Result<Bound<'py, PyDict>> {
        let record = short(py, || oplog::read(self.store.control(), number))?;
        Ok(convert::record_to_python(py, &record)?)
    }

    fn oldest_operation(&self, py: Python<'_>) -> Result<u64> {
        short(py, || oplog::oldest(self.store.control()))
    }

    fn publish(&self, py: Python<'_>, number: u64, operation: &Bound<'_, PyDict>) -> Result<bool> {
        let operation = convert::record_from_python(operation)?;
        short(py, || {
            oplog::publish(self.store.control(), number, operation)
        })
    }

    fn tidy(&self, py: Python<'_>) -> Result<()> {
        let tidy = || {
            oplog::consolidate(self.store.control())?;
            self.store.consolidate()
        };
        short(py, || match tidy() {
            // What was published before stays published; the next verb tries again.
            Err(error) if matches!(error.code, ErrorCode::Io | ErrorCode::DiskFull) => Ok(()),
            tidied => tidied,
        })
    }

    fn count(&self, py: Python<'_>, root: &str) -> Result<u64> {
        let root = Id::from_hex(root)?;
        short(py, || tree::len(&self.store, &root))
    }

    #[pyo3(signature = (root, paths=Vec::new()))]
    fn file_rows<'py>(
        &self,
        py: Python<'py>,
        root: &str,
        paths: Vec<String>,
    ) -> Result<Bound<'py, PyList>> {
        let root = Id::from_hex(root)?;
        let rows = short(py, || browse::file_rows(&self.store, &root, &paths))?;
        Ok(convert::file_rows(py, &rows)?)
    }

    fn file_row<'py>(
        &self,
        py: Python<'py>,
        root: &str,
        path: &str,
    ) -> Result<Option<Bound<'py, PyDict>>> {
        let root = Id::from_hex(root)?;
        let row = short(py, || browse::file_row(&self.store, &root, path))?;
        Ok(convert::optional_file_row(py, &row)?)
    }

    fn has_folder(&self, py: Python<'_>, root: &str, path: &str) -> Result<bool> {
        let root = Id::from_hex(root)?;
        short(py, || browse::has_folder(&self.store, &root, path))
    }

    #[pyo3(signature = (before, after, paths=Vec::new()))]
    fn diff_files<'py>(
        &self,
        py: Python<'py>,
        before: &str,
        after: &str,
        paths: Vec<String>,
    ) -> Result<Bound<'py, PyDict>> {
        let (before, after) = (Id::from_hex(before)?, Id::from_hex(after)?);
        let changes = short(py, || files::diff(&self.store, &before, &after, &paths))?;
        let mut modified: Vec<&str> = changes.modified.iter().map(|(_, row)| &*row.path).collect();
        let edited = changes.renamed.iter().filter(|(before, after)| {
            (before.content, before.kind, before.executable)
                != (after.content, after.kind, after.executable)
        });
        modified.extend(edited.map(|(_, row)| &*row.path));
        modified.sort_unstable();
        let paths =
            |rows: &[files::FileRow]| rows.iter().map(|row| row.path.clone()).collect::<Vec<_>>();
        let renamed = changes.renamed.iter();
        let renamed: Vec<_> = renamed
            .map(|(before, after)| vec![&before.path, &after.path])
            .collect();
        let result = PyDict::new(py);
        result.set_item("added", paths(&changes.added))?;
        result.set_item("modified", modified)?;
        result.set_item("removed", paths(&changes.removed))?;
        result.set_item("renamed", renamed)?;
        result.set_item("facts", changes.facts)?;
        Ok(result)
    }

    fn diff_counts(&self, py: Python<'_>, before: &str, after: &str) -> Result<(u64, u64, u64)> {
        let (before, after) = (Id::from_hex(before)?, Id::from_hex(after)?);
        short(py, || browse::diff_counts(&self.store, &before, &after))
    }

    fn diff_rows<'py>(
        &self,
        py: Python<'py>,
        schema: &str,
        before: &str,
        after: &str,
    ) -> Result<Bound<'py, PyList>> {
        let (schema, before) = self.table(&(schema.into(), before.into()))?;
        let after = Id::from_hex(after)?;
        let changes = short(py, || {
            browse::diff_cells(&self.store, &schema, &before, &after)
        })?;
        let list = PyList::empty(py);
        for change in &changes {
            let dictionary = PyDict::new(py);
            dictionary.set_item("key", oxide_core::hash::hex(&change.key))?;
            dictionary.set_item("before", optional_row(py, &schema, &change.before)?)?;
            dictionary.set_item("after", optional_row(py, &schema, &change.after)?)?;
            list.append(dictionary)?;
        }
        Ok(list)
    }

    fn diff_stream(
        &self,
        py: Python<'_>,
        schema: &str,
        before: &str,
        after: &str,
    ) -> Result<ArrowStream> {
        let (schema, before) = self.table(&(schema.into(), before.into()))?;
        let after = Id::from_hex(after)?;
        short(py, || {
            let changes = tree::diff(&self.store, &before, &after)?;
            arrow::diff(self.store.clone(), schema, changes)
        })
    }

    #[pyo3(signature = (table, columns=Vec::new()))]
    fn scan(&self, py: Python<'_>, table: Table, columns: Vec<String>) -> Result<ArrowStream> {
        let (schema, root) = self.table(&table)?;
        short(py, || {
            arrow::scan(self.store.clone(), schema, &root, &columns)
        })
    }

    fn get_rows<'py>(
        &self,
        py: Python<'py>,
        table: Table,
        keys: Vec<String>,
    ) -> Result<Bound<'py, PyList>> {
        let (schema, root) = self.table(&table)?;
        let keys = keys.iter().map(|key| convert::bytes_from_hex(key));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let rows = short(py, || browse::get_cells(&self.store, &schema, &root, &keys))?;
        let list = PyList::empty(py);
        for row in &rows {
            list.append(optional_row(py, &schema, row)?)?;
        }
        Ok(list)
    }

    #[pyo3(signature = (table, folder, conditions="[]", item=None, progress=None))]
    fn export_parquet<'py>(
        &self,
        py: Python<'py>,
        table: Table,
        folder: PathBuf,
        conditions: &str,
        item: Option<&str>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyDict>> {
        let (schema, root) = self.table(&table)?;
        let conditions: Vec<Condition> = serde_json::from_str(conditions)
            .map_err(|error| invalid(format!("conditions are malformed: {error}")))?;
        let from = item
            .map(convert::bytes_from_hex)
            .transpose()?
            .unwrap_or_default();
        let to = behind(&from);
        let exported = long(py, progress.as_ref(), |progress| {
            let keys = (&from[..], to.as_deref());
            columns::export_parquet(
                &self.store,
                &schema,
                &root,
                &folder,
                keys,
                &conditions,
                progress,
            )
        })?;
        let files = exported.extracts.into_iter();
        let files: Vec<_> = files
            .map(|each| (each.path.into_os_string(), each.wanted))
            .collect();
        let result = PyDict::new(py);
        result.set_item("files", files)?;
        result.set_item("segments", exported.segments)?;
        result.set_item("opened", exported.opened)?;
        Ok(result)
    }

    fn restore_parquet(&self, py: Python<'_>, schema: &str, path: PathBuf) -> Result<()> {
        let schema = browse::schema(&self.store, &Id::from_hex(schema)?)?;
        short(py, || columns::restore_parquet(&self.store, &schema, &path))
    }

    #[pyo3(signature = (keep_seconds, now, immediate, dry_run, progress=None))]
    fn gc<'py>(
        &self,
        py: Python<'py>,
        keep_seconds: u64,
        now: u64,
        immediate: bool,
        dry_run: bool,
        progress: Option<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyDict>> {
        let request = GcRequest {
            keep_seconds,
            now,
            immediate,
            dry_run,
        };
        let report = long(py, progress.as_ref(), |progress| {
            gc::collect(&self.store, &request, progress)
        })?;
        let held = PyList::empty(py);
        for part in &report.held {
            let dictionary = PyDict::new(py);
            dictionary.set_item("kind", part.holder.kind.name())?;
            dictionary.set_item("live", part.holder.kind.is_live())?;
            dictionary.set_item("name", &part.holder.name)?;
            dictionary.set_item("about", &part.holder.about)?;
            dictionary.set_item("bytes", part.bytes)?;
            held.append(dictionary)?;
        }
        let result = PyDict::new(py);
        result.set_item("live_bytes", report.live_bytes)?;
        result.set_item("held", held)?;
        result.set_item("dead_bytes", report.dead_bytes)?;
        result.set_item("freed_bytes", report.freed_bytes)?;
        result.set_item("waiting_bytes", report.waiting_bytes)?;
        result.set_item("objects", report.objects)?;
        result.set_item("packs", report.packs)?;
        Ok(result)
    }

    #[pyo3(signature = (data, repair, progress=None))]
    fn fsck<'py>(
        &self,
        py: Python<'py>,
        data: bool,
        repair: bool,
        progress: Option<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyDict>> {
        let request = FsckRequest { data, repair };
        let report = long(py, progress.as_ref(), |progress| {
            fsck::check(&self.store, &request, progress)
        })?;
        let problems = PyList::empty(py);
        for problem in &report.problems {
            let dictionary = PyDict::new(py);
            dictionary.set_item("object", &problem.object)?;
            dictionary.set_item("kind", &problem.kind)?;
            dictionary.set_item("problem", &problem.problem)?;
            dictionary.set_item("remedy", &problem.remedy)?;
            dictionary.set_item("repaired", problem.repaired)?;
            problems.append(dictionary)?;
        }
        let result = PyDict::new(py);
        result.set_item("checked", &report.checked)?;
        result.set_item("problems", problems)?;
        Ok(result)
    }

    fn disk_usage<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>> {
        let usage = short(py, || usage::measure(&self.store))?;
        let result = PyDict::new(py);
        result.set_item("packs", usage.packs)?;
        result.set_item("pack_bytes", usage.pack_bytes)?;
        result.set_item("object_files", usage.object_files)?;
        result.set_item("object_bytes", usage.object_bytes)?;
        result.set_item("operations", usage.operations)?;
        result.set_item("cache_bytes", usage.cache_bytes)?;
        result.set_item("index_bytes", usage.index_bytes)?;
        result.set_item("files", usage.files)?;
        result.set_item("total_bytes", usage.total_bytes)?;
        Ok(result)
    }
}

/// A row that may be absent, as a dictionary.
pub fn optional_row<'py>(
    py: Python<'py>,
    schema: &Schema,
    cells: &Option<Vec<Value>>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let cells = cells.as_ref();
    cells
        .map(|cells| convert::row(py, schema, cells))
        .transpose()
}

/// The least key that begins with none of those that begin with `prefix` and lie behind them; `None` when there is none.
fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut behind = prefix[..=last].to_vec();
    behind[last] += 1;
    Some(behind)
}
