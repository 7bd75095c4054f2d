//! The working copy compared with what is staged.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::disk::{self, DiskKind, DiskStat};
use super::reference;
use super::stat_index::{Index, Record};
use super::walk::{self, Findings, Found, FoundFiles, Untracked};
use super::{Skipped, Status};
use crate::counters;
use crate::error::Result;
use crate::files::FileType;
use crate::hash::{Context, Id};
use crate::paths;
use crate::progress::Progress;
use crate::store::Store;

/// Bytes read at once when a file is only hashed.
const BUFFER: usize = 256 << 10;

/// Files that are looked at together, by one thread.
const BATCH: usize = 32;

/// How files looked, by path.
pub(crate) type Seen = Vec<(Vec<u8>, Record)>;

/// Work on a batch: with the position of its first element.
type Work<'a, T> = dyn Fn(&mut Handles<'_>, usize, &[T]) -> Result<()> + Sync + 'a;

/// What a closer look at a possibly changed file showed.
pub(crate) enum Verdict {
    /// Same content: how it looks now.
    Same(Record),
    Modified,
    /// It could not be read.
    Unreadable(String),
}

/// Compares everything with the index; also returns what was seen of files that only looked changed.
pub(crate) fn status(
    index: &Index,
    root: BorrowedFd<'_>,
    store: &Store,
    progress: &Progress,
) -> Result<(Status, Seen)> {
    progress.begin("scanning", 0, 0);
    let request = walk::Request {
        index,
        root,
        untracked: Untracked::Count,
        strict: true,
        progress,
    };
    let findings = {
        let _span = crate::trace::span("status: walk");
        walk::compare(&request, &[Vec::new()])?
    };
    let mut status = Status {
        skipped: findings.skipped,
        ..Status::default()
    };
    let mut seen = Vec::new();
    let changed = FoundFiles::new(findings.files);
    let verdicts = judge(root, &changed, store, progress)?;
    for (found, verdict) in changed.iter().zip(verdicts) {
        match (verdict, found.record) {
            (Verdict::Same(record), Some(old)) if record != *old => {
                seen.push((found.path(), record));
            }
            (Verdict::Same(_), _) => {}
            (Verdict::Modified, _) => status.modified.push(paths::to_text(&found.path())),
            (Verdict::Unreadable(reason), _) => status.skipped.push(Skipped {
                path: paths::to_text(&found.path()),
                reason,
            }),
        }
    }
    let text = |path: &Vec<u8>| paths::to_text(path);
    status.removed = findings
        .removed
        .iter()
        .map(|(path, _)| text(path))
        .collect();
    status.untracked = findings
        .counted
        .iter()
        .map(|(path, files)| (text(path), *files))
        .collect();
    status.empty_folders = findings.empty_folders.iter().map(text).collect();
    status.modified.sort_unstable();
    status.removed.sort_unstable();
    status.untracked.sort_unstable();
    status.empty_folders.sort_unstable();
    status.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((status, seen))
}

/// Looks closer at files that may have changed, in parallel: a verdict for each, in order.
pub(crate) fn judge(
    root: BorrowedFd<'_>,
    files: &FoundFiles,
    store: &Store,
    progress: &Progress,
) -> Result<Vec<Verdict>> {
    let _span = crate::trace::span("status: hash");
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = files.iter().map(|found| found.size).sum();
    progress.begin("hashing", files.len() as u64, bytes);
    let verdicts = Mutex::new(Vec::with_capacity(files.len() / BATCH + 1));
    in_batches(root, &files.ranges(BATCH), 1, &|handles, _, ranges| {
        for range in ranges {
            let mut judged = Vec::with_capacity(range.len());
            for found in files.range(range.clone()) {
                judged.push(judge_one(handles, &found, store));
                progress.advance(1, found.size)?;
            }
            let mut verdicts = verdicts.lock().expect("verdicts lock");
            verdicts.push((range.start, judged));
        }
        Ok(())
    })?;
    let mut verdicts = verdicts.into_inner().expect("verdicts lock");
    verdicts.sort_unstable_by_key(|(first, _)| *first);
    Ok(verdicts
        .into_iter()
        .flat_map(|(_, judged)| judged)
        .collect())
}

