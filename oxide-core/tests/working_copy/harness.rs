//! A repository in a temporary folder, without the engine above it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use oxide_core::checkout::{self, CheckoutPlan, CheckoutRequest};
use oxide_core::files::{FileRoots, FileRow};
use oxide_core::progress::Progress;
use oxide_core::store::Store;
use oxide_core::tree;
use oxide_core::workspace::{Skipped, StageRequest, Staged, Status, WorkingCopy};
use oxide_core::{paths, Result};

/// Counters are those of the process: tests that read them run alone.
static COUNTING: RwLock<()> = RwLock::new(());

pub fn alone() -> RwLockWriteGuard<'static, ()> {
    COUNTING.write().unwrap_or_else(|error| error.into_inner())
}

/// All paths of one of a stage's lists.
pub fn list(paths: impl Iterator<Item = String>) -> Vec<String> {
    paths.collect()
}

pub struct Repository {
    pub folder: tempfile::TempDir,
    pub copy: WorkingCopy,
    pub roots: FileRoots,
    pub base: Option<FileRoots>,
    pub operation: u64,
    _shared: Option<RwLockReadGuard<'static, ()>>,
}

impl Repository {
    pub fn new() -> Repository {
        let shared = COUNTING.read().unwrap_or_else(|error| error.into_inner());
        Repository {
            _shared: Some(shared),
            ..Repository::without_guard()
        }
    }

    /// For tests that hold [`alone`].
    pub fn without_guard() -> Repository {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join(".oxide")).unwrap();
        let session = store.begin().unwrap();
        let empty = tree::empty(&session).unwrap();
        session.flush().unwrap();
        drop(session);
        Repository {
            copy: WorkingCopy {
                store,
                tree: folder.path().to_path_buf(),
            },
            folder,
            roots: FileRoots {
                files: empty,
                items: empty,
            },
            base: None,
            operation: 0,
            _shared: None,
        }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(paths::to_os(path))
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.path(path)).unwrap()
    }

    pub fn exists(&self, path: &str) -> bool {
        std::fs::symlink_metadata(self.path(path)).is_ok()
    }

    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.path(path)).unwrap();
    }

    pub fn set_mode(&self, path: &str, mode: u32) {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path(path), permissions).unwrap();
    }

    pub fn link(&self, target: &str, path: &str) {
        std::os::unix::fs::symlink(target, self.path(path)).unwrap();
    }

    pub fn stage(&self, paths: &[&str], tracked_only: bool) -> Result<Staged> {
        let session = self.copy.store.begin()?;
        let staged = self.stage_in(&session, paths, tracked_only)?;
        session.flush()?;
        Ok(staged)
    }

    fn stage_in(
        &self,
        session: &oxide_core::store::Session,
        paths: &[&str],
        tracked_only: bool,
    ) -> Result<Staged> {
        let paths: Vec<String> = paths.iter().map(|path| path.to_string()).collect();
        self.copy.stage(
            session,
            &StageRequest {
                paths: &paths,
                by_reference: false,
                tracked_only,
                base: self.base,
                staged: self.roots,
                now: 1_700_000_000_000_000 + self.operation as i64 * 1_000_000,
                creator: "ada",
            },
            &Progress::default(),
        )
    }

    /// Stages, applies, publishes (as far as this harness goes) and remembers.
    pub fn add(&mut self, paths: &[&str]) -> Staged {
        let session = self.copy.store.begin().unwrap();
        let staged = self.stage_in(&session, paths, false).unwrap();
        self.roots = self.copy.apply(&session, &staged, &self.roots).unwrap();
        session.flush().unwrap();
        self.operation += 1;
        self.copy
            .remember(self.operation, &self.roots.files, Some(&staged))
            .unwrap();
        staged
    }

    /// Everything added and committed.
    pub fn commit(&mut self) -> FileRoots {
        self.add(&[""]);
        self.base = Some(self.roots);
        self.roots
    }

    pub fn status(&self) -> Status {
        self.copy
            .status(&self.roots.files, &Progress::default())
            .unwrap()
    }

    pub fn assert_clean(&self) {
        let status = self.status();
        assert_eq!(status.modified, Vec::<String>::new(), "modified");
        assert_eq!(status.removed, Vec::<String>::new(), "removed");
        assert_eq!(status.untracked, Vec::new(), "untracked");
    }

    pub fn plan(&self, to: &FileRoots, paths: &[&str], repair: bool, force: bool) -> CheckoutPlan {
        let paths: Vec<String> = paths.iter().map(|path| path.to_string()).collect();
        let request = CheckoutRequest {
            from: self.roots.files,
            to: to.files,
            paths: &paths,
            repair,
            force,
        };
        checkout::plan(&self.copy, &request, &Progress::default()).unwrap()
    }

    pub fn run(&mut self, mut plan: CheckoutPlan, to: &FileRoots) -> Vec<Skipped> {
        checkout::prepare(&self.copy, &mut plan, &Progress::default()).unwrap();
        self.operation += 1;
        let progress = Progress::default();
        let skipped =
            checkout::apply(&self.copy, plan, self.operation, &to.files, &progress).unwrap();
        self.roots = *to;
        skipped
    }

    /// Checks out without force; nothing may be in the way.
    pub fn checkout(&mut self, to: &FileRoots) {
        let plan = self.plan(to, &[], false, false);
        assert_eq!(plan.blocked, Vec::<String>::new());
        assert_eq!(self.run(plan, to), []);
    }

    pub fn row(&self, path: &str) -> Option<FileRow> {
        let key = FileRow::key(path);
        tree::get(&self.copy.store, &self.roots.files, &key)
            .unwrap()
            .map(|value| FileRow::decode(&key, &value).unwrap())
    }

    /// Number of rows in `files` and `items`: they are always the same.
    pub fn rows(&self) -> (u64, u64) {
        (
            tree::len(&self.copy.store, &self.roots.files).unwrap(),
            tree::len(&self.copy.store, &self.roots.items).unwrap(),
        )
    }
}

/// Lets the clock pass the time in which equal timestamps prove nothing.
pub fn settle() {
    std::thread::sleep(Duration::from_millis(45));
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Paths of all files, links and folders below `folder` but the control folder, with what they are.
pub fn tree_of(folder: &Path) -> Vec<(PathBuf, String)> {
    fn visit(folder: &Path, top: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == ".oxide" {
                continue;
            }
            let metadata = std::fs::symlink_metadata(&path).unwrap();
            let what = if metadata.is_symlink() {
                format!("-> {:?}", std::fs::read_link(&path).unwrap())
            } else if metadata.is_dir() {
                visit(&path, top, found);
                "folder".to_string()
            } else {
                let executable = metadata.permissions().mode() & 0o100 != 0;
                format!("{executable} {:?}", std::fs::read(&path).unwrap())
            };
            found.push((path.strip_prefix(top).unwrap().to_path_buf(), what));
        }
    }
    let mut found = Vec::new();
    visit(folder, folder, &mut found);
    found.sort();
    found
}
