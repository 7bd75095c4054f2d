//! The operation chain: `.oxide/operations/<16 digits>`, one file each, the older ones consolidated into runs.
//! Operation n+1 is published by creating its name if absent, so the chain has one head and no lock.

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use serde_json::Value;

use crate::error::{Error, ErrorCode, Result};
use crate::fsx::{self, Durability};
use crate::hash::{Context, Id};
use crate::record::{self, Record};
use crate::varint::{self, Reader};

/// Number of the first operation of a repository.
pub const FIRST: u64 = 1;

/// Loose files above this number are folded ...
const LOOSE_LIMIT: usize = 96;
/// ... but for the newest ones.
const LOOSE_KEPT: usize = 32;
/// So many runs of one size class become one.
const RUNS_MERGED: usize = 8;
/// A reader whose listing went stale lists again, at most so often.
const ATTEMPTS: usize = 8;

const FILE_MAGIC: &[u8] = b"OXOP1\n";
const RUN_MAGIC: &[u8] = b"OXRUN1\n";

/// The highest published operation: (number, record with its `id`). `None` in a repository without any.
pub fn head(control: &Path) -> Result<Option<(u64, Record)>> {
    for _ in 0..ATTEMPTS {
        let listing = Listing::read(control)?;
        let Some(number) = listing.head() else {
            return Ok(None);
        };
        if let Some(found) = listing.load(number)? {
            return Ok(Some((number, found.into_record(number)?)));
        }
    }
    Err(restless(control))
}

/// The number of the highest operation, which need not be readable.
pub(crate) fn newest(control: &Path) -> Result<Option<u64>> {
    Ok(Listing::read(control)?.head())
}

/// One operation by its number.
pub fn read(control: &Path, number: u64) -> Result<Record> {
    for _ in 0..ATTEMPTS {
        let listing = Listing::read(control)?;
        if !listing.holds(number) {
            return Err(unknown(control, number));
        }
        if let Some(found) = listing.load(number)? {
            return found.into_record(number);
        }
    }
    Err(restless(control))
}

/// The lowest number still kept.
pub fn oldest(control: &Path) -> Result<u64> {
    let listing = Listing::read(control)?;
    let oldest = listing.oldest();
    oldest.ok_or_else(|| Error::new(ErrorCode::NotFound, "the repository has no operation yet"))
}

/// Publishes operation `number` durably. `false` when another process published that number first. Everything that the
/// operation refers to must have been flushed before. Sets the fields `number`, `previous` (the id before it).
pub fn publish(control: &Path, number: u64, mut operation: Record) -> Result<bool> {
    let previous = match head(control)? {
        None if number == FIRST => Value::Null,
        Some((head, _)) if head >= number => return Ok(false),
        Some((head, record)) if head + 1 == number => record["id"].clone(),
        _ => {
            return Err(Error::new(
                ErrorCode::Invalid,
                format!("operation {number} does not follow the newest one"),
            ))
        }
    };
    operation.remove("id");
    operation.insert("number".into(), number.into());
    operation.insert("previous".into(), previous);
    check_fields(&operation)?;
    let (id, bytes) = encode(&operation)?;
    let path = loose_path(control, number);
    if !fsx::publish_new(&path, &bytes)? {
        return Ok(false);
    }
    if !is_in_chain(control, number, &id)? {
        fsx::remove_file(&path)?;
        return Ok(false);
    }
    Ok(true)
}

/// Whether the operation that was just linked is the chain's. It is not when its writer slept so long that another
/// process's operation of that number was folded into a run, or forgotten, which freed the name again.
fn is_in_chain(control: &Path, number: u64, id: &Id) -> Result<bool> {
    for _ in 0..ATTEMPTS {
        let listing = Listing::read(control)?;
        if listing.runs.iter().any(|run| run.covers(number)) {
            match listing.load(number)? {
                Some(found) => return Ok(found.id == *id),
                None => continue,
            }
        }
        match listing.head() {
            Some(head) if head > number => {}
            _ => return Ok(true),
        }
        if !listing.holds(number + 1) {
            return Ok(false);
        }
        if let Some(next) = listing.load(number + 1)? {
            let next = next.into_record(number + 1)?;
            return Ok(next["previous"].as_str() == Some(&id.to_hex()));
        }
    }
    Err(restless(control))
}

/// Folds old operation files into runs, in bounded steps. Called after publishing; losing a race does no harm.
pub fn consolidate(control: &Path) -> Result<()> {
    if Listing::read(control)?.loose.len() <= LOOSE_LIMIT {
        return Ok(());
    }
    // Publishing and reading need no lock; it keeps two folders of old files from working against each other.
    let Some(_lock) = fsx::try_lock(&lock_path(control))? else {
        return Ok(());
    };
    let listing = Listing::read(control)?;
    listing.remove_covered()?;
    fold_loose(control)?;
    merge_runs(control)
}

