//! Names that are one name on file systems that fold case or normalise.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::error::Result;
use crate::paths;
use crate::workspace::disk;
use crate::workspace::stat_index::Index;

/// Groups of paths in one folder that collide, at least one of which is new. `gone` says what is being removed.
pub(super) fn find(
    index: &Index,
    added: &[&str],
    gone: &dyn Fn(&str) -> bool,
) -> Result<Vec<Vec<String>>> {
    let mut groups = Vec::new();
    for (folder, names) in new_names(index, added)? {
        let mut by_key: HashMap<String, BTreeSet<String>> = HashMap::new();
        for name in &names {
            let group = by_key.entry(paths::collision_key(name)).or_default();
            group.insert(join(&folder, name));
        }
        let mut folded = String::new();
        for_each_sibling(index, &folder, &mut |name| {
            // Most names are plain ASCII, which folds without any allocation.
            match std::str::from_utf8(name) {
                Ok(text) if text.is_ascii() => {
                    folded.clear();
                    folded.push_str(text);
                    folded.make_ascii_lowercase();
                }
                _ => folded = paths::collision_key(&paths::to_text(name)),
            }
            if let Some(group) = by_key.get_mut(&folded) {
                let path = join(&folder, &paths::to_text(name));
                if !gone(&path) {
                    group.insert(path);
                }
            }
        })?;
        let colliding = by_key.into_values().filter(|group| group.len() > 1);
        groups.extend(colliding.map(|group| group.into_iter().collect::<Vec<_>>()));
    }
    groups.sort_unstable();
    Ok(groups)
}

/// New names by their folder: the added files, and the folders that they are the first in.
fn new_names(index: &Index, added: &[&str]) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in added {
        let mut path = *path;
        loop {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let new = names
                .entry(folder.to_string())
                .or_default()
                .insert(name.to_string());
            if folder.is_empty() || !new || index.has_tracked_below(&paths::to_bytes(folder))? {
                break;
            }
            path = folder;
        }
    }
    Ok(names)
}

/// Visits the tracked files and folders directly in `folder`.
fn for_each_sibling(index: &Index, folder: &str, visit: &mut dyn FnMut(&[u8])) -> Result<()> {
    let folder = paths::to_bytes(folder);
    for slot in index.entries(&folder)? {
        visit(slot.name);
    }
    let skip = if folder.is_empty() {
        0
    } else {
        folder.len() + 1
    };
    let mut last: &[u8] = b"";
    for inner in index.folders_below(&folder) {
        let Some(below) = inner.get(skip..).filter(|below| !below.is_empty()) else {
            continue;
        };
        let name = below.split(|byte| *byte == b'/').next().unwrap_or(b"");
        if name != last {
            last = name;
            if index.has_tracked_below(&disk::join(&folder, name))? {
                visit(name);
            }
        }
    }
    Ok(())
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_string(),
        _ => format!("{folder}/{name}"),
    }
}
