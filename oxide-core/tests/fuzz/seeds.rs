//! Seeds from a real repository:
//!
//! ```sh
//! python tests/damage/specimen.py /tmp/specimen
//! OXIDE_FUZZ_FROM=/tmp/specimen/tree/.oxide cargo test --release -p oxide-core --test fuzz -- --ignored make_seeds
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use oxide_core::pack::{Kind, PackReader};
use oxide_core::segment::Segment;
use oxide_core::varint;

use crate::run::corpus;

/// Seeds of one kind.
const EACH: usize = 4;
/// Longest seed.
const LONGEST: usize = 16 << 10;

fn keep(target: &str, name: &str, bytes: &[u8]) {
    let folder = corpus().join(target);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name), bytes).expect("a seed");
}

/// Keeps up to [`EACH`], from the shortest to the longest.
fn keep_some(target: &str, name: &str, mut found: Vec<Vec<u8>>) {
    found.retain(|bytes| bytes.len() <= LONGEST);
    found.sort_by_key(|bytes| (bytes.len(), bytes.clone()));
    found.dedup();
    let chosen: BTreeSet<usize> = (0..EACH.min(found.len()))
        .map(|number| number * (found.len() - 1) / (EACH - 1))
        .collect();
    for (number, place) in chosen.into_iter().enumerate() {
        keep(target, &format!("{name}-{number}"), &found[place]);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let listing = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = listing.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}

#[test]
#[ignore = "makes the corpus"]
fn make_seeds() {
    let control = PathBuf::from(std::env::var("OXIDE_FUZZ_FROM").expect("OXIDE_FUZZ_FROM"));
    let packs = files(&control.join("packs"));
    let readers: Vec<PackReader> = packs
        .iter()
        .map(|path| {
            PackReader::open(path)
                .expect("a sound pack")
                .expect("a pack")
        })
        .collect();
    let of_kind = |kind: Kind| -> Vec<Vec<u8>> {
        let entries = readers.iter().flat_map(|reader| {
            let entries = reader.entries().filter(move |entry| entry.kind == kind);
            entries.map(|entry| reader.read(&entry).expect("a sound record"))
        });
        entries.collect()
    };
    keep_some(
        "pack",
        "pack",
        packs.iter().map(|path| read(path)).collect(),
    );
    keep_some("content", "recipe", of_kind(Kind::Recipe));
    keep_some("external", "place", of_kind(Kind::External));
    keep_some("schema", "schema", of_kind(Kind::Schema));
    keep_some("page", "page", of_kind(Kind::Page));
    for kind in [Kind::Commit, Kind::View, Kind::List, Kind::Schema] {
        keep_some("record", kind.name(), of_kind(kind));
    }
    segments(&of_kind(Kind::Segment), &of_kind(Kind::SegmentDelta));
    payloads(&readers);
    let operations = files(&control.join("operations"));
    let loose = |path: &&PathBuf| path.extension().is_none() && !path.ends_with("lock");
    keep_some(
        "operations",
        "loose",
        operations
            .iter()
            .filter(loose)
            .map(|path| read(path))
            .collect(),
    );
    let member = |path: &PathBuf| {
        let mut bytes = Vec::new();
        varint::write_bytes(&mut bytes, &read(path));
        bytes
    };
    let members: Vec<Vec<u8>> = operations
        .iter()
        .filter(loose)
        .take(3)
        .map(member)
        .collect();
    keep(
        "operations",
        "run",
        &[b"OXRUN1\n".to_vec(), members.concat()].concat(),
    );
    let index = control.join("index");
    let base = read(&index.join("stat"));
    let length = (base.len() as u32).to_le_bytes();
    keep("stat_index", "base", &[&length[..], &base].concat());
    keep(
        "stat_index",
        "both",
        &[&length[..], &base, &read(&index.join("stat.journal"))].concat(),
    );
    for group in ["packs-data", "packs-meta"] {
        keep("pack_index", group, &read(&index.join(group)));
    }
    keep(
        "repository",
        "repository",
        &read(&control.join("repository")),
    );
    keep(
        "repository",
        "feature",
        br#"{"format":2,"optional":[],"required":["other"]}"#,
    );
    for folder in ["leases", "tombstones", "operations", "packs"] {
        let name = files(&control.join(folder)).swap_remove(0);
        let name = name
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        keep("names", folder, name.as_bytes());
    }
    let tree = control.parent().expect("a tree");
    keep("ignore_rules", "rules", &read(&tree.join(".oxideignore")));
    keep(
        "ignore_rules",
        "patterns",
        b"\xef\xbb\xbf# all\n/a/**/c\n[a-z]?.png\n\\!x\n!a/\n{b,c}*\ntrailing \\ \n",
    );
    keep(
        "varint",
        "numbers",
        &[
            0, 3, 1, 2, 3, 0x80, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
        ],
    );
    keep(
        "paths",
        "names",
        b"images/caf\xe9/\xef\x9e\x80 \xcc\x88u.png",
    );
    let column = |kind: u8, nulls: u8| [&[kind, nulls][..], &[0x33; 64]].concat();
    let fitting = [3, 4, 9, 0, 8, 6, 2, 3, 7, 5, 8, 4, 9, 1].map(|kind| column(kind, 0));
    keep("arrow", "fitting", &[&[8][..], &fitting.concat()].concat());
    let sparse =
        [5, 9, 9, 1, 9, 9, 1, 9, 9, 3, 9, 9, 9, 0].map(|kind| column(kind, 5 * (kind % 5 % 2)));
    keep("arrow", "sparse", &[&[4][..], &sparse.concat()].concat());
    // The first two chunks are there: the recipe itself is a seed of another length.
    let recipe = [&b"\x01\x0agear16k-v1"[..], &[1; 32], &[7], &[2; 32], &[7]].concat();
    keep("content", "two-chunks", &recipe);
}

/// A segment and a delta after its length; and single rows.
fn segments(whole: &[Vec<u8>], deltas: &[Vec<u8>]) {
    let small: Vec<&Vec<u8>> = whole
        .iter()
        .filter(|bytes| bytes.len() <= LONGEST)
        .collect();
    let pairs = small
        .iter()
        .zip(deltas.iter().cycle())
        .map(|(base, delta)| {
            let mut bytes = Vec::new();
            varint::write_bytes(&mut bytes, base);
            bytes.extend_from_slice(delta);
            bytes
        });
    keep_some("segment", "pair", pairs.collect());
    for bytes in small {
        let segment = Segment::parse(bytes.clone()).expect("a sound segment");
        let Some((key, value)) = segment.rows().last() else {
            continue;
        };
        for schema in 0..3 {
            let mut row = vec![schema];
            varint::write_bytes(&mut row, key);
            row.extend_from_slice(value);
            let digits = oxide_core::hash::hex(&segment.id().0[..4]);
            keep("rows", &format!("row-{digits}-{schema}"), &row);
        }
    }
}

/// Stored payloads, led by encoding and decoded length.
fn payloads(readers: &[PackReader]) {
    let payloads = readers.iter().flat_map(|reader| {
        reader.entries().map(|entry| {
            let stored = reader.stored(&entry).expect("a sound record");
            [
                &[entry.encoding as u8][..],
                &entry.raw_length.to_le_bytes(),
                stored,
            ]
            .concat()
        })
    });
    let (zstd, raw): (Vec<_>, Vec<_>) = payloads.partition(|payload: &Vec<u8>| payload[0] == 1);
    keep_some("codec", "zstd", zstd);
    keep_some("codec", "raw", raw);
}