fn judge_one(handles: &mut Handles<'_>, found: &Found<'_>, store: &Store) -> Verdict {
    let Some(record) = found.record else {
        return Verdict::Modified;
    };
    if !record.is_kind(found.kind, found.executable) {
        return Verdict::Modified;
    }
    let read_at = disk::now();
    let verdict = match record.kind {
        FileType::Reference => judge_reference(handles, found, record, store, read_at),
        _ if record.size != found.size => Ok(Verdict::Modified),
        _ => judge_content(handles, found, record, read_at),
    };
    match verdict {
        Ok(verdict) => verdict,
        Err(error) if disk::is_missing(&error) => Verdict::Modified,
        Err(error) => Verdict::Unreadable(disk::reason(&error)),
    }
}

fn judge_reference(
    handles: &mut Handles<'_>,
    found: &Found<'_>,
    record: &Record,
    store: &Store,
    read_at: i64,
) -> io::Result<Verdict> {
    let looks = handles.looks(found.folder, found.name)?;
    let same = record.same_kind(&looks)
        && handles.is_reference(store, found.folder, found.name, record)?;
    Ok(match same {
        true => Verdict::Same(record.seen(&looks, read_at)),
        false => Verdict::Modified,
    })
}

fn judge_content(
    handles: &mut Handles<'_>,
    found: &Found<'_>,
    record: &Record,
    read_at: i64,
) -> io::Result<Verdict> {
    let (content, looks) = handles.hash(found.folder, found.name)?;
    Ok(
        match content == record.content && record.same_kind(&looks) {
            true => Verdict::Same(record.seen(&looks, read_at)),
            false => Verdict::Modified,
        },
    )
}

/// The last folder that was opened, for work that goes on folder by folder.
pub(crate) struct Handles<'a> {
    root: BorrowedFd<'a>,
    last: Option<(Vec<u8>, Arc<OwnedFd>)>,
    buffer: Vec<u8>,
}

