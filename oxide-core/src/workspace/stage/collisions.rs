//! Names that are one name on file systems that fold case or normalise.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::Result;
use crate::paths;
use crate::workspace::changes::FileChange;
use crate::workspace::disk;
use crate::workspace::stat_index::Index;

/// A new file, or a folder that one is the first in.
struct NewName<'a> {
    hash: u64,
    path: &'a [u8],
}

/// Groups of paths in one folder that collide, at least one of which is new. `added` comes by path, `gone` says what is
/// being removed.
pub(super) fn find<'a>(
    index: &Index,
    added: impl Iterator<Item = FileChange<'a>>,
    gone: &dyn Fn(&[u8]) -> bool,
) -> Result<Vec<Vec<String>>> {
    let mut folded = FoldedNames::default();
    let mut names = new_names(index, added, &mut folded)?;
    let mut folders: Vec<&[u8]> = Vec::new();
    for parent in names.iter().map(|name| disk::split(name.path).0) {
        if folders.last() != Some(&parent) {
            folders.push(parent);
        }
    }
    folders.sort_unstable();
    folders.dedup();
    names.sort_unstable_by_key(|name| name.hash);
    let mut met: BTreeSet<&[u8]> = BTreeSet::new();
    for equal in names.chunk_by(|a, b| a.hash == b.hash) {
        if equal.len() > 1 {
            met.extend(equal.iter().map(|name| name.path));
        }
    }
    let mut siblings: Vec<Vec<u8>> = Vec::new();
    for parent in folders {
        for_each_sibling(index, parent, &mut |name| {
            let hash = folded.hash(parent, name);
            let first = names.partition_point(|name| name.hash < hash);
            let mut equal = names[first..]
                .iter()
                .take_while(|name| name.hash == hash)
                .peekable();
            if equal.peek().is_some() {
                met.extend(equal.map(|name| name.path));
                let path = disk::join(parent, name);
                if !gone(&path) {
                    siblings.push(path);
                }
            }
        })?;
    }
    Ok(groups(met, siblings))
}

/// Those whose names are equal indeed, not only their hashes.
fn groups(met: BTreeSet<&[u8]>, siblings: Vec<Vec<u8>>) -> Vec<Vec<String>> {
    let mut by_key: BTreeMap<(&[u8], String), BTreeSet<String>> = BTreeMap::new();
    for path in met.into_iter().chain(siblings.iter().map(Vec::as_slice)) {
        let (folder, name) = disk::split(path);
        let key = (folder, paths::collision_key(&paths::to_text(name)));
        by_key.entry(key).or_default().insert(paths::to_text(path));
    }
    let colliding = by_key.into_values().filter(|group| group.len() > 1);
    let mut groups: Vec<Vec<String>> = colliding.map(|g| g.into_iter().collect()).collect();
    groups.sort_unstable();
    groups
}

/// Hashes of names as they are where case and normalisation do not count.
#[derive(Default)]
struct FoldedNames {
    ascii: Vec<u8>,
}

impl FoldedNames {
    fn hash(&mut self, folder: &[u8], name: &[u8]) -> u64 {
        let seed = xxh3_64_with_seed(folder, 0);
        // Most names are plain ASCII, which folds without any allocation.
        if name.is_ascii() {
            self.ascii.clear();
            self.ascii.extend(name.iter().map(u8::to_ascii_lowercase));
            return xxh3_64_with_seed(&self.ascii, seed);
        }
        xxh3_64_with_seed(paths::collision_key(&paths::to_text(name)).as_bytes(), seed)
    }
}

/// The added files, and the folders that they are the first in.
fn new_names<'a>(
    index: &Index,
    added: impl Iterator<Item = FileChange<'a>>,
    folded: &mut FoldedNames,
) -> Result<Vec<NewName<'a>>> {
    let mut names = Vec::with_capacity(added.size_hint().1.unwrap_or(0));
    let mut last: &[u8] = b"";
    for change in added {
        let (mut path, mut folder) = (change.path, change.folder());
        let same_folder = folder == last;
        let previous = std::mem::replace(&mut last, folder);
        loop {
            let name = disk::split(path).1;
            let hash = folded.hash(folder, name);
            names.push(NewName { hash, path });
            let met = same_folder || is_below(previous, folder);
            if folder.is_empty() || met || index.has_tracked_below(folder)? {
                break;
            }
            (path, folder) = (folder, disk::split(folder).0);
        }
    }
    Ok(names)
}

/// Whether a folder is another one or is above it.
fn is_below(path: &[u8], folder: &[u8]) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// Visits the tracked files and folders directly in `folder`.
fn for_each_sibling(index: &Index, folder: &[u8], visit: &mut dyn FnMut(&[u8])) -> Result<()> {
    for slot in index.entries(folder)? {
        visit(slot.name);
    }
    let skip = match folder.len() {
        0 => 0,
        length => length + 1,
    };
    let mut last: &[u8] = b"";
    for inner in index.folders_below(folder) {
        let Some(below) = inner.get(skip..).filter(|below| !below.is_empty()) else {
            continue;
        };
        let name = below.split(|byte| *byte == b'/').next().unwrap_or(b"");
        if name != last {
            last = name;
            if index.has_tracked_below(&disk::join(folder, name))? {
                visit(name);
            }
        }
    }
    Ok(())
}
