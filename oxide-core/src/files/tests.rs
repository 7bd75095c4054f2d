//! Merging, comparing and replacing files, on small trees that collide often.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::media::{Facts, Real};
use crate::store::{MemoryObjects, ReadObjects, WriteObjects};
use crate::tree;

/// A small tree: path -> (item, content, executable).
type Tree = BTreeMap<String, (u8, u8, bool)>;

fn item(number: u8) -> ItemId {
    ItemId([number; 12])
}

fn file(path: &str, (number, content, executable): (u8, u8, bool)) -> FileRow {
    FileRow {
        path: path.into(),
        content: Id([content; 32]),
        size: u64::from(content),
        item: item(number),
        sha256: [content; 32],
        kind: FileType::File,
        executable,
        facts: None,
    }
}

fn store(objects: &dyn WriteObjects, tree: &Tree) -> FileRoots {
    let mut files: Vec<_> = tree.iter().map(|(p, f)| file(p, *f).encode()).collect();
    files.sort();
    let mut items: Vec<_> = tree
        .values()
        .map(|(number, ..)| {
            let row = ItemRow {
                item: item(*number),
                created: i64::from(*number),
                creator: "me".into(),
            };
            row.encode()
        })
        .collect();
    items.sort();
    FileRoots {
        files: tree::build(objects, files_schema(), &mut files.into_iter()).unwrap(),
        items: tree::build(objects, items_schema(), &mut items.into_iter()).unwrap(),
    }
}

fn load(objects: &dyn ReadObjects, roots: &FileRoots) -> Tree {
    let mut files = Tree::new();
    tree::scan(objects, &roots.files, &[], None, &mut |key, value| {
        let row = FileRow::decode(key, value)?;
        files.insert(row.path, (row.item.0[0], row.content.0[0], row.executable));
        Ok(true)
    })
    .unwrap();
    files
}

/// One item row for each file and the other way round, no item twice, no file where another one needs a folder.
fn check(objects: &dyn ReadObjects, roots: &FileRoots) {
    let mut of_files = Vec::new();
    let mut paths = BTreeSet::new();
    tree::scan(objects, &roots.files, &[], None, &mut |key, value| {
        let row = FileRow::decode(key, value)?;
        of_files.push(row.item);
        paths.insert(row.path);
        Ok(true)
    })
    .unwrap();
    of_files.sort();
    let mut items = Vec::new();
    tree::scan(objects, &roots.items, &[], None, &mut |key, value| {
        items.push(ItemRow::decode(key, value)?.item);
        Ok(true)
    })
    .unwrap();
    assert_eq!(of_files, items);
    for path in &paths {
        assert!(!ancestors(path).any(|folder| paths.contains(folder)));
    }
}

/// What a user does to a tree.
#[derive(Clone, Debug)]
enum Step {
    Put(usize, u8),
    Remove(usize),
    Move(usize, usize),
    Executable(usize),
}

const PATHS: [&str; 7] = ["a", "a/x", "a/y", "b", "b/x", "c", "c/d/e"];

fn any_step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    prop_oneof![
        3 => (path.clone(), 0..3u8).prop_map(|(at, content)| Step::Put(at, content)),
        1 => path.clone().prop_map(Step::Remove),
        2 => (path.clone(), path.clone()).prop_map(|(from, to)| Step::Move(from, to)),
        1 => path.prop_map(Step::Executable),
    ]
}

/// Applies steps; new items are numbered from `next`. Steps that do not fit the tree do nothing.
fn follow(tree: &mut Tree, steps: &[Step], mut next: u8) {
    let free = |tree: &Tree, path: &str| {
        !tree.contains_key(path)
            && !ancestors(path).any(|folder| tree.contains_key(folder))
            && !tree.keys().any(|other| ancestors(other).any(|f| f == path))
    };
    for step in steps {
        match *step {
            Step::Put(at, content) => {
                if free(tree, PATHS[at]) {
                    tree.insert(PATHS[at].into(), (next, content, false));
                    next += 1;
                } else if let Some(file) = tree.get_mut(PATHS[at]) {
                    file.1 = content;
                }
            }
            Step::Remove(at) => drop(tree.remove(PATHS[at])),
            Step::Move(from, to) => {
                if let Some(file) = tree.remove(PATHS[from]) {
                    let to = if free(tree, PATHS[to]) { to } else { from };
                    tree.insert(PATHS[to].into(), file);
                }
            }
            Step::Executable(at) => {
                if let Some(file) = tree.get_mut(PATHS[at]) {
                    file.2 = !file.2;
                }
            }
        }
    }
}

