//! JSON text from and to Python's values, for many of them at a time.

use std::fmt;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::errors::{invalid, Result};

/// Deeper values are refused, as the core refuses to read them.
const MAXIMUM_DEPTH: usize = 127;
/// From here on a number without a fraction may have been an integer that a float does not hold.
const INTEGERS_END: f64 = 9_223_372_036_854_775_808.0;

/// A value of JSON's types as text.
#[pyfunction]
pub fn json_text(value: &Bound<'_, PyAny>) -> Result<String> {
    let mut text = Vec::with_capacity(128);
    write(&mut text, value, 0)?;
    Ok(String::from_utf8(text).expect("texts and numbers are UTF-8"))
}

fn write(text: &mut Vec<u8>, value: &Bound<'_, PyAny>, depth: usize) -> Result<()> {
    if depth > MAXIMUM_DEPTH {
        return Err(invalid("a value is nested too deeply"));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        let number = number.value();
        if !number.is_finite() {
            return Err(invalid(format!("{number} is no number in JSON")));
        }
        put(text, &number);
    } else if let Ok(items) = value.cast::<PyList>() {
        write_items(text, items.iter(), depth)?;
    } else if let Ok(string) = value.cast::<PyString>() {
        put(text, &*string.to_cow()?);
    } else if let Ok(flag) = value.cast::<PyBool>() {
        put(text, &flag.is_true());
    } else if value.is_instance_of::<PyInt>() {
        match value.extract::<i64>() {
            Ok(number) => put(text, &number),
            Err(_) => text.extend_from_slice(value.str()?.to_cow()?.as_bytes()),
        }
    } else if let Ok(members) = value.cast::<PyDict>() {
        text.push(b'{');
        for (number, (name, member)) in members.iter().enumerate() {
            if number > 0 {
                text.push(b',');
            }
            let name = name
                .cast::<PyString>()
                .map_err(|_| invalid("the names of an object are texts"))?;
            put(text, &*name.to_cow()?);
            text.push(b':');
            write(text, &member, depth + 1)?;
        }
        text.push(b'}');
    } else if value.is_none() {
        text.extend_from_slice(b"null");
    } else if let Ok(items) = value.cast::<PyTuple>() {
        write_items(text, items.iter(), depth)?;
    } else {
        let kind = value.get_type().name()?;
        return Err(invalid(format!("JSON cannot hold a {kind}")));
    }
    Ok(())
}

fn write_items<'py>(
    text: &mut Vec<u8>,
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    depth: usize,
) -> Result<()> {
    text.push(b'[');
    for (number, item) in items.enumerate() {
        if number > 0 {
            text.push(b',');
        }
        write(text, &item, depth + 1)?;
    }
    text.push(b']');
    Ok(())
}

fn put(text: &mut Vec<u8>, plain: &(impl serde::Serialize + ?Sized)) {
    serde_json::to_writer(text, plain).expect("memory takes every text and number");
}

/// The objects of a list from a position in a JSON text on, each followed by a comma, and the position behind the last such
/// comma. What is no such object, or is read otherwise by Python's own reader, ends them: it stays for that one.
#[pyfunction]
pub fn json_objects<'py>(
    py: Python<'py>,
    text: &Bound<'py, PyString>,
    start: usize,
) -> PyResult<(Bound<'py, PyList>, usize)> {
    let text = text.to_cow()?;
    let found = PyList::empty(py);
    let mut at = start;
    // A position in the text is one in its bytes where all are ASCII.
    let possible = text.as_bytes().get(at) == Some(&b'{') && text.is_ascii();
    while possible && text.as_bytes().get(at) == Some(&b'{') {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else {
            break;
        };
        let end = after_spaces(text.as_bytes(), at + values.byte_offset());
        if text.as_bytes().get(end) != Some(&b',') {
            break;
        }
        found.append(value.0)?;
        at = after_spaces(text.as_bytes(), end + 1);
    }
    Ok((found, at))
}

fn after_spaces(bytes: &[u8], start: usize) -> usize {
    let spaces = bytes[start..]
        .iter()
        .take_while(|byte| b" \t\r\n".contains(byte));
    start + spaces.count()
}

/// A value of JSON as Python's.
struct Value(Py<PyAny>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Value, D::Error> {
        // The interpreter is attached already; this only asks for it.
        Python::attach(|py| deserializer.deserialize_any(Values(py)))
    }
}

struct Values<'py>(Python<'py>);

fn failed<E: de::Error>(error: PyErr) -> E {
    E::custom(error)
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> std::result::Result<Value, E> {
        Ok(Value(self.0.None()))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> std::result::Result<Value, E> {
        Ok(Value(
            PyBool::new(self.0, flag).to_owned().into_any().unbind(),
        ))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> std::result::Result<Value, E> {
        Ok(Value(
            number
                .into_pyobject(self.0)
                .map_err(|e| failed(e.into()))?
                .into_any()
                .unbind(),
        ))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> std::result::Result<Value, E> {
        Ok(Value(
            number
                .into_pyobject(self.0)
                .map_err(|e| failed(e.into()))?
                .into_any()
                .unbind(),
        ))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> std::result::Result<Value, E> {
        // What Python reads as an integer of any length, or as a zero without a sign, is left to it.
        if number.abs() >= INTEGERS_END || number == 0.0 && number.is_sign_negative() {
            return Err(E::custom("a number that may be an integer"));
        }
        Ok(Value(PyFloat::new(self.0, number).into_any().unbind()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Value, E> {
        Ok(Value(PyString::new(self.0, text).into_any().unbind()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Value, A::Error> {
        let list = PyList::empty(self.0);
        while let Some(Value(item)) = items.next_element()? {
            list.append(item).map_err(failed)?;
        }
        Ok(Value(list.into_any().unbind()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Value, A::Error> {
        let object = PyDict::new(self.0);
        while let Some(name) = members.next_key::<std::borrow::Cow<'_, str>>()? {
            let Value(member) = members.next_value()?;
            // One text for each name, however often it comes.
            let name = PyString::intern(self.0, &name);
            object.set_item(name, member).map_err(failed)?;
        }
        Ok(Value(object.into_any().unbind()))
    }
}
