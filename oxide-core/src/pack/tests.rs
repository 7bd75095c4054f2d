//! Packs by themselves: golden bytes, round trips, and damage of every byte.

use super::*;
use crate::codec;
use crate::error::ErrorCode;
use crate::hash::Context;
use proptest::prelude::*;

fn append(writer: &mut PackWriter, kind: Kind, id: Id, bytes: &[u8]) {
    let (encoding, encoded) = codec::encode_record(bytes);
    let stored = encoded.as_deref().unwrap_or(bytes);
    let full = writer.append(&Record {
        kind,
        id,
        encoding,
        raw_length: bytes.len() as u32,
        crc: crc32fast::hash(stored),
        stored,
    });
    if let Some(full) = full.expect("appended") {
        full.write();
    }
}

fn pack(folder: &std::path::Path, records: &[(Kind, Id, Vec<u8>)]) -> std::path::PathBuf {
    let mut writer = PackWriter::create(Group::Meta, folder).expect("a pack");
    for (kind, id, bytes) in records {
        append(&mut writer, *kind, *id, bytes);
    }
    writer.seal().expect("sealed");
    writer.path().to_path_buf()
}

fn open(path: &std::path::Path) -> Result<PackReader> {
    PackReader::open(path).map(|pack| pack.expect("the pack is there"))
}

#[test]
fn golden_bytes_of_a_pack() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = [
        (Kind::View, Id([2; 32]), b"two".to_vec()),
        (Kind::Commit, Id([1; 32]), b"one".to_vec()),
    ];
    let bytes = std::fs::read(pack(folder.path(), &records)).expect("bytes");
    let mut expected = b"OXPACK1\n".to_vec();
    for (kind, id, payload, crc) in [
        (8, [2; 32], b"two", 0x11CA_8A66u32),
        (7, [1; 32], b"one", 0x7A6C_86F1),
    ] {
        expected.extend([kind, 0]);
        expected.extend(id);
        expected.extend([3, 0, 0, 0, 3, 0, 0, 0]);
        expected.extend(crc.to_le_bytes());
        expected.extend(payload);
    }
    let footer = expected.len();
    for (kind, id, offset, crc) in [
        (7, [1; 32], 103u64, 0x7A6C_86F1u32),
        (8, [2; 32], 54, 0x11CA_8A66),
    ] {
        expected.extend(id);
        expected.extend([kind, 0]);
        expected.extend(offset.to_le_bytes());
        expected.extend([3, 0, 0, 0, 3, 0, 0, 0]);
        expected.extend(crc.to_le_bytes());
    }
    let crc = crc32fast::hash(&expected[footer..]);
    expected.extend(2u64.to_le_bytes());
    expected.extend((footer as u64).to_le_bytes());
    expected.extend(crc.to_le_bytes());
    expected.extend([0; 4]);
    expected.extend(b"OXPACKE\n");
    assert_eq!(bytes, expected);
}

#[test]
fn records_spanning_many_buffers_come_back_before_and_after_sealing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = PackWriter::create(Group::Data, folder.path()).expect("a pack");
    let record = |n: u8| (Id([n; 32]), vec![n; 900_000 + usize::from(n)]);
    let mut waiting = Vec::new();
    for n in 0..20 {
        let (id, bytes) = record(n);
        let full = writer.append(&Record {
            kind: Kind::Blob,
            id,
            encoding: Encoding::Raw,
            raw_length: bytes.len() as u32,
            crc: crc32fast::hash(&bytes),
            stored: &bytes,
        });
        waiting.extend(full.expect("appended"));
        // Some buffers are on the disk, some in flight, the last is open.
        if n == 9 {
            for full in waiting.drain(..) {
                full.write();
            }
        }
    }
    for n in 0..20 {
        let (id, bytes) = record(n);
        let entry = *writer.entry(usize::from(n)).expect("an entry");
        assert_eq!(entry.id, id);
        assert!(writer.stored(&entry).expect("stored") == bytes, "{n}");
    }
    waiting.into_iter().for_each(FullBuffer::write);
    writer.seal().expect("sealed");
    let reader = open(writer.path()).expect("open");
    for n in 0..20 {
        let (id, bytes) = record(n);
        let entry = reader.find(Kind::Blob, &id).expect("found");
        assert!(reader.read(&entry).expect("read") == bytes);
    }
    assert!(reader.find(Kind::Recipe, &Id([3; 32])).is_none());
    assert!(reader.find(Kind::Blob, &Id([77; 32])).is_none());
}

#[test]
fn a_pack_that_lacks_a_buffer_is_never_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = PackWriter::create(Group::Data, folder.path()).expect("a pack");
    let bytes = vec![7; 5 << 20];
    let full = writer.append(&Record {
        kind: Kind::Blob,
        id: Id([7; 32]),
        encoding: Encoding::Raw,
        raw_length: bytes.len() as u32,
        crc: crc32fast::hash(&bytes),
        stored: &bytes,
    });
    drop(full.expect("appended").expect("a full buffer"));
    assert!(writer.seal().is_err());
}

