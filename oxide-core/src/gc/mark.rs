//! Marking: everything that a view reaches, each object under the first holder that needs it.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::Holder;
use crate::browse;
use crate::error::{Error, ErrorCode, Result};
use crate::files;
use crate::hash::Id;
use crate::pack::Kind;
use crate::progress::Progress;
use crate::record::{self, Record, Ref};
use crate::rows::{self, Value};
use crate::schema::Schema;
use crate::segment;
use crate::store::{MemoryObjects, ReadObjects, Store};
use crate::tree;

/// Half of an id and the kind: two objects that share it by chance stay alive together.
type Key = [u8; 17];

fn key(kind: Kind, id: &Id) -> Key {
    let mut key = [0; 17];
    key[..16].copy_from_slice(&id.0[..16]);
    key[16] = kind as u8;
    key
}

/// A segment to be read, under the schema that says which of its cells are contents.
type Pending = (Id, Id);

/// The records of a segment, and the contents that its rows name.
type SegmentParts = (Vec<(Kind, Id)>, Vec<Id>);

/// What is reachable.
#[derive(Default)]
pub(super) struct Marks {
    holders: Vec<Holder>,
    /// Each object with the place of its holder.
    objects: HashMap<Key, u32>,
    /// Pages and segments that were read, or are about to be, under their table's schema.
    read: HashSet<(Key, Key)>,
    schemas: HashMap<Id, Schema>,
    /// File contents and long cells with the place of their holder, in the order of finding.
    contents: Vec<(Id, u32)>,
    /// Views whose parts are marked.
    views: HashSet<Id>,
    /// How many of `contents` were looked up in the store.
    followed: usize,
}

impl Marks {
    /// Those who hold something, in the order in which they count.
    pub(super) fn holders(&self) -> &[Holder] {
        &self.holders
    }

    /// The place of who holds a record among [`Marks::holders`]; a file content is held as a blob, however it is stored.
    pub(super) fn holder(&self, kind: Kind, id: &Id) -> Option<usize> {
        let kind = match kind {
            Kind::Recipe | Kind::External => Kind::Blob,
            kind => kind,
        };
        let place = self.objects.get(&key(kind, id));
        place.map(|place| *place as usize)
    }

    fn add(&mut self, kind: Kind, id: &Id, holder: u32) -> bool {
        let key = key(kind, id);
        let new = !self.objects.contains_key(&key);
        if new {
            self.objects.insert(key, holder);
        }
        new
    }

    fn new_holder(&mut self, holder: Holder) -> u32 {
        self.holders.push(holder);
        self.holders.len() as u32 - 1
    }

    /// Marks what a view reaches, by its names; what an older view reaches is held by its operation instead. Fails when
    /// any of it is missing.
    pub(super) fn add_view(
        &mut self,
        store: &Store,
        id: &Id,
        operation: Option<Holder>,
        progress: &Progress,
    ) -> Result<()> {
        if !self.views.insert(*id) {
            return Ok(());
        }
        let view = read_record(store, Kind::View, id, "an operation")?;
        let operation = operation.map(|holder| self.new_holder(holder));
        let mut view_holder = operation;
        for reference in &record::view_refs(&view)? {
            let holder = match operation {
                Some(holder) => holder,
                None => self.new_holder(Holder::of_ref(reference)),
            };
            view_holder.get_or_insert(holder);
            self.reference(store, reference, holder, progress)?;
        }
        let holder = view_holder.unwrap_or_else(|| self.new_holder(Holder::repository()));
        self.add(Kind::View, id, holder);
        Ok(())
    }

    /// The empty table and the built-in schemas are where every table begins: they stay even while nothing names them.
    pub(super) fn add_builtin(&mut self) -> Result<()> {
        let holder = self.new_holder(Holder::repository());
        for schema in [files::files_schema(), files::items_schema()] {
            self.add(Kind::Schema, &schema.id(), holder);
        }
        let empty = tree::empty(&MemoryObjects::default())?;
        self.add(Kind::Page, &empty, holder);
        Ok(())
    }

