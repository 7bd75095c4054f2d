//! File contents: each one that a row names is there and, when asked for, hashes to its id.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Check, Problem};
use crate::error::{Error, ErrorCode, Result};
use crate::files::FileRow;
use crate::hash::{Context, Id};
use crate::pack::Kind;
use crate::segment;
use crate::store::{ReadObjects, Store};

/// Where a content was first met.
#[derive(Clone, Copy)]
pub(super) struct Met {
    /// The segment whose row names it.
    pub segment: Id,
    /// Whether that is a segment of `files`.
    pub in_files: bool,
    /// Its length as the row says.
    pub size: Option<u64>,
    /// Whether a row refers to it outside the store.
    pub reference: bool,
}

impl Check<'_> {
    /// Every content that the walk met.
    pub(super) fn contents(&mut self) -> Result<()> {
        let mut contents: Vec<(Id, Met)> = self.contents.drain().collect();
        contents.sort_unstable_by_key(|(id, _)| *id);
        if self.request.data {
            let store = self.store;
            contents.sort_by_cached_key(|(id, _)| {
                store.content_order(id).unwrap_or((u64::MAX, u64::MAX))
            });
        }
        let bytes = contents.iter().filter_map(|(_, met)| met.size).sum();
        self.progress
            .begin("checking contents", contents.len() as u64, bytes);
        *self.report.checked.entry("content".into()).or_default() += contents.len() as u64;
        let objects = self.store.objects()?.into_iter();
        let objects: HashMap<Id, PathBuf> =
            objects.map(|object| (object.id, object.path)).collect();
        let problems = contents.par_iter().map(|(id, met)| {
            self.progress.advance(1, met.size.unwrap_or(0))?;
            match check_content(self, &objects, id, met) {
                Ok(()) => Ok(None),
                Err(error) if error.code == ErrorCode::Integrity => Ok(Some((*id, *met, error))),
                Err(error) => Err(error),
            }
        });
        let problems = problems.collect::<Result<Vec<_>>>()?;
        for (id, met, error) in problems.into_iter().flatten() {
            let path = path_of(self.store, &id, &met);
            let needed = path.as_ref().map(|path| format!("; '{path}' needs it"));
            let remedy = match &path {
                _ if met.reference => error.hint,
                Some(path) => format!("if '{path}' is still as it was in the working copy, `oxide fsck --repair` and `oxide add '{path}'` store it again; else fetch it from another copy of the repository"),
                None => "fetch it from another copy of the repository".into(),
            };
            self.report.problems.push(Problem {
                object: id.to_hex(),
                kind: "blob".into(),
                problem: error.message + &needed.unwrap_or_default(),
                remedy,
                repaired: false,
            });
        }
        Ok(())
    }
}

fn check_content(
    check: &Check<'_>,
    objects: &HashMap<Id, PathBuf>,
    id: &Id,
    met: &Met,
) -> Result<()> {
    let (store, data) = (check.store, check.request.data);
    let missing = || Error::integrity(format!("the content {id} is missing"));
    // A reference needs its place even where the content is stored by value too: the link leads there.
    let external = match met.reference {
        true => Some(store.external(id)?.ok_or_else(missing)?),
        false => None,
    };
    let chunks = store.content_chunks(id)?;
    let length;
    let mut in_records = chunks.is_some() || !objects.contains_key(id);
    let mut hasher = Context::Content.hasher();
    if let Some(chunks) = &chunks {
        for (chunk, _) in chunks {
            check.progress.check()?;
            if data {
                hasher.update(&store.read(Kind::Blob, chunk)?);
            } else if !store.contains(Kind::Blob, chunk)? {
                return Err(Error::integrity(format!("its chunk {chunk} is missing")));
            }
        }
        length = Some(chunks.iter().map(|(_, length)| length).sum());
    } else if store.contains(Kind::Blob, id)? {
        if !data {
            return Ok(());
        }
        let bytes = store.read(Kind::Blob, id)?;
        hasher.update(&bytes);
        length = Some(bytes.len() as u64);
    } else if let Some(path) = objects.get(id) {
        length = std::fs::metadata(path).ok().map(|found| found.len());
        if data && hash_file(path)? != *id {
            return Err(Error::integrity(format!(
                "the file '{}' holds another content",
                path.display()
            )));
        }
    } else {
        // A file by value that is the copy of an external one may have lost its record: that one stands in.
        let external = match external {
            Some(external) => external,
            None => store.external(id)?.ok_or_else(missing)?,
        };
        length = Some(external.size);
        if data {
            store.verify_external(&external, id)?;
        }
        in_records = false;
    }
    if met.size.is_some() && met.size != length {
        return Err(Error::integrity(format!(
            "the content {id} has a length of {} instead of {} bytes",
            length.unwrap_or(0),
            met.size.unwrap_or(0)
        )));
    }
    if data && in_records && hasher.finalize().as_bytes() != &id.0 {
        return Err(Error::integrity(format!(
            "the content {id} is damaged: its bytes hash to something else"
        )));
    }
    Ok(())
}

/// The content id of a file's bytes.
pub(super) fn hash_file(path: &Path) -> Result<Id> {
    let unreadable = |error: std::io::Error| Error::io("read", path, &error);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hasher = Context::Content.hasher();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => return Ok(Id(*hasher.finalize().as_bytes())),
            length => hasher.update(&buffer[..length]),
        };
    }
}

/// The path of a file with this content, where a row of `files` names it.
fn path_of(store: &Store, id: &Id, met: &Met) -> Option<String> {
    let segment = segment::read(store, &met.segment).ok()?;
    let mut rows = segment
        .rows()
        .filter(|_| met.in_files)
        .filter_map(|(key, value)| FileRow::decode(key, value).ok());
    rows.find(|row| row.content == *id).map(|row| row.path)
}
