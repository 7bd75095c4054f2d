//! Cached Parquet files, `<stem>-<CRC-32 of the bytes>.parquet`. They are not flushed, and Parquet readers check nothing: the
//! name alone shows what a power cut or a bad disk made of one. Whoever finds a damaged one writes it again.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fsx::{self, Durability};

/// Folders of the control folder that hold nothing else.
const FOLDERS: &[&str] = &["cache/segments", "cache/history"];

/// Writes a file; gives its path.
pub fn write(folder: &Path, stem: &str, bytes: &[u8]) -> Result<PathBuf> {
    let path = folder.join(format!("{stem}-{:08x}.parquet", crc32fast::hash(bytes)));
    fsx::write_atomic(&path, bytes, Durability::Derived)?;
    Ok(path)
}

/// The sound file with this stem.
pub fn find(folder: &Path, stem: &str) -> Result<Option<PathBuf>> {
    Ok(sound(held(folder)?.get(stem)))
}

/// The first of these files that holds what its name says.
pub(super) fn sound(paths: Option<&Vec<PathBuf>>) -> Option<PathBuf> {
    paths?.iter().find(|path| is_sound(path)).cloned()
}

pub(super) fn is_sound(path: &Path) -> bool {
    let sum = stem_and_sum(path).and_then(|(_, sum)| u32::from_str_radix(sum, 16).ok());
    sum.is_some_and(|sum| std::fs::read(path).is_ok_and(|bytes| crc32fast::hash(&bytes) == sum))
}

/// The parts of a name; `None` for any other file.
fn stem_and_sum(path: &Path) -> Option<(&str, &str)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".parquet")?;
    name.rsplit_once('-').filter(|(_, sum)| sum.len() == 8)
}

/// The files of a folder by the stem of their names.
pub(super) fn held(folder: &Path) -> Result<HashMap<String, Vec<PathBuf>>> {
    let unreadable = |error: std::io::Error| Error::io("list", folder, &error);
    let mut held: HashMap<String, Vec<PathBuf>> = HashMap::new();
    let listing = match std::fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(held),
        Err(error) => return Err(unreadable(error)),
    };
    for entry in listing {
        let path = entry.map_err(unreadable)?.path();
        if let Some((stem, _)) = stem_and_sum(&path) {
            held.entry(stem.to_owned()).or_default().push(path);
        }
    }
    Ok(held)
}

/// Every cached file below a control folder, and whether it is sound.
pub(crate) fn check(control: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        for path in held(&control.join(folder))?.into_values().flatten() {
            let is_sound = is_sound(&path);
            found.push((path, is_sound));
        }
    }
    found.sort();
    Ok(found)
}