fn fold_loose(control: &Path) -> Result<()> {
    let listing = Listing::read(control)?;
    if listing.loose.len() <= LOOSE_LIMIT {
        return Ok(());
    }
    let folded = &listing.loose[..listing.loose.len() - LOOSE_KEPT];
    // A file below a gap belongs to no chain: a stalled writer is about to take it back.
    let (Some(oldest), Some(last)) = (listing.oldest(), folded.last()) else {
        return Ok(());
    };
    let first = folded.iter().find(|number| **number >= oldest);
    let Some(first) = first.filter(|first| *first <= last) else {
        return Ok(());
    };
    listing.write_run(*first, *last)?;
    Listing::read(control)?.remove_covered()
}

fn merge_runs(control: &Path) -> Result<()> {
    loop {
        let listing = Listing::read(control)?;
        let sizes: Vec<u32> = listing.runs.iter().map(Run::size_class).collect();
        let same = |window: &[u32]| window.iter().all(|size| *size == window[0]);
        let Some(start) = sizes.windows(RUNS_MERGED).position(same) else {
            return Ok(());
        };
        let merged = &listing.runs[start..start + RUNS_MERGED];
        let gapless = merged
            .windows(2)
            .all(|pair| pair[0].last + 1 == pair[1].first);
        if !gapless {
            return Ok(());
        }
        listing.write_run(merged[0].first, merged[RUNS_MERGED - 1].last)?;
        Listing::read(control)?.remove_covered()?;
    }
}

/// Forgets operations below `number` (the collector's part). They are gone for good when this returns: what they alone
/// refer to may be removed.
pub fn drop_before(control: &Path, number: u64) -> Result<()> {
    let _lock = fsx::lock(&lock_path(control))?;
    let listing = Listing::read(control)?;
    let number = number.min(listing.head().unwrap_or(0));
    for run in listing.runs.iter().filter(|run| run.first < number) {
        if run.last >= number {
            listing.write_run(number, run.last)?;
        }
        fsx::remove_file(&run.path(control))?;
    }
    for loose in listing.loose.iter().filter(|loose| **loose < number) {
        fsx::remove_file(&loose_path(control, *loose))?;
    }
    // Also where nothing was left to do: whoever removed them may not have come as far as this.
    fsx::sync_dir(&folder(control))
}

/// An operation and its number.
pub(crate) type Numbered = (u64, Record);

/// A problem of the operations folder that [`crate::fsck`] reports.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    /// The file.
    pub path: PathBuf,
    /// The operation's number.
    pub number: u64,
    /// What is wrong.
    pub problem: String,
}

/// Reads the whole chain from the oldest to the newest operation: the readable records and what is wrong.
pub(crate) fn check_chain(control: &Path) -> Result<(Vec<Numbered>, Vec<Damage>)> {
    let listing = Listing::read(control)?;
    let (mut records, mut damages): (Vec<Numbered>, Vec<Damage>) = Default::default();
    let (Some(oldest), Some(head)) = (listing.oldest(), listing.head()) else {
        return Ok((records, damages));
    };
    for number in oldest..=head {
        let mut damaged = |problem: String| {
            damages.push(Damage {
                path: listing.path_of(number),
                number,
                problem,
            })
        };
        let record = match read(control, number) {
            Ok(record) => record,
            Err(error) => {
                damaged(error.message);
                continue;
            }
        };
        if let Some((before, earlier)) = records.last() {
            if before + 1 == number && record["previous"] != earlier["id"] {
                damaged(format!("operation {number} does not follow the one before"));
            }
        }
        records.push((number, record));
    }
    for stray in listing.loose.iter().filter(|stray| **stray < oldest) {
        damages.push(Damage {
            path: loose_path(control, *stray),
            number: *stray,
            problem: format!("operation {stray} is cut off: the one after it is missing"),
        });
    }
    Ok((records, damages))
}

/// Takes a damaged operation out of the chain; `put_away` moves its file. Of a run, what follows the damage stays.
pub(crate) fn set_aside(
    control: &Path,
    number: u64,
    put_away: impl Fn(&Path) -> Result<()>,
) -> Result<()> {
    let _lock = fsx::lock(&lock_path(control))?;
    let listing = Listing::read(control)?;
    for run in listing.runs.iter().filter(|run| run.covers(number)) {
        let sound = |number: &u64| read(control, *number).is_ok();
        let kept = (number + 1..=run.last).rev().take_while(sound).last();
        if let Some(first) = kept {
            listing.write_run(first, run.last)?;
        }
        put_away(&run.path(control))?;
    }
    if listing.loose.binary_search(&number).is_ok() {
        put_away(&loose_path(control, number))?;
    }
    Ok(())
}

