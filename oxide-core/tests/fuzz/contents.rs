//! Records of a data pack that say where a content is: recipes, and places outside the store.

use oxide_core::hash::Context;
use oxide_core::pack::Kind;
use oxide_core::store::{External, Store};
use oxide_core::Id;

use crate::run::Scratch;

/// The bytes of a data pack with these records, as they are.
fn pack_of(records: &[(Kind, Id, &[u8])]) -> Vec<u8> {
    let mut bytes = b"OXPACK1\n".to_vec();
    let mut entries: Vec<Vec<u8>> = Vec::new();
    for (kind, id, payload) in records {
        let crc = crc32fast::hash(payload).to_le_bytes();
        let length = (payload.len() as u32).to_le_bytes();
        bytes.extend_from_slice(&[*kind as u8, 0]);
        bytes.extend_from_slice(&id.0);
        bytes.extend_from_slice(&[length, length, crc].concat());
        let offset = (bytes.len() as u64).to_le_bytes();
        bytes.extend_from_slice(payload);
        entries.push(
            [
                &id.0[..],
                &[*kind as u8, 0],
                &offset,
                &length,
                &length,
                &crc,
            ]
            .concat(),
        );
    }
    entries.sort();
    let (footer, entries, count) = (bytes.len() as u64, entries.concat(), records.len() as u64);
    bytes.extend_from_slice(&entries);
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&footer.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&entries).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(b"OXPACKE\n");
    bytes
}

/// A recipe with some of the chunks that it names.
pub fn content(scratch: &Scratch, bytes: &[u8]) -> bool {
    let whole = Id([7; 32]);
    let chunk: &[u8] = b"a chunk";
    let mut records = vec![
        (Kind::Recipe, whole, bytes),
        (Kind::Blob, Context::Content.id(chunk), chunk),
    ];
    // The first two chunks of the recipe are there, whatever their ids are.
    for start in [12, 46] {
        if let Some(id) = bytes.get(start..start + 32) {
            let id = Id(id.try_into().expect("32 bytes"));
            if records.iter().all(|(_, known, _)| *known != id) {
                records.push((Kind::Blob, id, chunk));
            }
        }
    }
    scratch.put(
        ".oxide/packs/data-0000000000000001-00000001.pack",
        &pack_of(&records),
    );
    let store = Store::open(&scratch.control()).expect("a store");
    let chunks = store.content_chunks(&whole);
    let Ok(content) = store.content(&whole) else {
        return false;
    };
    let chunks = chunks.expect("it was read").expect("a recipe");
    let length: u64 = chunks.iter().map(|(_, length)| length).sum();
    assert_eq!(content.len() as u64, length);
    assert_eq!(content.len(), chunks.len() * chunk.len());
    true
}

/// The place of an external file.
pub fn external(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let Ok(place) = External::from_bytes(bytes) else {
        return false;
    };
    assert_eq!(
        External::from_bytes(&place.to_bytes()).expect("its own bytes"),
        place
    );
    if let Ok(path) = place.path() {
        let again = External::of_file(&path, place.size, place.mtime);
        assert_eq!(again.path().expect("a local file"), path);
    }
    true
}