    /// Marks a table of files that something derived still refers to, if it is there and whole.
    pub(super) fn add_files_if_whole(
        &mut self,
        store: &Store,
        root: &Id,
        holder: Holder,
        progress: &Progress,
    ) -> Result<()> {
        let schema = files::files_schema().id();
        let known = (key(Kind::Schema, &schema), key(Kind::Page, root));
        if self.read.contains(&known) || !is_whole(store, root)? {
            return Ok(());
        }
        let holder = self.new_holder(holder);
        let mut segments = Vec::new();
        self.table(store, &schema, root, holder, &mut segments)?;
        self.segments(store, &segments, holder, progress)
    }

    fn reference(
        &mut self,
        store: &Store,
        reference: &Ref,
        holder: u32,
        progress: &Progress,
    ) -> Result<()> {
        for list in &reference.lists {
            read_record(store, Kind::List, list, "a workspace")?;
            self.add(Kind::List, list, holder);
        }
        let mut segments = Vec::new();
        let mut commits = reference.commits.clone();
        while let Some(id) = commits.pop() {
            if !self.add(Kind::Commit, &id, holder) {
                continue;
            }
            progress.check()?;
            let links = record::commit_links(&read_record(store, Kind::Commit, &id, "a view")?)?;
            commits.extend(links.parents);
            for (schema, root) in links.tables.values() {
                self.table(store, schema, root, holder, &mut segments)
                    .map_err(|error| needed_by(error, &format!("commit {id}")))?;
            }
        }
        for (schema, root) in &reference.tables {
            self.table(store, schema, root, holder, &mut segments)?;
        }
        self.segments(store, &segments, holder, progress)
    }

