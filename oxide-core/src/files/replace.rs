//! Taking the state of some paths from another version.

use super::FileRoots;
use crate::error::Result;
use crate::store::WriteObjects;

/// `target` with the rows at and below `paths` replaced by those of `source` (empty `paths`: all). Items follow.
pub fn replace(
    objects: &dyn WriteObjects,
    target: &FileRoots,
    source: &FileRoots,
    paths: &[String],
) -> Result<FileRoots> {
    let _ = (objects, target, source, paths);
    todo!()
}