fn trees(base: &[Step], ours: &[Step], theirs: &[Step]) -> (Tree, Tree, Tree) {
    let mut base_tree = Tree::new();
    follow(&mut base_tree, base, 1);
    let (mut our_tree, mut their_tree) = (base_tree.clone(), base_tree.clone());
    follow(&mut our_tree, ours, 50);
    follow(&mut their_tree, theirs, 100);
    (base_tree, our_tree, their_tree)
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any_step(), 0..most)
}

/// A conflict without its name, which each side gives its own way.
fn sides(conflicts: &[FileConflict], swap: bool) -> Vec<String> {
    let mut texts: Vec<String> = conflicts
        .iter()
        .map(|conflict| {
            let (ours, theirs) = if swap {
                (&conflict.theirs, &conflict.ours)
            } else {
                (&conflict.ours, &conflict.theirs)
            };
            format!(
                "{} {:?} {ours:?} {theirs:?}",
                conflict.reason, conflict.base
            )
        })
        .collect();
    texts.sort();
    texts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn merges_are_symmetric_and_leave_a_sound_tree(
        base in steps(8), ours in steps(6), theirs in steps(6),
    ) {
        let objects = MemoryObjects::default();
        let (base, ours, theirs) = trees(&base, &ours, &theirs);
        let [b, o, t] = [&base, &ours, &theirs].map(|tree| store(&objects, tree));
        let there = merge(&objects, &b, &o, &t).unwrap();
        let back = merge(&objects, &b, &t, &o).unwrap();
        prop_assert_eq!(there.roots, back.roots);
        prop_assert_eq!(sides(&there.conflicts, false), sides(&back.conflicts, true));
        prop_assert_eq!(&there.rekeyed, &back.rekeyed);
        check(&objects, &there.roots);

        // What only one side changed arrives, unless it is in conflict.
        let merged = load(&objects, &there.roots);
        if there.conflicts.is_empty() {
            let dropped: BTreeSet<u8> = there.rekeyed.iter().map(|(id, _)| id.0[0]).collect();
            let of = |tree: &Tree| -> BTreeMap<u8, (String, u8, bool)> {
                tree.iter().map(|(path, f)| (f.0, (path.clone(), f.1, f.2))).collect()
            };
            let (base, ours, theirs, merged) = (of(&base), of(&ours), of(&theirs), of(&merged));
            for id in 0..=255u8 {
                let [b, o, t, m] = [&base, &ours, &theirs, &merged].map(|side| side.get(&id));
                if dropped.contains(&id) {
                    prop_assert_eq!(m, None);
                } else if t == b {
                    prop_assert_eq!(m, o);
                } else if o == b {
                    prop_assert_eq!(m, t);
                }
            }
        }
    }

    #[test]
    fn differences_name_each_change_once(base in steps(10), change in steps(8)) {
        let objects = MemoryObjects::default();
        let (base, after, _) = trees(&base, &change, &[]);
        let [a, b] = [&base, &after].map(|tree| store(&objects, tree));
        let changes = diff(&objects, &a.files, &b.files, &[]).unwrap();
        let mut tree = base;
        let gone = changes.removed.iter()
            .chain(changes.modified.iter().map(|(old, _)| old))
            .chain(changes.renamed.iter().map(|(old, _)| old));
        for row in gone {
            prop_assert!(tree.remove(&row.path).is_some());
        }
        let new = changes.added.iter()
            .chain(changes.modified.iter().map(|(_, new)| new))
            .chain(changes.renamed.iter().map(|(_, new)| new));
        for row in new {
            let file = (row.item.0[0], row.content.0[0], row.executable);
            prop_assert!(tree.insert(row.path.clone(), file).is_none());
        }
        prop_assert_eq!(tree, after);
        prop_assert!(changes.renamed.iter().all(|(old, new)| old.item == new.item));
    }

    #[test]
    fn replaced_paths_are_as_in_the_source(
        base in steps(8), ours in steps(6), theirs in steps(6), path in 0..5usize,
    ) {
        let objects = MemoryObjects::default();
        let (_, target, source) = trees(&base, &ours, &theirs);
        let [t, s] = [&target, &source].map(|tree| store(&objects, tree));
        let path = ["a", "b", "c", "a/x", "c/d"][path];
        let replaced = replace(&objects, &t, &s, &[path.into()]).unwrap();
        check(&objects, &replaced);
        let now = load(&objects, &replaced);
        let within = |path_of: &String| crate::paths::is_within(path_of, path);
        let plain = |tree: &Tree| -> BTreeMap<String, (u8, bool)> {
            tree.iter().filter(|(p, _)| within(p)).map(|(p, f)| (p.clone(), (f.1, f.2))).collect()
        };
        prop_assert_eq!(plain(&now), plain(&source));
        for (other, file) in now.iter().filter(|(p, _)| !within(p)) {
            prop_assert_eq!(target.get(other), Some(file));
        }
        let again = replace(&objects, &replaced, &s, &[path.into()]).unwrap();
        prop_assert_eq!(again, replaced);
        prop_assert_eq!(replace(&objects, &t, &s, &[]).unwrap(), s);
    }
}

