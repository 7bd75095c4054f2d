use std::sync::atomic::{AtomicBool, Ordering};

use oxide_core::ErrorCode;

use super::harness::{list, settle, Repository};

#[test]
fn a_missing_path_is_refused_before_anything_is_stored() {
    let repository = Repository::new();
    repository.write("a", "x");
    let error = repository.stage(&["a", "missing"], false).unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert!(error.message.contains("'missing'"), "{}", error.message);
}

#[test]
fn paths_limit_what_is_staged_and_removals_count() {
    let mut repository = Repository::new();
    for path in ["a/1", "a/2", "b/1", "c"] {
        repository.write(path, path);
    }
    repository.add(&[""]);
    repository.remove("a/1");
    repository.write("a/2", "changed");
    repository.write("b/1", "changed");
    repository.remove("c");
    let staged = repository.add(&["a/", "c"]);
    assert_eq!(list(staged.modified()), ["a/2"]);
    assert_eq!(list(staged.removed()), ["a/1", "c"]);
    assert_eq!(repository.status().modified, ["b/1"]);
    assert_eq!(repository.rows(), (2, 2));
    assert_eq!(repository.add(&["b"]).bytes, 7);
}

#[test]
fn tracked_only_leaves_new_files_alone() {
    let mut repository = Repository::new();
    repository.write("a", "1");
    repository.add(&[""]);
    repository.write("a", "2");
    repository.write("b", "2");
    let staged = repository.stage(&[""], true).unwrap();
    assert_eq!(list(staged.modified()), ["a"]);
    assert!(list(staged.added()).is_empty());
}

#[test]
fn modified_files_keep_their_item_and_new_ones_ascend_by_path() {
    let mut repository = Repository::new();
    for path in ["a", "b/1", "b/2", "c"] {
        repository.write(path, path);
    }
    repository.add(&[""]);
    let items: Vec<_> = ["a", "b/1", "b/2", "c"]
        .map(|path| repository.row(path).unwrap().item)
        .into();
    assert!(items.windows(2).all(|pair| pair[0] < pair[1]));
    repository.write("c", "changed");
    repository.set_mode("a", 0o755);
    let staged = repository.add(&[""]);
    assert_eq!(list(staged.modified()), ["a", "c"]);
    assert_eq!(repository.row("c").unwrap().item, items[3]);
    assert!(repository.row("a").unwrap().executable);
    assert_eq!(repository.rows(), (4, 4));
}

#[test]
fn a_rename_keeps_the_item() {
    let mut repository = Repository::new();
    repository.write("a/1.jpg", "same");
    repository.write("a/2.jpg", "same");
    repository.write("empty", "");
    repository.commit();
    let before = [repository.row("a/1.jpg"), repository.row("a/2.jpg")];
    std::fs::rename(repository.path("a"), repository.path("b")).unwrap();
    std::fs::rename(repository.path("empty"), repository.path("void")).unwrap();
    let staged = repository.add(&[""]);
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    assert_eq!(
        staged.renamed,
        [pair("a/1.jpg", "b/1.jpg"), pair("a/2.jpg", "b/2.jpg")]
    );
    assert_eq!(list(staged.added()), ["void"]);
    assert_eq!(list(staged.removed()), ["empty"]);
    for (path, old) in ["b/1.jpg", "b/2.jpg"].iter().zip(before) {
        assert_eq!(repository.row(path).unwrap().item, old.unwrap().item);
    }
    assert_eq!(repository.rows(), (3, 3));
    repository.assert_clean();
}

#[test]
fn a_rename_is_found_across_calls_in_either_order() {
    for removal_first in [true, false] {
        let mut repository = Repository::new();
        repository.write("old", "content");
        repository.write("other", "other");
        let base = repository.commit();
        let item = repository.row("old").unwrap().item;
        std::fs::rename(repository.path("old"), repository.path("new")).unwrap();
        let order = if removal_first {
            ["old", "new"]
        } else {
            ["new", "old"]
        };
        repository.add(&[order[0]]);
        let staged = repository.add(&[order[1]]);
        assert_eq!(staged.renamed, [("old".to_string(), "new".to_string())]);
        assert_eq!(repository.row("new").unwrap().item, item);
        assert_eq!(repository.rows(), (2, 2));
        // Moved back, everything is as it was.
        std::fs::rename(repository.path("new"), repository.path("old")).unwrap();
        repository.add(&[""]);
        assert_eq!(repository.roots, base);
    }
}

