//! A record of every change of a file, in order and with its data, from which a test makes what a power cut may leave:
//! `OXIDE_RECORD=folder` appends to the file `record` in that folder. Several processes may share it.
//!
//! ```text
//! an event     number of fields u32, then each: length u32, bytes
//! fields       the event's name, then as the functions below say; paths are absolute, numbers are decimal text,
//!              a file is its device and inode
//! ```
//! While a change is made and recorded, no other recorded one is, so that the record is an order that was.

use std::ffi::{CStr, OsStr};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{Seek, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::fs::{flock, FlockOperation};

struct Recorder {
    file: File,
    turn: Mutex<()>,
}

/// The variable is read once; a process without it pays one comparison at each change.
fn recorder() -> Option<&'static Recorder> {
    static RECORDER: OnceLock<Option<Recorder>> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let folder = PathBuf::from(std::env::var_os("OXIDE_RECORD")?);
            let mut open = OpenOptions::new();
            let file = open.append(true).create(true).open(folder.join("record"));
            file.ok().map(|file| Recorder {
                file,
                turn: Mutex::default(),
            })
        })
        .as_ref()
}

/// The turn of one change, from before it is made until it is recorded or has failed.
pub(super) struct Turn(Option<Held>);

struct Held {
    file: &'static File,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = flock(self.file, FlockOperation::Unlock);
    }
}

/// Waits until no other change is under way, where changes are recorded.
pub(super) fn turn() -> Turn {
    Turn(recorder().map(|recorder| {
        let turn = recorder.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = flock(&recorder.file, FlockOperation::LockExclusive);
        Held {
            file: &recorder.file,
            _turn: turn,
        }
    }))
}

