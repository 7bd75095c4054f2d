//! Values between Python and the core: ids as hex, records as dictionaries, rows as dictionaries of JSON types.

use std::borrow::Cow;

use oxide_core::browse::FileUpsert;
use oxide_core::files::{FileRoots, FileRow, FileType, ItemId};
use oxide_core::hash::{hex, unhex};
use oxide_core::media::{Facts, Real};
use oxide_core::pack::Kind;
use oxide_core::record::Record;
use oxide_core::rows::Value;
use oxide_core::schema::{Schema, Type};
use oxide_core::workspace::Skipped;
use oxide_core::Id;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::Value as Json;

use crate::errors::{invalid, Result};

/// Deepest nesting of a value that Python hands over.
const MAXIMUM_DEPTH: usize = 100;

/// (root of files, root of items) as hex.
pub type HexRoots = (String, String);

/// The roots of both file tables.
pub fn roots(hex: &HexRoots) -> Result<FileRoots> {
    Ok(FileRoots {
        files: Id::from_hex(&hex.0)?,
        items: Id::from_hex(&hex.1)?,
    })
}

/// Both roots as hex.
pub fn hex_roots(roots: &FileRoots) -> HexRoots {
    (roots.files.to_hex(), roots.items.to_hex())
}

/// A record kind by its name.
pub fn record_kind(name: &str) -> Result<Kind> {
    let kinds = [Kind::Commit, Kind::View, Kind::List, Kind::Schema];
    let kind = kinds.into_iter().find(|kind| kind.name() == name);
    kind.ok_or_else(|| {
        invalid(format!(
            "'{name}' is no kind of record: commit, view, list or schema"
        ))
    })
}

/// Ids of items out of hex.
pub fn items(hex: &[String]) -> Result<Vec<ItemId>> {
    hex.iter().map(|hex| item(hex)).collect()
}

/// The id of an item out of hex.
pub fn item(hex: &str) -> Result<ItemId> {
    Ok(ItemId(fixed(hex, "an item")?))
}

/// Ids of items as hex.
pub fn hex_items(items: &[ItemId]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// Bytes written as hex.
pub fn bytes_from_hex(text: &str) -> Result<Vec<u8>> {
    unhex(text).ok_or_else(|| invalid(format!("'{text}' is not hex")))
}

/// A dictionary as a record.
pub fn record_from_python(value: &Bound<'_, PyDict>) -> Result<Record> {
    match json_from_python(value.as_any(), 0)? {
        Json::Object(record) => Ok(record),
        _ => Err(invalid("a record is a dictionary")),
    }
}

fn json_from_python(value: &Bound<'_, PyAny>, depth: usize) -> Result<Json> {
    if depth > MAXIMUM_DEPTH {
        return Err(invalid("a record is nested too deeply"));
    }
    if value.is_none() {
        return Ok(Json::Null);
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(Json::Bool(flag.is_true()));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Json::String(text.to_cow()?.into_owned()));
    }
    if value.is_instance_of::<PyInt>() {
        if let Ok(number) = value.extract::<i64>() {
            return Ok(number.into());
        }
        let number = value.extract::<u64>();
        return number
            .map(Json::from)
            .map_err(|_| invalid(format!("{value} has more than 64 bits")));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        let number = serde_json::Number::from_f64(number.value());
        return number
            .map(Json::Number)
            .ok_or_else(|| invalid(format!("{value} is no JSON number")));
    }
    if let Ok(members) = value.cast::<PyDict>() {
        let mut record = Record::new();
        for (name, member) in members {
            let name = name
                .cast::<PyString>()
                .map_err(|_| invalid("the keys of a record are texts"))?;
            record.insert(
                name.to_cow()?.into_owned(),
                json_from_python(&member, depth + 1)?,
            );
        }
        return Ok(Json::Object(record));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let items = value
            .try_iter()?
            .map(|item| json_from_python(&item?, depth + 1));
        return Ok(Json::Array(items.collect::<Result<_>>()?));
    }
    Err(invalid(format!(
        "a record cannot hold a {}",
        value.get_type().name()?
    )))
}

