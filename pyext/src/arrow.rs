//! Rows over the Arrow C stream interface, in PyCapsules named `arrow_array_stream`.

use std::sync::Mutex;

use arrow::array::{
    make_array, Array, ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader, StringArray,
};
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ffi::{from_ffi, to_ffi, FFI_ArrowArray, FFI_ArrowSchema};
use arrow::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use oxide_core::schema::Schema;
use oxide_core::segment::{self, Change};
use oxide_core::store::{Lease, ReadObjects, Store, WriteObjects};
use oxide_core::tree::{self, RowChange};
use oxide_core::{columns, Error, ErrorCode};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::sync::Arc;

use crate::errors::{invalid, Result};

const SCHEMA_CAPSULE_NAME: &std::ffi::CStr = c"arrow_schema";
const ARRAY_CAPSULE_NAME: &std::ffi::CStr = c"arrow_array";
const CAPSULE_NAME: &std::ffi::CStr = c"arrow_array_stream";
/// Rows in a batch of differences.
const BATCH_ROWS: usize = 8192;

/// Rows for one reader: exported once.
#[pyclass(frozen, module = "oxide._core")]
pub struct ArrowStream {
    reader: Mutex<Option<Box<dyn RecordBatchReader + Send>>>,
}

/// Batches that are read from the store as they are asked for: held against the collector until then.
struct Held<R> {
    reader: R,
    _hold: Option<Lease>,
}

impl<R: RecordBatchReader> Iterator for Held<R> {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.reader.next()
    }
}

impl<R: RecordBatchReader> RecordBatchReader for Held<R> {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }
}

impl ArrowStream {
    fn new(hold: Option<Lease>, reader: impl RecordBatchReader + Send + 'static) -> ArrowStream {
        let held = Held {
            reader,
            _hold: hold,
        };
        ArrowStream {
            reader: Mutex::new(Some(Box::new(held))),
        }
    }
}

#[pymethods]
impl ArrowStream {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyCapsule>> {
        // The protocol lets a producer keep its own types whatever was requested.
        let _ = requested_schema;
        let reader = self.reader.lock().ok().and_then(|mut reader| reader.take());
        let reader = reader.ok_or_else(|| invalid("this stream of rows was read already"))?;
        let stream = FFI_ArrowArrayStream::new(reader);
        Ok(PyCapsule::new_with_value(py, stream, CAPSULE_NAME)?)
    }
}

/// A column for a reader.
#[pyclass(frozen, module = "oxide._core")]
pub struct ArrowArray {
    array: ArrayRef,
}

impl ArrowArray {
    pub fn new(array: ArrayRef) -> ArrowArray {
        ArrowArray { array }
    }
}

#[pymethods]
impl ArrowArray {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> Result<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // The protocol lets a producer keep its own types whatever was requested.
        let _ = requested_schema;
        let exported = to_ffi(&self.array.to_data());
        let (array, schema) = exported
            .map_err(|error| invalid(format!("the column cannot be handed over: {error}")))?;
        let schema = PyCapsule::new_with_value(py, schema, SCHEMA_CAPSULE_NAME)?;
        let array = PyCapsule::new_with_value(py, array, ARRAY_CAPSULE_NAME)?;
        Ok((schema, array))
    }
}

/// Takes the column of an object that exports one.
pub fn import_array(column: &Bound<'_, PyAny>) -> Result<ArrayRef> {
    let (schema, array): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
        column.call_method0("__arrow_c_array__")?.extract()?;
    let capsule =
        |object: &Bound<'_, PyAny>, name| -> Result<std::ptr::NonNull<std::ffi::c_void>> {
            let capsule = object
                .cast::<PyCapsule>()
                .map_err(|_| invalid("__arrow_c_array__ returned no capsules"))?;
            Ok(capsule.pointer_checked(Some(name))?)
        };
    let schema = capsule(&schema, SCHEMA_CAPSULE_NAME)?;
    let array = capsule(&array, ARRAY_CAPSULE_NAME)?;
    // SAFETY: capsules of these names hold an ArrowSchema and an ArrowArray of it (Arrow's PyCapsule interface); taking the
    // array out leaves a released one behind, which the capsule's destructor skips.
    let data = unsafe {
        let schema: *const FFI_ArrowSchema = schema.as_ptr().cast();
        from_ffi(FFI_ArrowArray::from_raw(array.as_ptr().cast()), &*schema)
    };
    let data = data.map_err(|error| invalid(format!("the column cannot be read: {error}")))?;
    Ok(make_array(data))
}