/// What the operations folder holds at one moment.
struct Listing {
    control: PathBuf,
    /// Numbers of loose files, ascending.
    loose: Vec<u64>,
    /// Runs by first number, longer ones first.
    runs: Vec<Run>,
}

struct Run {
    first: u64,
    last: u64,
}

impl Run {
    fn covers(&self, number: u64) -> bool {
        (self.first..=self.last).contains(&number)
    }

    fn size_class(&self) -> u32 {
        (self.last - self.first + 1).ilog2() / RUNS_MERGED.ilog2()
    }

    fn path(&self, control: &Path) -> PathBuf {
        folder(control).join(format!("{:016}-{:016}.run", self.first, self.last))
    }
}

impl Listing {
    fn read(control: &Path) -> Result<Listing> {
        let folder = folder(control);
        let unreadable = |error: std::io::Error| Error::io("list", &folder, &error);
        let (mut loose, mut runs) = (Vec::new(), Vec::new());
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => return Err(unreadable(error)),
        };
        for entry in entries {
            let name = entry.map_err(unreadable)?.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(number) = parse_number(name) {
                loose.push(number);
            } else if let Some((first, last)) = name
                .strip_suffix(".run")
                .and_then(|name| name.split_once('-'))
            {
                let (first, last) = (parse_number(first), parse_number(last));
                if let (Some(first), Some(last)) = (first, last) {
                    runs.extend((first <= last).then_some(Run { first, last }));
                }
            }
        }
        loose.sort_unstable();
        runs.sort_unstable_by_key(|run| (run.first, std::cmp::Reverse(run.last)));
        let control = control.to_owned();
        Ok(Listing {
            control,
            loose,
            runs,
        })
    }

    fn head(&self) -> Option<u64> {
        let run = self.runs.iter().map(|run| run.last).max();
        self.loose.last().copied().max(run)
    }

    fn holds(&self, number: u64) -> bool {
        self.loose.binary_search(&number).is_ok() || self.runs.iter().any(|run| run.covers(number))
    }

    /// The lowest number from which the chain has no gap.
    fn oldest(&self) -> Option<u64> {
        let mut oldest = self.head()?;
        loop {
            let run = self.runs.iter().filter(|run| run.covers(oldest));
            if let Some(first) = run.map(|run| run.first).min() {
                oldest = first;
            }
            match oldest.checked_sub(1) {
                Some(before) if self.holds(before) => oldest = before,
                _ => return Some(oldest),
            }
        }
    }

    fn path_of(&self, number: u64) -> PathBuf {
        let run = self.runs.iter().find(|run| run.covers(number));
        run.map_or(loose_path(&self.control, number), |run| {
            run.path(&self.control)
        })
    }

    /// An operation that is listed; `None` when its file has gone since. A run counts before a loose file: only a
    /// writer that has not yet noticed its defeat has a loose file of that number beside it.
    fn load(&self, number: u64) -> Result<Option<Stored>> {
        let path = self.path_of(number);
        let bytes = match map_file(&path)? {
            Some(bytes) => bytes,
            None => return Ok(None),
        };
        let file = if path == loose_path(&self.control, number) {
            &bytes[..]
        } else {
            let run = self.runs.iter().find(|run| run.covers(number));
            let position = number - run.map_or(number, |run| run.first);
            run_member(&bytes, position).ok_or_else(|| damaged(&path, "it is cut short"))?
        };
        Stored::parse(file, &path).map(Some)
    }

    /// Writes operations `first..=last` as one run.
    fn write_run(&self, first: u64, last: u64) -> Result<()> {
        let mut bytes = RUN_MAGIC.to_vec();
        for number in first..=last {
            let stored = self
                .load(number)?
                .ok_or_else(|| unknown(&self.control, number))?;
            if stored.number != number {
                let path = self.path_of(number);
                return Err(damaged(&path, "it holds another operation"));
            }
            varint::write_bytes(&mut bytes, &stored.bytes);
        }
        let run = Run { first, last };
        fsx::write_atomic(&run.path(&self.control), &bytes, Durability::Durable)
    }

    /// Removes loose files and runs that a larger run holds too.
    fn remove_covered(&self) -> Result<()> {
        for number in &self.loose {
            if self.runs.iter().any(|run| run.covers(*number)) {
                fsx::remove_file(&loose_path(&self.control, *number))?;
            }
        }
        for (position, run) in self.runs.iter().enumerate() {
            // Sorted by first number and falling length: whatever holds a run stands before it.
            let earlier = &self.runs[..position];
            if earlier.iter().any(|larger| larger.covers(run.last)) {
                fsx::remove_file(&run.path(&self.control))?;
            }
        }
        Ok(())
    }
}