/// A record as a dictionary.
pub fn record_to_python<'py>(py: Python<'py>, record: &Record) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    for (name, value) in record {
        dictionary.set_item(name, json_to_python(py, value)?)?;
    }
    Ok(dictionary)
}

fn json_to_python<'py>(py: Python<'py>, value: &Json) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Json::Null => py.None().into_bound(py),
        Json::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Json::Number(number) => {
            if let Some(number) = number.as_i64() {
                number.into_pyobject(py)?.into_any()
            } else if let Some(number) = number.as_u64() {
                number.into_pyobject(py)?.into_any()
            } else {
                PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN)).into_any()
            }
        }
        Json::String(text) => PyString::new(py, text).into_any(),
        Json::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(json_to_python(py, item)?)?;
            }
            list.into_any()
        }
        Json::Object(record) => record_to_python(py, record)?.into_any(),
    })
}

/// A row of `files` as a dictionary.
pub fn file_row<'py>(py: Python<'py>, row: &FileRow) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    dictionary.set_item(intern!(py, "path"), &row.path)?;
    dictionary.set_item(intern!(py, "content_id"), row.content.to_hex())?;
    dictionary.set_item(intern!(py, "size"), row.size)?;
    dictionary.set_item(intern!(py, "item_id"), hex(&row.item.0))?;
    dictionary.set_item(intern!(py, "sha256"), hex(&row.sha256))?;
    let kind = match row.kind {
        FileType::File => intern!(py, "file"),
        FileType::Link => intern!(py, "link"),
        FileType::Reference => intern!(py, "reference"),
    };
    dictionary.set_item(intern!(py, "type"), kind)?;
    dictionary.set_item(intern!(py, "executable"), row.executable)?;
    set_facts(&dictionary, row.facts.as_deref())?;
    Ok(dictionary)
}

/// The columns of a row of `files` that hold facts: all of them, `None` where nothing is known.
fn set_facts(row: &Bound<'_, PyDict>, facts: Option<&Facts>) -> PyResult<()> {
    let py = row.py();
    let nothing = Facts::default();
    let known = facts.unwrap_or(&nothing);
    let real = |number: Option<Real>| number.map(Real::get);
    row.set_item(
        intern!(py, "facts_version"),
        facts.map(|facts| facts.version),
    )?;
    row.set_item(intern!(py, "media"), known.media.as_deref())?;
    row.set_item(intern!(py, "width"), known.width)?;
    row.set_item(intern!(py, "height"), known.height)?;
    row.set_item(intern!(py, "orientation"), known.orientation)?;
    row.set_item(intern!(py, "channels"), known.channels)?;
    row.set_item(intern!(py, "bit_depth"), known.bit_depth)?;
    row.set_item(intern!(py, "frames"), known.frames)?;
    row.set_item(intern!(py, "fps"), real(known.fps))?;
    row.set_item(intern!(py, "duration"), real(known.duration))?;
    row.set_item(intern!(py, "broken"), known.broken.as_deref())
}

/// The facts in a dictionary as [`set_facts`] fills it; a row that has none of the columns has no facts.
fn facts(row: &Bound<'_, PyDict>) -> Result<Option<Box<Facts>>> {
    fn get<T: for<'a, 'py> FromPyObject<'a, 'py, Error = PyErr>>(
        row: &Bound<'_, PyDict>,
        name: &str,
    ) -> Result<Option<T>> {
        let value = row.get_item(name)?;
        Ok(value
            .map(|value| value.extract::<Option<T>>())
            .transpose()?
            .flatten())
    }
    let text = |name: &str| -> Result<Option<Cow<'static, str>>> {
        Ok(get::<String>(row, name)?.map(Cow::Owned))
    };
    let real = |name: &str| -> Result<Option<Real>> { Ok(get(row, name)?.and_then(Real::new)) };
    let Some(version) = get(row, "facts_version")? else {
        return Ok(None);
    };
    Ok(Some(Box::new(Facts {
        version,
        media: text("media")?,
        width: get(row, "width")?,
        height: get(row, "height")?,
        orientation: get(row, "orientation")?,
        channels: get(row, "channels")?,
        bit_depth: get(row, "bit_depth")?,
        frames: get(row, "frames")?,
        fps: real("fps")?,
        duration: real("duration")?,
        broken: text("broken")?,
    })))
}

