//! Segments: golden bytes, deltas and their chains, damage.

use proptest::prelude::*;

use super::delta::Delta;
use super::*;
use crate::store::{MemoryObjects, Store};

fn numbered(count: u32) -> Segment {
    let rows: Vec<_> = (0..count)
        .map(|n| (n.to_be_bytes(), n.to_le_bytes()))
        .collect();
    Segment::from_rows(rows.iter().map(|(key, value)| (&key[..], &value[..]))).unwrap()
}

fn set(number: u32, value: &[u8]) -> Change {
    (number.to_be_bytes().to_vec(), Some(value.to_vec()))
}

#[test]
fn golden_bytes() {
    let segment = Segment::from_rows([(&b"a"[..], &b"x"[..]), (b"bc", b"")]).unwrap();
    assert_eq!(segment.bytes(), b"\x01a\x01x\x02bc\x00");
    assert_eq!(
        segment.id().to_hex(),
        "72d6b5fd7eee606ffaf2afb4e865d6d128d2c738751b4257077ae6afa9906d22"
    );
    assert_eq!(segment.get(b"bc"), Some(&b""[..]));
    assert!(Segment::from_rows([(&b"b"[..], &b""[..]), (b"a", b"")]).is_err());

    let objects = MemoryObjects::default();
    let base = write(&objects, &numbered(100), None).unwrap();
    let changes = [(5u32.to_be_bytes().to_vec(), None), set(7, b"new")];
    let edited = numbered(100).apply(&changes).unwrap();
    let id = write(&objects, &edited, Some((&base, &changes))).unwrap();
    let mut delta = base.0.to_vec();
    delta.extend(b"\x01\x02\x04\x00\x00\x00\x05\x00\x04\x00\x00\x00\x07\x01\x03new");
    assert_eq!(objects.read(Kind::SegmentDelta, &id).unwrap(), delta);
    assert_eq!(read(&objects, &id).unwrap(), edited);
}

#[test]
fn chains_are_short_and_end() {
    let objects = MemoryObjects::default();
    let mut segment = numbered(2_000);
    let mut id = write(&objects, &segment, None).unwrap();
    for step in 1..=260u32 {
        let changes = [set(step * 7 % 2_000, &step.to_be_bytes())];
        segment = segment.apply(&changes).unwrap();
        id = write(&objects, &segment, Some((&id, &changes))).unwrap();
        let records = chain(&objects, &id).unwrap();
        let deltas = records.len() - 1;
        assert!(deltas <= MAXIMUM_CHAIN);
        assert_eq!(deltas, (step % 256).count_ones() as usize, "step {step}");
        assert_eq!(read(&objects, &id).unwrap(), segment);
    }
}

#[test]
fn large_deltas_are_stored_whole() {
    let objects = MemoryObjects::default();
    let base = write(&objects, &numbered(100), None).unwrap();
    let changes: Vec<Change> = (0..30).map(|n| set(n, b"another")).collect();
    let edited = numbered(100).apply(&changes).unwrap();
    let id = write(&objects, &edited, Some((&base, &changes))).unwrap();
    assert!(objects.contains(Kind::Segment, &id).unwrap());
    assert!(!objects.contains(Kind::SegmentDelta, &id).unwrap());
}

#[test]
fn rows_with_another_hash_are_refused() {
    let objects = MemoryObjects::default();
    let id = numbered(3).id();
    assert!(read(&objects, &id).is_err());
    objects
        .write(Kind::Segment, &id, numbered(4).bytes())
        .unwrap();
    assert!(read(&objects, &id)
        .unwrap_err()
        .message
        .contains(&id.to_hex()));

    // Two deltas in a circle.
    let (a, b) = (Id([1; 32]), Id([2; 32]));
    for (id, base) in [(a, b), (b, a)] {
        let delta = Delta {
            base,
            step: 1,
            changes: vec![],
        };
        objects
            .write(Kind::SegmentDelta, &id, &delta.to_bytes())
            .unwrap();
    }
    assert!(read(&objects, &a).is_err());
    assert!(chain(&objects, &a).is_err());
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(
        count in 0..40u32, damage in proptest::collection::vec((0..400usize, any::<u8>()), 0..4), cut in 0..400usize,
    ) {
        let mut bytes = numbered(count).bytes().to_vec();
        for (position, byte) in damage {
            if let Some(at) = bytes.get_mut(position) {
                *at = byte;
            }
        }
        bytes.truncate(cut);
        if let Ok(segment) = Segment::parse(bytes.clone()) {
            let again = Segment::from_rows(segment.rows()).unwrap();
            prop_assert_eq!(again.bytes(), &bytes[..]);
        }
        let _ = Delta::parse(&bytes);
    }

    #[test]
    fn any_changes_apply_and_compose(
        first in proptest::collection::btree_map(0..60u32, proptest::option::of(0..3u8), 0..30),
        second in proptest::collection::btree_map(0..60u32, proptest::option::of(0..3u8), 0..30),
    ) {
        let changes = |map: &std::collections::BTreeMap<u32, Option<u8>>| -> Vec<Change> {
            map.iter().map(|(n, value)| (n.to_be_bytes().to_vec(), value.map(|v| vec![v]))).collect()
        };
        let (first, second) = (changes(&first), changes(&second));
        let base = numbered(40);
        let twice = base.apply(&first).unwrap().apply(&second).unwrap();
        prop_assert_eq!(base.apply(&delta::compose(first, second)).unwrap(), twice);
    }
}

/// The collector may take a base that nothing reaches and leave a delta on it that nothing reaches either.
#[test]
fn a_delta_without_its_base_is_not_relied_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(&folder.path().join(".oxide")).unwrap();
    let session = store.begin().unwrap();
    let base = write(&session, &numbered(1_000), None).unwrap();
    session.flush().unwrap();
    let of_base = store.packs().unwrap();
    let changes = [set(7, b"new")];
    let edited = numbered(1_000).apply(&changes).unwrap();
    let id = write(&session, &edited, Some((&base, &changes))).unwrap();
    session.flush().unwrap();
    assert!(store.contains(Kind::SegmentDelta, &id).unwrap());
    drop(session);
    for pack in of_base {
        store.remove_pack(&pack.name).unwrap();
    }
    let again = Store::open(store.control()).unwrap();
    assert!(read(&again, &id).is_err());
    let session = again.begin().unwrap();
    assert_eq!(write(&session, &edited, None).unwrap(), id);
    session.flush().unwrap();
    assert_eq!(read(&again, &id).unwrap(), edited);
}
