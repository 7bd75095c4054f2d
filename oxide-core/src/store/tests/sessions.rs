//! Sessions side by side: threads, processes' views, merging packs under readers.

use super::*;

#[test]
fn eight_threads_fill_one_session() {
    let place = Place::new();
    let session = place.store.begin().expect("a session");
    let new: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8u64)
            .map(|worker| {
                let session = &session;
                // Neighbours share half of their contents.
                let contents = worker * 100..worker * 100 + 200;
                scope.spawn(move || {
                    contents
                        .filter(|seed| {
                            let bytes = noise(*seed, 100 + (*seed as usize * 37) % 30_000);
                            let put = session.put_content(&bytes, "a.bin").expect("stored");
                            let read = session.read(Kind::Blob, &put.digests.content);
                            assert!(read.expect("read at once") == bytes);
                            put.new
                        })
                        .count()
                })
            })
            .collect();
        let counts = workers.into_iter().map(|worker| worker.join());
        counts.map(|count| count.expect("a worker")).sum()
    });
    assert_eq!(new, 900, "each content is new once");
    session.flush().expect("flushed");
    let store = place.reopened();
    for seed in 0..900u64 {
        let bytes = noise(seed, 100 + (seed as usize * 37) % 30_000);
        let id = hash::digests(&bytes).content;
        assert!(store.content(&id).expect("content") == bytes);
    }
    let entries: usize = store
        .packs()
        .expect("packs")
        .iter()
        .map(|pack| pack.open().expect("open").expect("there").len())
        .sum();
    assert_eq!(entries, 900);
}

#[test]
fn packs_rotate_and_their_records_stay_readable() {
    let place = Place::new();
    let session = place.store.begin().expect("a session");
    let contents: Vec<Vec<u8>> = (0..140).map(|n| noise(n, 1_000_000)).collect();
    let ids: Vec<Id> = contents
        .iter()
        .map(|bytes| {
            session
                .put_content(bytes, "a.bin")
                .expect("stored")
                .digests
                .content
        })
        .collect();
    let check = |objects: &dyn ReadObjects| {
        for (id, bytes) in ids.iter().zip(&contents) {
            assert!(objects.read(Kind::Blob, id).expect("read") == *bytes);
        }
    };
    check(&session);
    assert!(!session.put_content(&contents[0], "").expect("stored").new);
    assert!(place.list("packs").is_empty());
    session.flush().expect("flushed");
    assert_eq!(place.list("packs").len(), 2);
    check(&session);
    check(&place.reopened());
}

/// What is in memory of the records of a pack does not grow with the number of files.
#[test]
fn a_pack_takes_no_more_than_a_quarter_of_a_million_records() {
    let place = Place::new();
    let session = place.store.begin().expect("a session");
    let contents: Vec<[u8; 4]> = (0..(1u32 << 18) + 1).map(u32::to_le_bytes).collect();
    let mut last = None;
    for group in contents.chunks(1_000) {
        let group: Vec<(&[u8], &str)> = group.iter().map(|bytes| (&bytes[..], "a")).collect();
        last = session.put_contents(&group).expect("stored").pop();
    }
    session.flush().expect("flushed");
    let store = place.reopened();
    let lengths = store.packs().expect("packs");
    let mut lengths: Vec<usize> = lengths
        .iter()
        .map(|pack| pack.open().expect("open").expect("there").len())
        .collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [1, 1 << 18]);
    let last = last.expect("the last one").digests.content;
    assert!(store.content(&last).expect("content") == contents[1 << 18]);
}

#[test]
fn a_session_that_is_not_flushed_leaves_nothing() {
    let place = Place::new();
    let session = place.store.begin().expect("a session");
    assert_eq!(place.store.live_sessions().expect("sessions").len(), 1);
    let large = place.file("large.jpg", &media(1, 2 << 20));
    put(&session, &large);
    session.put_content(b"small", "a").expect("stored");
    assert_eq!(place.list("tmp").len(), 2);
    assert_eq!(
        place
            .store
            .collect_temporary(std::time::Duration::from_secs(3600))
            .expect("collected"),
        0
    );
    drop(session);
    assert!(place.list("tmp").is_empty());
    assert!(place.list("leases").is_empty());
    assert!(place.list("packs").is_empty());
    assert!(place.store.live_sessions().expect("sessions").is_empty());
}

