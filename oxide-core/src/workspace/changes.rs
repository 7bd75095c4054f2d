//! Files before and after, many of them in little memory: all paths in one block, all records in one list. Sorted by folder
//! and name, as the stat index is; a second order is that of the keys of `files`.

use super::disk;
use super::known_facts::KnownFacts;
use super::stat_index::Record;
use crate::error::Result;
use crate::files::FileRow;
use crate::hash::Id;
use crate::media::Facts;
use crate::paths;
use crate::store::ReadObjects;
use crate::tree;

/// Files that differ, or were only looked at.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    paths: Vec<u8>,
    places: Vec<Place>,
    records: Vec<Record>,
    by_key: Vec<u32>,
    facts: KnownFacts,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    length: u32,
    /// Length of the folder's path.
    folder: u32,
    before: Option<Position>,
    after: Option<Position>,
}

/// Position among the records, counted from 1 so that "none" takes no room.
type Position = std::num::NonZeroU32;

/// One file before and after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileChange<'a> {
    pub(crate) path: &'a [u8],
    folder: usize,
    pub(crate) before: Option<&'a Record>,
    pub(crate) after: Option<&'a Record>,
}

impl<'a> FileChange<'a> {
    pub(crate) fn folder(&self) -> &'a [u8] {
        &self.path[..self.folder]
    }

    pub(crate) fn name(&self) -> &'a [u8] {
        match self.folder {
            0 => self.path,
            folder => &self.path[folder + 1..],
        }
    }

    /// Whether its row changes: a file that was only read again, or whose item stayed, has the same. What is known of its
    /// media follows from the content.
    pub(crate) fn is_change(&self) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) => !before.same_file(after) || before.item != after.item,
            _ => true,
        }
    }

    /// Its path as text.
    pub(crate) fn text(&self) -> String {
        paths::to_text(self.path)
    }
}

impl Changes {
    /// With room for this many files, whose paths have this many bytes together.
    pub(crate) fn with_capacity(files: usize, bytes: usize) -> Changes {
        Changes {
            paths: Vec::with_capacity(bytes),
            places: Vec::with_capacity(files),
            ..Changes::default()
        }
    }

    /// Takes over records that [`Changes::push_known`] refers to, with the facts that they refer to.
    pub(crate) fn set_records(&mut self, records: Vec<Record>, facts: KnownFacts) {
        self.records = records;
        self.facts = facts;
    }

    /// A row as a record that has its facts among those of these changes.
    pub(crate) fn record_of(&mut self, row: &FileRow) -> Record {
        let facts = row.facts.as_deref().cloned();
        Record {
            facts: facts.and_then(|facts| self.facts.keep(facts)),
            ..Record::unseen(row)
        }
    }

    /// The row of one of these records.
    pub(crate) fn row(&self, path: &[u8], record: &Record) -> FileRow {
        FileRow {
            facts: self.facts(record).cloned().map(Box::new),
            ..record.row(path)
        }
    }

    /// The facts of one of these records.
    pub(crate) fn facts(&self, record: &Record) -> Option<&Facts> {
        self.facts.get(record.facts)
    }

    /// Adds a file. The last one of a path counts.
    pub(crate) fn push(&mut self, path: &[u8], before: Option<&Record>, after: Option<&Record>) {
        let [before, after] = [before, after].map(|record| self.keep(record));
        let folder = disk::split(path).0.len();
        self.place(path.len(), folder, before, after);
        self.paths.extend_from_slice(path);
    }

    /// Adds a file whose record after is among the records already; it takes the item of the one before.
    pub(crate) fn push_known(
        &mut self,
        folder: &[u8],
        name: &[u8],
        before: Option<&Record>,
        after: usize,
    ) {
        if let Some(before) = before {
            self.records[after].item = before.item;
        }
        let before = self.keep(before);
        let separator = usize::from(!folder.is_empty());
        let after = Position::new(after as u32 + 1);
        self.place(
            folder.len() + separator + name.len(),
            folder.len(),
            before,
            after,
        );
        self.paths.extend_from_slice(folder);
        self.paths.extend_from_slice(&b"/"[..separator]);
        self.paths.extend_from_slice(name);
    }

    fn keep(&mut self, record: Option<&Record>) -> Option<Position> {
        self.records.push(*record?);
        Position::new(self.records.len() as u32)
    }

    fn place(
        &mut self,
        length: usize,
        folder: usize,
        before: Option<Position>,
        after: Option<Position>,
    ) {
        self.places.push(Place {
            start: self.paths.len(),
            length: length as u32,
            folder: folder as u32,
            before,
            after,
        });
    }

