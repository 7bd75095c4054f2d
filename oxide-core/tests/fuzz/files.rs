//! Whole files, each at its place in a control folder: packs, operations, indexes, the repository file, names, ignore rules.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use oxide_core::hash::Context;
use oxide_core::index::MergedIndex;
use oxide_core::oplog;
use oxide_core::pack::{self, Entry, Group, Kind, PackReader};
use oxide_core::progress::Progress;
use oxide_core::store::{ReadObjects, Store};
use oxide_core::workspace::WorkingCopy;
use oxide_core::{record, ErrorCode, Id};

use crate::run::Scratch;

/// A pack: its index, every record, its layout, and what could be saved of it.
pub fn pack(scratch: &Scratch, bytes: &[u8]) -> bool {
    let path = scratch.put("pack", bytes);
    for group in Group::ALL {
        let salvaged = pack::salvage(&path, group).expect("the file is there");
        let mut seen = HashSet::new();
        for entry in salvaged.entries.iter().chain(&salvaged.lost) {
            assert!(seen.insert((entry.kind, entry.id)), "saved or lost once");
        }
        for entry in &salvaged.entries {
            let stored = salvaged.stored(entry);
            assert_eq!(stored.len(), entry.stored_length as usize);
            assert_eq!(crc32fast::hash(stored), entry.crc);
        }
    }
    let Ok(Some(reader)) = PackReader::open(&path) else {
        return false;
    };
    let entries: Vec<Entry> = reader.entries().collect();
    assert_eq!(entries.len(), reader.len());
    let _ = reader.check_layout();
    for (place, entry) in entries.iter().enumerate() {
        assert_eq!(reader.position(entry.kind, &entry.id), Some(place));
        assert!(reader.entries_from(&entry.id).any(|found| found == *entry));
        let (read, stored) = (reader.read(entry), reader.stored(entry));
        assert!(
            stored.is_ok() || read.is_err(),
            "a wrong checksum is always found"
        );
        if let Ok(read) = read {
            assert_eq!(read.len(), entry.raw_length as usize);
            reader
                .with(entry, |bytes| {
                    assert_eq!(bytes, read);
                    Ok(())
                })
                .expect("it was read");
        }
    }
    // A sound pack loses nothing by being saved.
    let sound = |entry: &Entry| {
        entry.kind == Kind::Blob && {
            reader
                .read(entry)
                .is_ok_and(|bytes| Context::Content.id(&bytes) == entry.id)
        }
    };
    let salvaged = pack::salvage(&path, Group::Data).expect("the file is there");
    for entry in entries.iter().filter(|entry| sound(entry)) {
        assert!(salvaged.entries.contains(entry), "a sound record is lost");
    }
    true
}

/// The number that an operation gives itself, or the first of a run: its file is named so.
fn number_of(bytes: &[u8]) -> u64 {
    let field = b"\"number\":";
    let start = bytes.windows(field.len()).position(|part| part == field);
    let digits = start.map_or(&b""[..], |start| &bytes[start + field.len()..]);
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits
        .take(12)
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// The operations folder with one file, loose or a run.
pub fn operations(scratch: &Scratch, bytes: &[u8]) -> bool {
    let first = number_of(bytes);
    let last = first + 2;
    let name = match bytes.starts_with(b"OXRUN1\n") {
        true => format!(".oxide/operations/{first:016}-{last:016}.run"),
        false => format!(".oxide/operations/{first:016}"),
    };
    let path = scratch.put(&name, bytes);
    let control = scratch.control();
    let mut read = 0;
    for number in first..=last + 1 {
        let Ok(operation) = oplog::read(&control, number) else {
            continue;
        };
        let id = operation["id"].as_str().expect("an id").to_string();
        let mut stored = operation;
        stored.remove("id");
        let bytes = record::to_bytes(&stored).expect("a record");
        assert_eq!(Context::Operation.id(&bytes).to_hex(), id);
        read += 1;
    }
    let _ = (oplog::head(&control), oplog::oldest(&control));
    std::fs::remove_file(path).expect("the file that was put there");
    read > 0
}

/// Base and journal of a stat index, the base led by its length; used as `status` does.
pub fn stat_index(scratch: &Scratch, bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return false;
    };
    let length = (u32::from_le_bytes(*length) as usize).min(rest.len());
    let (base, journal) = rest.split_at(length);
    scratch.put(".oxide/index/stat", base);
    scratch.put(".oxide/index/stat.journal", journal);
    for name in ["images/005.png", "late.txt", "notes.txt"] {
        if !scratch.tree().join(name).exists() {
            scratch.put(name, b"a file");
        }
    }
    let copy = WorkingCopy {
        store: Store::open(&scratch.control()).expect("a store"),
        tree: scratch.tree().to_path_buf(),
    };
    let remembered = copy.remembered().expect("a damaged index is no error");
    let root = remembered.map_or(Id([0; 32]), |(_, root)| root);
    if let Err(error) = copy.status(&root, &Progress::default()) {
        // The table itself is in no pack here, so that a damaged index cannot be built again.
        assert_eq!(error.code, ErrorCode::Integrity, "{error}");
    }
    remembered.is_some()
}