fn merged(
    base: &[(&str, u8, u8)],
    ours: &[(&str, u8, u8)],
    theirs: &[(&str, u8, u8)],
) -> (Tree, MergedFiles) {
    let objects = MemoryObjects::default();
    let tree = |rows: &[(&str, u8, u8)]| -> Tree {
        rows.iter()
            .map(|(p, i, c)| ((*p).to_owned(), (*i, *c, false)))
            .collect()
    };
    let [b, o, t] = [base, ours, theirs].map(|rows| store(&objects, &tree(rows)));
    let merged = merge(&objects, &b, &o, &t).unwrap();
    check(&objects, &merged.roots);
    (load(&objects, &merged.roots), merged)
}

fn reasons(merged: &MergedFiles) -> Vec<(&str, &str)> {
    merged
        .conflicts
        .iter()
        .map(|c| (c.path.as_str(), c.reason))
        .collect()
}

#[test]
fn a_rename_meets_an_edit() {
    let (tree, result) = merged(&[("a", 1, 1)], &[("b", 1, 1)], &[("a", 1, 2)]);
    assert_eq!(tree, Tree::from([("b".into(), (1, 2, false))]));
    assert!(result.conflicts.is_empty());
}

#[test]
fn what_cannot_be_decided_stays_as_in_the_base() {
    let base = [("a", 1, 1)];
    let kept = Tree::from([("a".into(), (1, 1, false))]);
    for (ours, theirs, conflict) in [
        (vec![("a", 1, 2)], vec![("a", 1, 3)], ("a", "content")),
        (vec![("b", 1, 1)], vec![("c", 1, 1)], ("b", "path")),
        (vec![], vec![("a", 1, 3)], ("a", "removed")),
        (vec![("b", 1, 1)], vec![], ("b", "removed")),
    ] {
        let (tree, result) = merged(&base, &ours, &theirs);
        assert_eq!(tree, kept);
        assert_eq!(reasons(&result), [conflict]);
    }
}

#[test]
fn one_path_added_twice() {
    let (tree, result) = merged(&[], &[("a", 9, 1)], &[("a", 5, 1)]);
    assert_eq!(tree, Tree::from([("a".into(), (5, 1, false))]));
    assert_eq!(result.rekeyed, [(item(9), item(5))]);

    let (tree, result) = merged(&[], &[("a", 9, 1)], &[("a", 5, 2)]);
    assert!(tree.is_empty());
    assert_eq!(reasons(&result), [("a", "added")]);
    let conflict = &result.conflicts[0];
    assert_eq!(conflict.ours.as_ref().unwrap().item, item(9));
    assert_eq!(conflict.theirs.as_ref().unwrap().item, item(5));
}

#[test]
fn a_file_against_a_folder() {
    let (tree, result) = merged(
        &[("z", 1, 1)],
        &[("z", 1, 1), ("a", 9, 1)],
        &[("z", 1, 1), ("a/b", 5, 1)],
    );
    assert_eq!(tree.len(), 1);
    assert_eq!(reasons(&result), [("a", "folder"), ("a/b", "folder")]);
}

#[test]
fn a_taken_back_rename_pushes_out_what_took_its_place() {
    // Ours moves 1 away and puts 9 in its place; theirs moves 1 elsewhere.
    let (tree, result) = merged(&[("a", 1, 1)], &[("b", 1, 1), ("a", 9, 2)], &[("c", 1, 1)]);
    assert_eq!(tree, Tree::from([("a".into(), (1, 1, false))]));
    assert_eq!(reasons(&result), [("a", "added"), ("b", "path")]);
}

