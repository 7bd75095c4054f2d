//! Which added files are items that the base knows: the same path again, or a removed file under another path.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::error::Result;
use crate::files::{FileRow, FileType, ItemId};
use crate::hash::Id;
use crate::tree::RowChange;

/// A file before and after, by path.
type Pairs = BTreeMap<String, (Option<FileRow>, Option<FileRow>)>;

/// What identity decided.
#[derive(Default)]
pub(super) struct Identities {
    /// Item that an added path takes instead of its own: path -> (its own, the base's).
    pub(super) taken: BTreeMap<String, (ItemId, ItemId)>,
    /// (old, new), sorted.
    pub(super) renamed: Vec<(String, String)>,
}

/// Decides over everything that differs from the base: what was staged before and what is staged now.
///
/// `earlier` leads from the base to what is staged; `now` from there to what will be. Of the paths added earlier only
/// those whose removed partner goes now are looked at again: all others have been decided.
pub(super) fn identify(
    earlier: &[RowChange],
    now: &[(Option<FileRow>, Option<FileRow>)],
) -> Result<Identities> {
    let mut pairs = Pairs::new();
    for change in earlier {
        let decode = |value: &Option<Vec<u8>>| match value {
            Some(value) => FileRow::decode(&change.key, value).map(Some),
            None => Ok(None),
        };
        let path = FileRow::path_of(&change.key)?;
        pairs.insert(path, (decode(&change.before)?, decode(&change.after)?));
    }
    let mut removed_now = HashSet::new();
    let mut added_now = HashSet::new();
    for (before, after) in now {
        let Some(row) = after.as_ref().or(before.as_ref()) else {
            continue;
        };
        match (before, after) {
            (Some(_), None) => removed_now.insert(row.path.clone()),
            (None, Some(_)) => added_now.insert(row.path.clone()),
            _ => false,
        };
        pairs
            .entry(row.path.clone())
            .and_modify(|pair| pair.1 = after.clone())
            .or_insert_with(|| (before.clone(), after.clone()));
    }
    let mut identities = Identities::default();
    let mut in_use: HashSet<ItemId> = pairs
        .iter()
        .filter(|(path, _)| !added_now.contains(*path))
        .filter_map(|(_, (_, after))| after.as_ref().map(|row| row.item))
        .collect();
    same_paths(&pairs, &added_now, &mut in_use, &mut identities);
    moved(&pairs, &added_now, &removed_now, &in_use, &mut identities);
    identities.renamed.sort_unstable();
    Ok(identities)
}

/// A path that the base has, that was removed and is added again, is the item that it was.
fn same_paths(
    pairs: &Pairs,
    added_now: &HashSet<String>,
    in_use: &mut HashSet<ItemId>,
    identities: &mut Identities,
) {
    for path in added_now {
        let Some((Some(base), Some(new))) = pairs.get(path) else {
            continue;
        };
        if in_use.insert(base.item) {
            identities.taken.insert(path.clone(), (new.item, base.item));
        }
    }
}

/// Removed and added files of equal content are one item: one to one, equal base names first, then in path order.
fn moved(
    pairs: &Pairs,
    added_now: &HashSet<String>,
    removed_now: &HashSet<String>,
    in_use: &HashSet<ItemId>,
    identities: &mut Identities,
) {
    let base_items: HashSet<ItemId> = pairs
        .values()
        .filter_map(|(before, _)| before.as_ref().map(|row| row.item))
        .collect();
    let mut by_content: HashMap<Id, (Vec<&FileRow>, Vec<&FileRow>)> = HashMap::new();
    for (path, pair) in pairs {
        match pair {
            (Some(old), None) if old.size > 0 && !in_use.contains(&old.item) => {
                by_content.entry(old.content).or_default().0.push(old);
            }
            (None, Some(new)) if new.size > 0 => {
                let fresh = added_now.contains(path) || !base_items.contains(&new.item);
                if fresh {
                    by_content.entry(new.content).or_default().1.push(new);
                }
            }
            _ => {}
        }
    }
    for (removed, added) in by_content.into_values() {
        for (old, new) in partners(&removed, &added) {
            // Two files of earlier calls were left apart then.
            if added_now.contains(&new.path) || removed_now.contains(&old.path) {
                identities
                    .taken
                    .insert(new.path.clone(), (new.item, old.item));
                identities
                    .renamed
                    .push((old.path.clone(), new.path.clone()));
            }
        }
    }
}

fn partners<'a>(removed: &[&'a FileRow], added: &[&'a FileRow]) -> Vec<(&'a FileRow, &'a FileRow)> {
    fn base_name(row: &FileRow) -> &str {
        row.path.rsplit('/').next().unwrap_or("")
    }
    let mut found = Vec::new();
    let mut names: HashMap<(&str, FileType), Vec<usize>> = HashMap::new();
    for (index, old) in removed.iter().enumerate().rev() {
        let name = (base_name(old), old.kind);
        names.entry(name).or_default().push(index);
    }
    let mut free: Vec<bool> = vec![true; removed.len()];
    let mut rest = Vec::new();
    for new in added {
        let name = (base_name(new), new.kind);
        match names.get_mut(&name).and_then(Vec::pop) {
            Some(index) => {
                free[index] = false;
                found.push((removed[index], *new));
            }
            None => rest.push(*new),
        }
    }
    for kind in [FileType::File, FileType::Link, FileType::Reference] {
        let old = removed
            .iter()
            .zip(&free)
            .filter(|(old, free)| **free && old.kind == kind)
            .map(|(old, _)| *old);
        let new = rest.iter().filter(|new| new.kind == kind).copied();
        found.extend(old.zip(new));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, content: u8, item: u8) -> FileRow {
        FileRow {
            path: path.into(),
            content: Id([content; 32]),
            size: u64::from(content),
            item: ItemId([item; 12]),
            sha256: [content; 32],
            kind: FileType::File,
            executable: false,
            facts: None,
        }
    }

    #[test]
    fn equal_names_are_partners_before_path_order() {
        let now = [
            (Some(row("a/1.jpg", 7, 1)), None),
            (Some(row("a/2.jpg", 7, 2)), None),
            (None, Some(row("b/2.jpg", 7, 9))),
            (None, Some(row("b/0.jpg", 7, 8))),
        ];
        let found = identify(&[], &now).unwrap();
        assert_eq!(
            found.renamed,
            [
                ("a/1.jpg".into(), "b/0.jpg".into()),
                ("a/2.jpg".into(), "b/2.jpg".into())
            ]
        );
        assert_eq!(found.taken["b/2.jpg"], (ItemId([9; 12]), ItemId([2; 12])));
    }

    #[test]
    fn empty_files_are_never_renames() {
        let now = [(Some(row("a", 0, 1)), None), (None, Some(row("b", 0, 2)))];
        assert!(identify(&[], &now).unwrap().taken.is_empty());
    }
}