    /// Brings both orders about; to be called when all is added.
    pub(crate) fn sort(&mut self) {
        let paths = &self.paths;
        let path = |place: &Place| &paths[place.start..place.start + place.length as usize];
        fn parts<'a>(place: &Place, path: &'a [u8]) -> (&'a [u8], &'a [u8]) {
            let folder = place.folder as usize;
            (&path[..folder], &path[folder..])
        }
        // Stable, so the last change of a path is the last of its run; swapping keeps it.
        self.places
            .sort_by(|a, b| parts(a, path(a)).cmp(&parts(b, path(b))));
        self.places.dedup_by(|later, kept| {
            let same = path(later) == path(kept);
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        let mut by_key: Vec<u32> = (0..self.places.len() as u32).collect();
        let path_of = |index: &u32| path(&self.places[*index as usize]);
        // Most paths are text as they are.
        let plain = |path: &[u8]| path.is_ascii() || paths::to_text(path).as_bytes() == path;
        if by_key.iter().all(|index| plain(path_of(index))) {
            by_key.sort_by(|a, b| path_of(a).cmp(path_of(b)));
        } else {
            by_key.sort_by_cached_key(|index| paths::to_text(path_of(index)));
        }
        self.by_key = by_key;
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    fn get(&self, index: usize) -> FileChange<'_> {
        let place = &self.places[index];
        let record = |position: Option<Position>| {
            position.map(|position| &self.records[position.get() as usize - 1])
        };
        FileChange {
            path: &self.paths[place.start..place.start + place.length as usize],
            folder: place.folder as usize,
            before: record(place.before),
            after: record(place.after),
        }
    }

    /// By folder and name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = FileChange<'_>> {
        (0..self.places.len()).map(|index| self.get(index))
    }

    /// By the key of the row, which is the order of the paths as text.
    pub(crate) fn by_key(&self) -> impl Iterator<Item = FileChange<'_>> {
        self.by_key.iter().map(|index| self.get(*index as usize))
    }

    /// One file, once all is sorted.
    pub(crate) fn find(&self, path: &[u8]) -> Option<FileChange<'_>> {
        self.position(path).map(|index| self.get(index))
    }

    fn position(&self, path: &[u8]) -> Option<usize> {
        let wanted = disk::split(path);
        let found = self.places.binary_search_by(|place| {
            let path = &self.paths[place.start..place.start + place.length as usize];
            disk::split(path).cmp(&wanted)
        });
        found.ok()
    }

    /// The record after of one file, once all is sorted.
    pub(crate) fn after_mut(&mut self, path: &[u8]) -> Option<&mut Record> {
        let position = self.places[self.position(path)?].after?;
        self.records.get_mut(position.get() as usize - 1)
    }

    /// Visits the records after of new files by key.
    pub(crate) fn for_each_new(&mut self, visit: &mut dyn FnMut(usize, &mut Record)) {
        let new = self.by_key.iter().filter_map(|index| {
            let place = &self.places[*index as usize];
            place.after.filter(|_| place.before.is_none())
        });
        for (count, position) in new.enumerate() {
            visit(count, &mut self.records[position.get() as usize - 1]);
        }
    }

    /// The differences of two `files` tables; what is on disk was not seen.
    pub(crate) fn between(objects: &dyn ReadObjects, before: &Id, after: &Id) -> Result<Changes> {
        let mut changes = Changes::default();
        tree::visit_diff(objects, before, after, &mut |change| {
            let decode = |value: &Option<Vec<u8>>| match value {
                Some(value) => {
                    FileRow::decode(&change.key, value).map(|row| Some(Record::unseen(&row)))
                }
                None => Ok(None),
            };
            let path = paths::to_bytes(&FileRow::path_of(&change.key)?);
            let (before, after) = (decode(&change.before)?, decode(&change.after)?);
            changes.push(&path, before.as_ref(), after.as_ref());
            Ok(())
        })?;
        changes.sort();
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{FileType, ItemId};

    fn record(item: u8) -> Record {
        Record {
            stat: None,
            racy: false,
            kind: FileType::File,
            executable: false,
            size: 1,
            content: Id([1; 32]),
            item: ItemId([item; 12]),
            sha256: [1; 32],
            facts: None,
        }
    }

    #[test]
    fn both_orders_and_the_last_of_a_path() {
        let mut changes = Changes::default();
        for (count, path) in ["a/x", "b", "a-b/y", "a/b/z", "b"].iter().enumerate() {
            changes.push(path.as_bytes(), None, Some(&record(count as u8)));
        }
        changes.sort();
        let folders: Vec<&[u8]> = changes.iter().map(|change| change.path).collect();
        assert_eq!(folders, [&b"b"[..], b"a/x", b"a-b/y", b"a/b/z"]);
        let keys: Vec<String> = changes.by_key().map(|change| change.text()).collect();
        assert_eq!(keys, ["a-b/y", "a/b/z", "a/x", "b"]);
        let last = changes.find(b"b").and_then(|change| change.after);
        assert_eq!(last.map(|record| record.item), Some(ItemId([4; 12])));
    }

    #[test]
    fn names_that_are_no_text_sort_as_their_rows_do() {
        let mut changes = Changes::default();
        for path in [&b"a\xff"[..], "a\u{1f600}".as_bytes(), b"ab"] {
            changes.push(path, None, Some(&record(1)));
        }
        changes.sort();
        let keys: Vec<Vec<u8>> = changes
            .by_key()
            .map(|change| FileRow::key(&change.text()))
            .collect();
        assert!(keys.is_sorted());
    }
}