impl<'a> Handles<'a> {
    pub(crate) fn new(root: BorrowedFd<'a>) -> Handles<'a> {
        Handles {
            root,
            last: None,
            buffer: Vec::new(),
        }
    }

    /// A folder's handle.
    pub(crate) fn folder(&mut self, path: &[u8]) -> io::Result<Arc<OwnedFd>> {
        if let Some((last, handle)) = &self.last {
            if last == path {
                return Ok(handle.clone());
            }
        }
        let handle = Arc::new(disk::open_folder(self.root, path)?);
        self.last = Some((path.to_vec(), handle.clone()));
        Ok(handle)
    }

    /// A reusable buffer of at least this length.
    pub(crate) fn buffer(&mut self, length: usize) -> &mut [u8] {
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        &mut self.buffer[..length]
    }

    /// How a name looks now.
    pub(crate) fn looks(&mut self, folder: &[u8], name: &[u8]) -> io::Result<DiskStat> {
        let handle = self.folder(folder)?;
        disk::stat_at(handle.as_fd(), &disk::c_name(name)?)
    }

    /// Whether a link is the reference that `record` describes.
    pub(crate) fn is_reference(
        &mut self,
        store: &Store,
        folder: &[u8],
        name: &[u8],
        record: &Record,
    ) -> io::Result<bool> {
        let handle = self.folder(folder)?;
        reference::stands_for(store, handle.as_fd(), &disk::c_name(name)?, record)
    }

    /// The content id of a file or link, and how it looked when it was read.
    pub(crate) fn hash(&mut self, folder: &[u8], name: &[u8]) -> io::Result<(Id, DiskStat)> {
        let handle = self.folder(folder)?;
        let name = disk::c_name(name)?;
        let looks = disk::stat_at(handle.as_fd(), &name)?;
        counters::FILES_HASHED.add(1);
        if looks.kind == DiskKind::Link {
            let target = disk::read_link(handle.as_fd(), &name)?;
            counters::BYTES_HASHED.add(target.len() as u64);
            return Ok((Context::Content.id(&target), looks));
        }
        if looks.kind != DiskKind::File {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let mut file = disk::open_file(handle.as_fd(), &name)?;
        let before = disk::stat_open(&file)?;
        let mut hasher = Context::Content.hasher();
        loop {
            let buffer = self.buffer(BUFFER);
            let read = match file.read(buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(&buffer[..read]);
            counters::BYTES_HASHED.add(read as u64);
        }
        let mut after = disk::stat_open(&file)?;
        if after != before {
            // It is being written to: these looks must never match.
            after.mtime = i64::MAX;
        }
        Ok((Id(*hasher.finalize().as_bytes()), after))
    }
}

/// Works through a list in batches of about `size`, in order, on every thread of the pool.
pub(crate) fn in_batches<T: Sync>(
    root: BorrowedFd<'_>,
    items: &[T],
    size: usize,
    work: &Work<'_, T>,
) -> Result<()> {
    in_shares(root, items, size, 1, work)
}

/// [`in_batches`] with each thread in its own part of the list until that is done: threads that create or rename files in
/// one folder wait for each other.
pub(crate) fn in_batches_apart<T: Sync>(
    root: BorrowedFd<'_>,
    items: &[T],
    size: usize,
    work: &Work<'_, T>,
) -> Result<()> {
    in_shares(root, items, size, rayon::current_num_threads(), work)
}

/// Works through a list that is cut into shares. A thread begins with the share of its number and goes on with the next.
fn in_shares<T: Sync>(
    root: BorrowedFd<'_>,
    items: &[T],
    size: usize,
    shares: usize,
    work: &Work<'_, T>,
) -> Result<()> {
    let batches = items.len().div_ceil(size);
    let threads = rayon::current_num_threads().min(batches);
    let begin = |share: usize| batches * share / shares;
    let next: Vec<AtomicUsize> = (0..shares).map(|share| begin(share).into()).collect();
    let failure = Mutex::new(None);
    let run = |thread: usize| {
        let mut handles = Handles::new(root);
        for share in (0..shares).map(|step| (thread + step) % shares) {
            loop {
                let batch = next[share].fetch_add(1, Ordering::Relaxed);
                if batch >= begin(share + 1) {
                    break;
                }
                if failure.lock().expect("failure lock").is_some() {
                    return;
                }
                let first = batch * size;
                let batch = &items[first..(first + size).min(items.len())];
                if let Err(error) = work(&mut handles, first, batch) {
                    failure.lock().expect("failure lock").get_or_insert(error);
                }
            }
        }
    };
    if threads <= 1 {
        run(0);
    } else {
        rayon::scope(|scope| {
            for thread in 0..threads {
                let run = &run;
                scope.spawn(move |_| run(thread));
            }
        });
    }
    match failure.into_inner().expect("failure lock") {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Tracked files under `scopes` that are not on disk as the index says: (path, gone).
pub(crate) fn differing(
    index: &Index,
    root: BorrowedFd<'_>,
    scopes: &[Vec<u8>],
    store: &Store,
    progress: &Progress,
) -> Result<Vec<Vec<u8>>> {
    let request = walk::Request {
        index,
        root,
        untracked: Untracked::Leave,
        strict: false,
        progress,
    };
    let Findings { files, removed, .. } = walk::compare(&request, scopes)?;
    let mut differing: Vec<Vec<u8>> = removed.into_iter().map(|(path, _)| path).collect();
    let files = FoundFiles::new(files);
    let verdicts = judge(root, &files, store, progress)?;
    for (found, verdict) in files.iter().zip(verdicts) {
        if matches!(verdict, Verdict::Modified) {
            differing.push(found.path());
        }
    }
    Ok(differing)
}
