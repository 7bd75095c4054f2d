use std::os::fd::OwnedFd;

use oxide_core::counters;
use oxide_core::workspace::Skipped;
use rustix::fs::{Mode, OFlags};

use super::harness::{alone, is_root, list, settle, Repository};

#[test]
fn every_kind_of_change_is_told_apart() {
    let mut repository = Repository::new();
    for name in [
        "same", "edited", "grown", "gone", "script", "turned", "folder/a", "folder/b",
    ] {
        repository.write(name, format!("content of {name}"));
    }
    repository.link("same", "link");
    repository.add(&[""]);
    repository.assert_clean();

    repository.write("edited", "Content of edited");
    repository.write("grown", "content of grown, and more");
    repository.remove("gone");
    repository.set_mode("script", 0o755);
    repository.remove("turned");
    repository.link("content of turned", "turned");
    repository.remove("link");
    repository.link("else", "link");
    repository.write("folder/new", "x");
    repository.write("other/1", "x");
    repository.write("other/deep/2", "x");
    std::fs::create_dir_all(repository.path("empty/inner")).unwrap();

    let status = repository.status();
    assert_eq!(
        status.modified,
        ["edited", "grown", "link", "script", "turned"]
    );
    assert_eq!(status.removed, ["gone"]);
    assert_eq!(
        status.untracked,
        [("folder/new".to_string(), 1), ("other/".to_string(), 2)]
    );
    assert_eq!(status.empty_folders, ["empty/inner"]);
}

#[test]
fn odd_names_are_tracked() {
    let mut repository = Repository::new();
    let names = [
        "with space".to_string(),
        "with\nnewline".to_string(),
        "größe/猫.jpg".to_string(),
        oxide_core::paths::to_text(b"bytes \xff\x80"),
        oxide_core::paths::to_text("private \u{f780}".as_bytes()),
        "x".repeat(255),
        "a.b".to_string(),
        "a/b".to_string(),
        "a-b".to_string(),
        "-dash".to_string(),
    ];
    for name in &names {
        repository.write(name, name);
    }
    assert_eq!(list(repository.add(&[""]).added()).len(), names.len());
    repository.assert_clean();
    for name in &names {
        assert!(repository.row(name).is_some(), "{name:?}");
    }
}

#[test]
fn folders_deeper_than_any_path_work() {
    let mut repository = Repository::new();
    let name = "d".repeat(200);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut folder: OwnedFd =
        rustix::fs::open(repository.folder.path(), flags, Mode::empty()).unwrap();
    let depth = 30;
    for _ in 0..depth {
        rustix::fs::mkdirat(&folder, name.as_str(), Mode::RWXU).unwrap();
        folder = rustix::fs::openat(&folder, name.as_str(), flags, Mode::empty()).unwrap();
    }
    let create = OFlags::CREATE | OFlags::WRONLY;
    let file = rustix::fs::openat(&folder, "deep", create, Mode::RUSR | Mode::WUSR).unwrap();
    rustix::io::write(&file, b"deep content").unwrap();
    drop(file);

    let empty = repository.roots;
    let staged = repository.add(&[""]);
    let path = format!("{}/deep", vec![name.clone(); depth].join("/"));
    assert_eq!(list(staged.added()), std::slice::from_ref(&path));
    repository.assert_clean();
    let full = repository.roots;
    repository.checkout(&empty);
    assert!(!repository.exists(&name), "all the folders are gone");
    repository.checkout(&full);
    repository.assert_clean();
    // By its name alone, too.
    assert!(list(repository.add(&[path.as_str()]).added()).is_empty());
}

#[test]
fn unchanged_files_are_not_hashed() {
    let _alone = alone();
    let mut repository = Repository::without_guard();
    for index in 0..20_000 {
        let path = match index % 2 {
            0 => format!("one/{index:05}.jpg"),
            _ => format!("many/{}/{index:05}.jpg", index % 50),
        };
        repository.write(&path, format!("{index}"));
    }
    settle();
    repository.add(&[""]);
    assert_eq!(repository.rows(), (20_000, 20_000));
    counters::reset();
    repository.assert_clean();
    assert_eq!(counters::FILES_HASHED.get(), 0);
    assert_eq!(counters::TABLE_OBJECTS_READ.get(), 0, "the index suffices");

    repository.write("one/00000.jpg", "x");
    repository.remove("many/1/00001.jpg");
    repository.write("one/new", "x");
    let status = repository.status();
    assert_eq!(status.modified, ["one/00000.jpg"]);
    assert_eq!(status.removed, ["many/1/00001.jpg"]);
    assert_eq!(status.untracked, [("one/new".to_string(), 1)]);

    settle();
    counters::reset();
    repository.add(&["one/00002.jpg", "one/00000.jpg"]);
    assert_eq!(counters::FILES_HASHED.get(), 1);
}

