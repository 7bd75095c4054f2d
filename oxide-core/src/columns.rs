//! Rows as Arrow columns, in and out, and as Parquet files for the query engine's cache.

use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use crate::error::Result;
use crate::hash::Id;
use crate::schema::Schema;
use crate::segment::{Change, Segment};
use crate::store::{ReadObjects, WriteObjects};

/// The Arrow schema of a table: field ids in the metadata key `PARQUET:field_id`, `Fixed(n)` as fixed-size binary, `Json` as text, `Time` as microseconds UTC, `Vector` as list of float32.
pub fn arrow_schema(schema: &Schema) -> SchemaRef {
    todo!("{schema:?}")
}

/// One segment's rows as a record batch. External cells are read from `objects`.
pub fn segment_batch(
    objects: &dyn ReadObjects,
    schema: &Schema,
    segment: &Segment,
) -> Result<RecordBatch> {
    let _ = (objects, schema, segment);
    todo!()
}

/// Rows given as (key, value) pairs as a record batch.
pub fn rows_batch(
    objects: &dyn ReadObjects,
    schema: &Schema,
    rows: &[(&[u8], &[u8])],
) -> Result<RecordBatch> {
    let _ = (objects, schema, rows);
    todo!()
}

/// A record batch as changes that set its rows. Columns are found by name; missing ones are null; types are cast where that loses nothing. Long cells become blobs.
pub fn batch_changes(
    objects: &dyn WriteObjects,
    schema: &Schema,
    batch: &RecordBatch,
) -> Result<Vec<Change>> {
    let _ = (objects, schema, batch);
    todo!()
}

/// Writes each segment of a table that is not there yet as `<cache>/<segment id>-<schema id prefix>.parquet` and returns all paths in key order.
pub fn export_parquet(
    objects: &dyn ReadObjects,
    schema: &Schema,
    root: &Id,
    cache: &Path,
) -> Result<Vec<PathBuf>> {
    let _ = (objects, schema, root, cache);
    todo!()
}
