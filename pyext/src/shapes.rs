//! Shapes in Python's lists, measured.

use oxide_core::rings::Measures;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList};

/// Box and area of a polygon: (left, top, width, height, area). `None` where its parts are no lists of rings of numbers in
/// pairs, three or more, all finite.
#[pyfunction]
pub fn measure_polygon(parts: &Bound<'_, PyAny>) -> Option<(f64, f64, f64, f64, f64)> {
    let mut measures = Measures::default();
    let mut ring = Vec::new();
    for part in parts.cast::<PyList>().ok()?.iter() {
        let rings = part.cast::<PyList>().ok()?;
        if rings.is_empty() {
            return None;
        }
        for (number, coordinates) in rings.iter().enumerate() {
            ring.clear();
            for coordinate in coordinates.cast::<PyList>().ok()?.iter() {
                ring.push(number_of(&coordinate)?);
            }
            measures.add(&ring, number > 0)?;
        }
    }
    measures.finish()
}

/// A float or an integer, nothing that merely behaves like one.
fn number_of(value: &Bound<'_, PyAny>) -> Option<f64> {
    if let Ok(number) = value.cast_exact::<PyFloat>() {
        return Some(number.value());
    }
    value.cast_exact::<PyInt>().ok()?.extract().ok()
}
