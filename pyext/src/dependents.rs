//! Rows that belong to items, for an open store or a session.

use oxide_core::hash::hex;
use oxide_core::store::{ReadObjects, WriteObjects};
use oxide_core::{browse, dependents, Id};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::convert;
use crate::errors::{invalid, Result};
use crate::progress::{long, short};
use crate::session::Session;
use crate::store::{optional_row, Store};

/// Where objects are read: a store, or a session, which also sees what it has not flushed.
enum Source {
    Store(oxide_core::store::Store),
    Session(std::sync::Arc<oxide_core::store::Session>),
}

impl Source {
    fn of(value: &Bound<'_, PyAny>) -> Result<Source> {
        if let Ok(store) = value.cast::<Store>() {
            return Ok(Source::Store(store.get().store.clone()));
        }
        match value.cast::<Session>() {
            Ok(session) => Ok(Source::Session(session.get().get()?)),
            Err(_) => Err(invalid("neither a store nor a session")),
        }
    }

    fn objects(&self) -> &dyn ReadObjects {
        match self {
            Source::Store(store) => store,
            Source::Session(session) => &**session,
        }
    }
}

/// Rows of some items as dictionaries, in key order.
#[pyfunction]
pub fn item_rows<'py>(
    py: Python<'py>,
    objects: &Bound<'py, PyAny>,
    table: (String, String),
    items: Vec<String>,
) -> Result<Bound<'py, PyList>> {
    let (source, root) = (Source::of(objects)?, Id::from_hex(&table.1)?);
    let schema = browse::schema(source.objects(), &Id::from_hex(&table.0)?)?;
    let items = convert::items(&items)?;
    let rows = short(py, || {
        let rows = dependents::rows(source.objects(), &root, &items)?;
        let cells = rows
            .iter()
            .map(|(key, value)| browse::cells(source.objects(), &schema, key, value).map(Some));
        cells.collect::<oxide_core::Result<Vec<_>>>()
    })?;
    let list = PyList::empty(py);
    for cells in &rows {
        list.append(optional_row(py, &schema, cells)?)?;
    }
    Ok(list)
}

/// Rows of some items as (key, value) in hex, as conflicts carry them.
#[pyfunction]
pub fn item_values(
    py: Python<'_>,
    objects: &Bound<'_, PyAny>,
    root: &str,
    items: Vec<String>,
) -> Result<Vec<(String, String)>> {
    let (source, root) = (Source::of(objects)?, Id::from_hex(root)?);
    let items = convert::items(&items)?;
    let rows = short(py, || dependents::rows(source.objects(), &root, &items))?;
    Ok(rows
        .iter()
        .map(|(key, value)| (hex(key), hex(value)))
        .collect())
}

/// Items of which any row differs between two tables.
#[pyfunction]
pub fn changed_items(
    py: Python<'_>,
    objects: &Bound<'_, PyAny>,
    before: &str,
    after: &str,
) -> Result<Vec<String>> {
    let (source, before, after) = (
        Source::of(objects)?,
        Id::from_hex(before)?,
        Id::from_hex(after)?,
    );
    let items = short(py, || {
        dependents::changed_items(source.objects(), &before, &after)
    })?;
    Ok(convert::hex_items(&items))
}

/// (added, removed) items between two tables `items`.
#[pyfunction]
pub fn items_that_differ(
    py: Python<'_>,
    objects: &Bound<'_, PyAny>,
    before: &str,
    after: &str,
) -> Result<(Vec<String>, Vec<String>)> {
    let (source, before, after) = (
        Source::of(objects)?,
        Id::from_hex(before)?,
        Id::from_hex(after)?,
    );
    let (added, removed) = short(py, || {
        dependents::items_that_differ(source.objects(), &before, &after)
    })?;
    Ok((convert::hex_items(&added), convert::hex_items(&removed)))
}

/// The rows of `files` that some items are.
#[pyfunction]
pub fn files_of<'py>(
    py: Python<'py>,
    objects: &Bound<'py, PyAny>,
    files: &str,
    items: Vec<String>,
) -> Result<Vec<Option<Bound<'py, PyDict>>>> {
    let (source, files) = (Source::of(objects)?, Id::from_hex(files)?);
    let items = convert::items(&items)?;
    let rows = short(py, || {
        dependents::files_of(source.objects(), &files, &items)
    })?;
    let rows = rows.iter().map(|row| convert::optional_file_row(py, row));
    Ok(rows.collect::<PyResult<Vec<_>>>()?)
}

/// A table with the rows of some items as they are in another.
#[pyfunction]
pub fn replace_item_rows(
    py: Python<'_>,
    session: &Session,
    schema: &str,
    target: &str,
    source: &str,
    items: Vec<String>,
) -> Result<String> {
    let session = session.get()?;
    let schema = browse::schema(&*session, &Id::from_hex(schema)?)?;
    let (target, source) = (Id::from_hex(target)?, Id::from_hex(source)?);
    let items = convert::items(&items)?;
    let objects: &dyn WriteObjects = &*session;
    let root = long(py, None, |_| {
        dependents::replace(objects, &schema, &target, &source, &items)
    })?;
    Ok(root.to_hex())
}

/// A table in which the rows of some items belong to others.
#[pyfunction]
pub fn rekey_items(
    py: Python<'_>,
    session: &Session,
    schema: &str,
    root: &str,
    pairs: Vec<(String, String)>,
) -> Result<String> {
    let session = session.get()?;
    let schema = browse::schema(&*session, &Id::from_hex(schema)?)?;
    let root = Id::from_hex(root)?;
    let pairs = pairs
        .iter()
        .map(|(old, new)| Ok((convert::item(old)?, convert::item(new)?)))
        .collect::<Result<Vec<_>>>()?;
    let objects: &dyn WriteObjects = &*session;
    let root = long(py, None, |_| {
        dependents::rekey(objects, &schema, &root, &pairs)
    })?;
    Ok(root.to_hex())
}
