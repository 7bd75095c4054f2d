//! A new base: the old index, row changes and looks merged by folder and name. Two passes, one to count and one to write, so
//! that memory does not grow with the number of files.

use std::iter::Peekable;
use std::path::Path;

use super::base::{Base, Size, Writer};
use super::{Index, Record, Slot};
use crate::error::{Error, Result};
use crate::fsx;
use crate::hash::Id;
use crate::workspace::changes::{Changes, FileChange};
use crate::workspace::disk;

/// What goes into a base.
pub(super) struct Sources<'a> {
    pub(super) index: &'a Index,
    /// Changes of rows over the index.
    pub(super) rows: Option<&'a Changes>,
    /// How files looked.
    pub(super) seen: Seen<'a>,
}

/// How files looked, by folder and name.
pub(super) enum Seen<'a> {
    List(Vec<&'a (Vec<u8>, Record)>),
    Changes(&'a Changes),
}

impl<'a> Seen<'a> {
    /// A list in any order; the last look at a path counts.
    pub(super) fn sorted(list: &'a [(Vec<u8>, Record)]) -> Seen<'a> {
        let mut seen: Vec<&(Vec<u8>, Record)> = list.iter().collect();
        seen.sort_by(|a, b| disk::split(&a.0).cmp(&disk::split(&b.0)));
        Seen::List(seen)
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Seen::List(list) => list.len(),
            Seen::Changes(changes) => changes.len(),
        }
    }

    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = (&'a [u8], &'a Record)> + '_> {
        match self {
            Seen::List(list) => Box::new(list.iter().map(|(path, record)| (&path[..], record))),
            Seen::Changes(changes) => Box::new(
                changes
                    .iter()
                    .filter_map(|change| Some((change.path, change.after?))),
            ),
        }
    }
}

/// A file of the new base, from the sources that know it.
struct Met<'m, 'a> {
    folder: &'m [u8],
    name: &'m [u8],
    slot: Option<Slot<'a>>,
    row: Option<FileChange<'a>>,
    seen: Option<&'a Record>,
}

impl Met<'_, '_> {
    /// A row that stands for the same file keeps what was seen of it; what was seen counts for the same file alone.
    fn record(&self, index: &Index) -> Result<Record> {
        let held = match &self.slot {
            Some(slot) => Some(index.record(self.folder, slot)?),
            None => None,
        };
        let after = self.row.and_then(|row| row.after);
        let mut record = match (after, held) {
            (Some(after), _) => Record {
                stat: None,
                racy: false,
                ..*after
            },
            (None, Some(held)) => held,
            (None, None) => return Err(Error::integrity("a file of no source")),
        };
        for looks in held.iter().chain(self.seen) {
            if looks.same_file(&record) {
                (record.stat, record.racy) = (looks.stat, looks.racy);
            }
        }
        Ok(record)
    }
}

impl<'a> Sources<'a> {
    /// Visits every file of the new base by folder and name.
    fn merge(&self, visit: &mut dyn FnMut(Met<'_, 'a>) -> Result<()>) -> Result<()> {
        let rows = self.rows.iter().flat_map(|rows| rows.iter());
        let mut rows = rows.filter(FileChange::is_change).peekable();
        let mut seen = self.seen.iter().peekable();
        for folder in self.index.folders_below(b"") {
            for slot in self.index.entries(folder)? {
                let here = (folder, slot.name);
                new_until(&mut rows, &mut seen, Some(here), visit)?;
                let row = rows.next_if(|row| parts(row) == here);
                if row.is_some_and(|row| row.after.is_none()) {
                    continue;
                }
                visit(Met {
                    folder,
                    name: slot.name,
                    slot: Some(slot),
                    row,
                    seen: seen_at(&mut seen, here),
                })?;
            }
        }
        new_until(&mut rows, &mut seen, None, visit)
    }

    fn size(&self) -> Result<Size> {
        let mut size = Size::default();
        let mut last: Vec<u8> = Vec::new();
        self.merge(&mut |met| {
            if size.folders == 0 || last != met.folder {
                size.folders += 1;
                size.paths += met.folder.len();
                last.clear();
                last.extend_from_slice(met.folder);
            }
            size.entries += 1;
            size.names += met.name.len();
            Ok(())
        })?;
        Ok(size)
    }

    fn write(&self, mut writer: Writer<'_>, nonce: u64, operation: u64, root: &Id) -> Result<()> {
        self.merge(&mut |met| {
            let record = met.record(self.index)?;
            writer.add(met.folder, met.name, &record)
        })?;
        writer.finish(nonce, operation, root)
    }

    /// Writes the base to a file.
    pub(super) fn to_file(&self, path: &Path, nonce: u64, operation: u64, root: &Id) -> Result<()> {
        let size = self.size()?;
        let temporary = fsx::temporary_for(path);
        let write = || {
            let file = fsx::create_new(&temporary)?;
            let mut put =
                |offset, bytes: &[u8]| fsx::write_all_at(&file, bytes, offset, &temporary);
            self.write(Writer::new(size, &mut put), nonce, operation, root)?;
            fsx::rename(&temporary, path)
        };
        write().inspect_err(|_| fsx::discard(&temporary))
    }

    /// The base in memory.
    pub(super) fn in_memory(&self, operation: u64, root: &Id) -> Result<Base> {
        let size = self.size()?;
        let mut bytes = vec![0; size.length()];
        let mut put = |offset: u64, part: &[u8]| {
            let start = offset as usize;
            bytes[start..start + part.len()].copy_from_slice(part);
            Ok(())
        };
        self.write(Writer::new(size, &mut put), 0, operation, root)?;
        Base::from_bytes(bytes).ok_or_else(|| Error::integrity("the stat index cannot be built"))
    }
}

type Parts<'a> = (&'a [u8], &'a [u8]);

fn parts<'a>(row: &FileChange<'a>) -> Parts<'a> {
    (row.folder(), row.name())
}

/// Visits the rows of new files before a place in the index.
fn new_until<'a>(
    rows: &mut Peekable<impl Iterator<Item = FileChange<'a>>>,
    seen: &mut Peekable<impl Iterator<Item = (&'a [u8], &'a Record)>>,
    end: Option<Parts<'_>>,
    visit: &mut dyn FnMut(Met<'_, 'a>) -> Result<()>,
) -> Result<()> {
    while let Some(row) = rows.next_if(|row| end.is_none_or(|end| parts(row) < end)) {
        if row.after.is_some() {
            visit(Met {
                folder: row.folder(),
                name: row.name(),
                slot: None,
                row: Some(row),
                seen: seen_at(seen, parts(&row)),
            })?;
        }
    }
    Ok(())
}

/// The last look at a place; looks at earlier places are at files that are not tracked.
fn seen_at<'a>(
    seen: &mut Peekable<impl Iterator<Item = (&'a [u8], &'a Record)>>,
    place: Parts<'_>,
) -> Option<&'a Record> {
    let mut found = None;
    while let Some((path, record)) = seen.next_if(|(path, _)| disk::split(path) <= place) {
        if disk::split(path) == place {
            found = Some(record);
        }
    }
    found
}
