mod interleavings;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::browse::{self, FileUpsert};
use crate::files::{self, FileRoots, FileRow, FileType, ItemId};
use crate::fsck::{self, FsckRequest};
use crate::pack::Kind;
use crate::store::{ReadObjects, Session, StoredContent};
use crate::tree;

/// A repository with as much of the engine above the core as the collector needs.
pub(crate) struct Repository {
    pub(crate) store: Store,
    view: Record,
    number: u64,
    _folder: tempfile::TempDir,
}

impl Repository {
    pub(crate) fn new() -> Repository {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(&folder.path().join(".oxide")).unwrap();
        let view = json!({"branches": {}, "tags": {}, "workspaces": {}, "stashes": []});
        let repository = Repository {
            store,
            view: view.as_object().unwrap().clone(),
            number: 0,
            _folder: folder,
        };
        let session = repository.store.begin().unwrap();
        browse::write_builtin_schemas(&session).unwrap();
        tree::empty(&session).unwrap();
        session.flush().unwrap();
        repository
    }

    fn publish(&mut self, session: &Session) {
        let view = record::write(session, Kind::View, &self.view).unwrap();
        session.flush().unwrap();
        self.number += 1;
        let operation = operation(self.number, &view);
        assert!(oplog::publish(self.store.control(), self.number, operation).unwrap());
    }

    pub(crate) fn branch(&self, branch: &str) -> Option<Id> {
        let commit = self.view["branches"].get(branch)?.as_str()?;
        Some(Id::from_hex(commit).unwrap())
    }

    fn files(&self, branch: &str) -> FileRoots {
        let Some(commit) = self.branch(branch) else {
            let empty = tree::empty(&self.store.begin().unwrap()).unwrap();
            return FileRoots {
                files: empty,
                items: empty,
            };
        };
        let commit = record::read(&self.store, Kind::Commit, &commit).unwrap();
        let tables = record::commit_links(&commit).unwrap().tables;
        FileRoots {
            files: tables["files"].1,
            items: tables["items"].1,
        }
    }

    /// Commits these files (name, content; no content: removed) on a branch.
    pub(crate) fn commit(&mut self, branch: &str, changes: &[(String, Option<Vec<u8>>)]) {
        let roots = self.files(branch);
        let session = self.store.begin().unwrap();
        let roots = put_files(&session, &roots, changes);
        let parents: Vec<Id> = self.branch(branch).into_iter().collect();
        let commit = write_commit(&session, &roots, &parents, self.number);
        self.view["branches"][branch] = commit.to_hex().into();
        self.publish(&session);
    }

    fn delete(&mut self, branch: &str) {
        let branches = self.view["branches"].as_object_mut().unwrap();
        branches.remove(branch);
        let session = self.store.begin().unwrap();
        self.publish(&session);
    }

    fn stash(&mut self, branch: &str) {
        if let Some(commit) = self.branch(branch) {
            let stash =
                json!({"commit": commit.to_hex(), "message": "", "branch": branch, "time": 0});
            self.view["stashes"].as_array_mut().unwrap().push(stash);
            self.delete(branch);
        }
    }

    pub(crate) fn collect(&self, keep_seconds: u64, dry_run: bool) -> Result<GcReport> {
        let request = GcRequest {
            keep_seconds,
            now: self.number,
            immediate: true,
            dry_run,
        };
        collect(&self.store, &request, &Progress::default())
    }

