use std::time::SystemTime;

use oxide_core::checkout::{self, CheckoutRequest};
use oxide_core::progress::Progress;
use oxide_core::ErrorCode;

use super::harness::{is_root, settle, tree_of, Repository};

fn modified(repository: &Repository, path: &str) -> SystemTime {
    let metadata = std::fs::symlink_metadata(repository.path(path)).unwrap();
    metadata.modified().unwrap()
}

#[test]
fn there_and_back_leaves_unchanged_files_alone() {
    let mut repository = Repository::new();
    for path in ["same", "edited", "gone", "folder/only", "script"] {
        repository.write(path, format!("one {path}"));
    }
    repository.set_mode("script", 0o755);
    repository.link("same", "link");
    let one = repository.commit();
    let tree_one = tree_of(repository.folder.path());

    repository.write("edited", "two");
    repository.remove("gone");
    std::fs::remove_dir_all(repository.path("folder")).unwrap();
    repository.write("other/deep/file", "two");
    repository.set_mode("script", 0o644);
    repository.remove("link");
    repository.link("elsewhere", "link");
    let two = repository.commit();
    let tree_two = tree_of(repository.folder.path());
    let time = modified(&repository, "same");
    settle();

    for _ in 0..3 {
        repository.checkout(&one);
        assert_eq!(tree_of(repository.folder.path()), tree_one);
        repository.assert_clean();
        repository.checkout(&two);
        assert_eq!(tree_of(repository.folder.path()), tree_two);
        repository.assert_clean();
    }
    assert_eq!(modified(&repository, "same"), time);
    assert_eq!(
        repository.copy.remembered().unwrap(),
        Some((repository.operation, two.files))
    );
    let left: Vec<_> = std::fs::read_dir(repository.path(".oxide/tmp"))
        .map(|entries| entries.filter_map(|entry| entry.ok()).collect())
        .unwrap_or_default();
    assert!(
        !left
            .iter()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("checkout")),
        "no temporary files stay"
    );
}

#[test]
fn a_file_and_a_folder_change_places() {
    let mut repository = Repository::new();
    repository.write("a", "file");
    repository.write("b/x/y", "file");
    let one = repository.commit();
    repository.remove("a");
    repository.write("a/inner/z", "file");
    std::fs::remove_dir_all(repository.path("b")).unwrap();
    repository.write("b", "file");
    let two = repository.commit();
    repository.checkout(&one);
    assert_eq!(repository.read("b/x/y"), b"file");
    repository.checkout(&two);
    assert_eq!(repository.read("a/inner/z"), b"file");
    repository.assert_clean();
}

/// Two commits: `kept` is in both, `edited` differs, `added/file` is in the second only, `gone` in the first only.
fn two_commits(repository: &mut Repository) -> [oxide_core::files::FileRoots; 2] {
    repository.write("kept", "kept");
    repository.write("edited", "one");
    repository.write("gone", "gone");
    let one = repository.commit();
    repository.write("edited", "two");
    repository.remove("gone");
    repository.write("added/file", "added");
    let two = repository.commit();
    repository.checkout(&one);
    [one, two]
}

#[test]
fn unsaved_work_blocks_and_force_overwrites() {
    type Spoil = fn(&Repository);
    let cases: [(&str, Spoil, &[&str]); 8] = [
        ("modified", |r| r.write("edited", "mine"), &["edited"]),
        (
            "modified, to be removed",
            |r| r.write("gone", "mine"),
            &["gone"],
        ),
        (
            "untracked file",
            |r| r.write("added/file", "mine"),
            &["added/file"],
        ),
        (
            "file where a folder must come",
            |r| r.write("added", "mine"),
            &["added"],
        ),
        (
            "link where a folder must come",
            |r| r.link("/tmp", "added"),
            &["added"],
        ),
        (
            "folder where a file must come",
            |r| {
                r.remove("edited");
                r.write("edited/mine/file", "mine");
            },
            &["edited/mine/file"],
        ),
        (
            "ignored file",
            |r| {
                r.write(".oxideignore", "added\n");
                r.write("added/file", "mine");
            },
            &["added/file"],
        ),
        (
            "other type",
            |r| {
                r.remove("edited");
                r.link("one", "edited");
            },
            &["edited"],
        ),
    ];
    for (name, spoil, blocked) in cases {
        let mut repository = Repository::new();
        let [_, two] = two_commits(&mut repository);
        spoil(&repository);
        let before = tree_of(repository.folder.path());
        let plan = repository.plan(&two, &[], false, false);
        assert_eq!(plan.blocked, blocked, "{name}");
        drop(plan);
        assert_eq!(tree_of(repository.folder.path()), before, "{name}");
        let plan = repository.plan(&two, &[], false, true);
        assert!(plan.blocked.is_empty(), "{name}");
        assert_eq!(repository.run(plan, &two), [], "{name}");
        assert_eq!(repository.read("edited"), b"two", "{name}");
        assert_eq!(repository.read("added/file"), b"added", "{name}");
        assert!(!repository.exists("gone"), "{name}");
        let status = repository.status();
        assert!(
            status.modified.is_empty() && status.removed.is_empty(),
            "{name}"
        );
    }
}