    /// Marks a table's pages, and gathers the segments that were not met before.
    fn table(
        &mut self,
        store: &Store,
        schema: &Id,
        root: &Id,
        holder: u32,
        segments: &mut Vec<Pending>,
    ) -> Result<()> {
        if !self.schemas.contains_key(schema) {
            self.schemas.insert(*schema, browse::schema(store, schema)?);
        }
        self.add(Kind::Schema, schema, holder);
        let under_schema = key(Kind::Schema, schema);
        let mut pages = vec![*root];
        while let Some(id) = pages.pop() {
            self.add(Kind::Page, &id, holder);
            if !self.read.insert((under_schema, key(Kind::Page, &id))) {
                continue;
            }
            match tree::page_children(store, &id)? {
                tree::Children::Pages(children) => pages.extend(children),
                tree::Children::Segments(children) => {
                    for id in children {
                        if self.read.insert((under_schema, key(Kind::Segment, &id))) {
                            segments.push((*schema, id));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Marks segments and what their rows name.
    fn segments(
        &mut self,
        store: &Store,
        segments: &[Pending],
        holder: u32,
        progress: &Progress,
    ) -> Result<()> {
        // A batch at a time: the rows of a large table do not fit into memory at once.
        for batch in segments.chunks(64) {
            let read = batch.par_iter().map(|segment| {
                progress.check()?;
                self.read_segment(store, segment)
            });
            let read = read.collect::<Result<Vec<_>>>();
            for (records, contents) in read.map_err(|error| self.needed_by_holder(error, holder))? {
                for (kind, id) in records {
                    self.add(kind, &id, holder);
                }
                for id in contents {
                    if self.add(Kind::Blob, &id, holder) {
                        self.contents.push((id, holder));
                    }
                }
            }
        }
        Ok(())
    }

    /// The records of a segment and the contents that it names. Of one that is stored as a delta to a segment that is
    /// marked as well, the changed rows are all there is to see: a long history costs what its changes do.
    fn read_segment(&self, store: &Store, (schema_id, id): &Pending) -> Result<SegmentParts> {
        let schema = &self.schemas[schema_id];
        if let Some((base, changes)) = segment::stored_delta(store, id)? {
            let under_schema = key(Kind::Schema, schema_id);
            if self
                .read
                .contains(&(under_schema, key(Kind::Segment, &base)))
            {
                let mut contents = Vec::new();
                for value in changes.iter().filter_map(|(_, value)| value.as_ref()) {
                    contents_in(schema, id, value, &mut contents)?;
                }
                return Ok((vec![(Kind::SegmentDelta, *id)], contents));
            }
        }
        Ok((segment::chain(store, id)?, contents_of(store, schema, id)?))
    }

    fn needed_by_holder(&self, error: Error, holder: u32) -> Error {
        needed_by(error, &self.holders[holder as usize].to_string())
    }

    /// Checks that each content is there, and marks the chunks of those that have a recipe.
    pub(super) fn follow_contents(&mut self, store: &Store, progress: &Progress) -> Result<()> {
        let found = std::mem::take(&mut self.contents);
        let found_by = self.holders.clone();
        progress.begin("marking", (found.len() - self.followed) as u64, 0);
        for batch in found[self.followed..].chunks(4096) {
            let chunks = batch.par_iter().map(|(id, holder)| {
                progress.advance(1, 0)?;
                let missing = || Error::integrity(format!("the content {id} is missing"));
                let parts = store.content_parts(id)?.ok_or_else(missing);
                parts.map_err(|error| needed_by(error, &found_by[*holder as usize].to_string()))
            });
            let chunks = chunks.collect::<Result<Vec<Vec<Id>>>>()?;
            for ((_, holder), chunks) in batch.iter().zip(chunks) {
                for chunk in chunks {
                    if self.add(Kind::Blob, &chunk, *holder)
                        && !store.contains(Kind::Blob, &chunk)?
                    {
                        return Err(Error::integrity(format!("the chunk {chunk} is missing")));
                    }
                }
            }
        }
        self.followed = found.len();
        self.contents = found;
        Ok(())
    }
}

/// Contents that the rows of a segment name: cells of content fields, and long cells that are stored as blobs.
pub(crate) fn contents_of(store: &dyn ReadObjects, schema: &Schema, id: &Id) -> Result<Vec<Id>> {
    let segment = segment::read(store, id)?;
    let mut contents = Vec::new();
    for (_, value) in segment.rows() {
        contents_in(schema, id, value, &mut contents)?;
    }
    Ok(contents)
}

fn contents_in(schema: &Schema, segment: &Id, value: &[u8], contents: &mut Vec<Id>) -> Result<()> {
    for cell in rows::cells(value) {
        let cell = cell?;
        if let Some(external) = cell.external()? {
            contents.push(external);
            continue;
        }
        let fields = schema.fields.iter();
        let mut fields = fields.filter(|field| field.content && field.id == cell.field);
        if let Some(field) = fields.next() {
            if let Value::Bytes(bytes) = cell.decode(schema, field)? {
                let content = <[u8; 32]>::try_from(bytes).map_err(|_| {
                    Error::integrity(format!("segment {segment} names a content by no id"))
                })?;
                contents.push(Id(content));
            }
        }
    }
    Ok(())
}

fn is_whole(store: &Store, root: &Id) -> Result<bool> {
    let read = || -> Result<()> {
        for entry in tree::entries(store, root)? {
            segment::read(store, &entry.id)?;
        }
        Ok(())
    };
    match read() {
        Ok(()) => Ok(true),
        Err(error) if error.code == ErrorCode::Integrity => Ok(false),
        Err(error) => Err(error),
    }
}

fn read_record(store: &Store, kind: Kind, id: &Id, needed: &str) -> Result<Record> {
    record::read(store, kind, id).map_err(|error| needed_by(error, needed))
}

fn needed_by(error: Error, what: &str) -> Error {
    match error.code {
        ErrorCode::Integrity => Error {
            message: format!("{}; {what} needs it", error.message),
            ..error
        },
        _ => error,
    }
}
