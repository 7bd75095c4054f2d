//! Contents that stay outside the store.

use std::os::unix::ffi::OsStrExt;

use proptest::prelude::*;

use super::*;
use crate::error::ErrorCode;
use crate::fsx;

fn put(place: &Place, path: &Path) -> Id {
    let session = place.store.begin().expect("a session");
    let stored = session.put_external(path, &Progress::default());
    session.flush().expect("a flush");
    stored.expect("a content").0.digests.content
}

#[test]
fn golden_record() {
    let path = Path::new(std::ffi::OsStr::from_bytes(b"/a b/\xc3\xbc%~.mp4"));
    let external = External::of_file(path, 7, -5);
    let golden = r#"{"mtime":-5,"size":7,"uri":"file:///a%20b/%C3%BC%25~.mp4"}"#;
    assert_eq!(external.to_bytes(), golden.as_bytes());
    assert_eq!(Kind::External as u8, 10);
    assert_eq!(Group::of(Kind::External), Group::Data);
}

#[test]
fn damaged_records_are_refused() {
    for text in ["", "[]", "{}", r#"{"mtime":0,"size":-1,"uri":"file:///a"}"#] {
        let error = External::from_bytes(text.as_bytes()).unwrap_err();
        assert_eq!(error.code, ErrorCode::Integrity);
    }
    for uri in [
        "s3://a/b",
        "file://host",
        "file:///a%0",
        "file:///%zz",
        "file:///%00",
    ] {
        let external = External {
            uri: uri.into(),
            size: 0,
            mtime: 0,
        };
        assert_eq!(external.path().unwrap_err().code, ErrorCode::Unsupported);
    }
}

#[test]
fn an_external_content_is_read_where_it_lies() {
    let place = Place::new();
    let bytes = noise(1, 3 << 20);
    let path = place.file("film.mp4", &bytes);
    let id = put(&place, &path);
    assert_eq!(id, hash::digests(&bytes).content);
    let store = place.reopened();
    assert!(store.has_content(&id).unwrap());
    assert!(!store.contains(Kind::Blob, &id).unwrap());
    assert_eq!(store.content(&id).unwrap(), bytes);
    let copy = place.folder.path().join("copy");
    let file = fsx::create_new(&copy).unwrap();
    assert_eq!(
        store
            .copy_content(&id, &file, &copy, &Progress::default())
            .unwrap(),
        3 << 20
    );
    assert_eq!(std::fs::read(&copy).unwrap(), bytes);

    for damage in [&noise(2, 3 << 20)[..], b"short"] {
        std::fs::write(&path, damage).unwrap();
        let error = store.content(&id).unwrap_err();
        assert_eq!(error.code, ErrorCode::Integrity);
        assert!(error.message.contains("film.mp4") && error.message.contains("file://"));
        assert!(store
            .copy_content(&id, &file, &copy, &Progress::default())
            .is_err());
    }
    std::fs::remove_file(&path).unwrap();
    assert!(store
        .content(&id)
        .unwrap_err()
        .message
        .contains("is not there"));

    let session = place.store.begin().unwrap();
    assert!(session.put_content(&bytes, "film.mp4").unwrap().new);
    session.flush().unwrap();
    assert_eq!(place.store.content(&id).unwrap(), bytes);
}

#[test]
fn a_place_that_is_gone_gives_way_to_a_new_one() {
    let place = Place::new();
    let first = place.file("first", b"content");
    let id = put(&place, &first);
    let second = place.file("second", b"content");
    put(&place, &second);
    let recorded = |store: &Store| store.external(&id).unwrap().unwrap().path().unwrap();
    assert_eq!(recorded(&place.store), first, "a good place stays");
    std::fs::remove_file(&first).unwrap();
    put(&place, &second);
    assert_eq!(recorded(&place.reopened()), second);
    assert_eq!(place.store.content(&id).unwrap(), b"content");
    for number in 0..12 {
        let bytes = noise(number, 100);
        put(&place, &place.file(&number.to_string(), &bytes));
        place.store.consolidate().unwrap();
    }
    assert_eq!(recorded(&place.reopened()), second);
}

#[test]
fn pipes_and_folders_are_refused_without_waiting() {
    let place = Place::new();
    let session = place.store.begin().unwrap();
    let pipe = place.folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for path in [&pipe, &place.folder.path().to_path_buf(), &pipe.join("x")] {
        let error = session
            .put_external(path, &Progress::default())
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::Io);
    }
}

proptest! {
    #[test]
    fn any_path_comes_back(names in prop::collection::vec(1u8.., 0..40), size: u64, mtime: i64) {
        let path = [b"/", &names[..]].concat();
        let path = Path::new(std::ffi::OsStr::from_bytes(&path));
        let external = External::of_file(path, size, mtime);
        let read = External::from_bytes(&external.to_bytes()).unwrap();
        prop_assert_eq!(read.path().unwrap(), path);
        prop_assert_eq!(read, external);
    }
}
