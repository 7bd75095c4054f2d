//! Headers of pictures and videos.

use std::cell::Cell;
use std::io;

use oxide_core::files::{FileRow, FileType, ItemId};
use oxide_core::hash::Context;
use oxide_core::media::{self, ReadAt};

use crate::run::Scratch;

/// A file that can be read at positions, and how often it was.
struct Counted<'a> {
    bytes: &'a [u8],
    reads: Cell<u32>,
}

impl ReadAt for Counted<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.reads.set(self.reads.get() + 1);
        let rest = self.bytes.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

/// Facts of a picture or video: the same from memory and from positions, and a row that holds them comes back.
pub fn media(_scratch: &Scratch, bytes: &[u8]) -> bool {
    let facts = media::of_bytes(bytes);
    let counted = Counted {
        bytes,
        reads: Cell::new(0),
    };
    let read = media::of_source(&counted, bytes.len() as u64);
    assert_eq!(read.expect("reading does not fail"), facts);
    assert!(counted.reads.get() <= 600);
    // A file that is shorter than it was when it was looked up.
    let longer = media::of_source(&counted, bytes.len() as u64 + 1000);
    let _ = longer.expect("reading does not fail");
    let Some(facts) = facts else {
        return false;
    };
    assert!(facts
        .orientation
        .is_none_or(|number| (1..=8).contains(&number)));
    assert!(facts.width != Some(0) && facts.height != Some(0));
    let id = Context::Content.id(bytes);
    let row = FileRow {
        path: "a".into(),
        content: id,
        size: bytes.len() as u64,
        item: ItemId([1; 12]),
        sha256: [2; 32],
        kind: FileType::File,
        executable: false,
        facts: Some(Box::new(facts)),
    };
    let (key, value) = row.encode();
    assert_eq!(FileRow::decode(&key, &value).expect("its own bytes"), row);
    true
}
