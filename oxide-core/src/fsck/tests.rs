use std::fs;
use std::path::PathBuf;

use super::*;
use crate::gc::tests::{content, Repository};
use crate::pack::{Group, PackReader};
use crate::store::ReadObjects;

fn repository() -> Repository {
    let mut repository = Repository::new();
    for number in 0..3 {
        let change = (format!("f{number}"), Some(content(number)));
        repository.commit("main", &[change]);
    }
    repository
}

fn fsck(repository: &Repository, data: bool, repair: bool) -> FsckReport {
    let store = Store::open(repository.store.control()).unwrap();
    check(&store, &FsckRequest { data, repair }, &Progress::default()).unwrap()
}

fn pack_with(repository: &Repository, kind: Kind, id: &Id) -> (PathBuf, usize) {
    let packs = repository.store.packs().unwrap().into_iter();
    let mut found = packs.filter_map(|pack| {
        let entry = pack.open().unwrap()?.find(kind, id)?;
        Some((pack.path().to_owned(), entry.offset as usize))
    });
    found.next().unwrap()
}

#[test]
fn a_sound_repository_has_no_problem() {
    let repository = repository();
    let report = fsck(&repository, true, false);
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(report.checked["operation"], 3);
    assert_eq!(report.checked["commit"], 3);
    assert_eq!(report.checked["content"], 3);
}

#[test]
fn a_lost_footer_is_rebuilt() {
    let repository = repository();
    let commit = repository.branch("main").unwrap();
    let (path, _) = pack_with(&repository, Kind::Commit, &commit);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
    let found = fsck(&repository, true, false);
    assert!(found
        .problems
        .iter()
        .any(|problem| problem.kind == "pack" && !problem.repaired));
    let mended = fsck(&repository, true, true);
    assert!(
        mended.problems.iter().all(|problem| problem.repaired),
        "{:?}",
        mended.problems
    );
    let after = fsck(&repository, true, false);
    assert!(after.problems.is_empty(), "{:?}", after.problems);
}

#[test]
fn a_flipped_bit_in_a_content_names_the_path() {
    let repository = repository();
    let id = crate::hash::digests(&content(1)).content;
    let (path, offset) = pack_with(&repository, Kind::Blob, &id);
    let mut bytes = fs::read(&path).unwrap();
    bytes[offset + 5] ^= 1;
    fs::write(&path, bytes).unwrap();
    let found = fsck(&repository, true, false);
    let problem = found
        .problems
        .iter()
        .find(|problem| problem.problem.contains("'f1'"));
    assert!(
        problem.is_some_and(|problem| problem.object == id.to_hex()),
        "{:?}",
        found.problems
    );
    // Repairing takes the damaged record away, so that adding the file again stores it.
    fsck(&repository, true, true);
    let session = repository.store.begin().unwrap();
    assert!(session.put_content(&content(1), "f1").unwrap().new);
    session.flush().unwrap();
    drop(session);
    let after = fsck(&repository, true, false);
    assert!(after.problems.is_empty(), "{:?}", after.problems);
}

#[test]
fn a_missing_pack_is_named_by_what_needs_it() {
    let repository = repository();
    let commit = repository.branch("main").unwrap();
    let (path, _) = pack_with(&repository, Kind::Commit, &commit);
    fs::remove_file(path).unwrap();
    let found = fsck(&repository, false, false);
    let commits: Vec<_> = found
        .problems
        .iter()
        .filter(|problem| problem.object == commit.to_hex())
        .collect();
    assert!(found
        .problems
        .iter()
        .any(|problem| problem.kind == "view" || problem.kind == "commit"));
    assert!(commits.len() <= 1);
    assert!(found
        .problems
        .iter()
        .all(|problem| !problem.remedy.is_empty()));
}

#[test]
fn a_damaged_head_gives_way_to_the_state_before() {
    let repository = repository();
    let control = repository.store.control();
    let path = control.join("operations").join(format!("{:016}", 3));
    fs::write(&path, b"OXOP1\nhalf").unwrap();
    let found = fsck(&repository, false, false);
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].kind, "operation");
    let mended = fsck(&repository, false, true);
    assert!(mended.problems[0].repaired);
    assert_eq!(crate::oplog::head(control).unwrap().unwrap().0, 2);
    assert!(fsck(&repository, true, false).problems.is_empty());
    assert!(repository
        .store
        .contains(Kind::Commit, &repository.branch("main").unwrap())
        .unwrap());
}

