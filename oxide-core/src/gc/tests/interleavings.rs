//! Writers, an undo, readers, a collector and the merging of packs, each with a store of its own as a process has, taking
//! turns step by step as a generated schedule says. After every step everything that the head reaches can be read, and so
//! can whatever a reader has opened.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;

use super::super::{Collection, GcRequest};
use super::{content, operation, put_files, write_commit};
use crate::browse;
use crate::error::ErrorCode;
use crate::files::FileRoots;
use crate::fsck::{self, FsckRequest};
use crate::fsx;
use crate::hash::Id;
use crate::oplog;
use crate::pack::Kind;
use crate::progress::Progress;
use crate::record::{self, Record};
use crate::store::{Lease, Session, Store};
use crate::tree;

/// Branches, their files, and the number of each file's content.
type Model = BTreeMap<String, BTreeMap<String, u8>>;

/// Contents from this number on are large: files of their own and chunks with a recipe.
const LARGE: u8 = 6;

#[derive(Clone, Debug)]
enum Step {
    /// A session begins, and stores contents as it goes on.
    Begin(usize),
    Put(usize, u8, u8, u8),
    Delete(usize, u8),
    /// What the session has changed becomes tables, a commit and a view on the present head, and is flushed.
    Prepare(usize),
    Publish(usize),
    /// The session ends, whatever it has done; as it does when its process dies.
    End(usize),
    /// A session looks up the view before the head, to publish it again.
    Undo(usize),
    Consolidate(usize),
    Open,
    Look,
    Close,
    /// The collector does its next step, or begins: with these seconds of operations kept, at once or after the grace.
    Collect(u64, bool),
    /// The collector dies.
    Die,
    /// Time passes, so that who begins now knows of every tombstone.
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..2_usize;
    prop_oneof![
        4 => who().prop_map(Step::Begin),
        6 => (who(), 0..2u8, 0..4u8, 0..8u8).prop_map(|(who, branch, path, number)| Step::Put(who, branch, path, number)),
        1 => (who(), 0..2u8).prop_map(|(who, branch)| Step::Delete(who, branch)),
        4 => who().prop_map(Step::Prepare),
        6 => who().prop_map(Step::Publish),
        4 => who().prop_map(Step::End),
        2 => who().prop_map(Step::Undo),
        1 => who().prop_map(Step::Consolidate),
        1 => Just(Step::Open),
        1 => Just(Step::Look),
        1 => Just(Step::Close),
        14 => (prop_oneof![3 => Just(0u64), 1 => Just(2)], prop::bool::weighted(0.8))
            .prop_map(|(keep, immediate)| Step::Collect(keep, immediate)),
        1 => Just(Step::Die),
        3 => Just(Step::Wait),
    ]
}

/// A view on its way to be published.
struct Prepared {
    /// Number of the head that it was made from.
    on: u64,
    view: Id,
    model: Model,
}

struct Writer {
    store: Store,
    session: Session,
    /// (branch, path, number of the content); without a path the branch goes.
    changes: Vec<(String, Option<(String, u8)>)>,
    prepared: Option<Prepared>,
    undoes: bool,
}

struct Reader {
    store: Store,
    roots: Vec<(Id, BTreeMap<String, u8>)>,
    _hold: Option<Lease>,
}

/// A collection and how many of its steps are done.
struct Running {
    collection: Collection<'static>,
    done: usize,
}

struct World {
    control: PathBuf,
    /// What each operation that was ever published stands for.
    published: BTreeMap<u64, Model>,
    writers: [Option<Writer>; 2],
    reader: Option<Reader>,
    collector: Option<Running>,
    _folder: tempfile::TempDir,
}

