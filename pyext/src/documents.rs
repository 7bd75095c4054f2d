//! Conditions on columns of JSON documents, and their sort keys.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray};
use oxide_core::documents::{self, Condition, Path};
use pyo3::prelude::*;

use crate::arrow::{import_array, ArrowArray};
use crate::errors::{invalid, Result};

/// A condition on documents.
#[pyclass(frozen, module = "oxide._core")]
pub struct DocumentTest {
    condition: Condition,
}

#[pymethods]
impl DocumentTest {
    #[new]
    fn new(condition: &str) -> Result<DocumentTest> {
        Ok(DocumentTest {
            condition: documents::parse(condition)?,
        })
    }

    #[pyo3(signature = (document))]
    fn holds(&self, document: Option<&str>) -> Result<bool> {
        Ok(self.condition.holds(document)?)
    }

    fn holds_each(&self, py: Python<'_>, column: &Bound<'_, PyAny>) -> Result<ArrowArray> {
        let column = import_array(column)?;
        let answers = py.detach(|| {
            let documents = texts(&column)?;
            let answers = documents
                .into_iter()
                .map(|document| self.condition.holds(document));
            Ok::<_, crate::errors::Failure>(answers.collect::<oxide_core::Result<Vec<bool>>>()?)
        })?;
        Ok(ArrowArray::new(Arc::new(BooleanArray::from(answers))))
    }
}

/// Sort keys of the documents of a column, by the value at a path.
#[pyfunction]
pub fn document_keys(
    py: Python<'_>,
    column: &Bound<'_, PyAny>,
    path: Vec<String>,
    descending: bool,
) -> Result<ArrowArray> {
    let column = import_array(column)?;
    let path = Path::from(path);
    let keys = py.detach(|| {
        let documents = texts(&column)?;
        let keys = documents
            .into_iter()
            .map(|document| documents::sort_key(document, &path, descending));
        Ok::<_, crate::errors::Failure>(keys.collect::<oxide_core::Result<Vec<Vec<u8>>>>()?)
    })?;
    Ok(ArrowArray::new(Arc::new(BinaryArray::from_iter_values(
        keys,
    ))))
}

fn texts(column: &ArrayRef) -> Result<Vec<Option<&str>>> {
    let texts = column.as_string_opt::<i32>();
    let texts =
        texts.ok_or_else(|| invalid(format!("documents are text, not {}", column.data_type())))?;
    Ok(texts.iter().collect())
}