/// An operation as it is stored.
struct Stored {
    path: PathBuf,
    bytes: Vec<u8>,
    id: Id,
    number: u64,
    record: Record,
}

impl Stored {
    fn parse(bytes: &[u8], path: &Path) -> Result<Stored> {
        let body = bytes.strip_prefix(FILE_MAGIC);
        let split = body.and_then(|body| body.split_at_checked(64));
        let (id, json) = split.ok_or_else(|| damaged(path, "it is cut short"))?;
        let json = json
            .strip_prefix(b"\n")
            .ok_or_else(|| damaged(path, "it is cut short"))?;
        let id = std::str::from_utf8(id)
            .ok()
            .and_then(|id| Id::from_hex(id).ok())
            .ok_or_else(|| damaged(path, "it names no id"))?;
        if Context::Operation.id(json) != id {
            return Err(damaged(path, "its bytes do not hash to its id"));
        }
        let record = record::from_bytes(json).map_err(|error| damaged(path, &error.message))?;
        let number = record.get("number").and_then(Value::as_u64);
        Ok(Stored {
            path: path.to_owned(),
            bytes: bytes.to_vec(),
            id,
            number: number.ok_or_else(|| damaged(path, "it has no number"))?,
            record,
        })
    }

    fn into_record(mut self, number: u64) -> Result<Record> {
        if self.number != number {
            let problem = format!("it holds operation {}", self.number);
            return Err(damaged(&self.path, &problem));
        }
        check_fields(&self.record).map_err(|error| damaged(&self.path, &error.message))?;
        self.record.insert("id".into(), self.id.to_hex().into());
        Ok(self.record)
    }
}

/// The id and the file of an operation.
fn encode(operation: &Record) -> Result<(Id, Vec<u8>)> {
    let json = record::to_bytes(operation)?;
    let id = Context::Operation.id(&json);
    let bytes = [FILE_MAGIC, id.to_hex().as_bytes(), b"\n", &json].concat();
    Ok((id, bytes))
}

fn check_fields(operation: &Record) -> Result<()> {
    let view = record::text(operation, "view")
        .and_then(Id::from_hex)
        .and(record::text(operation, "kind"))
        .and(record::integer(operation, "time"));
    view.map_err(|error| {
        Error::new(
            ErrorCode::Invalid,
            format!("not an operation: {}", error.message),
        )
    })?;
    if !operation.contains_key("previous") {
        return Err(Error::new(
            ErrorCode::Invalid,
            "not an operation: 'previous' is missing",
        ));
    }
    Ok(())
}

/// Member `position` of a run file.
fn run_member(bytes: &[u8], position: u64) -> Option<&[u8]> {
    let mut members = Reader::new("a run of operations", bytes.strip_prefix(RUN_MAGIC)?);
    for _ in 0..position {
        members.bytes().ok()?;
    }
    members.bytes().ok()
}

/// Maps a file, so that one member of a long run costs its own pages; `None` when there is no such file.
fn map_file(path: &Path) -> Result<Option<Mmap>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", path, &error)),
    };
    // SAFETY: operation files are complete before they get their name and are never written again.
    let map = unsafe { Mmap::map(&file) };
    map.map(Some)
        .map_err(|error| Error::io("map", path, &error))
}

fn parse_number(name: &str) -> Option<u64> {
    let digits = name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| name.parse().ok()).flatten()
}

fn folder(control: &Path) -> PathBuf {
    control.join("operations")
}

fn loose_path(control: &Path, number: u64) -> PathBuf {
    folder(control).join(format!("{number:016}"))
}

fn lock_path(control: &Path) -> PathBuf {
    folder(control).join("lock")
}

fn damaged(path: &Path, problem: &str) -> Error {
    Error::integrity(format!(
        "the operation file '{}' is damaged: {problem}",
        path.display()
    ))
    .hint("run `oxide fsck --repair`: it sets a damaged operation aside, which brings back the state before it")
    .at(path)
}

fn unknown(control: &Path, number: u64) -> Error {
    Error::new(
        ErrorCode::NotFound,
        format!("there is no operation {number}"),
    )
    .hint("see `oxide operations` for those that are kept")
    .at(folder(control))
}

fn restless(control: &Path) -> Error {
    Error::new(
        ErrorCode::Moved,
        "the operations kept changing while they were read",
    )
    .hint("run the same command again")
    .at(folder(control))
}

#[cfg(test)]
mod tests;
