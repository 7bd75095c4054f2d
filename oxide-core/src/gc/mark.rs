//! Marking: everything that a view reaches, each object under the first holder that needs it.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::browse;
use crate::error::{Error, ErrorCode, Result};
use crate::files;
use crate::hash::Id;
use crate::pack::Kind;
use crate::progress::Progress;
use crate::record::{self, Record};
use crate::rows::{self, Value};
use crate::schema::Schema;
use crate::segment;
use crate::store::{MemoryObjects, ReadObjects, Store};
use crate::tree;

/// Why an object stays. Smaller ones count first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    /// Branches, tags, remote refs, workspaces.
    Live,
    /// Stashes.
    Stash,
    /// Operations within the grace period: undo can bring it back.
    Undo,
}

/// Half of an id and the kind: two objects that share it by chance stay alive together.
type Key = [u8; 17];

fn key(kind: Kind, id: &Id) -> Key {
    let mut key = [0; 17];
    key[..16].copy_from_slice(&id.0[..16]);
    key[16] = kind as u8;
    key
}

/// What is reachable.
#[derive(Default)]
pub(super) struct Marks {
    objects: HashMap<Key, Holder>,
    /// Tables whose rows were read, under the schema that says which cells are contents.
    read: HashMap<(Key, Key), ()>,
    /// File contents and long cells, in the order of finding.
    contents: Vec<(Id, Holder)>,
    /// Views whose parts are marked.
    views: HashMap<Id, ()>,
    /// How many of `contents` were looked up in the store.
    followed: usize,
}

impl Marks {
    /// Who holds a record; a file content is held as a blob, however it is stored.
    pub(super) fn holder(&self, kind: Kind, id: &Id) -> Option<Holder> {
        let kind = match kind {
            Kind::Recipe | Kind::External => Kind::Blob,
            kind => kind,
        };
        self.objects.get(&key(kind, id)).copied()
    }

    fn add(&mut self, kind: Kind, id: &Id, holder: Holder) -> bool {
        let new = !self.objects.contains_key(&key(kind, id));
        if new {
            self.objects.insert(key(kind, id), holder);
        }
        new
    }

    /// Marks what the head's view and the views of younger operations reach. Fails when any of it is missing.
    pub(super) fn add_views(
        &mut self,
        store: &Store,
        head: &Id,
        kept: &[Id],
        progress: &Progress,
    ) -> Result<()> {
        self.builtin()?;
        let links = self.view(store, head, Holder::Live)?;
        let stashes = links.stashes.clone();
        self.links(store, &links, Holder::Live, progress)?;
        self.commits(store, stashes, Holder::Stash, progress)?;
        for view in kept {
            if self.views.contains_key(view) {
                continue;
            }
            let links = self.view(store, view, Holder::Undo)?;
            self.links(store, &links, Holder::Undo, progress)?;
            self.commits(store, links.stashes, Holder::Undo, progress)?;
        }
        self.follow_contents(store, progress)
    }

    /// The empty table and the built-in schemas are where every table begins: they stay even while nothing names them.
    fn builtin(&mut self) -> Result<()> {
        for schema in [files::files_schema(), files::items_schema()] {
            self.add(Kind::Schema, &schema.id(), Holder::Live);
        }
        let empty = tree::empty(&MemoryObjects::default())?;
        self.add(Kind::Page, &empty, Holder::Live);
        Ok(())
    }

    fn view(&mut self, store: &Store, id: &Id, holder: Holder) -> Result<record::ViewLinks> {
        let view = read_record(store, Kind::View, id, "an operation")?;
        self.views.insert(*id, ());
        self.add(Kind::View, id, holder);
        record::view_links(&view)
    }

    fn links(
        &mut self,
        store: &Store,
        links: &record::ViewLinks,
        holder: Holder,
        progress: &Progress,
    ) -> Result<()> {
        for list in &links.lists {
            read_record(store, Kind::List, list, "a workspace")?;
            self.add(Kind::List, list, holder);
        }
        self.commits(store, links.commits.clone(), holder, progress)?;
        for (schema, root) in &links.tables {
            self.table(store, schema, root, holder, progress)?;
        }
        Ok(())
    }

    fn commits(
        &mut self,
        store: &Store,
        mut commits: Vec<Id>,
        holder: Holder,
        progress: &Progress,
    ) -> Result<()> {
        while let Some(id) = commits.pop() {
            if !self.add(Kind::Commit, &id, holder) {
                continue;
            }
            progress.check()?;
            let links = record::commit_links(&read_record(store, Kind::Commit, &id, "a view")?)?;
            commits.extend(links.parents);
            for (schema, root) in links.tables.values() {
                self.table(store, schema, root, holder, progress)
                    .map_err(|error| needed_by(error, &format!("commit {id}")))?;
            }
        }
        Ok(())
    }

    fn table(
        &mut self,
        store: &Store,
        schema_id: &Id,
        root: &Id,
        holder: Holder,
        progress: &Progress,
    ) -> Result<()> {
        let schema = browse::schema(store, schema_id)?;
        self.add(Kind::Schema, schema_id, holder);
        let under_schema = key(Kind::Schema, schema_id);
        let mut pages = vec![*root];
        let mut segments = Vec::new();
        while let Some(id) = pages.pop() {
            self.add(Kind::Page, &id, holder);
            if self
                .read
                .insert((under_schema, key(Kind::Page, &id)), ())
                .is_some()
            {
                continue;
            }
            let children = tree::page_children(store, &id)?;
            match children {
                tree::Children::Pages(children) => pages.extend(children),
                tree::Children::Segments(children) => segments.extend(children),
            }
        }
        segments.retain(|id| {
            let pair = (under_schema, key(Kind::Segment, id));
            self.read.insert(pair, ()).is_none()
        });
        // A batch at a time: the rows of a large table do not fit into memory at once.
        for batch in segments.chunks(64) {
            let read = batch.par_iter().map(|id| {
                progress.check()?;
                Ok((segment::chain(store, id)?, contents_of(store, &schema, id)?))
            });
            for (chain, contents) in read.collect::<Result<Vec<_>>>()? {
                for (kind, id) in chain {
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

    /// Checks that each content is there, and marks the chunks of those that have a recipe.
    fn follow_contents(&mut self, store: &Store, progress: &Progress) -> Result<()> {
        let found = std::mem::take(&mut self.contents);
        progress.begin("marking", (found.len() - self.followed) as u64, 0);
        for batch in found[self.followed..].chunks(4096) {
            let chunks = batch.par_iter().map(|(id, _)| {
                progress.advance(1, 0)?;
                match store.content_chunks(id)? {
                    Some(chunks) => Ok(chunks.into_iter().map(|(chunk, _)| chunk).collect()),
                    None if store.has_content(id)? => Ok(Vec::new()),
                    None => Err(Error::integrity(format!("the content {id} is missing"))),
                }
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
                        Error::integrity(format!("segment {id} names a content by no id"))
                    })?;
                    contents.push(Id(content));
                }
            }
        }
    }
    Ok(contents)
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
