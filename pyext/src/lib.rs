//! `oxide._core`: the core for Python. Each method converts its arguments, calls one function of the core without the
//! GIL, and converts the result; `engine/oxide/_core.pyi` is the contract.
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

mod arrow;
mod convert;
mod dependents;
mod documents;
mod errors;
mod json;
mod progress;
mod session;
mod shapes;
mod store;
mod threads;
mod workspace;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::Result;
use crate::progress::short;

/// The Rust core of Oxide.
#[pymodule]
mod _core {
    use super::*;

    #[pymodule_export]
    use super::arrow::{ArrowArray, ArrowStream};
    #[pymodule_export]
    use super::dependents::{
        changed_items, files_of, item_rows, item_values, items_that_differ, rekey_items,
        replace_item_rows,
    };
    #[pymodule_export]
    use super::documents::{document_keys, DocumentTest};
    #[pymodule_export]
    use super::json::{json_objects, json_text};
    #[pymodule_export]
    use super::session::Session;
    #[pymodule_export]
    use super::shapes::measure_polygon;
    #[pymodule_export]
    use super::store::{Hold, Store};
    #[pymodule_export]
    use super::workspace::{CheckoutPlan, Lock, Scanned, Staged, WorkingCopy};

    #[pymodule_init]
    fn constants(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
        let files = oxide_core::files::files_schema().id();
        let items = oxide_core::files::items_schema().id();
        module.add("FILES_SCHEMA", files.to_hex())?;
        module.add("ITEMS_SCHEMA", items.to_hex())?;
        let earlier = oxide_core::files::earlier_files_schema().id();
        module.add("EARLIER_FILES_SCHEMA", earlier.to_hex())?;
        module.add("EMPTY_ROOT", oxide_core::tree::empty_root().to_hex())
    }

    /// The folder at or above `start` that has a `.oxide` folder.
    #[pyfunction]
    fn discover(start: PathBuf) -> Option<OsString> {
        oxide_core::workspace::discover(&start).map(PathBuf::into_os_string)
    }

    /// Writes a file of a cache; gives its path.
    #[pyfunction]
    fn write_cached(py: Python<'_>, folder: PathBuf, stem: &str, data: &[u8]) -> Result<OsString> {
        let path = short(py, || {
            oxide_core::columns::cache::write(&folder, stem, data)
        })?;
        Ok(path.into_os_string())
    }

    /// The sound file of a cache with this stem.
    #[pyfunction]
    fn find_cached(py: Python<'_>, folder: PathBuf, stem: &str) -> Result<Option<OsString>> {
        let path = short(py, || oxide_core::columns::cache::find(&folder, stem))?;
        Ok(path.map(PathBuf::into_os_string))
    }

    /// Counts of work done since the last reset, for tests.
    #[pyfunction]
    fn counters() -> BTreeMap<&'static str, u64> {
        oxide_core::counters::snapshot().into_iter().collect()
    }

    /// Sets every counter to zero.
    #[pyfunction]
    fn reset_counters() {
        oxide_core::counters::reset();
    }

    /// A path's bytes as text.
    #[pyfunction]
    fn path_to_text(path: &[u8]) -> String {
        oxide_core::paths::to_text(path)
    }

    /// The bytes of a path's text.
    #[pyfunction]
    fn path_to_bytes<'py>(py: Python<'py>, path: &str) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &oxide_core::paths::to_bytes(path))
    }

    /// JSON in its canonical form.
    #[pyfunction]
    fn canonical_json(text: &str) -> Result<String> {
        Ok(oxide_core::rows::canonical_json(text)?)
    }

    /// Whether the file system of a folder can share blocks between files.
    #[pyfunction]
    fn supports_reflink(py: Python<'_>, control: PathBuf) -> Result<bool> {
        short(py, || oxide_core::fsx::supports_reflink(&control))
    }

    /// Renames a file or folder to a name that must be free; makes the folders above it.
    #[pyfunction]
    fn move_path(py: Python<'_>, old: PathBuf, new: PathBuf) -> Result<()> {
        short(py, || oxide_core::fsx::rename_to_free(&old, &new))
    }

    /// Makes a folder and those above it, flushed to the disk.
    #[pyfunction]
    fn make_folder(py: Python<'_>, folder: PathBuf) -> Result<()> {
        short(py, || oxide_core::fsx::create_dir_all_durable(&folder))
    }

    /// Removes an empty folder; false when it is not empty or not there.
    #[pyfunction]
    fn remove_folder_if_empty(py: Python<'_>, folder: PathBuf) -> Result<bool> {
        short(py, || oxide_core::fsx::remove_dir_if_empty(&folder))
    }

    /// Removes a file; one that is gone is no error.
    #[pyfunction]
    fn remove_file(py: Python<'_>, path: PathBuf) -> Result<()> {
        short(py, || oxide_core::fsx::remove_file(&path))
    }

    /// Creates a file without a name below a control folder and gives its descriptor.
    #[pyfunction]
    fn nameless_file(py: Python<'_>, control: PathBuf) -> Result<i32> {
        let file = short(py, || oxide_core::fsx::create_nameless(&control))?;
        Ok(std::os::fd::IntoRawFd::into_raw_fd(file))
    }

    /// Notes that a file is in use now, by its time of change.
    #[pyfunction]
    fn mark_used(py: Python<'_>, path: PathBuf) -> Result<()> {
        short(py, || oxide_core::fsx::mark_used(&path))
    }

    /// Makes a symbolic link, and the folders above it. The name must be free.
    #[pyfunction]
    fn make_link(py: Python<'_>, target: &[u8], path: PathBuf) -> Result<()> {
        short(py, || {
            if let Some(folder) = path.parent() {
                oxide_core::fsx::create_dir_all(folder)?;
            }
            oxide_core::fsx::symlink(target, &path)
        })
    }

    /// Replaces a file so that readers see the old content or the new.
    #[pyfunction]
    fn write_file_atomic(py: Python<'_>, path: PathBuf, data: &[u8]) -> Result<()> {
        let durability = oxide_core::fsx::Durability::Durable;
        short(py, || {
            oxide_core::fsx::write_atomic(&path, data, durability)
        })
    }
}