#[test]
fn what_is_already_as_it_shall_be_is_not_in_the_way() {
    let mut repository = Repository::new();
    let [_, two] = two_commits(&mut repository);
    repository.write("edited", "two");
    repository.write("added/file", "added");
    repository.remove("gone");
    let time = modified(&repository, "edited");
    let plan = repository.plan(&two, &[], false, false);
    assert!(plan.blocked.is_empty() && plan.writes.is_empty() && plan.removes.is_empty());
    repository.run(plan, &two);
    repository.assert_clean();
    assert_eq!(modified(&repository, "edited"), time);
}

#[test]
fn an_executable_bit_that_the_user_set_is_work() {
    let mut repository = Repository::new();
    let [_, two] = two_commits(&mut repository);
    repository.write("added/file", "added");
    repository.set_mode("added/file", 0o755);
    let plan = repository.plan(&two, &[], false, false);
    assert_eq!(plan.blocked, ["added/file"]);
    let plan = repository.plan(&two, &[], false, true);
    repository.run(plan, &two);
    repository.assert_clean();
}

#[test]
fn a_file_changed_between_plan_and_apply_survives() {
    let mut repository = Repository::new();
    let [_, two] = two_commits(&mut repository);
    let plan = repository.plan(&two, &[], false, false);
    repository.write("edited", "last minute");
    repository.write("gone", "last minute");
    repository.write("added/file", "last minute");
    let skipped = repository.run(plan, &two);
    let paths: Vec<_> = skipped
        .iter()
        .map(|skipped| skipped.path.as_str())
        .collect();
    assert_eq!(paths, ["added/file", "edited", "gone"]);
    for path in paths {
        assert_eq!(repository.read(path), b"last minute");
    }
    let status = repository.status();
    assert_eq!(status.modified, ["added/file", "edited"]);
    assert_eq!(status.untracked, [("gone".to_string(), 1)]);
}

#[test]
fn a_repair_brings_back_what_is_gone_and_spares_unsaved_work() {
    let mut repository = Repository::new();
    repository.write("a/1", "1");
    repository.write("a/2", "2");
    repository.write("b", "b");
    let roots = repository.commit();
    repository.remove("a/1");
    repository.write("a/2", "mine");
    repository.remove("b");
    let plan = repository.plan(&roots, &["a"], true, false);
    assert_eq!(plan.writes, ["a/1"]);
    assert_eq!(plan.blocked, ["a/2"]);
    let plan = repository.plan(&roots, &["a"], true, true);
    assert_eq!(repository.run(plan, &roots), []);
    assert_eq!(repository.read("a/2"), b"2");
    assert_eq!(repository.status().removed, ["b"]);
    assert!(repository
        .plan(&roots, &["a"], true, false)
        .writes
        .is_empty());
}

#[test]
fn paths_limit_a_checkout() {
    let mut repository = Repository::new();
    let [_, two] = two_commits(&mut repository);
    let plan = repository.plan(&two, &["edited", "added"], false, false);
    assert_eq!(plan.writes, ["added/file", "edited"]);
    assert!(plan.removes.is_empty());
    assert_eq!(plan.bytes, 8);
}

#[test]
fn folders_that_were_empty_before_stay() {
    let mut repository = Repository::new();
    let [one, two] = two_commits(&mut repository);
    std::fs::create_dir_all(repository.path("mine/empty")).unwrap();
    repository.checkout(&two);
    std::fs::create_dir_all(repository.path("added/beside")).unwrap();
    repository.checkout(&one);
    assert!(repository.exists("mine/empty"));
    assert!(repository.exists("added/beside"));
    assert!(!repository.exists("added/file"));
}

