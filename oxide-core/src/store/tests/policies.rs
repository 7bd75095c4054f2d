//! Every way in which a content is stored gives it back.

use super::*;

#[test]
fn contents_of_every_policy_come_back() {
    let place = Place::new();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("one.txt", b"x".to_vec()),
        ("small.jpg", media(1, 40_000)),
        ("small.csv", lines(2, 60_000)),
        ("just-below.bin", noise(3, (1 << 20) - 1)),
        ("one-mebibyte.bin", noise(4, 1 << 20)),
        ("large.jpg", media(5, (3 << 20) + 17)),
        ("table.csv", lines(6, (5 << 20) + 1)),
        ("zeros.raw", vec![0; 2 << 20]),
        ("archive.tar.gz", noise(7, (2 << 20) + 5)),
    ];
    let session = place.store.begin().expect("a session");
    let mut stored = Vec::new();
    for (name, bytes) in &files {
        let path = place.file(name, bytes);
        let content = put(&session, &path);
        assert_eq!(content.digests, hash::digests(bytes), "{name}");
        assert_eq!(content.size, bytes.len() as u64);
        assert!(content.new, "{name}");
        assert!(!put(&session, &path).new, "{name} is stored once");
        stored.push(content.digests.content);
    }
    let empty = place.reopened();
    for id in &stored {
        assert!(!empty.has_content(id).expect("an answer"), "not published");
    }
    session.flush().expect("flushed");
    for store in [place.store.clone(), place.reopened(), empty] {
        for ((name, bytes), id) in files.iter().zip(&stored) {
            assert!(store.has_content(id).expect("an answer"), "{name}");
            assert_eq!(&store.content(id).expect("content"), bytes, "{name}");
            let copy = copied(&store, place.folder.path(), id).expect("a copy");
            assert_eq!(&copy, bytes, "{name}");
            store.content_order(id).expect("an order");
        }
    }
    let again = place.store.begin().expect("a session");
    for (name, _) in &files {
        assert!(!put(&again, &place.folder.path().join(name)).new, "{name}");
    }
    again.flush().expect("nothing to flush");
    assert_eq!(place.list("packs").len(), 1, "only the first session's");
    assert_eq!(place.store.objects().expect("objects").len(), 1);
    drop((session, again));
    assert!(place.list("tmp").is_empty());
    assert!(place.list("leases").is_empty());
}

#[test]
fn an_edited_table_adds_only_the_chunks_around_the_edits() {
    let place = Place::new();
    let mut bytes = lines(1, 6 << 20);
    let first = place.file("table.csv", &bytes);
    let session = place.store.begin().expect("a session");
    put(&session, &first);
    session.flush().expect("flushed");
    let size = |store: &Store| -> u64 {
        let packs = store.packs().expect("packs");
        let lengths = packs
            .iter()
            .map(|pack| pack.path().metadata().expect("pack"));
        lengths.map(|metadata| metadata.len()).sum()
    };
    let before = size(&place.store);
    bytes.splice(3_000_000..3_000_000, *b"an inserted row,1,2\n");
    bytes[5_000_000] ^= 1;
    let second = place.file("table.csv", &bytes);
    let content = put(&session, &second);
    session.flush().expect("flushed");
    assert!(content.new);
    let grown = size(&place.store) - before;
    assert!(grown < 300_000, "the store grew by {grown} bytes");
    let read = place.reopened().content(&content.digests.content);
    assert_eq!(read.expect("content"), bytes);
}

#[test]
fn records_of_every_kind_come_back_and_are_found_by_prefix() {
    let place = Place::new();
    let session = place.store.begin().expect("a session");
    let kinds = [
        Kind::Segment,
        Kind::SegmentDelta,
        Kind::Page,
        Kind::Schema,
        Kind::Commit,
        Kind::View,
        Kind::List,
    ];
    let id = Id([0xab; 32]);
    for (kind, seed) in kinds.into_iter().zip(0..) {
        let bytes = lines(seed, 10_000);
        assert!(session.write(kind, &id, &bytes).expect("written"));
        assert!(!session.write(kind, &id, &bytes).expect("written"));
        assert_eq!(session.read(kind, &id).expect("unflushed"), bytes);
    }
    assert!(place.store.read(Kind::Commit, &id).is_err());
    session.flush().expect("flushed");
    let store = place.reopened();
    for (kind, seed) in kinds.into_iter().zip(0..) {
        assert_eq!(store.read(kind, &id).expect("read"), lines(seed, 10_000));
        assert_eq!(store.find(kind, "abab", 5).expect("found"), [id]);
        assert_eq!(store.find(kind, "AbA", 5).expect("found"), [id]);
        assert!(store.find(kind, "abb", 5).expect("found").is_empty());
    }
    assert!(store.find(Kind::Commit, "xyz", 5).is_err());
    assert!(store.find(Kind::Blob, "", 5).expect("found").is_empty());
}

