//! The packs of a store as one process knows them: listed once, opened when first needed, listed again when something is
//! missing, since other processes add packs and merge or remove them.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use crate::error::{Error, ErrorCode, Result};
use crate::hash::Id;
use crate::index::{self, MergedIndex};
use crate::pack::{Entry, Group, Kind, PackReader};

/// A pack in `packs/`, opened when first needed.
#[derive(Debug)]
pub struct PackRef {
    /// Its file name.
    pub name: String,
    /// Its group.
    pub group: Group,
    path: PathBuf,
    reader: OnceLock<Arc<PackReader>>,
    /// Why it could not be opened.
    damage: OnceLock<Error>,
}

impl PackRef {
    pub(super) fn new(folder: &Path, name: String) -> Option<PackRef> {
        Some(PackRef {
            group: Group::of_name(&name)?,
            path: folder.join(&name),
            name,
            reader: OnceLock::new(),
            damage: OnceLock::new(),
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with it, when it was found damaged as a whole.
    pub fn damage(&self) -> Option<&Error> {
        self.damage.get()
    }

    /// Whether it can be read and has no record of this id.
    fn lacks(&self, id: &Id) -> bool {
        let Ok(Some(reader)) = self.open() else {
            return false;
        };
        let first = reader.entries_from(id).next();
        first.is_none_or(|entry| entry.id != *id)
    }

    /// The open pack; `None` when it was removed meanwhile.
    pub fn open(&self) -> Result<Option<Arc<PackReader>>> {
        if let Some(reader) = self.reader.get() {
            return Ok(Some(reader.clone()));
        }
        if let Some(damage) = self.damage.get() {
            return Err(damage.clone());
        }
        let opened = PackReader::open(&self.path).inspect_err(|error| {
            if error.code == ErrorCode::Integrity {
                self.damage.get_or_init(|| error.clone());
            }
        });
        let Some(reader) = opened? else {
            return Ok(None);
        };
        Ok(Some(self.reader.get_or_init(|| Arc::new(reader)).clone()))
    }
}

/// What a lookup came to.
pub(super) enum Found<T> {
    Here(T),
    /// In no pack that this process knows.
    Nowhere,
    /// A listed pack is gone: list again.
    Stale,
}

/// The packs of one group.
#[derive(Clone, Default)]
struct Grouped {
    /// Newest first.
    all: Vec<Arc<PackRef>>,
    /// Those that the merged index does not know; all, where there is none.
    uncovered: Vec<Arc<PackRef>>,
    merged: Option<Covered>,
}

#[derive(Clone)]
struct Covered {
    index: Arc<MergedIndex>,
    /// By the index's own numbering; `None` where a pack is gone.
    packs: Vec<Option<Arc<PackRef>>>,
}

impl Grouped {
    fn new(control: &Path, group: Group, mut all: Vec<Arc<PackRef>>) -> Grouped {
        all.sort_by(|a, b| b.name.cmp(&a.name));
        let index = (all.len() > index::WORTHWHILE)
            .then(|| MergedIndex::open(control, group))
            .flatten();
        let Some(index) = index else {
            return Grouped {
                uncovered: all.clone(),
                all,
                merged: None,
            };
        };
        let by_name: HashMap<&str, &Arc<PackRef>> =
            all.iter().map(|pack| (pack.name.as_str(), pack)).collect();
        let packs: Vec<Option<Arc<PackRef>>> = index
            .names()
            .iter()
            .map(|name| by_name.get(name.as_str()).map(|pack| Arc::clone(pack)))
            .collect();
        let covered: HashSet<&str> = index.names().iter().map(String::as_str).collect();
        let uncovered = all
            .iter()
            .filter(|pack| !covered.contains(pack.name.as_str()))
            .cloned()
            .collect();
        Grouped {
            uncovered,
            merged: Some(Covered {
                index: Arc::new(index),
                packs,
            }),
            all,
        }
    }

    /// Packs that may hold `id`, newest first among those without an index; all, where the index says what is not so.
    fn candidates(&self, id: Id) -> impl Iterator<Item = &Arc<PackRef>> {
        let covered: Vec<&Arc<PackRef>> = self
            .merged
            .iter()
            .flat_map(|merged| {
                let numbers = merged.index.candidates(&id);
                numbers.filter_map(|number| merged.packs.get(number)?.as_ref())
            })
            .collect();
        let misled = covered.iter().any(|pack| pack.lacks(&id));
        let (first, covered) = match misled {
            true => (&self.all, Vec::new()),
            false => (&self.uncovered, covered),
        };
        first.iter().chain(covered)
    }
}

/// One listing of `packs/`.
pub(super) struct PackSet {
    groups: [Grouped; 2],
    /// The folder's modification time, `None` when it was so recent that an equal one would prove nothing.
    listed: Option<SystemTime>,
}

impl PackSet {
    /// Lists the folder. Packs known from `before` stay open; damaged ones get another try.
    pub(super) fn list(control: &Path, before: Option<&PackSet>) -> Result<PackSet> {
        let folder = control.join("packs");
        let settled = |time: &SystemTime| {
            let age = time.elapsed();
            age.is_ok_and(|age| age > Duration::from_millis(100))
        };
        let listed = modified(&folder).filter(settled);
        let known: HashMap<&str, &Arc<PackRef>> = before
            .map(|set| {
                let usable = set.all().filter(|pack| pack.damage().is_none());
                usable.map(|pack| (pack.name.as_str(), pack)).collect()
            })
            .unwrap_or_default();
        let mut packs: [Vec<Arc<PackRef>>; 2] = Default::default();
        for name in names_in(&folder)? {
            let pack = match known.get(name.as_str()) {
                Some(pack) => Some(Arc::clone(pack)),
                None => PackRef::new(&folder, name).map(Arc::new),
            };
            if let Some(pack) = pack {
                packs[pack.group as usize].push(pack);
            }
        }
        let [data, meta] = packs;
        Ok(PackSet {
            groups: [
                Grouped::new(control, Group::Data, data),
                Grouped::new(control, Group::Meta, meta),
            ],
            listed,
        })
    }

    /// This listing with packs that the process itself has just published.
    pub(super) fn with(&self, control: &Path, names: &[String]) -> PackSet {
        let folder = control.join("packs");
        let mut groups = self.groups.clone();
        for name in names {
            let Some(pack) = PackRef::new(&folder, name.clone()).map(Arc::new) else {
                continue;
            };
            let group = &mut groups[pack.group as usize];
            if !group.all.iter().any(|known| known.name == *name) {
                group.all.insert(0, pack.clone());
                group.uncovered.insert(0, pack);
            }
        }
        PackSet {
            groups,
            listed: None,
        }
    }

    /// Whether the folder still looks as it did when it was listed.
    pub(super) fn is_current(&self, control: &Path) -> bool {
        self.listed.is_some() && self.listed == modified(&control.join("packs"))
    }

    /// Every pack: data packs, then meta packs, each newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<PackRef>> {
        self.groups.iter().flat_map(|group| &group.all)
    }

    /// The packs of one group, newest first.
    pub(super) fn group(&self, group: Group) -> &[Arc<PackRef>] {
        &self.groups[group as usize].all
    }

    /// The packs of one group that the merged index does not know, and those that it does.
    pub(super) fn coverage(&self, group: Group) -> (Vec<Arc<PackRef>>, Vec<Arc<PackRef>>) {
        let group = &self.groups[group as usize];
        let covered = group.merged.iter().flat_map(|merged| &merged.packs);
        (
            group.uncovered.clone(),
            covered.flatten().cloned().collect(),
        )
    }

    /// Gives the first record of one of `kinds` (all of one group) that `accept` takes. `accept` says `None` to go on
    /// with the next pack. A damaged record counts only when no other pack has it; what cannot be opened as a pack is
    /// passed over.
    pub(super) fn look<T>(
        &self,
        kinds: &[Kind],
        id: &Id,
        mut accept: impl FnMut(&PackRef, &Arc<PackReader>, Entry) -> Result<Option<T>>,
    ) -> Result<Found<T>> {
        let Some(group) = kinds.first().map(|kind| Group::of(*kind)) else {
            return Ok(Found::Nowhere);
        };
        let mut damage = None;
        let mut stale = false;
        for pack in self.groups[group as usize].candidates(*id) {
            let reader = match pack.open() {
                Ok(Some(reader)) => reader,
                Ok(None) => {
                    stale = true;
                    continue;
                }
                Err(e) if e.code == ErrorCode::Integrity => continue,
                Err(e) => {
                    damage.get_or_insert(e);
                    continue;
                }
            };
            for entry in kinds.iter().filter_map(|kind| reader.find(*kind, id)) {
                match accept(pack, &reader, entry) {
                    Ok(Some(found)) => return Ok(Found::Here(found)),
                    Ok(None) => {}
                    Err(e) if e.code == ErrorCode::Integrity => {
                        damage.get_or_insert(e);
                    }
                    Err(e) => return Err(e),
                }
            }
        }
        match damage {
            _ if stale => Ok(Found::Stale),
            Some(e) => Err(e),
            None => Ok(Found::Nowhere),
        }
    }
}

fn modified(folder: &Path) -> Option<SystemTime> {
    std::fs::metadata(folder).and_then(|m| m.modified()).ok()
}

/// The file names in a folder that may not be there. A stray file in its place holds none.
pub(super) fn names_in(folder: &Path) -> Result<Vec<String>> {
    let failed = |e: std::io::Error| Error::io("list", folder, &e);
    let listing = match std::fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new())
        }
        Err(e) => return Err(failed(e)),
    };
    let mut names = Vec::new();
    for item in listing {
        names.extend(item.map_err(failed)?.file_name().into_string());
    }
    Ok(names)
}