/// The merged index of the packs.
pub fn pack_index(scratch: &Scratch, bytes: &[u8]) -> bool {
    scratch.put(".oxide/index/packs-data", bytes);
    let Some(index) = MergedIndex::open(&scratch.control(), Group::Data) else {
        return false;
    };
    assert!(index.names().iter().map(String::len).sum::<usize>() <= bytes.len());
    for start in (0..bytes.len().saturating_sub(32)).step_by(20) {
        let id: [u8; 32] = bytes[start..start + 32].try_into().expect("32 bytes");
        assert!(index.candidates(&Id(id)).count() <= bytes.len());
    }
    true
}

/// The file that says which format and features the repository needs.
pub fn repository(scratch: &Scratch, bytes: &[u8]) -> bool {
    let control = scratch.tree().join("other");
    scratch.put("other/repository", bytes);
    let Err(error) = Store::open(&control) else {
        return true;
    };
    let known = matches!(error.code, ErrorCode::Integrity | ErrorCode::Unsupported);
    assert!(known && !error.hint.is_empty(), "{error:?}");
    false
}

/// A stray name in each folder whose names have a meaning.
pub fn names(scratch: &Scratch, bytes: &[u8]) -> bool {
    let name: Vec<u8> = bytes
        .iter()
        .map(|byte| {
            if matches!(byte, 0 | b'/') {
                b'_'
            } else {
                *byte
            }
        })
        .take(255)
        .collect();
    if name.is_empty() || name == b"." || name == b".." || name.ends_with(b".lock") {
        return false;
    }
    let control = scratch.control();
    let folders = [
        "leases",
        "tombstones",
        "operations",
        "packs",
        "objects",
        "tmp",
    ];
    let name = Path::new(std::ffi::OsStr::from_bytes(&name));
    let paths = folders.map(|folder| control.join(folder).join(name));
    for path in &paths {
        std::fs::write(path, b"").expect("a file");
    }
    let store = Store::open(&control).expect("a store");
    let _ = store.live_sessions().expect("stray names are no error");
    let _ = store.tombstones().expect("stray names are no error");
    let _ = store.packs().expect("stray names are no error");
    let objects = store.objects().expect("stray names are no error");
    assert!(objects.is_empty());
    let _ = store
        .collect_temporary(std::time::Duration::from_secs(3600))
        .expect("nothing to collect");
    let _ = (oplog::head(&control), oplog::oldest(&control));
    let _ = store
        .contains(Kind::Blob, &Id([1; 32]))
        .expect("stray names are no error");
    for path in &paths {
        let _ = std::fs::remove_file(path);
    }
    true
}

/// An ignore file. Whatever is in it, only a rule can ignore a file.
pub fn ignore_rules(scratch: &Scratch, bytes: &[u8]) -> bool {
    scratch.put(".oxideignore", bytes);
    let copy = WorkingCopy {
        store: Store::open(&scratch.control()).expect("a store"),
        tree: scratch.tree().to_path_buf(),
    };
    let paths = ["a.tmp", "keep.tmp", "build/x", "a/b/c.png", "\u{f7ff}"].map(String::from);
    let found = copy.check_ignore(&paths);
    for (_, file, line, _) in found.into_iter().flatten() {
        assert_eq!(file, ".oxideignore");
        assert!(line <= bytes.len() as u64);
    }
    true
}
