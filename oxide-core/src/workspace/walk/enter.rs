//! The requested paths: a file is compared at once, a folder becomes a task.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::findings::{collapse, Findings, FolderFiles};
use super::{is_control, Request, Task, Untracked, Walk};
use crate::error::{Error, ErrorCode, Result};
use crate::paths;
use crate::workspace::disk::{self, DiskKind, DiskStat};
use crate::workspace::ignore::{self, Rules};
use crate::workspace::stat_index::Record;

impl Walk<'_> {
    /// Looks at one requested path: a file is compared at once, a folder becomes a task.
    pub(super) fn enter(&self, path: &[u8]) -> Result<Option<Task>> {
        let request = self.request;
        let mut findings = Findings::default();
        let task = self.enter_into(path, &mut findings)?;
        self.add(findings);
        request.progress.check()?;
        Ok(task)
    }

    fn enter_into(&self, path: &[u8], findings: &mut Findings) -> Result<Option<Task>> {
        let Request { index, root, .. } = *self.request;
        if path.is_empty() {
            let rules = Rules::default();
            return self
                .task(root, c"".to_owned(), path, rules, false)
                .map(Some);
        }
        if path.split(|byte| *byte == b'/').any(is_control) {
            findings.skip(path, "belongs to the version control itself");
            return Ok(None);
        }
        let (folder, name) = disk::split(path);
        let looked = disk::open_folder(root, folder).and_then(|handle| {
            let name = disk::c_name(name)?;
            let stat = disk::stat_at(handle.as_fd(), &name)?;
            Ok((handle, name, stat))
        });
        let (handle, name, stat) = match looked {
            Ok(found) => found,
            Err(error) if disk::is_missing(&error) => {
                self.missing(path, findings)?;
                return Ok(None);
            }
            Err(error) => {
                findings.skip(path, disk::reason(&error));
                return Ok(None);
            }
        };
        let record = index.find(path)?;
        if stat.kind != DiskKind::Folder {
            findings.removed.extend(index.tracked_below(path)?);
            return self.file(path, record, stat, findings).map(|()| None);
        }
        if let Some(record) = record {
            findings.removed.push((path.to_vec(), record));
        }
        let (rules, mut ignored) = ignore::rules_at(root, folder)?;
        ignored |= rules.ignored(path, true);
        let tracked = index.has_tracked_below(path)?;
        if ignored && !tracked {
            findings.skip(path, "ignored");
            return Ok(None);
        }
        self.task(handle.as_fd(), name, path, rules, ignored)
            .map(Some)
    }

    fn task(
        &self,
        parent: BorrowedFd<'_>,
        name: std::ffi::CString,
        path: &[u8],
        rules: Rules,
        ignored: bool,
    ) -> Result<Task> {
        let parent = disk::open_folder(parent, b"")
            .map_err(|error| Error::io("open", std::path::Path::new("."), &error))?;
        let tracked = path.is_empty() || self.request.index.has_tracked_below(path)?;
        let mut findings = Findings::default();
        let collapsed = (!tracked && self.request.untracked == Untracked::Count)
            .then(|| collapse(path, &mut findings));
        self.add(findings);
        Ok(Task {
            parent: Arc::new(parent),
            name,
            path: path.into(),
            rules,
            ignored,
            collapsed,
            tracked,
        })
    }

    /// A requested path that is not on disk.
    fn missing(&self, path: &[u8], findings: &mut Findings) -> Result<()> {
        let index = self.request.index;
        let before = findings.removed.len();
        if let Some(record) = index.find(path)? {
            findings.removed.push((path.to_vec(), record));
        }
        findings.removed.extend(index.tracked_below(path)?);
        if findings.removed.len() == before && self.request.strict {
            let text = paths::to_text(path);
            return Err(Error::new(
                ErrorCode::NotFound,
                format!("'{text}' is neither in the working tree nor tracked"),
            )
            .hint("check the spelling; a path beyond a symbolic link is not part of the tree")
            .at(text));
        }
        Ok(())
    }

    /// A requested path that is no folder.
    fn file(
        &self,
        path: &[u8],
        record: Option<Record>,
        disk: DiskStat,
        findings: &mut Findings,
    ) -> Result<()> {
        if let Some(reason) = disk.kind.refusal() {
            findings.skip(path, reason);
        } else if let Some(record) = record {
            if !record.unchanged(&disk) {
                findings.add(FolderFiles::one(path, Some(record), &disk));
            }
        } else if ignore::decide(self.request.root, path)?.is_some() {
            findings.skip(path, "ignored");
        } else {
            match self.request.untracked {
                Untracked::Leave => {}
                Untracked::Count => findings.counted.push((path.to_vec(), 1)),
                Untracked::List => findings.add(FolderFiles::one(path, None, &disk)),
            }
        }
        Ok(())
    }
}
