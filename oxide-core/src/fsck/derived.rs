//! Derived files: whatever is wrong with one, it can be dropped and made again.

use super::{Check, Problem};
use crate::columns::cache;
use crate::error::Result;
use crate::fsx;
use crate::index::{self, MergedIndex};
use crate::oplog;
use crate::pack::Group;
use crate::store::LEFT_BEHIND;
use crate::workspace::stat_index;

impl Check<'_> {
    /// The stat index, the merged index of the packs, and leftovers of dead processes.
    pub(super) fn derived(&mut self) -> Result<()> {
        self.progress.begin("checking indexes", 0, 0);
        let mut damaged = Vec::new();
        if let Some(problem) = self.stat_index()? {
            if self.request.repair {
                stat_index::discard(self.store.control())?;
            }
            let name = "the stat index of the working copy".to_string();
            damaged.push((name, "index", problem));
        }
        for group in Group::ALL {
            if let Some(problem) = self.merged_index(group)? {
                if self.request.repair {
                    index::discard(self.store.control(), group)?;
                }
                let name = format!("the merged index of the packs {}*", group.prefix());
                damaged.push((name, "index", problem));
            }
        }
        for (path, is_sound) in cache::check(self.store.control())? {
            self.count("cached file");
            if !is_sound {
                if self.request.repair {
                    fsx::remove_file(&path)?;
                }
                let problem = "its bytes are not those that were written".to_string();
                damaged.push((path.display().to_string(), "cache", problem));
            }
        }
        self.changed |= self.request.repair && !damaged.is_empty();
        if self.request.repair {
            self.store.rebuild_index()?;
            self.store.live_sessions()?;
            self.store.collect_temporary(LEFT_BEHIND)?;
        }
        for (object, kind, problem) in damaged {
            self.report.problems.push(Problem {
                object,
                kind: kind.into(),
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
        if let Some(problem) = stat_index::check(control) {
            return Ok(Some(problem.into()));
        }
        let remembered = stat_index::remembered(control);
        let newest = oplog::newest(control)?;
        Ok(remembered
            .filter(|number| newest.is_some_and(|newest| newest < *number))
            .map(|number| {
                format!("it knows operation {number}, which is missing: what it did is undone")
            }))
    }

    /// Every record of a pack that the index covers must be found by it.
    fn merged_index(&mut self, group: Group) -> Result<Option<String>> {
        if index::is_damaged(self.store.control(), group) {
            return Ok(Some("it cannot be read".into()));
        }
        let Some(index) = MergedIndex::open(self.store.control(), group) else {
            return Ok(None);
        };
        self.count("index");
        let foreign = |name: &&String| Group::of_name(name) != Some(group);
        if let Some(name) = index.names().iter().find(foreign) {
            return Ok(Some(format!("it covers {name}, which is none of them")));
        }
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