#[test]
fn leftovers_of_dead_processes_are_collected() {
    let place = Place::new();
    let control = place.store.control();
    for name in [
        "tmp/data-00-00.pack",
        "tmp/object-1",
        "leases/0000000000000001-1-00000000",
    ] {
        std::fs::write(control.join(name), b"left").expect("left over");
    }
    std::fs::create_dir(control.join("tmp/checkout-1")).expect("left over");
    let session = place.store.begin().expect("a session");
    session.put_content(b"small", "a").expect("stored");
    let held = control.join("tmp/checkout-2");
    std::fs::create_dir(&held).expect("a live one");
    let lock = crate::fsx::try_lock_named(&held).expect("locked");
    let hour = std::time::Duration::from_secs(3600);
    // A live session may own the file of an object; the lock tells of the others.
    let removed = place.store.collect_temporary(hour);
    assert_eq!(removed.expect("collected"), 2);
    assert!(held.exists());
    drop(lock);
    // A process that another test starts shares the lock until it has become its own program.
    let mut removed = 0;
    for _ in 0..200 {
        let collected = place.store.collect_temporary(std::time::Duration::ZERO);
        removed += collected.expect("collected");
        if removed == 2 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(removed, 2);
    assert_eq!(place.list("tmp").len(), 1, "the session's pack stays");
    assert_eq!(place.store.live_sessions().expect("sessions").len(), 1);
    assert_eq!(place.list("leases").len(), 1);
    session.flush().expect("flushed");
}

#[test]
fn two_sessions_at_once_publish_both() {
    let place = Place::new();
    let other = place.reopened();
    let (first, second) = (
        place.store.begin().expect("a session"),
        other.begin().expect("a session"),
    );
    let shared = first.put_content(b"in both sessions", "a").expect("stored");
    assert!(
        second
            .put_content(b"in both sessions", "a")
            .expect("stored")
            .new
    );
    let only = second.put_content(b"in the second", "b").expect("stored");
    second.flush().expect("flushed");
    first.flush().expect("flushed");
    for store in [&place.store, &other] {
        for content in [&shared, &only] {
            assert!(store
                .has_content(&content.digests.content)
                .expect("an answer"));
            store.content(&content.digests.content).expect("content");
        }
    }
    first.put_content(b"after a flush", "c").expect("stored");
    first.flush().expect("flushed again");
    assert_eq!(place.list("packs").len(), 3);
}

#[test]
fn many_small_packs_are_merged_under_open_readers() {
    let place = Place::new();
    let reader = place.reopened();
    let mut ids = Vec::new();
    for n in 0..200u64 {
        let session = place.store.begin().expect("a session");
        let bytes = noise(n, 3_000);
        let id = session
            .put_content(&bytes, "a.bin")
            .expect("stored")
            .digests
            .content;
        session.write(Kind::Commit, &id, &bytes).expect("written");
        session.flush().expect("flushed");
        ids.push(id);
        if n == 20 {
            reader.content(&ids[0]).expect("the reader lists the packs");
        }
        place.store.consolidate().expect("consolidated");
    }
    assert!(place.list("packs").len() < 40, "{:?}", place.list("packs"));
    for store in [&reader, &place.store, &place.reopened()] {
        for (n, id) in ids.iter().enumerate() {
            let bytes = noise(n as u64, 3_000);
            assert_eq!(store.content(id).expect("content"), bytes);
            assert_eq!(store.read(Kind::Commit, id).expect("commit"), bytes);
            assert!(store.contains(Kind::Commit, id).expect("an answer"));
        }
        assert!(!store.contains(Kind::View, &ids[0]).expect("an answer"));
    }
    assert!(place.list("tmp").is_empty());
}

#[test]
fn the_merged_index_is_used_and_not_relied_on() {
    let place = Place::new();
    let mut ids = Vec::new();
    for n in 0..30u64 {
        let session = place.store.begin().expect("a session");
        let bytes = noise(n, 500);
        ids.push(
            session
                .put_content(&bytes, "a")
                .expect("stored")
                .digests
                .content,
        );
        session.flush().expect("flushed");
    }
    place.store.rebuild_index().expect("an index");
    let index = place.store.control().join("index").join("packs-data");
    let all_there = |store: &Store| {
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(store.content(id).expect("content"), noise(n as u64, 500));
        }
        assert!(!store.has_content(&Id([9; 32])).expect("an answer"));
    };
    all_there(&place.reopened());
    let opened = crate::index::MergedIndex::open(place.store.control(), crate::pack::Group::Data);
    let opened = opened.expect("an index");
    assert_eq!(opened.names().len(), 30);
    assert_eq!(opened.candidates(&ids[7]).count(), 1);
    assert_eq!(opened.candidates(&Id([9; 32])).count(), 0);
    // Packs that came and went since.
    let merged = place.list("packs");
    let session = place.store.begin().expect("a session");
    session.put_content(b"later", "a").expect("stored");
    session.flush().expect("flushed");
    place.store.remove_pack(&merged[0]).expect("removed");
    let store = place.reopened();
    assert!(store.content(&ids[0]).is_err());
    assert!(store.content(&ids[1]).is_ok());
    assert!(store
        .has_content(&hash::digests(b"later").content)
        .expect("an answer"));
    // Any damage: the packs' own indexes answer.
    let whole = std::fs::read(&index).expect("the index");
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&index, &bytes).expect("damaged");
        let store = place.reopened();
        assert!(store.content(&ids[at % 29 + 1]).is_ok());
        std::fs::write(&index, &whole[..at]).expect("cut");
        assert!(place.reopened().content(&ids[at % 29 + 1]).is_ok());
    }
}