/// The bytes of a content by its number, and a name that decides how they are stored.
fn bytes_of(number: u8) -> (Vec<u8>, &'static str) {
    if number < LARGE {
        return (content(number), "small");
    }
    let length = (1 << 20) + 5000;
    let mut bytes: Vec<u8> = content(number).into_iter().cycle().take(length).collect();
    for (place, block) in bytes.chunks_mut(3000).enumerate() {
        block[..8].copy_from_slice(&(place as u64 * 257 + u64::from(number)).to_le_bytes());
    }
    match number {
        LARGE => {
            bytes[..4].copy_from_slice(&[0xff, 0xd8, 0xff, 0xe0]);
            (bytes, "large.jpg")
        }
        _ => (bytes, "large.csv"),
    }
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let control = folder.path().join(".oxide");
        let store = Store::create(&control).unwrap();
        for number in LARGE..8 {
            let (bytes, name) = bytes_of(number);
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let session = store.begin().unwrap();
        browse::write_builtin_schemas(&session).unwrap();
        tree::empty(&session).unwrap();
        let view = json!({"branches": {}, "tags": {}, "workspaces": {}, "stashes": []});
        let view = record::write(&session, Kind::View, view.as_object().unwrap()).unwrap();
        session.flush().unwrap();
        assert!(oplog::publish(&control, 1, operation(1, &view)).unwrap());
        World {
            control,
            published: BTreeMap::from([(1, Model::new())]),
            writers: [None, None],
            reader: None,
            collector: None,
            _folder: folder,
        }
    }

    fn head(&self) -> (u64, Record) {
        oplog::head(&self.control).unwrap().unwrap()
    }

    fn model(&self) -> &Model {
        &self.published[&self.head().0]
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Begin(who) => self.begin(*who, false),
            Step::Undo(who) => self.begin(*who, true),
            Step::Put(who, branch, path, number) => {
                if let Some(writer) = &mut self.writers[*who] {
                    let (bytes, name) = bytes_of(*number);
                    let folder = self.control.parent().unwrap().join(name);
                    match *number < LARGE {
                        true => drop(writer.session.put_content(&bytes, name).unwrap()),
                        false => {
                            let file = std::fs::File::open(&folder).unwrap();
                            let stored =
                                writer
                                    .session
                                    .put_file(&file, &folder, name, &Progress::default());
                            stored.unwrap();
                        }
                    }
                    let file = (format!("f{path}"), *number);
                    writer.changes.push((format!("b{branch}"), Some(file)));
                    writer.prepared = writer.prepared.take().filter(|_| writer.undoes);
                }
            }
            Step::Delete(who, branch) => {
                if let Some(writer) = &mut self.writers[*who] {
                    writer.changes.push((format!("b{branch}"), None));
                    writer.prepared = writer.prepared.take().filter(|_| writer.undoes);
                }
            }
            Step::Prepare(who) => self.prepare(*who),
            Step::Publish(who) => self.publish(*who),
            Step::End(who) => self.writers[*who] = None,
            Step::Consolidate(who) => {
                if let Some(writer) = &self.writers[*who] {
                    writer.store.consolidate().unwrap();
                }
            }
            Step::Open => self.open(),
            Step::Look => self.reader.iter().for_each(Reader::look),
            Step::Close => self.reader = None,
            Step::Collect(keep, immediate) => self.collect(*keep, *immediate),
            Step::Die => self.collector = None,
            Step::Wait => std::thread::sleep(std::time::Duration::from_millis(25)),
        }
    }

    /// The lease comes first, then the look at the head: as every verb does it.
    fn begin(&mut self, who: usize, undoes: bool) {
        if self.writers[who].is_some() {
            return;
        }
        let store = Store::open(&self.control).unwrap();
        let session = store.begin().unwrap();
        let mut prepared = None;
        if undoes {
            let (on, _) = self.head();
            match oplog::read(&self.control, on.saturating_sub(1)) {
                Ok(before) => {
                    let view = Id::from_hex(before["view"].as_str().unwrap()).unwrap();
                    record::read(&store, Kind::View, &view).unwrap();
                    let model = self.published[&(on - 1)].clone();
                    prepared = Some(Prepared { on, view, model });
                }
                Err(error) => assert_eq!(error.code, ErrorCode::NotFound),
            }
        }
        self.writers[who] = Some(Writer {
            store,
            session,
            changes: Vec::new(),
            prepared,
            undoes,
        });
    }

    fn prepare(&mut self, who: usize) {
        let (on, head) = self.head();
        let mut model = self.published[&on].clone();
        let Some(writer) = self.writers[who].as_mut().filter(|writer| !writer.undoes) else {
            return;
        };
        let view = Id::from_hex(head["view"].as_str().unwrap()).unwrap();
        let mut view = record::read(&writer.store, Kind::View, &view).unwrap();
        for (branch, change) in &writer.changes {
            let Some((path, number)) = change else {
                model.remove(branch);
                view["branches"].as_object_mut().unwrap().remove(branch);
                continue;
            };
            let parent = view["branches"].get(branch).and_then(|id| id.as_str());
            let parent = parent.map(|id| Id::from_hex(id).unwrap());
            let roots = roots_of(&writer.session, parent);
            let (bytes, name) = bytes_of(*number);
            let roots = match *number < LARGE {
                true => put_files(&writer.session, &roots, &[(path.clone(), Some(bytes))]),
                false => {
                    // Its row stands for what was stored before, of whatever size.
                    let file = self.control.parent().unwrap().join(name);
                    put_large(&writer.session, &roots, path, &file, name)
                }
            };
            let parents: Vec<Id> = parent.into_iter().collect();
            let commit = write_commit(&writer.session, &roots, &parents, on);
            view["branches"][branch] = commit.to_hex().into();
            let files = model.entry(branch.clone()).or_default();
            files.insert(path.clone(), *number);
        }
        let view = record::write(&writer.session, Kind::View, &view).unwrap();
        writer.session.flush().unwrap();
        writer.prepared = Some(Prepared { on, view, model });
    }

    /// The loser of a race applies its change to what the winner made; an undo gives up.
    fn publish(&mut self, who: usize) {
        let head = self.head().0;
        let stale = |prepared: &Prepared| prepared.on != head;
        let undoes = self.writers[who]
            .as_ref()
            .is_some_and(|writer| writer.undoes);
        let prepared = |world: &World| {
            let writer = world.writers[who].as_ref()?;
            writer.prepared.as_ref().map(&stale)
        };
        match prepared(self) {
            None => return,
            Some(true) if undoes => return self.writers[who] = None,
            Some(true) => self.prepare(who),
            Some(false) => {}
        }
        let Some(writer) = self.writers[who].as_mut() else {
            return;
        };
        if let Some(prepared) = writer.prepared.take() {
            writer.session.flush().unwrap();
            let number = prepared.on + 1;
            let published =
                oplog::publish(&self.control, number, operation(number, &prepared.view));
            assert!(published.unwrap());
            self.published.insert(number, prepared.model);
            writer.changes.clear();
        }
    }

    fn open(&mut self) {
        let store = Store::open(&self.control).unwrap();
        let hold = store.hold();
        let (number, head) = self.head();
        let roots = branch_roots(&store, &head);
        let model = self.published[&number].clone();
        let roots = roots
            .into_iter()
            .map(|(branch, root)| (root, model[&branch].clone()));
        self.reader = Some(Reader {
            roots: roots.collect(),
            store,
            _hold: hold,
        });
    }

    fn collect(&mut self, keep_seconds: u64, immediate: bool) {
        let Some(running) = &mut self.collector else {
            // What lives as long as the test needs no owner.
            let store: &'static Store = Box::leak(Box::new(Store::open(&self.control).unwrap()));
            let request: &'static GcRequest = Box::leak(Box::new(GcRequest {
                keep_seconds,
                now: self.head().0,
                immediate,
                dry_run: false,
            }));
            let progress: &'static Progress = Box::leak(Box::default());
            let Some(lock) = store.try_lock_packs().unwrap() else {
                return;
            };
            let begun = Collection::begin(store, request, progress, Some(lock)).unwrap();
            self.collector = begun.map(|collection| Running {
                collection,
                done: 0,
            });
            return;
        };
        let collection = &mut running.collection;
        running.done += 1;
        match running.done {
            1 => collection.forget().unwrap(),
            2 => collection.bury().unwrap(),
            3 => collection.ripen().unwrap(),
            4 => collection.mark_again().unwrap(),
            5 => collection.remove().unwrap(),
            _ => {
                let running = self.collector.take().unwrap();
                running.collection.finish().unwrap();
            }
        }
    }

    /// What a process that begins now finds.
    fn check(&self) {
        let store = Store::open(&self.control).unwrap();
        let (_, head) = self.head();
        let model = self.model();
        let roots = branch_roots(&store, &head);
        assert!(roots.keys().eq(model.keys()));
        for (branch, root) in &roots {
            assert_reads(&store, root, &model[branch]);
        }
    }
}

