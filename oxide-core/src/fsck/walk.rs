//! Following every reference from the operations down to the rows, noting what cannot be read and going on.

use std::collections::HashSet;
use std::path::PathBuf;

use rayon::prelude::*;

use super::contents::Met;
use super::{packs, Check, Problem};
use crate::browse;
use crate::error::{ErrorCode, Result};
use crate::files::{self, FileRow, FileType};
use crate::gc;
use crate::hash::Id;
use crate::oplog;
use crate::pack::Kind;
use crate::record;
use crate::schema::Schema;
use crate::segment;
use crate::store::Store;
use crate::tree::{self, Children};

const FETCH: &str = "fetch it from another copy of the repository, or remove what needs it";

impl Check<'_> {
    /// The chain of operations, then everything that their views reach.
    pub(super) fn operations(&mut self) -> Result<()> {
        let control = self.store.control();
        let (mut operations, mut damages) = oplog::check_chain(control)?;
        // What is set aside may cut off others, which only show then.
        let mut set_aside: HashSet<(u64, PathBuf)> = HashSet::new();
        while self.request.repair {
            let mut progressed = false;
            for damage in std::mem::take(&mut damages) {
                if !set_aside.insert((damage.number, damage.path.clone())) {
                    damages.push(damage);
                    continue;
                }
                oplog::set_aside(control, damage.number, |path| {
                    packs::set_aside(control, path).map(drop)
                })?;
                progressed = true;
                self.changed = true;
                self.damaged_operation(damage, true);
            }
            if !progressed {
                break;
            }
            (operations, damages) = oplog::check_chain(control)?;
        }
        for damage in damages {
            self.damaged_operation(damage, false);
        }
        self.progress
            .begin("checking history", operations.len() as u64, 0);
        // The newest first: what it needs is named by it.
        for (number, operation) in operations.iter().rev() {
            self.count("operation");
            self.progress.advance(1, 0)?;
            let view = Id::from_hex(record::text(operation, "view")?)?;
            self.view(&view, &format!("operation {number}"))?;
        }
        Ok(())
    }

    fn damaged_operation(&mut self, damage: oplog::Damage, repaired: bool) {
        self.report.problems.push(Problem {
            object: damage.path.display().to_string(),
            kind: "operation".into(),
            problem: damage.problem,
            remedy: "`oxide fsck --repair` sets it aside: the state before it comes back, and undo reaches no further than the operation after it".into(),
            repaired,
        });
    }

    fn view(&mut self, id: &Id, needed: &str) -> Result<()> {
        let read = |store: &Store| record::view_links(&record::read(store, Kind::View, id)?);
        let Some(links) = self.object(Kind::View, id, needed, read)? else {
            return Ok(());
        };
        for list in &links.lists {
            let read = |store: &Store| record::read(store, Kind::List, list);
            self.object(Kind::List, list, needed, read)?;
        }
        for (schema, root) in &links.tables {
            self.table(schema, root, needed)?;
        }
        self.commits(links.commits, needed)?;
        self.commits(links.stashes, needed)
    }

    fn commits(&mut self, commits: Vec<Id>, needed: &str) -> Result<()> {
        let mut open: Vec<(Id, String)> = commits
            .into_iter()
            .map(|id| (id, needed.to_string()))
            .collect();
        while let Some((id, needed)) = open.pop() {
            let read =
                |store: &Store| record::commit_links(&record::read(store, Kind::Commit, &id)?);
            let Some(links) = self.object(Kind::Commit, &id, &needed, read)? else {
                continue;
            };
            let needed = format!("commit {}", &id.to_hex()[..12]);
            for (schema, root) in links.tables.values() {
                self.table(schema, root, &needed)?;
            }
            open.extend(links.parents.into_iter().map(|id| (id, needed.clone())));
        }
        Ok(())
    }

    fn table(&mut self, schema_id: &Id, root: &Id, needed: &str) -> Result<()> {
        if self.tables.contains(&(*schema_id, *root)) {
            return Ok(());
        }
        let schema = match browse::schema(self.store, schema_id) {
            Ok(schema) => schema,
            Err(error) if error.code == ErrorCode::Integrity => {
                return self.problem(Kind::Schema, schema_id, error.message, needed)
            }
            Err(error) => return Err(error),
        };
        let mut pages = vec![*root];
        let mut segments = Vec::new();
        while let Some(id) = pages.pop() {
            if !self.tables.insert((*schema_id, id)) {
                continue;
            }
            let read = |store: &Store| tree::page_children(store, &id);
            match self.read(Kind::Page, &id, needed, read)? {
                Some(Children::Pages(children)) => pages.extend(children),
                Some(Children::Segments(children)) => segments.extend(children),
                None => {}
            }
        }
        segments.retain(|id| self.tables.insert((*schema_id, *id)));
        let in_files = files::is_files_schema(schema_id);
        if in_files {
            self.file_segments.extend(&segments);
        }
        for batch in segments.chunks(64) {
            self.progress.check()?;
            let rows = batch.par_iter();
            let rows = rows.map(|id| contents_of(self.store, &schema, in_files, id));
            let rows: Vec<_> = rows.collect();
            for (id, contents) in batch.iter().zip(rows) {
                let contents = self.read(Kind::Segment, id, needed, |_| contents)?;
                for (content, size, reference) in contents.unwrap_or_default() {
                    let met = self.contents.entry(content).or_insert(Met {
                        segment: *id,
                        in_files,
                        size,
                        reference,
                    });
                    met.reference |= reference;
                }
            }
        }
        Ok(())
    }

    /// Reads an object that was not read before.
    fn object<T>(
        &mut self,
        kind: Kind,
        id: &Id,
        needed: &str,
        read: impl FnOnce(&Store) -> Result<T>,
    ) -> Result<Option<T>> {
        match self.seen.insert((kind, *id)) {
            true => self.read(kind, id, needed, read),
            false => Ok(None),
        }
    }

    fn read<T>(
        &mut self,
        kind: Kind,
        id: &Id,
        needed: &str,
        read: impl FnOnce(&Store) -> Result<T>,
    ) -> Result<Option<T>> {
        self.count(kind.name());
        match read(self.store) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.code == ErrorCode::Integrity => {
                self.problem(kind, id, error.message, needed)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn problem(&mut self, kind: Kind, id: &Id, message: String, needed: &str) -> Result<()> {
        let repaired = self.request.repair && self.write_again(kind, id)?;
        self.changed |= repaired;
        self.report.problems.push(Problem {
            object: id.to_hex(),
            kind: kind.name().into(),
            problem: format!("{message}; {needed} needs it"),
            remedy: FETCH.into(),
            repaired,
        });
        Ok(())
    }

    /// Stores an object again whose bytes are known without it: the page of an empty table.
    fn write_again(&self, kind: Kind, id: &Id) -> Result<bool> {
        if (kind, *id) != (Kind::Page, tree::empty_root()) {
            return Ok(false);
        }
        let session = self.store.begin()?;
        tree::empty(&session)?;
        session.flush()?;
        Ok(true)
    }
}

/// The contents that a segment's rows name, with their length where the row says it.
fn contents_of(
    store: &Store,
    schema: &Schema,
    in_files: bool,
    id: &Id,
) -> Result<Vec<(Id, Option<u64>, bool)>> {
    if !in_files {
        let contents = gc::contents_of(store, schema, id)?.into_iter();
        return Ok(contents.map(|id| (id, None, false)).collect());
    }
    let segment = segment::read(store, id)?;
    let rows = segment.rows().map(|(key, value)| {
        let row = FileRow::decode(key, value)?;
        let reference = row.kind == FileType::Reference;
        Ok((row.content, Some(row.size), reference))
    });
    rows.collect()
}