#[test]
fn tombstoned_packs_and_objects_are_read_but_not_relied_on() {
    let place = Place::new();
    let paths = [
        place.file("small.txt", &lines(1, 5_000)),
        place.file("table.csv", &lines(2, 2 << 20)),
        place.file("large.jpg", &media(3, 2 << 20)),
    ];
    let first = place.store.begin().expect("a session");
    let ids = paths
        .each_ref()
        .map(|path| put(&first, path).digests.content);
    first.flush().expect("flushed");
    let old: Vec<String> = place.list("packs");
    for name in &old {
        place.store.tombstone(name).expect("a tombstone");
    }
    place
        .store
        .tombstone(&ids[2].to_hex())
        .expect("a tombstone");
    let second = place.store.begin().expect("a session");
    for (path, id) in paths.iter().zip(&ids) {
        assert!(place.store.has_content(id).expect("an answer"));
        assert!(put(&second, path).new, "{path:?} is stored again");
    }
    second.flush().expect("flushed");
    for name in &old {
        place.store.remove_pack(name).expect("removed");
    }
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    assert!(place.store.remove_object(&ids[2], later).expect("removed"));
    for (path, id) in paths.iter().zip(&ids) {
        let bytes = std::fs::read(path).expect("a file");
        assert_eq!(place.store.content(id).expect("content"), bytes);
    }
}

#[test]
fn repositories_of_a_later_version_are_refused_by_name() {
    let place = Place::new();
    let control = place.store.control();
    let again = Store::create(control).err().expect("refused");
    assert_eq!(again.code, ErrorCode::Invalid);
    assert!(again.message.contains("already a repository"));
    let file = control.join("repository");
    let golden = r#"{"format":1,"optional":[],"required":[]}"#;
    assert_eq!(std::fs::read_to_string(&file).expect("text"), golden);
    for (text, code, word) in [
        (
            r#"{"format":2,"optional":[],"required":[]}"#,
            ErrorCode::Unsupported,
            "format 2",
        ),
        (
            r#"{"format":1,"optional":[],"required":["sharding"]}"#,
            ErrorCode::Unsupported,
            "'sharding'",
        ),
        (r#"{"format":1}"#, ErrorCode::Integrity, "required"),
        ("{", ErrorCode::Integrity, "damaged"),
    ] {
        std::fs::write(&file, text).expect("written");
        let error = Store::open(control).err().expect("refused");
        assert_eq!(error.code, code, "{text}");
        assert!(error.message.contains(word), "{}", error.message);
        assert!(!error.hint.is_empty());
    }
    std::fs::write(&file, r#"{"format":1,"optional":["x"],"required":[]}"#).expect("written");
    assert!(Store::open(control).is_ok(), "unknown optional features");
    std::fs::remove_file(&file).expect("removed");
    let error = Store::open(control).err().expect("refused");
    assert_eq!(error.code, ErrorCode::NotARepository);
    assert!(Store::create(control).is_ok(), "an interrupted init");
}

#[test]
fn many_own_files_are_published_at_once() {
    let place = Place::new();
    let session = place.store.begin().expect("a session");
    let mut ids = Vec::new();
    for n in 0..40 {
        let path = place.file("large.jpg", &media(n, 1 << 20));
        ids.push(put(&session, &path).digests.content);
    }
    session.flush().expect("flushed");
    assert!(place.list("packs").is_empty() && place.list("tmp").is_empty());
    assert_eq!(place.store.objects().expect("objects").len(), 40);
    for (n, id) in ids.iter().enumerate() {
        assert!(place.store.content(id).expect("content") == media(n as u64, 1 << 20));
    }
}
