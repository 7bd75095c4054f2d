use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::*;

fn repository() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().to_owned();
    std::fs::create_dir(super::folder(&control)).unwrap();
    (folder, control)
}

fn operation(description: &str) -> Record {
    let value = json!({
        "kind": "commit", "description": description, "view": "ab".repeat(32), "time": 1, "moves_files": false,
        "author": {"name": "A", "email": "a@b"}, "position": 1, "redo": [],
    });
    value.as_object().unwrap().clone()
}

/// Publishes at whatever number is next, as callers do.
fn append(control: &Path, description: &str) -> u64 {
    loop {
        let next = head(control)
            .unwrap()
            .map_or(FIRST, |(number, _)| number + 1);
        if publish(control, next, operation(description)).unwrap() {
            return next;
        }
    }
}

fn assert_chain(control: &Path, first: u64, last: u64) {
    assert_eq!(oldest(control).unwrap(), first);
    assert_eq!(head(control).unwrap().unwrap().0, last);
    let (records, damages) = check_chain(control).unwrap();
    assert!(damages.is_empty(), "{damages:?}");
    let numbers: Vec<u64> = records.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (first..=last).collect::<Vec<u64>>());
}

#[test]
fn golden_operation() {
    let (_folder, control) = repository();
    assert!(publish(&control, 1, operation("first")).unwrap());
    let json = format!(
        "{{\"author\":{{\"email\":\"a@b\",\"name\":\"A\"}},\"description\":\"first\",\"kind\":\"commit\",\
         \"moves_files\":false,\"number\":1,\"position\":1,\"previous\":null,\"redo\":[],\"time\":1,\"view\":\"{}\"}}",
        "ab".repeat(32)
    );
    let file = std::fs::read(loose_path(&control, 1)).unwrap();
    assert_eq!(
        String::from_utf8(file).unwrap(),
        format!("OXOP1\n{GOLDEN}\n{json}")
    );
    let record = read(&control, 1).unwrap();
    assert_eq!(record["id"], GOLDEN);
}

#[test]
fn golden_run() {
    let (_folder, control) = repository();
    let mut expected = b"OXRUN1\n".to_vec();
    for number in 1..=2 {
        assert!(publish(&control, number, operation("one of two")).unwrap());
        let file = std::fs::read(loose_path(&control, number)).unwrap();
        assert!(
            (128..1 << 14).contains(&file.len()),
            "a varint of two bytes"
        );
        expected.extend([file.len() as u8 | 0x80, (file.len() >> 7) as u8]);
        expected.extend(file);
    }
    let listing = Listing::read(&control).unwrap();
    listing.write_run(1, 2).unwrap();
    let path = folder(&control).join("0000000000000001-0000000000000002.run");
    assert_eq!(std::fs::read(path).unwrap(), expected);
}

const GOLDEN: &str = "724c7d0ebc262c0278781cf4578069071c2b876e7822a9bac060882ded9d834a";

#[test]
fn an_empty_chain_has_no_head() {
    let (_folder, control) = repository();
    assert!(head(&control).unwrap().is_none());
    assert_eq!(oldest(&control).unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(read(&control, 1).unwrap_err().code, ErrorCode::NotFound);
    let skipped = publish(&control, 2, operation("a gap"));
    assert_eq!(skipped.unwrap_err().code, ErrorCode::Invalid);
}

#[test]
fn a_taken_number_is_refused_and_an_id_never_hashed() {
    let (_folder, control) = repository();
    assert!(publish(&control, 1, operation("a")).unwrap());
    assert!(!publish(&control, 1, operation("b")).unwrap());
    let again = read(&control, 1).unwrap();
    assert_eq!(again["description"], "a");
    assert!(publish(&control, 2, again.clone()).unwrap());
    let second = read(&control, 2).unwrap();
    assert_eq!(second["previous"], again["id"]);
    assert_ne!(second["id"], again["id"]);
}

#[test]
fn eight_threads_make_one_chain_of_400() {
    let (_folder, control) = repository();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Folding and reading go on all the time: neither may lose or double an operation.
        let helper = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                consolidate(&control).unwrap();
                if let Some((number, _)) = head(&control).unwrap() {
                    read(&control, number / 2 + 1).unwrap();
                }
            }
        });
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let control = &control;
                scope.spawn(move || {
                    for turn in 0..50 {
                        append(control, &format!("{writer}/{turn}"));
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        helper.join().unwrap();
    });
    assert_chain(&control, 1, 400);
    let (records, _) = check_chain(&control).unwrap();
    let mut descriptions: Vec<&str> = records
        .iter()
        .map(|(_, record)| record["description"].as_str().unwrap())
        .collect();
    descriptions.sort_unstable();
    descriptions.dedup();
    assert_eq!(descriptions.len(), 400);
}