#[test]
fn an_interrupted_checkout_is_carried_through() {
    let mut repository = Repository::new();
    for index in 0..20 {
        repository.write(&format!("f/{index}"), format!("one {index}"));
    }
    let one = repository.commit();
    for index in 0..10 {
        repository.write(&format!("f/{index}"), format!("two {index}"));
        repository.write(&format!("n/{index}"), format!("new {index}"));
        repository.remove(&format!("f/{}", index + 10));
    }
    let two = repository.commit();
    repository.checkout(&one);
    let (operation, root) = repository.copy.remembered().unwrap().unwrap();
    assert_eq!(root, one.files);

    // The process died after some of the moves, and the user went on working.
    repository.write("f/0", "two 0");
    repository.write("n/0", "new 0");
    repository.remove("f/10");
    repository.write("f/1", "mine");
    repository.write("n/1", "mine");
    repository.write("f/11", "mine");
    repository.remove("f/2");
    let progress = Progress::default();
    let skipped = checkout::resume(
        &repository.copy,
        &one.files,
        &two.files,
        operation + 1,
        &progress,
    )
    .unwrap();
    assert_eq!(skipped, []);
    repository.roots = two;
    let status = repository.status();
    assert_eq!(status.modified, ["f/1", "n/1"]);
    assert_eq!(status.removed, ["f/2"]);
    assert_eq!(status.untracked, [("f/11".to_string(), 1)]);
    assert_eq!(
        repository.copy.remembered().unwrap(),
        Some((operation + 1, two.files))
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_anything_changes() {
    if is_root() {
        eprintln!("skipped: root may write everywhere");
        return;
    }
    let mut repository = Repository::new();
    let [one, two] = two_commits(&mut repository);
    repository.checkout(&two);
    repository.set_mode("added", 0o555);
    let before = tree_of(repository.folder.path());
    let mut plan = repository.plan(&one, &[], false, false);
    let error = checkout::prepare(&repository.copy, &mut plan, &Progress::default()).unwrap_err();
    assert_eq!(error.code, ErrorCode::Io);
    assert!(error.message.contains("added"), "{}", error.message);
    assert_eq!(tree_of(repository.folder.path()), before);
    repository.set_mode("added", 0o755);
}

#[test]
fn nothing_is_written_through_a_link() {
    let mut repository = Repository::new();
    let [one, two] = two_commits(&mut repository);
    repository.checkout(&two);
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("file"), "added").unwrap();
    std::fs::remove_dir_all(repository.path("added")).unwrap();
    repository.link(outside.path().to_str().unwrap(), "added");
    repository.checkout(&one);
    assert!(outside.path().join("file").exists());
    assert!(repository.exists("added"), "the link is the user's");
    let request = CheckoutRequest {
        from: one.files,
        to: two.files,
        paths: &[],
        repair: false,
        force: false,
    };
    let plan = checkout::plan(&repository.copy, &request, &Progress::default()).unwrap();
    assert_eq!(plan.blocked, ["added"]);
}

#[test]
fn a_folder_that_appears_meanwhile_keeps_what_is_in_it() {
    let mut repository = Repository::new();
    repository.write("stays", "here");
    let one = repository.commit();
    for path in ["new/a", "new/b", "new/deep/c"] {
        repository.write(path, format!("committed {path}"));
    }
    let two = repository.commit();
    repository.checkout(&one);
    assert!(!repository.exists("new"));

    let mut plan = repository.plan(&two, &[], false, false);
    checkout::prepare(&repository.copy, &mut plan, &Progress::default()).unwrap();
    repository.write("new/a", "somebody else's");
    let skipped =
        checkout::apply(&repository.copy, plan, 9, &two.files, &Progress::default()).unwrap();

    let skipped: Vec<_> = skipped.into_iter().map(|skipped| skipped.path).collect();
    assert_eq!(skipped, ["new/a"]);
    assert_eq!(repository.read("new/a"), b"somebody else's");
    assert_eq!(repository.read("new/b"), b"committed new/b");
    assert_eq!(repository.read("new/deep/c"), b"committed new/deep/c");
}

#[test]
fn a_file_changed_right_after_its_new_folder_appeared_is_modified() {
    let mut repository = Repository::new();
    repository.write("stays", "here");
    let one = repository.commit();
    repository.write("new/a", "first!");
    let two = repository.commit();
    repository.checkout(&one);
    repository.checkout(&two);
    let time = modified(&repository, "new/a");
    repository.write("new/a", "second");
    let file = std::fs::File::options()
        .write(true)
        .open(repository.path("new/a"))
        .unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(repository.status().modified.len(), 1);
}