impl Turn {
    /// Whether changes are recorded: what only the record needs is looked at only then.
    pub(super) fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// Where `name` in an open folder lies; `path`, which may be another for the sake of messages, where nobody can tell.
    pub(super) fn place(&self, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> PathBuf {
        let look = || {
            let link = format!("/proc/self/fd/{}", folder.as_raw_fd());
            Some(
                std::fs::read_link(link)
                    .ok()?
                    .join(OsStr::from_bytes(name.to_bytes())),
            )
        };
        let found = self.is_recorded().then(look).flatten();
        found.unwrap_or_else(|| path.to_path_buf())
    }

    /// A new empty file: path, file, permissions.
    pub(super) fn created(&self, path: &Path, file: &File) {
        self.describe(file, |looks| {
            let fields = [&absolute(path)[..], &identity(looks), &mode(looks)];
            self.append("create", &fields);
        });
    }

    /// Bytes that were written where the file's position was: file, offset, bytes.
    pub(super) fn written(&self, mut file: &File, bytes: &[u8]) {
        if !self.is_recorded() {
            return;
        }
        if let Ok(end) = file.stream_position() {
            self.written_at(file, bytes, end.saturating_sub(bytes.len() as u64));
        }
    }

    /// Bytes that were written at an offset: file, offset, bytes.
    pub(super) fn written_at(&self, file: &File, bytes: &[u8], offset: u64) {
        self.describe(file, |looks| {
            self.append("write", &[&identity(looks), &number(offset), bytes]);
        });
    }

    /// A file that was empty and has been filled by the kernel: as one write.
    pub(super) fn filled(&self, file: &File) {
        self.describe(file, |looks| {
            let mut bytes = vec![0; looks.len() as usize];
            if file.read_exact_at(&mut bytes, 0).is_ok() {
                self.append("write", &[&identity(looks), &number(0), &bytes]);
            }
        });
    }

    /// A file's permissions: file, permissions.
    pub(super) fn permitted(&self, file: &File) {
        self.describe(file, |looks| {
            self.append("chmod", &[&identity(looks), &mode(looks)]);
        });
    }

    /// A file whose time was set: path.
    pub(super) fn touched(&self, path: &Path) {
        self.at("touch", path);
    }

    /// From one name to another, replacing what had that: both paths.
    pub(super) fn renamed(&self, from: &Path, to: &Path) {
        self.between("rename", from, to);
    }

    /// Two names whose files were exchanged: both paths.
    pub(super) fn exchanged(&self, one: &Path, other: &Path) {
        self.between("exchange", one, other);
    }

    /// A second name: both paths.
    pub(super) fn linked(&self, from: &Path, to: &Path) {
        self.between("link", from, to);
    }

    fn between(&self, name: &str, from: &Path, to: &Path) {
        if self.is_recorded() {
            self.append(name, &[&absolute(from), &absolute(to)]);
        }
    }

    /// A symbolic link: path, target.
    pub(super) fn symlinked(&self, path: &Path, target: &[u8]) {
        if self.is_recorded() {
            self.append("symlink", &[&absolute(path), target]);
        }
    }

    /// A name of a file or link that is gone: path.
    pub(super) fn unlinked(&self, path: &Path) {
        self.at("unlink", path);
    }

    /// A folder that is gone: path.
    pub(super) fn folder_removed(&self, path: &Path) {
        self.at("rmdir", path);
    }

    /// A new folder: path, permissions.
    pub(super) fn folder_created(&self, path: &Path) {
        if !self.is_recorded() {
            return;
        }
        if let Ok(looks) = path.symlink_metadata() {
            self.append("mkdir", &[&absolute(path), &mode(&looks)]);
        }
    }

    /// A file whose data has reached the disk: file.
    pub(super) fn flushed(&self, file: &File) {
        self.describe(file, |looks| self.append("flush", &[&identity(looks)]));
    }

    /// A folder whose names have reached the disk: path.
    pub(super) fn folder_flushed(&self, path: &Path) {
        self.at("flush-folder", path);
    }

    /// A file system of which everything has reached the disk: path of a folder in it.
    pub(super) fn all_flushed(&self, path: &Path) {
        self.at("flush-all", path);
    }

    fn at(&self, name: &str, path: &Path) {
        if self.is_recorded() {
            self.append(name, &[&absolute(path)]);
        }
    }

    fn describe(&self, file: &File, event: impl FnOnce(&Metadata)) {
        if !self.is_recorded() {
            return;
        }
        if let Ok(looks) = file.metadata() {
            event(&looks);
        }
    }

    fn append(&self, name: &str, fields: &[&[u8]]) {
        let Some(held) = &self.0 else { return };
        let mut bytes = (fields.len() as u32 + 1).to_le_bytes().to_vec();
        for field in std::iter::once(&name.as_bytes()).chain(fields) {
            bytes.extend_from_slice(&(field.len() as u32).to_le_bytes());
            bytes.extend_from_slice(field);
        }
        let mut file = held.file;
        // An event that is missing shows in the test that replays the whole record.
        let _ = file.write_all(&bytes);
    }
}

/// What is missing of a folder and those above it, the highest first; nothing where changes are not recorded.
pub(super) fn missing_folders(turn: &Turn, path: &Path) -> Vec<PathBuf> {
    if !turn.is_recorded() {
        return Vec::new();
    }
    let above = path.ancestors().take_while(|folder| !folder.exists());
    let mut missing: Vec<PathBuf> = above
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(Path::to_path_buf)
        .collect();
    missing.reverse();
    missing
}

/// What a folder that is to be removed holds, and itself, in the order in which it goes.
pub(super) enum Going {
    File(PathBuf),
    Folder(PathBuf),
}

/// What goes with `path`; nothing where changes are not recorded.
pub(super) fn whole_tree(turn: &Turn, path: &Path) -> Vec<Going> {
    let mut going = Vec::new();
    if turn.is_recorded() {
        collect(path, &mut going);
    }
    going
}

fn collect(path: &Path, going: &mut Vec<Going>) {
    let Ok(looks) = path.symlink_metadata() else {
        return;
    };
    if !looks.is_dir() {
        return going.push(Going::File(path.to_path_buf()));
    }
    for entry in path.read_dir().into_iter().flatten().flatten() {
        collect(&entry.path(), going);
    }
    going.push(Going::Folder(path.to_path_buf()));
}

impl Turn {
    /// Everything of [`whole_tree`] is gone.
    pub(super) fn tree_removed(&self, going: &[Going]) {
        for each in going {
            match each {
                Going::File(path) => self.unlinked(path),
                Going::Folder(path) => self.folder_removed(path),
            }
        }
    }
}

fn absolute(path: &Path) -> Vec<u8> {
    let absolute = std::path::absolute(path);
    let path = absolute.as_deref().unwrap_or(path);
    // Without a slash at the end.
    let path: PathBuf = path.components().collect();
    path.into_os_string().into_encoded_bytes()
}

fn identity(looks: &Metadata) -> Vec<u8> {
    format!("{}:{}", looks.dev(), looks.ino()).into_bytes()
}

fn mode(looks: &Metadata) -> Vec<u8> {
    number(u64::from(looks.mode() & 0o7777))
}

fn number(value: u64) -> Vec<u8> {
    value.to_string().into_bytes()
}