#[test]
fn a_damaged_header_or_record_costs_no_other_record() {
    for damaged in ["header", "payload", "magic", "footer"] {
        let repository = repository();
        let id = crate::hash::digests(&content(1)).content;
        let (path, offset) = pack_with(&repository, Kind::Blob, &id);
        let mut bytes = fs::read(&path).unwrap();
        let count = PackReader::open(&path).unwrap().unwrap().len();
        let place = match damaged {
            "header" => offset - 10,
            "payload" => offset + 5,
            "magic" => 0,
            _ => bytes.len() - 60,
        };
        bytes[place] ^= 1;
        fs::write(&path, bytes).unwrap();
        let found = fsck(&repository, false, false);
        assert!(!found.problems.is_empty(), "{damaged}");
        let mended = fsck(&repository, false, true);
        let lost: Vec<_> = mended.problems.iter().filter(|p| !p.repaired).collect();
        let store = Store::open(repository.store.control()).unwrap();
        let kept = store.packs().unwrap().into_iter();
        let kept = kept.filter(|pack| pack.group == Group::Data);
        let kept: usize = kept.map(|pack| pack.open().unwrap().unwrap().len()).sum();
        let before = 3;
        assert!(count <= before);
        if damaged == "payload" {
            assert!(lost.iter().any(|p| p.object == id.to_hex()), "{lost:?}");
            assert_eq!(kept, before - 1);
        } else {
            assert!(lost.is_empty(), "{damaged}: {lost:?}");
            assert_eq!(kept, before, "{damaged}");
            let after = fsck(&repository, true, false);
            assert!(after.problems.is_empty(), "{:?}", after.problems);
        }
    }
}

#[test]
fn an_empty_pack_is_set_aside() {
    let repository = repository();
    let packs = repository.store.control().join("packs");
    fs::write(packs.join("data-0000000000000001-00000001.pack"), b"").unwrap();
    let found = fsck(&repository, true, false);
    assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
    let mended = fsck(&repository, true, true);
    assert!(mended.problems.iter().all(|problem| problem.repaired));
    assert!(fsck(&repository, true, false).problems.is_empty());
    let damaged = repository.store.control().join("damaged");
    assert_eq!(fs::read_dir(damaged).unwrap().count(), 1);
}

#[test]
fn one_repair_leaves_nothing_for_the_next() {
    for damaged in [&[2][..], &[1], &[3], &[1, 3], &[2, 3]] {
        let repository = repository();
        let operations = repository.store.control().join("operations");
        for number in damaged {
            fs::write(operations.join(format!("{number:016}")), b"OXOP1\nhalf").unwrap();
        }
        let mended = fsck(&repository, true, true);
        assert!(mended.problems.iter().all(|problem| problem.repaired));
        let after = fsck(&repository, true, false);
        assert!(after.problems.is_empty(), "{:?}", after.problems);
    }
}

#[test]
fn a_damaged_index_is_dropped_without_the_others() {
    let repository = repository();
    let index = repository.store.control().join("index");
    let blob = crate::hash::digests(&content(1)).content;
    let (path, _) = pack_with(&repository, Kind::Blob, &blob);
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let none = PackReader::open(&path).unwrap().filter(|_| false);
    crate::index::build(
        repository.store.control(),
        Group::Data,
        none.iter().map(|p| ("", p)),
    )
    .unwrap();
    // An index that covers the pack and leads to none of its records.
    let mut bytes = fs::read(index.join("packs-data")).unwrap();
    bytes[12..16].copy_from_slice(&1u32.to_le_bytes());
    bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
    bytes.extend_from_slice(name.as_bytes());
    let crc = crc32fast::hash(&bytes[12..]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    fs::write(index.join("packs-data"), bytes).unwrap();
    for name in ["tree.lock", "stat.lock"] {
        fs::write(index.join(name), b"stays").unwrap();
    }
    let mended = fsck(&repository, false, true);
    assert_eq!(mended.problems.len(), 1, "{:?}", mended.problems);
    assert!(mended.problems[0].repaired && !index.join("packs-data").exists());
    for name in ["tree.lock", "stat.lock"] {
        assert_eq!(fs::read(index.join(name)).unwrap(), b"stays");
    }
}
