//! Bundles: runs of a table's segments in one Parquet file each, for the query engine alone. A file a segment would be
//! opened a thousand times by one query; a bundle keeps serving when some of its segments are no longer wanted.
//!
//! A bundle names its segments, with their statistics, in the metadata of the file. Its last column is the number of a row's
//! segment in it.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use parquet::file::metadata::ParquetMetaDataReader;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::cache;
use super::parquet::BundleWriter;
use super::statistics::{can_match, Condition, Statistics};
use crate::error::{Error, ErrorCode, Result};
use crate::fsx;
use crate::hash::Id;
use crate::progress::Progress;
use crate::schema::Schema;
use crate::segment;
use crate::store::ReadObjects;
use crate::tree::{self, Entry};

/// Name of the column that holds the number of a row's segment.
pub const SEGMENT_COLUMN: &str = "__segment";
/// Key of a file's metadata that lists its segments.
pub(super) const LIST: &str = "oxide.segments";
/// Most segments in a bundle.
const MOST_SEGMENTS: usize = 128;
/// A bundle with fewer wanted segments is small.
const SMALL: usize = 16;
/// More small bundles than this are written again as fewer.
const MOST_SMALL: usize = 16;
/// Hex digits of the schema's id, and of the first segment's, in a file name.
const DIGITS: usize = 16;

/// A segment in a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Member {
    pub id: String,
    pub statistics: Statistics,
}

/// A Parquet file with rows of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extract {
    /// Where it lies.
    pub path: PathBuf,
    /// The wanted values of [`SEGMENT_COLUMN`], as inclusive ranges; `None`: all rows are wanted.
    pub wanted: Option<Vec<(usize, usize)>>,
}

/// What an export gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The files that hold every row that can match, and no row twice.
    pub extracts: Vec<Extract>,
    /// Segments of the table.
    pub segments: usize,
    /// Those among them whose rows can match.
    pub opened: usize,
}

struct Bundle {
    path: PathBuf,
    members: Vec<Member>,
}

/// Makes Parquet files in `folder` that hold all rows of a table that can fulfil the conditions; those that are there
/// already are used again. Only rows whose key is in `[from, to)` are asked for (`to = None`: to the end).
pub fn export_parquet(
    objects: &dyn ReadObjects,
    schema: &Schema,
    root: &Id,
    folder: &Path,
    keys: (&[u8], Option<&[u8]>),
    conditions: &[Condition],
    progress: &Progress,
) -> Result<Exported> {
    make_folder(folder)?;
    let all = tree::entries(objects, root)?;
    let within = tree::entries_between(objects, root, keys.0, keys.1)?;
    let stem = &schema.id().to_hex()[..DIGITS];
    let (mut used, missing) = cover(held(folder, stem)?, &within);
    let missing: Vec<&Entry> = within
        .iter()
        .filter(|entry| missing.contains(&entry.id))
        .collect();
    progress.begin("reading tables", missing.len() as u64, 0);
    let written: Vec<Result<Vec<Arc<Bundle>>>> = missing
        .par_chunks(MOST_SEGMENTS)
        .map(|entries| write(objects, schema, entries, folder, stem, progress))
        .collect();
    for bundles in written {
        used.extend(bundles?);
    }
    let mut exported = Exported {
        segments: all.len(),
        ..Exported::default()
    };
    let mut waiting: HashSet<String> = within.iter().map(|entry| entry.id.to_hex()).collect();
    for bundle in used {
        let wanted: Vec<usize> = (0..bundle.members.len())
            .filter(|&at| waiting.remove(&bundle.members[at].id))
            .filter(|&at| can_match(&bundle.members[at].statistics, conditions))
            .collect();
        exported.opened += wanted.len();
        if !wanted.is_empty() {
            let is_whole = wanted.len() == bundle.members.len();
            let wanted = (!is_whole).then(|| ranges(&wanted));
            exported.extracts.push(Extract {
                path: bundle.path.clone(),
                wanted,
            });
        }
    }
    Ok(exported)
}

fn ranges(numbers: &[usize]) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

/// Chooses among bundles: those at least half of which is wanted, the most useful first. Also gives the segments that none
/// of them holds, and those of small ones when there are too many.
fn cover(bundles: Vec<Arc<Bundle>>, entries: &[Entry]) -> (Vec<Arc<Bundle>>, HashSet<Id>) {
    let mut missing: HashSet<Id> = entries.iter().map(|entry| entry.id).collect();
    let live = |bundle: &Bundle, missing: &HashSet<Id>| {
        let ids = bundle
            .members
            .iter()
            .filter_map(|member| Id::from_hex(&member.id).ok());
        ids.filter(|id| missing.contains(id)).collect::<Vec<Id>>()
    };
    let mut sorted: Vec<(usize, Arc<Bundle>)> = bundles
        .into_iter()
        .map(|bundle| (live(&bundle, &missing).len(), bundle))
        .filter(|(count, bundle)| *count > 0 && count * 2 >= bundle.members.len())
        .collect();
    sorted.sort_by(|one, other| (other.0, &one.1.path).cmp(&(one.0, &other.1.path)));
    let (mut used, mut small) = (Vec::new(), Vec::new());
    for (_, bundle) in sorted {
        let ids = live(&bundle, &missing);
        if ids.is_empty() || ids.len() * 2 < bundle.members.len() {
            continue;
        }
        for id in &ids {
            missing.remove(id);
        }
        if ids.len() < SMALL {
            small.push((bundle, ids));
        } else {
            used.push(bundle);
        }
    }
    let join = small.len() > MOST_SMALL;
    for (bundle, ids) in small {
        if join {
            missing.extend(ids);
        } else {
            used.push(bundle);
        }
    }
    (used, missing)
}

