//! What the index is worth after the machine was started again.

use std::fs;

use super::*;
use crate::files::FileRoots;
use crate::fsx;
use crate::progress::Progress;
use crate::store::Store;
use crate::workspace::{StageRequest, WorkingCopy};

const PATH: &str = "picture.png";
const HOUR: i64 = 3600 * 1_000_000_000;

/// A working copy with one file, staged and remembered.
struct Remembered {
    folder: tempfile::TempDir,
    copy: WorkingCopy,
    files: Id,
}

impl Remembered {
    fn new() -> Remembered {
        fsx::BOOT.set(Some(1));
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join(".oxide")).unwrap();
        let copy = WorkingCopy {
            store: store.clone(),
            tree: folder.path().to_path_buf(),
        };
        fs::write(folder.path().join(PATH), b"a picture").unwrap();
        let session = store.begin().unwrap();
        let empty = tree::empty(&session).unwrap();
        let none = FileRoots {
            files: empty,
            items: empty,
        };
        let request = StageRequest {
            paths: &[String::new()],
            by_reference: false,
            tracked_only: false,
            base: None,
            staged: none,
            now: 1_700_000_000_000_000,
            creator: "ada",
        };
        let staged = copy.stage(&session, &request, &Progress::default());
        let roots = copy.apply(&session, &staged.unwrap(), &none).unwrap();
        session.flush().unwrap();
        drop(session);
        copy.remember(1, &roots.files, None).unwrap();
        Remembered {
            folder,
            copy,
            files: roots.files,
        }
    }

    fn index(&self) -> Index {
        Index::open(self.copy.store.control()).unwrap()
    }

    fn record(&self) -> Record {
        self.index().find(PATH.as_bytes()).unwrap().unwrap()
    }

    fn looks(&self) -> FileStat {
        let file = fs::File::open(self.folder.path().join(PATH)).unwrap();
        let looks = disk::stat_open(&file).unwrap();
        FileStat {
            mtime: looks.mtime,
            ctime: looks.ctime,
            inode: looks.inode,
        }
    }

    /// The index says that the file was seen with the staged content when it looked like this.
    fn remember_seen(&self, stat: FileStat) {
        let mut record = self.record();
        (record.stat, record.racy) = (Some(stat), false);
        let change = Update {
            operation: None,
            root: &self.files,
            known: None,
            seen: &[(PATH.as_bytes().to_vec(), record)],
        };
        update(self.copy.store.control(), &self.copy.store, &change).unwrap();
    }

    fn modified(&self) -> Vec<String> {
        let status = self.copy.status(&self.files, &Progress::default());
        status.unwrap().modified
    }
}

#[test]
fn a_file_that_lost_its_content_in_a_power_cut_is_not_taken_for_unchanged() {
    let remembered = Remembered::new();
    // Length, times and index are kept, the content is not.
    fs::write(remembered.folder.path().join(PATH), [0; 9]).unwrap();
    remembered.remember_seen(remembered.looks());
    assert!(remembered.modified().is_empty(), "looks alone do not tell");
    fsx::BOOT.set(Some(2));
    assert_eq!(remembered.modified(), [PATH]);
    assert_eq!(remembered.modified(), [PATH], "nor does looking once more");
}

#[test]
fn what_was_checked_after_a_start_is_believed_from_then_on() {
    let remembered = Remembered::new();
    remembered.remember_seen(remembered.looks());
    assert!(!remembered.record().racy);
    fsx::BOOT.set(Some(2));
    assert!(remembered.record().racy);
    std::thread::sleep(std::time::Duration::from_millis(25));
    assert!(remembered.modified().is_empty());
    assert!(!remembered.record().racy, "its content was compared");
    assert_eq!(remembered.index().base.written().0, 2);
}

#[test]
fn files_that_changed_long_before_the_last_write_are_believed() {
    let remembered = Remembered::new();
    let mut looks = remembered.looks();
    looks.ctime -= HOUR;
    remembered.remember_seen(looks);
    for (path, journaled) in [("journal", true), ("base", false)] {
        fsx::BOOT.set(Some(1));
        if !journaled {
            let control = remembered.copy.store.control();
            let index = remembered.index();
            let sources = Sources {
                index: &index,
                rows: None,
                seen: Seen::sorted(&[]),
            };
            write_base(control, &sources, index.operation, &index.root).unwrap();
        }
        assert_eq!(remembered.index().journaled > 0, journaled);
        fsx::BOOT.set(Some(2));
        assert!(!remembered.record().racy, "{path}");
    }
}