/// Takes the stream of an object that exports one.
pub fn import(rows: &Bound<'_, PyAny>) -> Result<RecordBatchStreamReader> {
    let capsule = rows.call_method0("__arrow_c_stream__")?;
    let capsule = capsule
        .cast::<PyCapsule>()
        .map_err(|_| invalid("__arrow_c_stream__ returned no capsule"))?;
    let pointer = capsule.pointer_checked(Some(CAPSULE_NAME))?;
    // SAFETY: a capsule of this name holds an ArrowArrayStream (Arrow's PyCapsule interface); taking it out leaves a
    // released stream behind, which the capsule's destructor skips.
    let reader = unsafe { RecordBatchStreamReader::from_raw(pointer.as_ptr().cast()) };
    reader.map_err(|error| invalid(format!("the rows cannot be read: {error}")))
}

/// Reads a stream to its end as changes that set its rows.
pub fn changes(
    objects: &dyn WriteObjects,
    schema: &Schema,
    reader: RecordBatchStreamReader,
) -> oxide_core::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| {
            Error::new(
                ErrorCode::Invalid,
                format!("the rows cannot be read: {error}"),
            )
        })?;
        changes.extend(columns::batch_changes(objects, schema, &batch)?);
    }
    Ok(changes)
}

/// All rows of a table, one batch a segment, read as the consumer asks for them.
pub fn scan(
    store: Store,
    schema: Schema,
    root: &oxide_core::Id,
    names: &[String],
) -> oxide_core::Result<ArrowStream> {
    let mut projection = Vec::new();
    for name in names {
        let position = schema.position(name).ok_or_else(|| {
            Error::new(
                ErrorCode::Invalid,
                format!("the table '{}' has no column '{name}'", schema.name),
            )
        })?;
        projection.push(position);
    }
    if names.is_empty() {
        projection.extend(0..schema.fields.len());
    }
    let arrow_schema = columns::arrow_schema(&schema)
        .project(&projection)
        .map_err(internal)?;
    let hold = store.hold();
    let entries = tree::entries(&store, root)?;
    let batches = entries.into_iter().map(move |entry| {
        let batch = segment::read(&store, &entry.id)
            .and_then(|segment| columns::segment_batch(&store, &schema, &segment));
        batch.map_err(external)?.project(&projection)
    });
    let reader = RecordBatchIterator::new(batches, Arc::new(arrow_schema));
    Ok(ArrowStream::new(hold, reader))
}

/// Differences as rows with a column `change` before the table's: the row after, or before for a removed one.
pub fn diff(
    store: Store,
    schema: Schema,
    changes: Vec<RowChange>,
) -> oxide_core::Result<ArrowStream> {
    let table = columns::arrow_schema(&schema);
    let change = Arc::new(Field::new("change", DataType::Utf8, false));
    let fields: Vec<_> = std::iter::once(change)
        .chain(table.fields().iter().cloned())
        .collect();
    let arrow_schema: SchemaRef = Arc::new(ArrowSchema::new(fields));
    let with_change = arrow_schema.clone();
    let hold = store.hold();
    let batches = changes.len().div_ceil(BATCH_ROWS);
    let batches = (0..batches).map(move |batch| {
        let end = changes.len().min((batch + 1) * BATCH_ROWS);
        let part = &changes[batch * BATCH_ROWS..end];
        diff_batch(&store, &schema, part, &with_change)
    });
    let reader = RecordBatchIterator::new(batches, arrow_schema);
    Ok(ArrowStream::new(hold, reader))
}

fn diff_batch(
    objects: &dyn ReadObjects,
    schema: &Schema,
    changes: &[RowChange],
    with_change: &SchemaRef,
) -> std::result::Result<RecordBatch, ArrowError> {
    let mut rows: Vec<(&[u8], &[u8])> = Vec::with_capacity(changes.len());
    let mut words = Vec::with_capacity(changes.len());
    for change in changes {
        let (word, value) = match (&change.before, &change.after) {
            (None, Some(after)) => ("added", after),
            (Some(_), Some(after)) => ("modified", after),
            (Some(before), None) => ("removed", before),
            (None, None) => continue,
        };
        words.push(word);
        rows.push((&change.key, value));
    }
    let batch = columns::rows_batch(objects, schema, &rows).map_err(external)?;
    let words: ArrayRef = Arc::new(StringArray::from(words));
    let columns = std::iter::once(words).chain(batch.columns().iter().cloned());
    RecordBatch::try_new(with_change.clone(), columns.collect())
}

fn external(error: Error) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}

fn internal(error: ArrowError) -> Error {
    Error::new(ErrorCode::Invalid, error.to_string())
}
