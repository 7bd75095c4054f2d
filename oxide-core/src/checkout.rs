//! Bringing the working copy from one `files` table to another: plan, prepare (all new content in temporary files), apply
//! (renames and removals). Unchanged files are not touched; work that is stored nowhere is never overwritten unasked.

mod apply;
mod plan;
mod prepare;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Result;
use crate::fsx::{self, Lock};
use crate::hash::Id;
use crate::progress::Progress;
use crate::workspace::disk::{self, DiskStat};
use crate::workspace::stat_index::Record;
use crate::workspace::{Skipped, WorkingCopy};

pub use apply::apply;
pub use plan::plan;
pub use prepare::prepare;

/// What to bring about.
pub struct CheckoutRequest<'a> {
    /// `files` as it is staged now, which says what is tracked.
    pub from: Id,
    /// `files` as it shall be on disk.
    pub to: Id,
    /// Only these paths and what is below them; empty: all.
    pub paths: &'a [String],
    /// Also bring back tracked files of `to` that were changed or removed on disk, though `from` and `to` agree on them (restore).
    pub repair: bool,
    /// Overwrite what is stored nowhere.
    pub force: bool,
}

/// What a checkout would do. Lists are sorted.
pub struct CheckoutPlan {
    /// Paths that would be created or replaced.
    pub writes: Vec<String>,
    /// Paths that would be removed.
    pub removes: Vec<String>,
    /// Paths with work that is stored nowhere and would be lost: modified files, untracked files in the way. Empty with `force`.
    pub blocked: Vec<String>,
    /// Bytes to write.
    pub bytes: u64,
    pub(crate) state: PlanState,
}

/// The plan's own data.
#[derive(Default)]
pub struct PlanState {
    /// Files to be written, by path.
    writes: Vec<Write>,
    /// Files to be removed, by path.
    removes: Vec<Remove>,
    /// Files that are as they shall be, but for the executable bit perhaps.
    kept: Vec<Keep>,
    /// Files that are gone already; their folders may be empty.
    vacated: Vec<Vec<u8>>,
    /// Folders, files and links to be cleared out of the way first, with all that is in them.
    clear: BTreeSet<Vec<u8>>,
    /// Folders of tracked files that must have become empty before a file can take their place.
    replaced_folders: BTreeSet<Vec<u8>>,
    /// Folders that are not there and stand ready with all their files.
    new_folders: Vec<NewFolder>,
    temporary: Option<Temporary>,
}

/// A file to be written.
struct Write {
    path: Vec<u8>,
    record: Record,
    /// How what it replaces looked; `None` when nothing is there.
    replaces: Option<Box<DiskStat>>,
    /// Whatever is there is replaced.
    forced: bool,
    /// Where the new content stands ready.
    prepared: Option<Prepared>,
}

/// A new file on its way.
struct Prepared {
    folder: Arc<PreparedFolder>,
    /// Its name there, unless the folder is a new one: there it has its own.
    number: u32,
    looks: DiskStat,
}

/// A folder of new files.
struct PreparedFolder {
    path: PathBuf,
    /// Which of the plan's new folders it lies in.
    new: Option<usize>,
}

/// A folder that no part of the working copy has yet: it is filled where nobody sees it and moved into place as a whole.
struct NewFolder {
    path: Vec<u8>,
    prepared: PathBuf,
}

impl Write {
    /// Where the new content stands ready, if it does.
    fn prepared_path(&self) -> Option<PathBuf> {
        let prepared = self.prepared.as_ref()?;
        let name = match prepared.folder.new {
            Some(_) => OsStr::from_bytes(disk::split(&self.path).1).to_os_string(),
            None => prepared.number.to_string().into(),
        };
        Some(prepared.folder.path.join(name))
    }
}

/// A file to be removed.
struct Remove {
    path: Vec<u8>,
    /// How it looked; `None` when it goes whatever it looks like.
    expected: Option<DiskStat>,
}

/// A file whose content is right already.
struct Keep {
    path: Vec<u8>,
    record: Record,
    looks: DiskStat,
    read_at: i64,
}

/// A folder of temporary files, removed when the plan is done or dropped. It is locked meanwhile, so that a collector of
/// leftovers can tell it from a dead process' one.
struct Temporary {
    folder: PathBuf,
    _lock: Lock,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed now is collected later with other leftovers.
        let _ = fsx::remove_dir_all(&self.folder);
    }
}

/// Completes what a dead process left half done: an operation was published that leads from the remembered `from` to `to`,
/// but not every file was moved. Files that are still exactly the old row become the new one; new files that are not
/// there are written; everything else is the user's and stays. Returns paths that could not be changed; while there are
/// any, the stat index stays where it was, so that the next verb tries again.
pub fn resume(
    copy: &WorkingCopy,
    from: &Id,
    to: &Id,
    operation: u64,
    progress: &Progress,
) -> Result<Vec<Skipped>> {
    let request = CheckoutRequest {
        from: *from,
        to: *to,
        paths: &[],
        repair: false,
        force: false,
    };
    let mut plan = plan::plan_resume(copy, &request, progress)?;
    prepare(copy, &mut plan, progress)?;
    apply(copy, plan, operation, to, true, progress)
}