impl Reader {
    fn look(&self) {
        for (root, files) in &self.roots {
            assert_reads(&self.store, root, files);
        }
    }
}

fn roots_of(session: &Session, commit: Option<Id>) -> FileRoots {
    let Some(commit) = commit else {
        let empty = tree::empty_root();
        return FileRoots {
            files: empty,
            items: empty,
        };
    };
    let commit = record::read(session, Kind::Commit, &commit).unwrap();
    let tables = record::commit_links(&commit).unwrap().tables;
    FileRoots {
        files: tables["files"].1,
        items: tables["items"].1,
    }
}

fn put_large(
    session: &Session,
    roots: &FileRoots,
    path: &str,
    file: &std::path::Path,
    name: &str,
) -> FileRoots {
    let open = std::fs::File::open(file).unwrap();
    let stored = session
        .put_file(&open, file, name, &Progress::default())
        .unwrap();
    super::set_file(session, roots, path, &stored)
}

fn branch_roots(store: &Store, operation: &Record) -> BTreeMap<String, Id> {
    let view = Id::from_hex(operation["view"].as_str().unwrap()).unwrap();
    let view = record::read(store, Kind::View, &view).unwrap();
    let branches = view["branches"].as_object().unwrap().iter();
    let root = |commit: &serde_json::Value| {
        let commit = Id::from_hex(commit.as_str().unwrap()).unwrap();
        let commit = record::read(store, Kind::Commit, &commit).unwrap();
        record::commit_links(&commit).unwrap().tables["files"].1
    };
    branches
        .map(|(name, commit)| (name.clone(), root(commit)))
        .collect()
}