    fn assert_whole(&self, expected: &BTreeMap<String, BTreeMap<String, Vec<u8>>>) {
        let store = Store::open(self.store.control()).unwrap();
        for (branch, files) in expected {
            let rows = browse::file_rows(&store, &self.files(branch).files, &[]).unwrap();
            let found: BTreeMap<String, Vec<u8>> = rows
                .into_iter()
                .map(|row| (row.path, store.content(&row.content).unwrap()))
                .collect();
            assert_eq!(&found, files);
        }
        let request = FsckRequest {
            data: true,
            repair: false,
        };
        let report = fsck::check(&store, &request, &Progress::default()).unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}

/// Stores contents and puts their rows into the tables (no content: the row goes).
fn put_files(
    session: &Session,
    roots: &FileRoots,
    changes: &[(String, Option<Vec<u8>>)],
) -> FileRoots {
    let (mut removes, mut upserts) = (Vec::new(), Vec::new());
    for (path, content) in changes {
        match content {
            Some(content) => {
                let stored = session.put_content(content, path).unwrap();
                upserts.push(row_of(path, &stored));
            }
            None => removes.push(path.clone()),
        }
    }
    browse::set_files(session, roots, &removes, &upserts).unwrap()
}

fn set_file(session: &Session, roots: &FileRoots, path: &str, stored: &StoredContent) -> FileRoots {
    browse::set_files(session, roots, &[], &[row_of(path, stored)]).unwrap()
}

fn row_of(path: &str, stored: &StoredContent) -> FileUpsert {
    let mut item = [0; 12];
    item[..4].copy_from_slice(&stored.digests.sha256[..4]);
    item[4..].copy_from_slice(&hash_of(path).to_be_bytes());
    FileUpsert {
        row: FileRow {
            path: path.to_string(),
            content: stored.digests.content,
            size: stored.size,
            item: ItemId(item),
            sha256: stored.digests.sha256,
            kind: FileType::File,
            executable: false,
            facts: None,
        },
        created: None,
        creator: String::new(),
    }
}

fn write_commit(session: &Session, roots: &FileRoots, parents: &[Id], generation: u64) -> Id {
    let table = |schema: &crate::schema::Schema, root: Id| json!({"schema": schema.id().to_hex(), "root": root.to_hex()});
    let person = json!({"name": "A", "email": ""});
    let parents: Vec<String> = parents.iter().map(|id| id.to_hex()).collect();
    let commit = json!({"author": person, "committer": person, "message": "", "generation": generation, "parents": parents,
        "time": generation, "zone": 0, "tables": {
            "files": table(files::files_schema(), roots.files), "items": table(files::items_schema(), roots.items)}});
    record::write(session, Kind::Commit, commit.as_object().unwrap()).unwrap()
}

/// An operation at second `number` of the test's own clock.
fn operation(number: u64, view: &Id) -> Record {
    let operation = json!({"kind": "test", "description": "", "view": view.to_hex(), "time": number * 1_000_000,
        "author": {"name": "A", "email": ""}, "moves_files": false, "position": number, "redo": []});
    operation.as_object().unwrap().clone()
}

fn hash_of(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// Content that differs by its number and is large enough to count.
pub(crate) fn content(number: u8) -> Vec<u8> {
    let mut bytes = vec![0; 3000];
    Context::Content
        .hasher()
        .update(&[number])
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

use crate::hash::Context;

#[derive(Clone, Debug)]
enum Step {
    Commit(u8, Vec<(u8, Option<u8>)>),
    Delete(u8),
    Stash(u8),
    Collect(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let changes = prop::collection::vec((0..6u8, prop::option::weighted(0.8, 0..8u8)), 1..4);
    prop_oneof![
        5 => (0..3u8, changes).prop_map(|(branch, changes)| Step::Commit(branch, changes)),
        1 => (0..3u8).prop_map(Step::Delete),
        1 => (0..3u8).prop_map(Step::Stash),
        2 => prop_oneof![Just(0u64), Just(3), Just(1000)].prop_map(Step::Collect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn nothing_reachable_is_lost(steps in prop::collection::vec(step(), 1..14)) {
        let mut repository = Repository::new();
        let mut model: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Commit(branch, changes) => {
                    let branch = format!("b{branch}");
                    let changes: BTreeMap<String, Option<Vec<u8>>> = changes.into_iter()
                        .map(|(path, number)| (format!("f{path}"), number.map(content))).collect();
                    let changes: Vec<_> = changes.into_iter().collect();
                    repository.commit(&branch, &changes);
                    let files = model.entry(branch).or_default();
                    for (path, content) in changes {
                        match content {
                            Some(content) => drop(files.insert(path, content)),
                            None => drop(files.remove(&path)),
                        }
                    }
                }
                Step::Delete(branch) => {
                    repository.delete(&format!("b{branch}"));
                    model.remove(&format!("b{branch}"));
                }
                Step::Stash(branch) => {
                    repository.stash(&format!("b{branch}"));
                    model.remove(&format!("b{branch}"));
                }
                Step::Collect(keep) => {
                    repository.collect(keep, false).unwrap();
                    let again = repository.collect(keep, false).unwrap();
                    prop_assert_eq!((again.freed_bytes, again.objects), (0, 0));
                }
            }
        }
        repository.assert_whole(&model);
    }
}

fn one(path: &str, number: u8) -> Vec<(String, Option<Vec<u8>>)> {
    vec![(path.to_string(), Some(content(number)))]
}

#[test]
fn the_empty_table_stays_though_no_view_names_it() {
    let mut repository = Repository::new();
    repository.commit("main", &one("a", 1));
    repository.collect(0, false).unwrap();
    assert!(tree::page_children(&repository.store, &tree::empty_root()).is_ok());
}

#[test]
fn what_nothing_reaches_goes_after_the_grace() {
    let mut repository = Repository::new();
    repository.commit("main", &one("a", 1));
    repository.commit("other", &one("b", 2));
    let dead = crate::hash::digests(&content(2)).content;
    repository.delete("other");
    let kept = repository.collect(1000, false).unwrap();
    assert_eq!((kept.objects, kept.dead_bytes), (0, 0));
    assert!(kept
        .held
        .iter()
        .any(|held| held.holder.kind == HolderKind::Undo && held.bytes >= 3000));
    let foreseen = repository.collect(0, true).unwrap();
    assert!(repository.store.has_content(&dead).unwrap());
    let done = repository.collect(0, false).unwrap();
    assert!(done.freed_bytes >= 3000, "{done:?}");
    assert_eq!(
        (foreseen.freed_bytes, foreseen.objects),
        (done.freed_bytes, done.objects)
    );
    assert!(!repository.store.has_content(&dead).unwrap());
    assert_eq!(
        oplog::oldest(repository.store.control()).unwrap(),
        repository.number
    );
}

#[test]
fn a_session_keeps_what_it_may_rely_on() {
    let mut repository = Repository::new();
    repository.commit("main", &one("a", 1));
    repository.commit("other", &one("b", 2));
    repository.delete("other");
    let session = repository.store.begin().unwrap();
    assert!(!session.put_content(&content(2), "b").unwrap().new);
    let report = repository.collect(0, false).unwrap();
    assert_eq!(report.freed_bytes, 0);
    assert!(report.waiting_bytes >= 3000);
    drop(session);
    // What was found while the session lived is published after it.
    repository.commit("third", &one("c", 2));
    repository.collect(0, false).unwrap();
    let expected = [("main", "a", 1), ("third", "c", 2)].map(|(branch, path, number)| {
        (
            branch.to_string(),
            BTreeMap::from([(path.to_string(), content(number))]),
        )
    });
    repository.assert_whole(&BTreeMap::from(expected));
}

#[test]
fn a_missing_object_stops_the_collector() {
    let mut repository = Repository::new();
    repository.commit("main", &one("a", 1));
    repository.commit("other", &one("b", 2));
    repository.delete("other");
    let data: Vec<_> = repository.store.packs().unwrap();
    let holder = data.iter().find(|pack| {
        let reader = pack.open().unwrap().unwrap();
        reader
            .find(Kind::Blob, &crate::hash::digests(&content(1)).content)
            .is_some()
    });
    repository.store.remove_pack(&holder.unwrap().name).unwrap();
    let before = repository.store.packs().unwrap().len();
    let error = repository.collect(0, false).unwrap_err();
    assert_eq!(error.code, ErrorCode::Integrity);
    assert_eq!(repository.store.packs().unwrap().len(), before);
    assert!(repository
        .store
        .contains(Kind::Commit, &repository.branch("main").unwrap())
        .unwrap());
}
