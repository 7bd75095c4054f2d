//! Damaged and missing bytes: an error that names the pack and the object, never wrong bytes.

use super::*;

#[test]
fn damaged_records_are_named_and_others_still_read() {
    let place = Place::new();
    let session = place.store.begin().expect("a session");
    let ids: Vec<Id> = (0..20)
        .map(|n| {
            session
                .put_content(&noise(n, 5_000), "a")
                .expect("stored")
                .digests
                .content
        })
        .collect();
    session.flush().expect("flushed");
    let name = place.list("packs").remove(0);
    let path = place.store.control().join("packs").join(&name);
    let whole = std::fs::read(&path).expect("bytes");
    let mut flipped = whole.clone();
    flipped[8 + 46 + 100] ^= 1;
    std::fs::write(&path, &flipped).expect("damaged");
    let store = place.reopened();
    for error in [
        store.content(&ids[0]).err(),
        copied(&store, place.folder.path(), &ids[0]).err(),
        store.read(Kind::Blob, &ids[0]).err(),
    ] {
        let error = error.expect("refused");
        assert_eq!(error.code, ErrorCode::Integrity);
        assert!(error.message.contains(&name) && error.message.contains(&ids[0].to_hex()));
        assert!(!error.hint.is_empty());
    }
    assert_eq!(store.content(&ids[1]).expect("content"), noise(1, 5_000));
    std::fs::write(&path, &whole[..whole.len() - 10]).expect("cut");
    let error = place.reopened().content(&ids[1]).expect_err("refused");
    assert!(error.message.contains(&name));
    // Storing the content again mends it.
    let session = place.reopened().begin().expect("a session");
    assert!(
        session
            .put_content(&noise(1, 5_000), "a")
            .expect("stored")
            .new
    );
    session.flush().expect("flushed");
    let mended = place.reopened().content(&ids[1]);
    assert_eq!(mended.expect("content"), noise(1, 5_000));
}

#[test]
fn missing_chunks_and_contents_are_named() {
    let place = Place::new();
    let path = place.file("table.csv", &lines(1, 2 << 20));
    let session = place.store.begin().expect("a session");
    let id = put(&session, &path).digests.content;
    session.flush().expect("flushed");
    let store = &place.store;
    let chunks = store
        .content_chunks(&id)
        .expect("an answer")
        .expect("chunks");
    let total: u64 = chunks.iter().map(|(_, length)| length).sum();
    assert_eq!(total, 2 << 20);
    // The same pack without the third chunk.
    let pack = store.packs().expect("packs").remove(0);
    let reader = pack.open().expect("open").expect("there");
    let entries: Vec<_> = reader
        .entries()
        .filter(|entry| entry.id != chunks[2].0)
        .collect();
    let records = entries.into_iter().map(|entry| (reader.clone(), entry));
    store.copy_records(pack.group, records).expect("copied");
    store.remove_pack(&pack.name).expect("removed");
    for error in [
        store.content(&id).expect_err("refused"),
        copied(store, place.folder.path(), &id).expect_err("refused"),
    ] {
        assert_eq!(error.code, ErrorCode::Integrity);
        assert!(error.message.contains(&chunks[2].0.to_hex()), "{error}");
        assert!(error.message.contains(&id.to_hex()), "{error}");
    }
    let error = store.content(&Id([5; 32])).expect_err("refused");
    assert!(error.message.contains("0505"), "{error}");
    // Adding the file again brings the chunk back.
    let session = store.begin().expect("a session");
    assert!(put(&session, &path).new);
    session.flush().expect("flushed");
    let bytes = std::fs::read(&path).expect("a file");
    assert_eq!(store.content(&id).expect("content"), bytes);
}

#[test]
fn a_damaged_pack_stops_only_what_needs_it() {
    let place = Place::new();
    let put = |bytes: &[u8]| {
        let session = place.store.begin().expect("a session");
        let stored = session.put_content(bytes, "a").expect("stored");
        session.flush().expect("flushed");
        stored.digests.content
    };
    let first = put(b"in the damaged pack");
    let name = place.list("packs").remove(0);
    let second = put(b"in the sound pack");
    let path = place.store.control().join("packs").join(&name);
    let whole = std::fs::read(&path).expect("bytes");
    let mut magic = whole.clone();
    magic[0] ^= 1;
    for damaged in [&b""[..], &magic, &whole[..whole.len() - 5]] {
        std::fs::write(&path, damaged).expect("damaged");
        let store = place.reopened();
        let content = store.content(&second).expect("content");
        assert_eq!(content, b"in the sound pack");
        assert!(store.content_chunks(&second).expect("looked").is_none());
        assert!(!store.contains(Kind::Blob, &first).expect("looked"));
        assert!(store.external(&second).expect("looked").is_none());
        let ids = store.find(Kind::Blob, "", 9).expect("found");
        assert_eq!(ids, [second]);
        let error = store.content(&first).expect_err("refused");
        assert_eq!(error.code, ErrorCode::Integrity);
        assert!(error.message.contains(&name), "{}", error.message);
    }
}