#[test]
fn renames_and_paths_in_differences() {
    let objects = MemoryObjects::default();
    let before = Tree::from([("a".into(), (1, 1, false)), ("d/x".into(), (2, 1, false))]);
    let after = Tree::from([("b".into(), (1, 2, false)), ("d/y".into(), (2, 1, false))]);
    let [a, b] = [&before, &after].map(|tree| store(&objects, tree).files);
    let all = diff(&objects, &a, &b, &[]).unwrap();
    assert_eq!(all.renamed.len(), 2);
    let below = diff(&objects, &a, &b, &["d".into(), "b".into()]).unwrap();
    assert_eq!(below.renamed.len(), 1);
    assert_eq!(below.added, [file("b", (1, 2, false))]);
}

#[test]
fn golden_rows() {
    let row = FileRow {
        kind: FileType::Link,
        ..file("d/é", (3, 200, true))
    };
    let (key, value) = row.encode();
    assert_eq!(key, "d/é\0\0".as_bytes());
    let mut expected = vec![0x12, 32];
    expected.extend([200; 32]);
    expected.extend([0x18, 0x90, 0x03, 0x22, 12]);
    expected.extend([3; 12]);
    expected.extend([0x2a, 32]);
    expected.extend([200; 32]);
    expected.extend([0x33, 0x3b]);
    assert_eq!(value, expected);
    assert_eq!(FileRow::decode(&key, &value).unwrap(), row);
    let reference = FileRow {
        kind: FileType::Reference,
        ..row.clone()
    };
    let null_link = [&expected[..expected.len() - 2], &[0x3b]].concat();
    assert_eq!(reference.encode().1, null_link);
    assert_eq!(FileRow::decode(&key, &null_link).unwrap(), reference);
    assert_eq!(FileRow::path_of(&key).unwrap(), "d/é");
    let item = ItemRow {
        item: item(3),
        created: -1,
        creator: "é".repeat(4000),
    };
    let (key, value) = item.encode();
    assert_eq!(
        ItemRow::decode(&key, &value).unwrap().creator,
        "é".repeat(2048)
    );
    assert_eq!(&value[..3], [0x10, 0x01, 0x1a]);
}

fn some_facts() -> Box<Facts> {
    Box::new(Facts {
        version: 1,
        media: Some("video/mp4".into()),
        width: Some(1920),
        height: Some(1080),
        orientation: Some(6),
        channels: Some(3),
        bit_depth: Some(10),
        frames: Some(300),
        fps: Real::new(30.0),
        duration: Real::new(10.0),
        broken: Some("no frames in it".into()),
    })
}

#[test]
fn golden_facts() {
    let row = FileRow {
        facts: Some(some_facts()),
        ..file("a", (3, 1, false))
    };
    let (key, value) = row.encode();
    let plain = file("a", (3, 1, false)).encode().1;
    let mut expected = vec![0x40, 2, 0x4a, 9];
    expected.extend(b"video/mp4");
    expected.extend([
        0x50, 0x80, 0x1e, 0x58, 0xf0, 0x10, 0x60, 12, 0x68, 6, 0x70, 20,
    ]);
    expected.extend([0x78, 0xd8, 0x04]);
    expected.extend([0x81, 0x01, 0, 0, 0, 0, 0, 0, 0x3e, 0x40]);
    expected.extend([0x89, 0x01, 0, 0, 0, 0, 0, 0, 0x24, 0x40]);
    expected.extend([0x92, 0x01, 15]);
    expected.extend(b"no frames in it");
    assert_eq!(value, [plain.clone(), expected].concat());
    assert_eq!(FileRow::decode(&key, &value).unwrap(), row);
    // Facts without a version, and a number that no fact can be.
    for bad in [&[0x50, 2][..], &[0x40, 2, 0x50, 1]] {
        assert!(FileRow::decode(&key, &[&plain[..], bad].concat()).is_err());
    }
}

#[test]
fn schemas_of_files_keep_their_ids() {
    assert!(earlier_files_schema()
        .check_evolution(files_schema())
        .is_ok());
    let earlier = "d1edc778069eb5a20042cc571f8837bd904e8e78c26541d1d2404985377448f7";
    assert_eq!(earlier_files_schema().id().to_hex(), earlier);
    let present = "83592ff87974bcf4ba543ccf763bb0afb786f9fd4487a41e157aeaf900a76c18";
    assert_eq!(files_schema().id().to_hex(), present);
    assert!(is_files_schema(&files_schema().id()) && is_files_schema(&earlier_files_schema().id()));
    assert!(!is_files_schema(&items_schema().id()));
}

