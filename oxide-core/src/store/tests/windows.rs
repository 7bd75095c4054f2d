//! Many contents written to files out of packs that are in memory, that are not, and that are damaged.

use std::io::Read;

use super::*;

/// Puts contents of all sizes and encodings into one session.
fn filled(place: &Place) -> Vec<(Id, Vec<u8>)> {
    let session = place.store.begin().expect("a session");
    let mut stored = Vec::new();
    for seed in 0..400u64 {
        let length = (seed as usize * 997) % 60_000 + usize::from(seed % 50 == 0) * 700_000;
        let bytes = match seed % 3 {
            0 => vec![seed as u8; length],
            _ => noise(seed, length),
        };
        let put = session.put_content(&bytes, "a.bin").expect("stored");
        stored.push((put.digests.content, bytes));
    }
    session.flush().expect("flushed");
    stored
}

/// Has the system forget the packs' pages, as far as it wants to.
fn cool(store: &Store) {
    for pack in store.packs().expect("packs") {
        let file = std::fs::File::open(pack.path()).expect("open");
        file.sync_all().expect("flushed");
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    }
}

fn written(writer: &mut ContentWriter<'_>, place: &Place, id: &Id) -> Result<Vec<u8>> {
    let path = place.folder.path().join("out");
    let file = std::fs::File::create(&path).expect("created");
    writer.copy(id, &file, &path, &Progress::default())?;
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(&path).expect("open");
    file.read_to_end(&mut bytes).expect("read");
    Ok(bytes)
}

#[test]
fn contents_come_out_as_they_went_in_from_the_disk_and_from_memory() {
    let place = Place::new();
    let stored = filled(&place);
    let store = place.reopened();
    for stride in [1, 7, 131] {
        cool(&store);
        let mut writer = ContentWriter::new(&store);
        for at in 0..stored.len() {
            let (id, bytes) = &stored[at * stride % stored.len()];
            assert!(written(&mut writer, &place, id).expect("written") == *bytes);
        }
    }
}

#[test]
fn damage_is_told_as_it_always_is() {
    let place = Place::new();
    let stored = filled(&place);
    let (id, bytes) = &stored[100];
    let pack = place.store.packs().expect("packs")[0].path().to_path_buf();
    let mut packed = std::fs::read(&pack).expect("read");
    let found = packed.windows(64).position(|part| part == &bytes[..64]);
    packed[found.expect("it is stored as it is")] ^= 1;
    std::fs::write(&pack, packed).expect("damaged");
    let store = place.reopened();
    cool(&store);
    let mut writer = ContentWriter::new(&store);
    let failed = written(&mut writer, &place, id).expect_err("damaged");
    assert_eq!(failed.code, crate::error::ErrorCode::Integrity);
    assert!(failed.message.contains("checksum"), "{}", failed.message);
    let (other, bytes) = &stored[101];
    assert!(written(&mut writer, &place, other).expect("written") == *bytes);
}