#[test]
fn a_file_that_comes_back_is_the_item_that_it_was() {
    let mut repository = Repository::new();
    repository.write("a", "content");
    repository.write("b", "b");
    let base = repository.commit();
    repository.remove("a");
    repository.add(&[""]);
    assert_eq!(repository.rows(), (1, 1));
    repository.write("a", "content");
    repository.add(&[""]);
    assert_eq!(repository.roots, base);
}

#[test]
fn a_file_may_become_a_folder_and_back() {
    let mut repository = Repository::new();
    repository.write("a", "file");
    repository.write("b/x", "file");
    repository.commit();
    repository.remove("a");
    repository.write("a/inner", "new");
    std::fs::remove_dir_all(repository.path("b")).unwrap();
    repository.write("b", "now a file");
    let staged = repository.add(&["a", "b"]);
    assert_eq!(list(staged.added()), ["a/inner", "b"]);
    assert_eq!(list(staged.removed()), ["a", "b/x"]);
    repository.assert_clean();
    assert_eq!(repository.rows(), (2, 2));
}

#[test]
fn colliding_names_are_reported() {
    let mut repository = Repository::new();
    repository.write("dir/IMG.jpg", "1");
    repository.add(&[""]);
    repository.write("dir/img.jpg", "2");
    repository.write("Dir/x", "3");
    repository.write("e\u{301}", "4");
    repository.write("\u{e9}", "5");
    let staged = repository.add(&[""]);
    assert_eq!(
        staged.collisions,
        [
            vec!["Dir", "dir"],
            vec!["dir/IMG.jpg", "dir/img.jpg"],
            vec!["e\u{301}", "\u{e9}"],
        ]
    );
    assert_eq!(list(staged.added()).len(), 4);
}

#[test]
fn large_and_empty_files_are_stored() {
    let mut repository = Repository::new();
    let large: Vec<u8> = (0..3_000_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    repository.write("large.bin", &large);
    repository.write("empty", "");
    let staged = repository.add(&[""]);
    assert_eq!(staged.bytes, 3_000_000);
    let row = repository.row("large.bin").unwrap();
    assert_eq!(row.content, oxide_core::hash::digests(&large).content);
    assert_eq!(row.sha256, oxide_core::hash::digests(&large).sha256);
    assert_eq!(repository.copy.store.content(&row.content).unwrap(), large);
    repository.assert_clean();
}

#[test]
fn a_file_that_keeps_changing_is_left_out() {
    let repository = Repository::new();
    repository.write("calm", "x");
    repository.write("wild", vec![0; 900_000]);
    let stop = AtomicBool::new(false);
    let path = repository.path("wild");
    let staged = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut length = 900_000;
            while !stop.load(Ordering::Relaxed) {
                length = if length == 900_000 { 900_001 } else { 900_000 };
                let file = std::fs::File::options().write(true).open(&path).unwrap();
                file.set_len(length).unwrap();
            }
        });
        let staged = (0..5_000)
            .map(|_| repository.stage(&[""], false).unwrap())
            .find(|staged| !staged.skipped.is_empty());
        stop.store(true, Ordering::Relaxed);
        staged
    });
    let staged = staged.expect("one of many tries meets a change");
    assert_eq!(list(staged.added()), ["calm"]);
    assert_eq!(staged.skipped[0].path, "wild");
    assert_eq!(staged.skipped[0].reason, "kept changing while it was read");
}

#[test]
fn changes_apply_to_roots_that_another_process_moved() {
    let mut repository = Repository::new();
    repository.write("a", "1");
    repository.write("b", "1");
    repository.commit();
    repository.write("a", "2");
    repository.write("new", "mine");
    let staged = repository.stage(&["a", "new"], false).unwrap();

    repository.write("b", "2");
    repository.add(&["b", "new"]);
    let their_item = repository.row("new").unwrap().item;
    let session = repository.copy.store.begin().unwrap();
    let roots = repository.roots;
    repository.roots = repository.copy.apply(&session, &staged, &roots).unwrap();
    session.flush().unwrap();
    repository
        .copy
        .remember(9, &repository.roots.files, Some(&staged))
        .unwrap();
    assert_eq!(repository.row("new").unwrap().item, their_item);
    assert_eq!(repository.rows(), (3, 3));
    repository.assert_clean();
    settle();
}