/// Lays operations out as publishing would, without its flushes.
fn lay_out(control: &Path, first: u64, last: u64) {
    let mut previous = match first {
        FIRST => Value::Null,
        _ => read(control, first - 1).unwrap()["id"].clone(),
    };
    for number in first..=last {
        let mut record = operation("laid out");
        record.insert("number".into(), number.into());
        record.insert("previous".into(), previous);
        let (id, bytes) = encode(&record).unwrap();
        std::fs::write(loose_path(control, number), bytes).unwrap();
        previous = id.to_hex().into();
    }
}

#[test]
fn thousands_of_operations_leave_few_files() {
    let (_folder, control) = repository();
    let last = 10_000;
    let mut published = 0;
    while published < last {
        let next = (published + 65).min(last);
        lay_out(&control, published + 1, next);
        consolidate(&control).unwrap();
        published = next;
    }
    assert_chain(&control, 1, last);
    let files = std::fs::read_dir(super::folder(&control)).unwrap().count();
    assert!(files < 120, "{files} files");
}

#[test]
fn a_stalled_writer_cannot_bring_back_a_folded_number() {
    let (_folder, control) = repository();
    lay_out(&control, 1, 100);
    consolidate(&control).unwrap();
    assert!(!loose_path(&control, 7).exists());
    // What the writer finds once it has linked its own operation 7.
    let mut late = operation("late");
    late.insert("number".into(), 7.into());
    late.insert("previous".into(), read(&control, 6).unwrap()["id"].clone());
    let (id, bytes) = encode(&late).unwrap();
    std::fs::write(loose_path(&control, 7), bytes).unwrap();
    assert!(!is_in_chain(&control, 7, &id).unwrap());
    assert_eq!(read(&control, 7).unwrap()["description"], "laid out");
    consolidate(&control).unwrap();
    assert_chain(&control, 1, 100);

    drop_before(&control, 90).unwrap();
    assert!(!is_in_chain(&control, 7, &id).unwrap());
    let genuine = Id::from_hex(read(&control, 100).unwrap()["id"].as_str().unwrap()).unwrap();
    assert!(is_in_chain(&control, 100, &genuine).unwrap());
}

#[test]
fn dropping_keeps_the_rest_and_always_the_head() {
    let (_folder, control) = repository();
    lay_out(&control, 1, 150);
    consolidate(&control).unwrap();
    drop_before(&control, 40).unwrap();
    assert_chain(&control, 40, 150);
    assert_eq!(read(&control, 39).unwrap_err().code, ErrorCode::NotFound);
    drop_before(&control, 1_000).unwrap();
    assert_chain(&control, 150, 150);
    assert_eq!(append(&control, "after"), 151);
}

#[test]
fn damaged_files_are_named_with_the_remedy() {
    let (_folder, control) = repository();
    lay_out(&control, 1, 3);
    let path = loose_path(&control, 3);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = head(&control).unwrap_err();
        assert_eq!(error.code, ErrorCode::Integrity);
        assert!(error.message.contains("0000000000000003"));
        assert!(error.hint.contains("fsck --repair"));
    }
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    std::fs::write(&path, flipped).unwrap();
    assert!(head(&control).unwrap_err().message.contains("hash"));
    let (records, damages) = check_chain(&control).unwrap();
    assert_eq!((records.len(), damages.len()), (2, 1));
    assert_eq!(damages[0].number, 3);
}

#[test]
fn a_damaged_run_is_an_error_and_no_panic() {
    let (_folder, control) = repository();
    lay_out(&control, 1, 97);
    consolidate(&control).unwrap();
    let path = Listing::read(&control).unwrap().path_of(1);
    let whole = std::fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(97) {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(read(&control, 65).unwrap_err().code, ErrorCode::Integrity);
    }
    std::fs::write(&path, [RUN_MAGIC, &[0xff; 20]].concat()).unwrap();
    assert_eq!(read(&control, 1).unwrap_err().code, ErrorCode::Integrity);
}
