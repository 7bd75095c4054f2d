//! Bringing the working copy from one `files` table to another: plan, prepare (all new content in temporary files), apply
//! (renames and removals). Unchanged files are not touched; work that is stored nowhere is never overwritten unasked.

use crate::error::Result;
use crate::hash::Id;
use crate::progress::Progress;
use crate::workspace::WorkingCopy;

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
    #[allow(dead_code)]
    pub(crate) state: PlanState,
}

/// The plan's own data.
#[derive(Default)]
pub struct PlanState {}

/// Compares tables and disk; writes nothing.
pub fn plan(
    copy: &WorkingCopy,
    request: &CheckoutRequest<'_>,
    progress: &Progress,
) -> Result<CheckoutPlan> {
    let _ = (copy, request, progress);
    todo!()
}

/// Writes all new content into temporary files under `.oxide/tmp`. A full disk fails here, with nothing changed.
pub fn prepare(copy: &WorkingCopy, plan: &mut CheckoutPlan, progress: &Progress) -> Result<()> {
    let _ = (copy, plan, progress);
    todo!()
}

/// Moves the prepared files into place, removes what goes, and remembers the result in the stat index as of `operation`.
/// `files` is the staged root after that operation. Returns paths that could not be changed, with reasons.
pub fn apply(
    copy: &WorkingCopy,
    plan: CheckoutPlan,
    operation: u64,
    files: &Id,
    progress: &Progress,
) -> Result<Vec<crate::workspace::Skipped>> {
    let _ = (copy, plan, operation, files, progress);
    todo!()
}
