//! Reading file contents: from a record, from the chunks of a recipe, from a file of their own, or from outside the store.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::{objects, recipe, External, Store};
use crate::error::{Error, Result};
use crate::fsx;
use crate::hash::{Context, Id};
use crate::pack::{Entry, Kind, PackReader};
use crate::progress::Progress;

/// Where a content is.
pub(super) enum Source {
    Blob(Arc<PackReader>, Entry),
    /// (id, length) of each chunk.
    Recipe(Vec<(Id, u64)>),
    Object(File),
    External(External),
}

impl Store {
    /// Whether a file content is stored (as a blob, a recipe or an own object file) or known to lie outside.
    pub fn has_content(&self, id: &Id) -> Result<bool> {
        if objects::path(self.control(), id).exists() {
            return Ok(true);
        }
        let kinds = [Kind::Blob, Kind::Recipe, Kind::External];
        let found = self.look(&kinds, id, |_, _, _| Ok(Some(())))?;
        Ok(found.is_some())
    }

    /// A file's whole content in memory. For contents known to be small.
    pub fn content(&self, id: &Id) -> Result<Vec<u8>> {
        match self.source(id)? {
            Source::Blob(pack, entry) => pack.read(&entry),
            Source::Recipe(chunks) => {
                let mut bytes = Vec::new();
                self.each_chunk(id, &chunks, |chunk| {
                    bytes.extend_from_slice(chunk);
                    Ok(())
                })?;
                Ok(bytes)
            }
            Source::Object(mut file) => {
                let path = objects::path(self.control(), id);
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut file, &mut bytes)
                    .map_err(|e| Error::io("read", &path, &e))?;
                match Context::Content.id(&bytes) == *id {
                    true => Ok(bytes),
                    false => Err(objects::damaged(id, &path)),
                }
            }
            Source::External(external) => {
                let mut bytes = Vec::new();
                external.read(id, |piece| {
                    bytes.extend_from_slice(piece);
                    Ok(())
                })?;
                Ok(bytes)
            }
        }
    }

    /// Writes a content into an open, empty file, by the cheapest way the file system offers. Returns its length. Its bytes
    /// are counted in `progress`.
    pub fn copy_content(
        &self,
        id: &Id,
        target: &File,
        target_path: &Path,
        progress: &Progress,
    ) -> Result<u64> {
        let counted = |length: u64| progress.advance(0, length).map(|()| length);
        match self.source(id)? {
            Source::Blob(pack, entry) => pack.with(&entry, |bytes| {
                write_whole(bytes, target, target_path, progress)
            }),
            Source::Recipe(chunks) => self.copy_chunks(id, &chunks, target, target_path, progress),
            Source::Object(file) => {
                let path = objects::path(self.control(), id);
                let length = counted(fsx::copy_file(&file, &path, target, target_path)?)?;
                // They have no checksum but their name. Right after the copy they are read from memory.
                match objects::content_of(&file, &path)? == *id {
                    true => Ok(length),
                    false => Err(objects::damaged(id, &path)),
                }
            }
            // The bytes are checked as they pass. Here as above the caller discards the target when this fails.
            Source::External(external) => external.read(id, |piece| {
                fsx::write_all(target, piece, target_path)?;
                counted(piece.len() as u64).map(drop)
            }),
        }
    }

    /// A key by which reads of many contents are in disk order: (pack, offset).
    pub fn content_order(&self, id: &Id) -> Result<(u64, u64)> {
        let place = self.look(&[Kind::Blob, Kind::Recipe], id, |pack, _, entry| {
            // The name begins with the group and the time in 16 hex digits.
            let time = pack.name.get(5..21).unwrap_or_default();
            let time = u64::from_str_radix(time, 16).unwrap_or(0);
            Ok(Some((time, entry.offset)))
        })?;
        Ok(place.unwrap_or((u64::MAX, 0)))
    }

    /// The chunks of a content that is stored as a recipe: (id, length); `None` when it is stored whole.
    pub fn content_chunks(&self, id: &Id) -> Result<Option<Vec<(Id, u64)>>> {
        self.look(&[Kind::Recipe], id, |_, pack, entry| {
            chunks_of(pack, &entry).map(Some)
        })
    }

    /// What a content needs besides its own record: the chunks of a recipe. `None` when the content is not there.
    pub fn content_parts(&self, id: &Id) -> Result<Option<Vec<Id>>> {
        let kinds = [Kind::Recipe, Kind::Blob, Kind::External];
        let recorded = self.look(&kinds, id, |_, pack, entry| match entry.kind {
            Kind::Recipe => {
                let chunks = chunks_of(pack, &entry)?;
                Ok(Some(chunks.into_iter().map(|(chunk, _)| chunk).collect()))
            }
            _ => Ok(Some(Vec::new())),
        })?;
        let own_file = || objects::path(self.control(), id).exists().then(Vec::new);
        Ok(recorded.or_else(own_file))
    }

    pub(super) fn source(&self, id: &Id) -> Result<Source> {
        let recorded = self.look(&[Kind::Blob, Kind::Recipe], id, |_, pack, entry| {
            if entry.kind == Kind::Recipe {
                return chunks_of(pack, &entry).map(|chunks| Some(Source::Recipe(chunks)));
            }
            // Checked here, so that a damaged record gives way to a sound one in another pack.
            pack.stored(&entry)?;
            Ok(Some(Source::Blob(pack.clone(), entry)))
        });
        if let Ok(Some(source)) = recorded {
            return Ok(source);
        }
        if let Some(file) = objects::open(self.control(), id)? {
            return Ok(Source::Object(file));
        }
        match self.external(id)? {
            Some(external) => Ok(Source::External(external)),
            None => Err(recorded
                .err()
                .unwrap_or_else(|| self.missing(Kind::Blob, id))),
        }
    }

    /// Gives each chunk's bytes in order. Returns their total length.
    pub(super) fn each_chunk(
        &self,
        content: &Id,
        chunks: &[(Id, u64)],
        mut use_chunk: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<u64> {
        let mut total = 0;
        for (chunk, length) in chunks {
            let (pack, entry) = self
                .look(&[Kind::Blob], chunk, |_, pack, entry| {
                    pack.stored(&entry)?;
                    Ok(Some((pack.clone(), entry)))
                })?
                .ok_or_else(|| {
                    Error::integrity(format!("chunk {chunk} of content {content} is missing"))
                })?;
            if u64::from(entry.raw_length) != *length {
                return Err(pack.record_error(
                    &entry,
                    format!("{length} bytes are expected by content {content}"),
                ));
            }
            pack.with(&entry, &mut use_chunk)?;
            total += length;
        }
        Ok(total)
    }
}

/// Writes a content that is in memory. Returns its length.
pub(super) fn write_whole(
    bytes: &[u8],
    target: &File,
    target_path: &Path,
    progress: &Progress,
) -> Result<u64> {
    fsx::write_all(target, bytes, target_path)?;
    progress.advance(0, bytes.len() as u64)?;
    Ok(bytes.len() as u64)
}

fn chunks_of(pack: &PackReader, entry: &Entry) -> Result<Vec<(Id, u64)>> {
    recipe::parse(&pack.read(entry)?).map_err(|e| pack.record_error(entry, e))
}
