//! Facts of media read again for files that are tracked, from what is stored: contents never change, so a result belongs to
//! a content whatever happens to the table meanwhile.

use rayon::prelude::*;

use super::Skipped;
use crate::browse;
use crate::error::{ErrorCode, Result};
use crate::files::{files_schema, FileRow, FileType};
use crate::hash::Id;
use crate::media::{Facts, FACTS_VERSION};
use crate::progress::Progress;
use crate::segment::Change;
use crate::store::{Session, WriteObjects};
use crate::tree;

/// What a scan found.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Number of files whose content was looked at.
    pub read: u64,
    /// Damaged pictures and videos among them, by path: (path, reason).
    pub broken: Vec<(String, String)>,
    /// Files whose content could not be read.
    pub skipped: Vec<Skipped>,
    /// Files of which something else is known now: key, content and facts.
    found: Vec<(Vec<u8>, Id, Option<Box<Facts>>)>,
}

/// Reads the facts of tracked files at and below `paths` (empty: all) whose facts are missing or of an earlier version; with
/// `all` of every one that no later version has read. Links have none.
pub fn scan(
    session: &Session,
    files: &Id,
    paths: &[String],
    all: bool,
    progress: &Progress,
) -> Result<Scanned> {
    let rows = browse::file_rows(session, files, paths)?;
    let wanted = |row: &FileRow| {
        let known = row.facts.as_ref().map(|facts| facts.version);
        let due = known.is_none_or(|version| version < FACTS_VERSION + u32::from(all));
        row.kind != FileType::Link && due
    };
    let rows: Vec<FileRow> = rows.into_iter().filter(wanted).collect();
    progress.begin("scanning", rows.len() as u64, 0);
    let facts = rows.par_iter().map(|row| {
        let facts = session.store().media_facts(&row.content);
        progress.advance(1, 0)?;
        Ok(facts)
    });
    let facts: Vec<Result<Option<Facts>>> = facts.collect::<Result<_>>()?;
    let mut scanned = Scanned {
        read: rows.len() as u64,
        ..Scanned::default()
    };
    for (row, facts) in rows.into_iter().zip(facts) {
        match facts {
            Ok(facts) => scanned.add(row, facts.map(Box::new)),
            Err(error) if error.code == ErrorCode::Interrupted => return Err(error),
            Err(error) => {
                scanned.read -= 1;
                scanned.skipped.push(Skipped {
                    path: row.path,
                    reason: error.message,
                });
            }
        }
    }
    Ok(scanned)
}

impl Scanned {
    fn add(&mut self, row: FileRow, facts: Option<Box<Facts>>) {
        let broken = facts.as_ref().and_then(|facts| facts.broken.as_deref());
        if let Some(reason) = broken {
            self.broken.push((row.path.clone(), reason.to_string()));
        }
        if row.facts != facts {
            let key = FileRow::key(&row.path);
            self.found.push((key, row.content, facts));
        }
    }

    /// Number of files of which something else is known now.
    pub fn changed(&self) -> usize {
        self.found.len()
    }

    /// The table with what was found, wherever the content is still the same. Can be called again for a table that another
    /// process moved.
    pub fn apply(&self, objects: &dyn WriteObjects, files: &Id) -> Result<Id> {
        let keys: Vec<Vec<u8>> = self.found.iter().map(|(key, ..)| key.clone()).collect();
        let values = tree::get_many(objects, files, &keys)?;
        let mut changes: Vec<Change> = Vec::new();
        for ((key, content, facts), value) in self.found.iter().zip(values) {
            let Some(value) = value else { continue };
            let row = FileRow::decode(key, &value)?;
            if row.content == *content && row.kind != FileType::Link && row.facts != *facts {
                let facts = facts.clone();
                let (key, value) = FileRow { facts, ..row }.encode();
                changes.push((key, Some(value)));
            }
        }
        tree::edit(objects, files_schema(), files, changes)
    }
}
