//! Failures on their way to Python: an error of the core becomes the exception class of `oxide.errors` for its code.

use oxide_core::{Error, ErrorCode};
use pyo3::prelude::*;

/// A failure of the core, or an exception that Python raised in between.
pub enum Failure {
    /// To be translated.
    Core(Error),
    /// To be raised as it is.
    Python(PyErr),
}

/// Result of every function of the extension.
pub type Result<T> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Core(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Failure {
        Failure::Python(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> PyErr {
        match failure {
            Failure::Python(error) => error,
            Failure::Core(error) => {
                Python::attach(|py| exception(py, &error).unwrap_or_else(|raised| raised))
            }
        }
    }
}

fn exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let path = error.path.as_ref().map(|path| path.as_os_str());
    let arguments = (error.code.as_str(), &error.message, &error.hint, path);
    let instance = py
        .import("oxide.errors")?
        .call_method1("from_core", arguments)?;
    Ok(PyErr::from_value(instance))
}

/// A malformed argument.
pub fn invalid(message: impl Into<String>) -> Failure {
    Failure::Core(Error::new(ErrorCode::Invalid, message))
}
