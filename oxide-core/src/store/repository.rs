//! The control folder: its layout, and the repository file that says which format and features it needs.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{json, Value};

use crate::error::{Error, ErrorCode, Result};
use crate::fsx::{self, Durability};

/// The format that this build writes, and the newest that it reads.
const FORMAT: u64 = 1;
/// Required features that this build knows.
const FEATURES: &[&str] = &[];

const FOLDERS: &[&str] = &[
    "operations",
    "packs",
    "objects",
    "leases",
    "tombstones",
    "index",
    "cache/segments",
    "tmp",
];

/// Lays out a control folder. The repository file comes last: an interrupted run is no repository and can be repeated.
pub(super) fn create(control: &Path) -> Result<()> {
    let file = control.join("repository");
    if file.exists() {
        return Err(Error::new(
            ErrorCode::Invalid,
            format!("'{}' is already a repository", control.display()),
        )
        .hint("use it as it is, or choose another folder")
        .at(control));
    }
    complete(control)?;
    let content = json!({"format": FORMAT, "optional": [], "required": []});
    fsx::write_atomic(&file, content.to_string().as_bytes(), Durability::Durable)?;
    match control.parent().filter(|path| !path.as_os_str().is_empty()) {
        Some(parent) => fsx::sync_dir(parent),
        None => Ok(()),
    }
}

/// Makes the folders that are missing: some tools that copy a repository leave empty ones behind. They are flushed before
/// anything is put into them: what they hold could be lost with them.
pub(super) fn complete(control: &Path) -> Result<()> {
    let folders = FOLDERS.iter().map(|folder| control.join(folder));
    let missing: Vec<PathBuf> = folders.filter(|folder| !folder.is_dir()).collect();
    for folder in &missing {
        fsx::create_dir_all(folder)?;
    }
    match missing.is_empty() {
        true => Ok(()),
        false => fsx::sync_dir(control),
    }
}

/// Whether something was ever published here: then it is a repository, whatever else is missing.
fn has_operations(control: &Path) -> bool {
    let listing = std::fs::read_dir(control.join("operations"));
    listing.is_ok_and(|mut listing| listing.next().is_some())
}

/// Refuses what this build cannot read: a newer format, or a required feature that it does not know.
pub(super) fn check(control: &Path) -> Result<()> {
    let path = control.join("repository");
    let damaged = |why: &str| {
        Error::new(
            ErrorCode::Integrity,
            format!("the repository file '{}' is damaged: {why}", path.display()),
        )
        .hint(
            r#"restore it from a copy, or write {"format":1,"optional":[],"required":[]} into it"#,
        )
        .at(&path)
    };
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound && has_operations(control) => {
            return Err(damaged("it is missing"))
        }
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(Error::new(
                ErrorCode::NotARepository,
                format!("'{}' is not a repository", control.display()),
            )
            .hint("run `oxide init` in the folder to be versioned")
            .at(control))
        }
        Err(e) => return Err(Error::io("read", &path, &e)),
    };
    let content: Value = serde_json::from_slice(&text).map_err(|e| damaged(&e.to_string()))?;
    let unsupported = |what: String| {
        Err(Error::new(ErrorCode::Unsupported, what)
            .hint("install a newer version: pip install --upgrade oxide-data")
            .at(control))
    };
    let format = content["format"]
        .as_u64()
        .ok_or_else(|| damaged("it names no format"))?;
    if format > FORMAT {
        return unsupported(format!(
            "this repository has format {format}; this version of oxide reads up to {FORMAT}"
        ));
    }
    let required = content["required"]
        .as_array()
        .ok_or_else(|| damaged("it lists no required features"))?;
    for feature in required {
        let name = feature.as_str().unwrap_or("?");
        if !FEATURES.contains(&name) {
            return unsupported(format!(
                "this repository needs the feature '{name}', which this version of oxide does not know"
            ));
        }
    }
    Ok(())
}