/// Writes segments, in as many bundles as their bytes ask for.
fn write(
    objects: &dyn ReadObjects,
    schema: &Schema,
    entries: &[&Entry],
    folder: &Path,
    stem: &str,
    progress: &Progress,
) -> Result<Vec<Arc<Bundle>>> {
    let mut bundles = Vec::new();
    let mut writer = BundleWriter::new(schema)?;
    for (at, entry) in entries.iter().enumerate() {
        let rows = segment::read(objects, &entry.id)?;
        writer.add(objects, &entry.id, &rows)?;
        progress.advance(1, 0)?;
        if writer.is_full() || at + 1 == entries.len() {
            let full = std::mem::replace(&mut writer, BundleWriter::new(schema)?);
            bundles.push(put(full, folder, stem)?);
        }
    }
    Ok(bundles)
}

fn put(writer: BundleWriter, folder: &Path, stem: &str) -> Result<Arc<Bundle>> {
    let (bytes, members) = writer.finish()?;
    let first = &members[0].id[..2 * DIGITS];
    let path = cache::write(folder, &format!("{first}-{}-{stem}", members.len()), &bytes)?;
    let bundle = Arc::new(Bundle { path, members });
    remember(&bundle);
    Ok(bundle)
}

/// Writes a file that an export of this process gave, and that left the cache since, again as it was.
pub fn restore_parquet(objects: &dyn ReadObjects, schema: &Schema, path: &Path) -> Result<()> {
    let known = KNOWN
        .lock()
        .ok()
        .and_then(|known| known.get(path).map(|(_, bundle)| bundle.clone()));
    let lost = || {
        Error::new(
            ErrorCode::Io,
            "a file of the query cache was removed meanwhile",
        )
    };
    let (bundle, folder) = known.zip(path.parent()).ok_or_else(lost)?;
    make_folder(folder)?;
    let mut writer = BundleWriter::new(schema)?;
    for member in &bundle.members {
        let id = Id::from_hex(&member.id)?;
        writer.add(objects, &id, &segment::read(objects, &id)?)?;
    }
    let again = put(writer, folder, &schema.id().to_hex()[..DIGITS])?;
    if again.path == path {
        Ok(())
    } else {
        Err(lost())
    }
}

/// The cache's folder, which anyone may remove.
fn make_folder(folder: &Path) -> Result<()> {
    fsx::create_dir_all(folder)
}

/// The sound bundles of a schema in a folder.
fn held(folder: &Path, stem: &str) -> Result<Vec<Arc<Bundle>>> {
    let suffix = format!("-{stem}");
    let paths: Vec<PathBuf> = cache::held(folder)?
        .into_iter()
        .filter(|(name, _)| name.ends_with(&suffix))
        .flat_map(|(_, paths)| paths)
        .collect();
    Ok(paths.par_iter().filter_map(|path| open(path)).collect())
}

/// Length and inode: files are only ever replaced whole, and their times change when they are used.
type Facts = (u64, u64);
type Known = HashMap<PathBuf, (Facts, Arc<Bundle>)>;

/// Bundles that this process has looked at: their bytes are checked once.
static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
/// Beyond so many the memory of them begins anew.
const MOST_KNOWN: usize = 10_000;

/// A bundle; `None` when it is damaged, of another kind, or gone.
fn open(path: &Path) -> Option<Arc<Bundle>> {
    let facts = facts(path)?;
    if let Some((known, bundle)) = KNOWN.lock().ok()?.get(path) {
        if *known == facts {
            return Some(bundle.clone());
        }
    }
    if !cache::is_sound(path) {
        return None;
    }
    let bundle = Arc::new(Bundle {
        path: path.to_owned(),
        members: members(path)?,
    });
    remember(&bundle);
    Some(bundle)
}

fn facts(path: &Path) -> Option<Facts> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.ino()))
}

fn remember(bundle: &Arc<Bundle>) {
    let (Some(facts), Ok(mut known)) = (facts(&bundle.path), KNOWN.lock()) else {
        return;
    };
    if known.len() >= MOST_KNOWN {
        known.clear();
    }
    known.insert(bundle.path.clone(), (facts, bundle.clone()));
}

fn members(path: &Path) -> Option<Vec<Member>> {
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&File::open(path).ok()?)
        .ok()?;
    let pairs = metadata.file_metadata().key_value_metadata()?;
    let list = pairs.iter().find(|pair| pair.key == LIST)?.value.as_ref()?;
    serde_json::from_str(list).ok()
}
