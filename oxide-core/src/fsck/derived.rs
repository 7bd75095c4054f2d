//! Derived files: whatever is wrong with one, it can be dropped and made again.

use std::path::PathBuf;

use super::{Check, Problem};
use crate::error::{ErrorCode, Result};
use crate::index::{self, MergedIndex};
use crate::pack::Group;
use crate::store::LEFT_BEHIND;
use crate::workspace::{stat_index, WorkingCopy};

impl Check<'_> {
    /// The stat index, the merged index of the packs, and leftovers of dead processes.
    pub(super) fn derived(&mut self) -> Result<()> {
        self.progress.begin("checking indexes", 0, 0);
        let mut damaged = Vec::new();
        if let Some(problem) = self.stat_index()? {
            if self.request.repair {
                stat_index::discard(self.store.control())?;
            }
            damaged.push(("the stat index of the working copy", problem));
        }
        for group in Group::ALL {
            if let Some(problem) = self.merged_index(group)? {
                if self.request.repair {
                    index::discard(self.store.control(), group)?;
                }
                damaged.push(("the merged index of the packs", problem));
            }
        }
        self.changed |= self.request.repair && !damaged.is_empty();
        if self.request.repair {
            self.store.rebuild_index()?;
            self.store.live_sessions()?;
            self.store.collect_temporary(LEFT_BEHIND, None)?;
        }
        for (object, problem) in damaged {
            self.report.problems.push(Problem {
                object: object.into(),
                kind: "index".into(),
                problem,
                remedy: "`oxide fsck --repair` makes it again".into(),
                repaired: self.request.repair,
            });
        }
        Ok(())
    }

    fn stat_index(&mut self) -> Result<Option<String>> {
        self.count("index");
        let control = self.store.control();
        let copy = WorkingCopy {
            store: self.store.clone(),
            tree: control.parent().map_or(PathBuf::new(), PathBuf::from),
        };
        match copy.remembered() {
            Ok(_) => Ok(None),
            Err(error) if error.code == ErrorCode::Integrity => Ok(Some(error.message)),
            Err(error) => Err(error),
        }
    }

    /// Every record of a pack that the index covers must be found by it.
    fn merged_index(&mut self, group: Group) -> Result<Option<String>> {
        let Some(index) = MergedIndex::open(self.store.control(), group) else {
            return Ok(None);
        };
        self.count("index");
        for pack in self.store.packs()? {
            let Some(number) = index.names().iter().position(|name| *name == pack.name) else {
                continue;
            };
            let Ok(Some(reader)) = pack.open() else {
                continue;
            };
            self.progress.check()?;
            for entry in reader.entries() {
                if !index.candidates(&entry.id).any(|found| found == number) {
                    return Ok(Some(format!(
                        "it does not lead to {} {} in pack {}",
                        entry.kind.name(),
                        entry.id,
                        pack.name
                    )));
                }
            }
        }
        Ok(None)
    }
}