fn assert_reads(store: &Store, root: &Id, files: &BTreeMap<String, u8>) {
    let rows = browse::file_rows(store, root, &[]).unwrap();
    assert!(rows.iter().map(|row| &row.path).eq(files.keys()));
    for row in rows {
        let found = store.content(&row.content).unwrap();
        assert!(
            found == bytes_of(files[&row.path]).0,
            "{} is another",
            row.path
        );
    }
}

/// How many schedules; `PROPTEST_CASES` for longer runs by hand.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]
    #[test]
    fn no_interleaving_loses_anything(steps in prop::collection::vec(step(), 20..90)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
        world.reader.iter().for_each(Reader::look);
        world.collector = None;
        world.writers = [None, None];
        world.reader = None;
        // With nobody left everything dead goes, and nothing is left behind.
        let store = Store::open(&world.control).unwrap();
        let request = GcRequest { keep_seconds: 0, now: world.head().0, immediate: true, dry_run: false };
        super::super::collect(&store, &request, &Progress::default()).unwrap();
        let again = super::super::collect(&store, &request, &Progress::default()).unwrap();
        prop_assert_eq!((again.dead_bytes, again.waiting_bytes), (0, 0));
        world.check();
        let report = fsck::check(&store, &FsckRequest { data: true, repair: false }, &Progress::default()).unwrap();
        prop_assert!(report.problems.is_empty(), "{:?}", report.problems);
        for folder in ["tmp", "tombstones"] {
            prop_assert_eq!(std::fs::read_dir(world.control.join(folder)).unwrap().count(), 0);
        }
        prop_assert!(fsx::try_lock(&world.control.join("leases/consolidate.lock")).unwrap().is_some());
    }
}