#[test]
fn a_touched_file_is_hashed_once() {
    let _alone = alone();
    let mut repository = Repository::without_guard();
    repository.write("a", "content");
    repository.write("b", "content");
    settle();
    repository.add(&[""]);
    repository.write("a", "content");
    settle();
    for hashed in [1, 0] {
        counters::reset();
        repository.assert_clean();
        assert_eq!(counters::FILES_HASHED.get(), hashed);
    }
}

#[test]
fn equal_times_prove_nothing_right_after_reading() {
    let mut repository = Repository::new();
    for round in 0..20 {
        let text = format!("{round:04}");
        repository.write("file", &text);
        repository.add(&["file"]);
        let times = std::fs::metadata(repository.path("file")).unwrap();
        repository.write("file", "same");
        let file = std::fs::File::options()
            .write(true)
            .open(repository.path("file"))
            .unwrap();
        file.set_modified(times.modified().unwrap()).unwrap();
        assert_eq!(repository.status().modified, ["file"], "round {round}");
    }
}

#[test]
fn links_are_never_followed() {
    let mut repository = Repository::new();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "x").unwrap();
    repository.link(outside.path().to_str().unwrap(), "to-folder");
    repository.link("nowhere", "dangling");
    repository.link(".", "loop");
    repository.write("folder/file", "x");
    let staged = repository.add(&[""]);
    assert_eq!(
        list(staged.added()),
        ["dangling", "folder/file", "loop", "to-folder"]
    );
    assert_eq!(
        repository.row("dangling").unwrap().size,
        "nowhere".len() as u64
    );
    repository.assert_clean();

    // A link in place of a tracked folder hides what was below it.
    std::fs::rename(repository.path("folder"), outside.path().join("folder")).unwrap();
    repository.link(outside.path().join("folder").to_str().unwrap(), "folder");
    let status = repository.status();
    assert_eq!(status.removed, ["folder/file"]);
    assert_eq!(status.untracked, [("folder".to_string(), 1)]);
    let error = repository.stage(&["to-folder/secret"], false).unwrap_err();
    assert_eq!(error.code, oxide_core::ErrorCode::NotFound);
}

#[test]
fn sockets_and_pipes_are_named_and_skipped() {
    let mut repository = Repository::new();
    repository.write("file", "x");
    let _socket = std::os::unix::net::UnixListener::bind(repository.path("socket")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, repository.path("pipe"), Mode::RWXU).unwrap();
    let skipped = [
        ("pipe".to_string(), "named pipe".to_string()),
        ("socket".to_string(), "socket".to_string()),
    ]
    .map(|(path, reason)| Skipped { path, reason });
    let staged = repository.add(&[""]);
    assert_eq!(list(staged.added()), ["file"]);
    assert_eq!(staged.skipped, skipped);
    assert_eq!(repository.status().skipped, skipped);
}

#[test]
fn unreadable_folders_and_files_do_not_stop_the_rest() {
    if is_root() {
        eprintln!("skipped: root may read everything");
        return;
    }
    let mut repository = Repository::new();
    repository.write("closed/a", "x");
    repository.write("open/a", "x");
    repository.add(&[""]);
    repository.set_mode("closed", 0o000);
    repository.write("open/new", "x");
    repository.set_mode("open/new", 0o000);
    let status = repository.status();
    let staged = repository.stage(&[""], false).unwrap();
    repository.set_mode("closed", 0o755);
    assert_eq!(status.removed, Vec::<String>::new());
    assert_eq!(status.skipped.len(), 1);
    assert_eq!(status.skipped[0].path, "closed");
    assert_eq!(status.skipped[0].reason, "permission denied");
    assert!(list(staged.removed()).is_empty() && list(staged.added()).is_empty());
    assert_eq!(staged.skipped.len(), 2);
}

