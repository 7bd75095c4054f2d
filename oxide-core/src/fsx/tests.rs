//! Atomic writes, and the rule that nothing else in the crate changes files.

use super::*;

#[test]
fn atomic_writes_replace_and_new_names_are_taken_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    write_atomic(&path, b"old", Durability::Derived).expect("written");
    write_atomic(&path, b"new", Durability::Durable).expect("written");
    assert_eq!(std::fs::read(&path).expect("read"), b"new");
    assert!(!publish_new(&path, b"late").expect("refused"));
    assert!(publish_new(&folder.path().join("other"), b"first").expect("published"));
    assert_eq!(std::fs::read(&path).expect("read"), b"new");
    let names: Vec<_> = std::fs::read_dir(folder.path()).expect("list").collect();
    assert_eq!(names.len(), 2, "no temporary file is left");
}

#[test]
fn removing_what_is_not_there_is_no_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    remove_file(&path).expect("no file");
    remove_dir_all(&path).expect("no folder");
    assert!(!remove_dir_if_empty(&path).expect("no folder"));
    create_dir_all(&path.join("b")).expect("made");
    assert!(!remove_dir_if_empty(&path).expect("not empty"));
    assert!(remove_dir_if_empty(&path.join("b")).expect("empty"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_copy_to_another_file_system_replaces_what_a_dead_one_left() {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let here = tempfile::tempdir().expect("a folder");
    let there = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let device = |folder: &Path| folder.metadata().expect("looks").dev();
    if device(here.path()) == device(there.path()) {
        return;
    }
    let folder = File::open(there.path()).expect("open");
    let target = there.path().join("picture.jpg");
    let copy = |bytes: &[u8]| {
        let from = here.path().join("new");
        std::fs::write(&from, bytes).expect("written");
        at::rename(&from, folder.as_fd(), c"picture.jpg", &target).expect("copied");
        assert!(!from.exists());
        assert_eq!(std::fs::read(&target).expect("read"), bytes);
    };
    copy(b"one");
    let temporary = at::temporary_for(c"picture.jpg").expect("a name");
    let left = there.path().join(temporary.to_str().expect("text"));
    std::fs::write(&left, "half of").expect("written");
    copy(b"two");
    assert!(!left.exists());
    assert_eq!(std::fs::read_dir(there.path()).expect("list").count(), 1);
}

#[test]
fn unique_names_ascend() {
    let names: Vec<String> = (0..1000).map(|_| unique_name()).collect();
    assert!(names.is_sorted_by(|a, b| a < b));
}

/// Every change of a file passes a fault point because only this module makes any.
#[test]
fn no_other_module_changes_files() {
    const WRITERS: &[&str] = &[
        "fs::write(",
        "fs::rename(",
        "fs::remove_",
        "fs::create_dir",
        "fs::hard_link(",
        "fs::copy(",
        "fs::set_permissions(",
        "File::create",
        "OpenOptions",
        "unix::fs::symlink(",
        ".set_len(",
        ".sync_all(",
        ".sync_data(",
        ".write_all_at(",
    ];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for item in std::fs::read_dir(&folder).expect("a folder of sources") {
            let path = item.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            if path.is_dir() {
                if name != "fsx" && name != "tests" {
                    folders.push(path);
                }
                continue;
            }
            if !name.ends_with(".rs") || name == "tests.rs" {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for writer in WRITERS {
                assert!(
                    !code.contains(writer),
                    "{} uses {writer}: changes of files go through fsx",
                    path.display()
                );
            }
        }
    }
}

/// What a test of power cuts replays is complete only when each change is recorded.
#[test]
fn every_change_that_can_fail_is_recorded() {
    for name in ["mod.rs", "at.rs", "locks.rs"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fsx");
        let text = std::fs::read_to_string(path.join(name)).expect("a source");
        for function in text.split("\nfn ").flat_map(|part| part.split("\npub fn ")) {
            let changes = ["fault_point(\"", "write_point("];
            if changes.iter().any(|change| function.contains(change)) {
                let title = function.lines().next().unwrap_or_default();
                assert!(function.contains("recording::turn()"), "{name}: {title}");
            }
        }
    }
}
