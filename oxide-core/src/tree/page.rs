//! Index pages: their bytes, reading them with a check, and the levels above a list of segments.

use std::sync::Arc;

use super::cut::{Cutter, PAGE_TARGET};
use super::Entry;
use crate::counters;
use crate::error::{Error, Result};
use crate::hash::{Context, Id};
use crate::pack::Kind;
use crate::store::{ReadObjects, WriteObjects};
use crate::varint::{self, Reader};

/// Highest level of a page; with two entries a page it would hold 2^32 segments.
const MAXIMUM_LEVEL: u64 = 32;

/// An index page. At level 0 the entries are segments, else pages of the level below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub level: u64,
    pub entries: Vec<Entry>,
}

impl Page {
    pub fn parse(bytes: &[u8]) -> Result<Page> {
        let mut reader = Reader::new("an index page", bytes);
        let level = reader.varint()?;
        if level > MAXIMUM_LEVEL {
            return Err(reader.damaged("its level is too high"));
        }
        let count = reader.varint()?;
        let mut entries: Vec<Entry> = Vec::new();
        for _ in 0..count {
            let last_key = reader.bytes()?.to_vec();
            let rows = reader.varint()?;
            let id = Id(reader.take(32)?.try_into().expect("32 bytes"));
            if entries.last().is_some_and(|last| last.last_key >= last_key) {
                return Err(reader.damaged("keys do not ascend"));
            }
            entries.push(Entry { last_key, rows, id });
        }
        if !reader.is_empty() {
            return Err(reader.damaged("it goes on after its last entry"));
        }
        Ok(Page { level, entries })
    }
}

/// Bytes of a page.
fn page_bytes(level: u64, entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint::write(&mut bytes, level);
    varint::write(&mut bytes, entries.len() as u64);
    for entry in entries {
        varint::write_bytes(&mut bytes, &entry.last_key);
        varint::write(&mut bytes, entry.rows);
        bytes.extend_from_slice(&entry.id.0);
    }
    bytes
}

/// Id of the page without entries: the root of every empty table.
pub fn empty_root() -> Id {
    Context::Page.id(&page_bytes(0, &[]))
}

/// Reads a page and checks that it hashes to `id`.
pub(super) fn read(objects: &dyn ReadObjects, id: &Id) -> Result<Page> {
    if let Some(bytes) = objects.recall(Kind::Page, id) {
        return Page::parse(&bytes);
    }
    counters::TABLE_OBJECTS_READ.add(1);
    let bytes = objects.read(Kind::Page, id)?;
    if Context::Page.id(&bytes) != *id {
        return Err(Error::integrity(format!(
            "index page {id} is damaged: its bytes have another hash"
        )));
    }
    let page = Page::parse(&bytes)
        .map_err(|e| Error::integrity(format!("index page {id}: {}", e.message)))?;
    objects.remember(Kind::Page, id, Arc::new(bytes));
    Ok(page)
}

/// Reads a page below one of `level`.
pub(super) fn read_child(objects: &dyn ReadObjects, level: u64, id: &Id) -> Result<Page> {
    let page = read(objects, id)?;
    if page.level + 1 != level {
        return Err(Error::integrity(format!(
            "index page {id} is of level {} below a page of level {level}",
            page.level
        )));
    }
    Ok(page)
}

/// Stores the pages above these segments, as far as they are new, and returns the root.
pub(super) fn write_levels(objects: &dyn WriteObjects, segments: Vec<Entry>) -> Result<Id> {
    let mut level = 0;
    let mut entries = segments;
    while entries.len() > PAGE_TARGET as usize {
        let mut cutter = Cutter::new(level + 1, PAGE_TARGET);
        let mut above = Vec::new();
        for run in entries.chunk_by(|entry, _| !cutter.push(&entry.last_key)) {
            above.push(Entry {
                last_key: run.last().expect("runs are not empty").last_key.clone(),
                rows: run.iter().map(|entry| entry.rows).sum(),
                id: write_page(objects, level, run)?,
            });
        }
        entries = above;
        level += 1;
    }
    write_page(objects, level, &entries)
}

fn write_page(objects: &dyn WriteObjects, level: u64, entries: &[Entry]) -> Result<Id> {
    let bytes = page_bytes(level, entries);
    let id = Context::Page.id(&bytes);
    if !objects.keeps(Kind::Page, &id)? && objects.write(Kind::Page, &id, &bytes)? {
        counters::PAGES_WRITTEN.add(1);
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_bytes() {
        let entry = Entry {
            last_key: b"k".to_vec(),
            rows: 300,
            id: Id([7; 32]),
        };
        let mut bytes = vec![0, 1, 1, b'k', 0xac, 0x02];
        bytes.extend([7; 32]);
        assert_eq!(page_bytes(0, std::slice::from_ref(&entry)), bytes);
        let page = Page::parse(&bytes).unwrap();
        assert_eq!(page.entries, [entry]);
        assert_eq!(page_bytes(0, &[]), [0, 0]);
        assert_eq!(
            Context::Page.id(&[0, 0]).to_hex(),
            "f6aa4fd7bc4fede32243e5fa346d72f91a28e5bfa1d98a99e964ecd71cf0b573"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_canonical(bytes in proptest::collection::vec(0u8..40, 0..120)) {
            if let Ok(page) = Page::parse(&bytes) {
                prop_assert_eq!(page_bytes(page.level, &page.entries), bytes);
            }
        }
    }
}