/// Rows of `files`, as [`file_row`] makes each.
pub fn file_rows<'py>(py: Python<'py>, rows: &[FileRow]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for row in rows {
        list.append(file_row(py, row)?)?;
    }
    Ok(list)
}

/// A row of `files` that may be absent.
pub fn optional_file_row<'py>(
    py: Python<'py>,
    row: &Option<FileRow>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    row.as_ref().map(|row| file_row(py, row)).transpose()
}

/// A dictionary as [`file_row`] makes it, as a row to set.
pub fn file_upsert(value: &Bound<'_, PyDict>) -> Result<FileUpsert> {
    let get = |name: &str| {
        value.get_item(name)?.ok_or_else(|| {
            pyo3::exceptions::PyKeyError::new_err(format!("a row of files needs '{name}'"))
        })
    };
    let text = |name: &str| -> Result<String> { Ok(get(name)?.extract()?) };
    let kind = match text("type")?.as_str() {
        "file" => FileType::File,
        "link" => FileType::Link,
        "reference" => FileType::Reference,
        other => {
            let why = format!("'{other}' is none of 'file', 'link' and 'reference'");
            return Err(invalid(why));
        }
    };
    let row = FileRow {
        path: text("path")?,
        content: Id::from_hex(&text("content_id")?)?,
        size: get("size")?.extract()?,
        item: ItemId(fixed(&text("item_id")?, "item_id")?),
        sha256: fixed(&text("sha256")?, "sha256")?,
        kind,
        executable: get("executable")?.extract()?,
        facts: facts(value)?,
    };
    let created = value.get_item("created")?;
    let creator = value.get_item("creator")?;
    Ok(FileUpsert {
        row,
        created: created
            .map(|created| created.extract())
            .transpose()?
            .flatten(),
        creator: creator
            .map(|creator| creator.extract::<Option<String>>())
            .transpose()?
            .flatten()
            .unwrap_or_default(),
    })
}

fn fixed<const N: usize>(text: &str, name: &str) -> Result<[u8; N]> {
    let bytes = unhex(text).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| invalid(format!("{name} '{text}' is not {} hex digits", 2 * N)))
}

/// A row as a dictionary: hashes and bytes as hex, times as RFC 3339.
pub fn row<'py>(py: Python<'py>, schema: &Schema, cells: &[Value]) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    for (field, value) in schema.fields.iter().zip(cells) {
        dictionary.set_item(
            PyString::intern(py, &field.name),
            cell(py, field.kind, value)?,
        )?;
    }
    Ok(dictionary)
}

fn cell<'py>(py: Python<'py>, kind: Type, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Int(micros) if kind == Type::Time => PyString::new(py, &rfc3339(*micros)).into_any(),
        Value::Int(number) => number.into_pyobject(py)?.into_any(),
        Value::Float(number) => PyFloat::new(py, *number).into_any(),
        Value::Text(text) if kind == Type::Json => match serde_json::from_str(text) {
            Ok(json) => json_to_python(py, &json)?,
            Err(_) => PyString::new(py, text).into_any(),
        },
        Value::Text(text) => PyString::new(py, text).into_any(),
        Value::Bytes(bytes) => PyString::new(py, &hex(bytes)).into_any(),
        Value::Vector(numbers) => PyList::new(py, numbers)?.into_any(),
        Value::External { id, .. } => PyString::new(py, &id.to_hex()).into_any(),
    })
}

/// A moment as RFC 3339 in UTC, with microseconds where it has some.
pub fn rfc3339(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = match fraction {
        0 => String::new(),
        fraction => format!(".{fraction:06}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil_date(days: i64) -> (i64, i64, i64) {
    // Counted from 1 March of year 0, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Files left out, as dictionaries.
pub fn skipped<'py>(py: Python<'py>, files: &[Skipped]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for file in files {
        let dictionary = PyDict::new(py);
        dictionary.set_item("path", &file.path)?;
        dictionary.set_item("reason", &file.reason)?;
        list.append(dictionary)?;
    }
    Ok(list)
}