/// Facts never stop a merge, and follow the content.
#[test]
fn facts_are_never_in_conflict() {
    let objects = MemoryObjects::default();
    let with = |row: FileRow, version: Option<u32>| FileRow {
        facts: version.map(|version| {
            Box::new(Facts {
                version,
                ..*some_facts()
            })
        }),
        ..row
    };
    let table = |rows: &[FileRow]| {
        let mut files: Vec<_> = rows.iter().map(FileRow::encode).collect();
        files.sort();
        let mut items: Vec<_> = rows
            .iter()
            .map(|row| {
                let (item, creator) = (row.item, "me".into());
                ItemRow {
                    item,
                    created: 0,
                    creator,
                }
                .encode()
            })
            .collect();
        items.sort();
        FileRoots {
            files: tree::build(&objects, files_schema(), &mut files.into_iter()).unwrap(),
            items: tree::build(&objects, items_schema(), &mut items.into_iter()).unwrap(),
        }
    };
    let (old, edited) = (file("a", (1, 1, false)), file("a", (1, 2, false)));
    let (renamed, twin) = (file("b", (1, 1, false)), file("a", (9, 1, false)));
    let one = |row: &FileRow, version| vec![with(row.clone(), version)];
    for (base, ours, theirs, expected) in [
        // Read on both sides by different versions.
        (
            one(&old, None),
            one(&old, Some(1)),
            one(&old, Some(2)),
            one(&old, Some(2)),
        ),
        // Read here, edited or renamed there.
        (
            one(&old, None),
            one(&old, Some(1)),
            one(&edited, None),
            one(&edited, None),
        ),
        (
            one(&old, None),
            one(&old, Some(1)),
            one(&renamed, None),
            one(&renamed, Some(1)),
        ),
        // Read here, removed there.
        (one(&old, None), one(&old, Some(1)), vec![], vec![]),
        // Added on both sides, by versions that know more and less.
        (
            vec![],
            one(&old, None),
            one(&twin, Some(1)),
            one(&old, Some(1)),
        ),
    ] {
        let [base, ours, theirs, expected] =
            [base, ours, theirs, expected].map(|rows| table(&rows));
        let there = merge(&objects, &base, &ours, &theirs).unwrap();
        let back = merge(&objects, &base, &theirs, &ours).unwrap();
        assert_eq!((there.conflicts.len(), back.conflicts.len()), (0, 0));
        assert_eq!(
            (there.roots.files, back.roots.files),
            (expected.files, expected.files)
        );
    }
    let [before, after] = [None, Some(1)].map(|version| table(&one(&old, version)).files);
    let changes = diff(&objects, &before, &after, &[]).unwrap();
    assert_eq!(
        changes,
        FileChanges {
            facts: 1,
            ..FileChanges::default()
        }
    );
}

#[test]
fn rows_written_cell_by_cell_are_those_of_the_schema() {
    use crate::rows::{encode, Value};
    for kind in [FileType::File, FileType::Link, FileType::Reference] {
        let row = FileRow {
            kind,
            size: 300,
            facts: Some(some_facts()),
            ..file("a/b\u{f7ff}.jpg", (3, 7, true))
        };
        let values = [
            Value::Text(row.path.clone()),
            Value::Bytes(row.content.0.to_vec()),
            Value::Int(300),
            Value::Bytes(row.item.0.to_vec()),
            Value::Bytes(row.sha256.to_vec()),
            match kind {
                FileType::File => Value::Bool(false),
                FileType::Link => Value::Bool(true),
                FileType::Reference => Value::Null,
            },
            Value::Bool(true),
            Value::Int(1),
            Value::Text("video/mp4".into()),
            Value::Int(1920),
            Value::Int(1080),
            Value::Int(6),
            Value::Int(3),
            Value::Int(10),
            Value::Int(300),
            Value::Float(30.0),
            Value::Float(10.0),
            Value::Text("no frames in it".into()),
        ];
        let expected = encode(files_schema(), &values).unwrap();
        assert_eq!(row.encode(), (expected.key, expected.value));
    }
}