fn pages() -> Vec<(Kind, Id, Vec<u8>)> {
    let contents = (0..9u8).map(|n| vec![n; 40 * usize::from(n)]);
    contents
        .map(|bytes| (Kind::Page, Context::Page.id(&bytes), bytes))
        .collect()
}

#[test]
fn a_pack_without_its_footer_is_salvaged_by_its_headers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = pack(folder.path(), &pages());
    let whole = std::fs::read(&path).expect("bytes");
    let cut = whole.len() - TRAILER - 9 * ENTRY;
    for (length, count) in [(cut, 9), (cut - 1, 8), (cut - 200, 5)] {
        std::fs::write(&path, &whole[..length]).expect("cut");
        assert_eq!(open(&path).expect_err("refused").code, ErrorCode::Integrity);
        let salvaged = salvage(&path, Group::Meta).expect("salvaged");
        assert_eq!(salvaged.entries.len(), count);
    }
    std::fs::write(&path, b"").expect("emptied");
    let salvaged = salvage(&path, Group::Meta).expect("salvaged");
    assert!(salvaged.entries.is_empty() && salvaged.lost.is_empty());
}

#[test]
fn a_damaged_header_costs_no_record_or_that_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = pack(folder.path(), &pages());
    let whole = std::fs::read(&path).expect("bytes");
    let footer = whole.len() - TRAILER - 9 * ENTRY;
    let mut entries: Vec<Entry> = open(&path).expect("open").entries().collect();
    entries.sort_by_key(|entry| entry.offset);
    for byte in 0..RECORD_HEADER {
        let mut bytes = whole.clone();
        bytes[entries[4].offset as usize - RECORD_HEADER + byte] ^= 0x55;
        std::fs::write(&path, &bytes).expect("damaged");
        assert!(open(&path).expect("open").check_layout().is_some());
        let salvaged = salvage(&path, Group::Meta).expect("salvaged");
        assert_eq!(salvaged.entries.len(), 9, "through the index");
        std::fs::write(&path, &bytes[..footer]).expect("damaged");
        let salvaged = salvage(&path, Group::Meta).expect("salvaged");
        assert_eq!(salvaged.entries.len(), 8, "without the index");
        for entry in &salvaged.entries {
            assert!(entries.contains(entry));
        }
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = pack(folder.path(), &pages()[..4]);
    let whole = std::fs::read(&path).expect("bytes");
    assert_eq!(open(&path).expect("open").check_layout(), None);
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        std::fs::write(&path, &bytes).expect("damaged");
        if let Ok(reader) = open(&path) {
            let wrong = reader.entries().any(|entry| reader.stored(&entry).is_err());
            assert!(wrong || reader.check_layout().is_some(), "byte {place}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_records_come_back(contents in proptest::collection::btree_map(any::<[u8; 32]>(), proptest::collection::vec(any::<u8>(), 0..300), 0..60)) {
        let folder = tempfile::tempdir().expect("a folder");
        let records: Vec<_> = contents.iter().map(|(id, bytes)| (Kind::List, Id(*id), bytes.clone())).collect();
        let reader = open(&pack(folder.path(), &records)).expect("open");
        prop_assert_eq!(reader.len(), records.len());
        for (kind, id, bytes) in &records {
            let entry = reader.find(*kind, id).expect("found");
            prop_assert_eq!(&reader.read(&entry).expect("read"), bytes);
        }
        let ids: Vec<Id> = reader.entries().map(|entry| entry.id).collect();
        prop_assert!(ids.is_sorted());
    }

    #[test]
    fn flipped_bits_and_cuts_never_give_wrong_bytes(flip in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>()) {
        let folder = tempfile::tempdir().expect("a folder");
        let records: Vec<_> = (0..12u8).map(|n| (Kind::Segment, Id([n; 32]), vec![n; 30 * usize::from(n)])).collect();
        let path = pack(folder.path(), &records);
        let whole = std::fs::read(&path).expect("bytes");
        let mut flipped = whole.clone();
        flipped[flip.index(whole.len())] ^= 1 << bit;
        for bytes in [&flipped[..], &whole[..cut.index(whole.len())]] {
            std::fs::write(&path, bytes).expect("damaged");
            match open(&path) {
                Err(e) => {
                    prop_assert_eq!(e.code, ErrorCode::Integrity);
                    prop_assert!(e.message.contains(&path.display().to_string()));
                }
                Ok(reader) => for (kind, id, bytes) in &records {
                    let entry = reader.find(*kind, id).expect("found");
                    match reader.read(&entry) {
                        Ok(read) => prop_assert_eq!(&read, bytes),
                        Err(e) => prop_assert!(e.message.contains(&id.to_hex()), "{}", e),
                    }
                }
            }
            let _ = salvage(&path, Group::Meta);
        }
    }
}
