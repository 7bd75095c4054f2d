//! Contents that are files of their own: `objects/ab/cdef...`, named by the content's id, holding exactly its bytes.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::group::lock;
use crate::error::{Error, Result};
use crate::fsx::{self, LargeFile};
use crate::hash::{Context, Id};

/// Where a content lies when it is a file of its own.
pub(super) fn path(control: &Path, id: &Id) -> PathBuf {
    let hex = id.to_hex();
    control.join("objects").join(&hex[..2]).join(&hex[2..])
}

/// Opens a content's own file; `None` when there is none.
pub(super) fn open(control: &Path, id: &Id) -> Result<Option<File>> {
    let path = path(control, id);
    match File::open(&path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("open", &path, &e)),
    }
}

/// The content id of a file's bytes, wherever its cursor stands.
pub(crate) fn content_of(file: &File, path: &Path) -> Result<Id> {
    let mut hasher = Context::Content.hasher();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        match file.read_at(&mut buffer, length) {
            Ok(0) => return Ok(Id(*hasher.finalize().as_bytes())),
            Ok(read) => {
                hasher.update_rayon(&buffer[..read]);
                length += read as u64;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::io("read", path, &e)),
        }
    }
}

/// The error for an own file with other bytes than those of its content.
pub(super) fn damaged(id: &Id, path: &Path) -> Error {
    Error::integrity(format!(
        "content {id} is damaged: the file '{}' holds other bytes",
        path.display()
    ))
    .at(path)
}

/// A temporary file for a content whose id is not known yet, removed when it is not kept.
pub(super) struct NewObject {
    path: PathBuf,
}

impl NewObject {
    pub(super) fn create(control: &Path) -> Result<(NewObject, LargeFile)> {
        let name = format!("object-{}", fsx::unique_name());
        let path = control.join("tmp").join(name);
        let file = LargeFile::new(path.clone(), fsx::create_new(&path)?);
        Ok((NewObject { path }, file))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for NewObject {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            fsx::discard(&self.path);
        }
    }
}

/// The own files that a session has written and not published. They are closed: there may be more of them than a process
/// can hold open.
#[derive(Default)]
pub(super) struct PendingObjects {
    new: Mutex<HashMap<Id, NewObject>>,
    /// Contents that were found: their names may be so new that their own writer has not flushed them yet.
    found: Mutex<BTreeSet<Id>>,
}

impl PendingObjects {
    /// Keeps a complete file; `false` when the session has this content already.
    pub(super) fn keep(&self, id: Id, object: NewObject) -> bool {
        let mut pending = lock(&self.new);
        if pending.contains_key(&id) {
            return false;
        }
        pending.insert(id, object);
        true
    }

    pub(super) fn contains(&self, id: &Id) -> bool {
        lock(&self.new).contains_key(id)
    }

    /// Whether a content has a file of its own, which is then relied on.
    pub(super) fn find(&self, control: &Path, id: &Id) -> bool {
        let found = path(control, id).exists();
        if found {
            lock(&self.found).insert(*id);
        }
        found
    }

    /// Flushes every file, gives each its name, and flushes the folders: those of what was found too.
    pub(super) fn publish(&self, control: &Path) -> Result<()> {
        let mut pending = lock(&self.new);
        let mut found = lock(&self.found);
        if pending.is_empty() && found.is_empty() {
            return Ok(());
        }
        let temporary: Vec<PathBuf> = pending.values().map(|new| new.path.clone()).collect();
        fsx::sync_many(&temporary, control)?;
        // Whoever made a folder of them may not have flushed it yet.
        let mut folders = BTreeSet::from([control.join("objects")]);
        for (id, object) in pending.iter() {
            let target = path(control, id);
            if let Some(folder) = target.parent() {
                fsx::create_dir_all(folder)?;
                folders.insert(folder.to_path_buf());
            }
            fsx::rename(&object.path, &target)?;
        }
        let of_found = found.iter().map(|id| path(control, id));
        folders.extend(of_found.filter_map(|path| path.parent().map(Path::to_path_buf)));
        let folders: Vec<PathBuf> = folders.into_iter().collect();
        fsx::sync_many(&folders, control)?;
        found.clear();
        for (_, mut object) in pending.drain() {
            object.path.clear();
        }
        Ok(())
    }
}