#[test]
fn ignored_files_are_not_seen_unless_tracked() {
    let mut repository = Repository::new();
    repository.write("kept.log", "tracked before the rule");
    repository.write("build/tracked", "x");
    repository.add(&[""]);
    repository.write(
        ".oxideignore",
        "# comment\n*.log\n/build/\n!important.log\n",
    );
    repository.write("nested/.oxideignore", "!*.log\ndata\n");
    for path in [
        "a.log",
        "important.log",
        "build/new",
        "nested/b.log",
        "nested/data/x",
        "cache/a.log",
    ] {
        repository.write(path, "x");
    }
    repository.write("kept.log", "changed");
    let status = repository.status();
    assert_eq!(status.modified, ["kept.log"]);
    assert_eq!(
        status.untracked,
        [
            (".oxideignore".to_string(), 1),
            ("important.log".to_string(), 1),
            ("nested/".to_string(), 2),
        ]
    );
    assert!(status.empty_folders.is_empty());
    let rules = repository
        .copy
        .check_ignore(
            &[
                "a.log",
                "build/new",
                "important.log",
                "nested/data/x",
                "nested/b.log",
            ]
            .map(String::from),
        )
        .unwrap();
    assert_eq!(
        rules,
        [
            ("a.log", ".oxideignore", 2, "*.log"),
            ("build/new", ".oxideignore", 3, "/build/"),
            ("nested/data/x", "nested/.oxideignore", 2, "data"),
        ]
        .map(|(path, file, line, pattern)| (
            path.into(),
            file.into(),
            line,
            pattern.into()
        ))
    );
    let staged = repository.add(&["a.log", "important.log", "build"]);
    assert_eq!(list(staged.added()), ["important.log"]);
    assert_eq!(staged.skipped.len(), 1);
    assert_eq!(staged.skipped[0].path, "a.log");
    assert_eq!(staged.skipped[0].reason, "ignored");
}

#[test]
fn control_folders_are_invisible_at_every_level() {
    let mut repository = Repository::new();
    repository.write("a/.git/config", "x");
    repository.write("a/.oxide/config", "x");
    repository.write("a/b", "x");
    assert_eq!(list(repository.add(&[""]).added()), ["a/b"]);
    assert_eq!(repository.add(&["a/.git/config"]).skipped.len(), 1);
    repository.assert_clean();
}

#[test]
fn a_damaged_or_lost_index_is_built_again() {
    let mut repository = Repository::new();
    for index in 0..400 {
        repository.write(&format!("{}/{index}", index % 3), format!("{index}"));
    }
    repository.add(&[""]);
    repository.write("new", "x");
    repository.add(&["new"]);
    let base = repository.path(".oxide/index/stat");
    let journal = repository.path(".oxide/index/stat.journal");
    for file in [&base, &journal] {
        let sound = std::fs::read(file).unwrap();
        for position in (0..sound.len()).step_by(sound.len() / 40 + 1) {
            let mut damaged = sound.clone();
            damaged[position] ^= 0x55;
            std::fs::write(file, damaged).unwrap();
            repository.assert_clean();
        }
        for length in [0, 10, sound.len() / 2, sound.len().saturating_sub(1)] {
            std::fs::write(file, &std::fs::read(file).unwrap()[..0]).unwrap();
            std::fs::write(file, &sound[..length]).unwrap();
            repository.assert_clean();
        }
        std::fs::remove_file(file).unwrap();
        repository.assert_clean();
    }
    repository.write("new", "y");
    assert_eq!(repository.status().modified, ["new"]);
}

#[test]
fn the_index_follows_tables_that_moved_without_it() {
    let mut repository = Repository::new();
    repository.write("a", "x");
    let before = repository.commit();
    repository.write("b", "x");
    repository.write("a", "y");
    repository.commit();
    repository.assert_clean();
    // As after an undo that moves no files.
    repository.roots = before;
    let status = repository.status();
    assert_eq!(status.modified, ["a"]);
    assert_eq!(status.untracked, [("b".to_string(), 1)]);
    assert_eq!(repository.copy.remembered().unwrap().unwrap().0, 2);
}

#[test]
fn many_small_updates_are_folded_into_the_base() {
    let mut repository = Repository::new();
    for index in 0..40 {
        for file in 0..10 {
            repository.write(&format!("{file}"), format!("{index} {file}"));
        }
        repository.add(&[""]);
    }
    let journal = std::fs::metadata(repository.path(".oxide/index/stat.journal")).unwrap();
    assert!(journal.len() < 300 * 200, "{}", journal.len());
    repository.assert_clean();
}
