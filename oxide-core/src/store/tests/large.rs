//! Files of several blocks: what the pipeline stores is what one look at the whole file would give.

use super::*;
use crate::chunk;
use proptest::prelude::*;

const BLOCK: usize = 1 << 20;

/// The lengths of a content's chunks, cut from the whole of it at once.
fn lengths(bytes: &[u8]) -> Vec<u64> {
    let mut rest = bytes;
    let mut lengths = Vec::new();
    while !rest.is_empty() {
        let length = chunk::next_boundary(rest);
        lengths.push(length as u64);
        rest = &rest[length..];
    }
    lengths
}

/// Noise, a table, zeros and a short period, each for as long as `parts` says.
fn mixed(parts: &[(u8, usize)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (place, (kind, length)) in parts.iter().enumerate() {
        match kind {
            0 => bytes.extend(noise(place as u64, *length)),
            1 => bytes.extend(lines(place as u64, *length)),
            2 => bytes.resize(bytes.len() + length, 0),
            _ => bytes.extend((0..*length).map(|at| (at % 251) as u8)),
        }
    }
    bytes
}

fn check(bytes: &[u8]) {
    let place = Place::new();
    let path = place.file("table.raw", bytes);
    let session = place.store.begin().expect("a session");
    let stored = put(&session, &path);
    assert_eq!(stored.digests, hash::digests(bytes));
    assert_eq!(stored.size, bytes.len() as u64);
    assert!(!put(&session, &path).new, "all of it is stored");
    session.flush().expect("flushed");
    let id = &stored.digests.content;
    let chunks = place.store.content_chunks(id).expect("a recipe");
    let found: Vec<u64> = chunks
        .expect("it is stored as chunks")
        .iter()
        .map(|(_, length)| *length)
        .collect();
    assert_eq!(found, lengths(bytes));
    assert_eq!(place.store.content(id).expect("content"), bytes);
    let copy = copied(&place.store, place.folder.path(), id).expect("a copy");
    assert_eq!(copy, bytes);
}

#[test]
fn blocks_that_end_with_the_file_or_with_a_chunk() {
    for length in [BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, 3 * BLOCK + 1] {
        check(&mixed(&[(2, length)]));
        check(&mixed(&[(1, length)]));
    }
}

#[test]
fn more_blocks_than_are_in_memory_at_once() {
    check(&mixed(&[
        (0, 9 * BLOCK),
        (1, 9 * BLOCK),
        (0, 3 * BLOCK + 77),
    ]));
    let place = Place::new();
    let bytes = media(1, 17 * BLOCK + 5);
    let path = place.file("clip.jpg", &bytes);
    let session = place.store.begin().expect("a session");
    let stored = put(&session, &path);
    assert_eq!(stored.digests, hash::digests(&bytes));
    session.flush().expect("flushed");
    let content = place.store.content(&stored.digests.content);
    assert_eq!(content.expect("content"), bytes);
}

#[test]
fn a_file_that_is_given_up_midway_leaves_nothing() {
    for (name, bytes) in [
        ("clip.jpg", media(1, 3 * BLOCK)),
        ("table.raw", noise(1, 3 * BLOCK)),
    ] {
        let place = Place::new();
        let session = place.store.begin().expect("a session");
        let progress = Progress::default();
        // A pipe, so that there is more to read after the wish to stop, however slow the machine is.
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let file = std::fs::File::from(std::os::fd::OwnedFd::from(reader));
        let stored = std::thread::scope(|scope| {
            scope.spawn(|| {
                writer.write_all(&bytes).expect("read");
                while progress.read().bytes_done == 0 {
                    std::thread::yield_now();
                }
                progress.cancel();
                // Nobody may be reading any more.
                let _ = writer.write_all(&bytes);
                drop(writer);
            });
            let stored = session.put_file(&file, Path::new(name), name, &progress);
            drop(file);
            stored
        });
        let error = stored.expect_err("stopped");
        assert_eq!(error.code, ErrorCode::Interrupted, "{name}");
        drop(session);
        for folder in ["tmp", "packs", "objects", "leases"] {
            assert!(place.list(folder).is_empty(), "{name}: {folder}");
        }
        let session = place.store.begin().expect("a session");
        assert!(put(&session, &place.file(name, &bytes)).new, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_file_is_cut_as_if_it_were_in_memory(
        parts in proptest::collection::vec((0u8..4, 1usize..1_500_000), 1..6),
    ) {
        let mut bytes = mixed(&parts);
        if bytes.len() < BLOCK {
            bytes.resize(BLOCK + bytes.len(), 7);
        }
        check(&bytes);
    }
}
