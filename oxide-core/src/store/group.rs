//! The packs of one group that a session is writing, and what it has put into them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{sync_channel, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::codec;
use crate::error::{Error, Result};
use crate::fsx::{self, LargeFile};
use crate::hash::Id;
use crate::pack::{Entry, FullBuffer, Group, Kind, PackReader, PackWriter, Record};

/// Ids are hashes already; half of one is enough to tell records apart, and what is found is compared in full.
type Key = [u8; 16];

#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }
    fn write_usize(&mut self, _length: usize) {}
}

fn key(kind: Kind, id: &Id) -> Key {
    let mut key: Key = std::array::from_fn(|at| id.0[at]);
    key[15] ^= kind as u8;
    key
}

/// Where a record is: in which of the session's packs, as its how manieth record (of use while that pack is open).
#[derive(Clone, Copy)]
struct Place {
    pack: u32,
    index: u32,
}

/// A pack that is complete but not published.
pub(super) struct SealedPack {
    pub(super) name: String,
    pub(super) path: PathBuf,
    file: Arc<LargeFile>,
    reader: PackReader,
    /// The flush that began when the pack was full.
    flushing: Mutex<Option<JoinHandle<Result<()>>>>,
}

impl SealedPack {
    /// Returns once the pack is on the disk.
    pub(super) fn flush(&self) -> Result<()> {
        let begun = lock(&self.flushing).take();
        match begun.map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => fsx::sync_data(self.file.file(), &self.path),
        }
    }
}

#[derive(Default)]
struct State {
    /// Packs that are full, in order; a place's pack number counts them, the open pack comes after them.
    sealed: Vec<Arc<SealedPack>>,
    open: Option<PackWriter>,
    places: HashMap<Key, Place, BuildHasherDefault<FirstBytes>>,
    failed: Option<Error>,
}

/// Writes one group's packs for a session. Shared by its threads.
pub(super) struct GroupWriter {
    group: Group,
    temporary: PathBuf,
    rotate_at: u64,
    state: Mutex<State>,
    outlet: Outlet,
}

/// Records of one pack. What is known of them is in memory until the pack is complete, twice while it is being completed.
const MOST_RECORDS: usize = 1 << 18;

/// Full buffers that wait to be written; beyond that many, who fills them waits.
const WAITING: usize = 4;

/// A thread that writes full buffers, so that those who fill them go on reading and hashing. It begins with the first one.
#[derive(Default)]
struct Outlet(Mutex<Option<(SyncSender<FullBuffer>, JoinHandle<()>)>>);

impl Outlet {
    fn write(&self, full: FullBuffer) {
        let sender = lock(&self.0).get_or_insert_with(Outlet::start).0.clone();
        // A buffer that is not written is a failure of its pack, which shows when the pack is next used.
        let _ = sender.send(full);
    }

    fn start() -> (SyncSender<FullBuffer>, JoinHandle<()>) {
        let (sender, receiver) = sync_channel::<FullBuffer>(WAITING);
        let thread = std::thread::spawn(move || {
            for full in receiver {
                full.write();
            }
        });
        (sender, thread)
    }

    /// Writes what waits and ends the thread.
    fn end(&self) {
        if let Some((sender, thread)) = lock(&self.0).take() {
            drop(sender);
            // Its buffers have said what failed.
            let _ = thread.join();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl GroupWriter {
    pub(super) fn new(group: Group, control: &Path) -> GroupWriter {
        GroupWriter {
            group,
            temporary: control.join("tmp"),
            rotate_at: group.rotate_at(),
            state: Mutex::default(),
            outlet: Outlet::default(),
        }
    }

    /// Whether the session itself has written the record.
    pub(super) fn contains(&self, kind: Kind, id: &Id) -> bool {
        lock(&self.state).contains(kind, id)
    }

    /// [`contains`](Self::contains) of several.
    pub(super) fn contains_each<'a>(
        &self,
        kind: Kind,
        ids: impl Iterator<Item = &'a Id>,
    ) -> Vec<bool> {
        let state = lock(&self.state);
        ids.map(|id| state.contains(kind, id)).collect()
    }

    /// A record that the session has written and not published.
    pub(super) fn read(&self, kind: Kind, id: &Id) -> Result<Option<Vec<u8>>> {
        let state = lock(&self.state);
        let Some(place) = state.places.get(&key(kind, id)) else {
            return Ok(None);
        };
        if let Some(pack) = state.sealed.get(place.pack as usize).cloned() {
            drop(state);
            let entry = pack.reader.find(kind, id);
            return entry.map(|entry| pack.reader.read(&entry)).transpose();
        }
        let Some((writer, entry)) = state.open_entry(*place, kind, id) else {
            return Ok(None);
        };
        let stored = writer.stored(entry)?;
        let (encoding, length) = (entry.encoding, entry.raw_length as usize);
        drop(state);
        codec::decode(encoding, &stored, length).map(Some)
    }

    /// Adds records; `false` for one that the session has written already. Several at a time keep others waiting less often.
    pub(super) fn add(&self, records: &[Record<'_>]) -> Result<Vec<bool>> {
        let mut state = lock(&self.state);
        state.check()?;
        let mut full = Vec::new();
        let added = records.iter().map(|record| {
            let new = !state.contains(record.kind, &record.id);
            if new {
                full.extend(self.append(&mut state, record)?);
            }
            Ok(new)
        });
        let added = added.collect::<Result<_>>();
        drop(state);
        full.into_iter().for_each(|full| self.outlet.write(full));
        added.map_err(|e| self.fail(e))
    }

    fn append(&self, state: &mut State, record: &Record<'_>) -> Result<Option<FullBuffer>> {
        let pack = state.sealed.len() as u32;
        if state.open.is_none() {
            state.open = Some(PackWriter::create(self.group, &self.temporary)?);
        }
        let Some(writer) = &mut state.open else {
            return Ok(None);
        };
        let index = writer.len() as u32;
        let full = writer.append(record)?;
        let rotate = writer.length() >= self.rotate_at || writer.len() >= MOST_RECORDS;
        state
            .places
            .insert(key(record.kind, &record.id), Place { pack, index });
        if !rotate {
            return Ok(full);
        }
        if let Some(full) = full {
            self.outlet.write(full);
        }
        // Sealing waits for every buffer; the disk can begin with this pack while the next one fills.
        let sealed = state.seal()?;
        if let Some(sealed) = sealed {
            let (file, path) = (sealed.file.clone(), sealed.path.clone());
            let flush = std::thread::spawn(move || fsx::sync_data(file.file(), &path));
            *lock(&sealed.flushing) = Some(flush);
        }
        Ok(None)
    }

    /// Completes the open pack and gives all that wait to be published.
    pub(super) fn seal(&self) -> Result<Vec<Arc<SealedPack>>> {
        let mut state = lock(&self.state);
        state.check()?;
        let sealed = state.seal();
        let packs = state.sealed.clone();
        drop(state);
        sealed.map_err(|e| self.fail(e))?;
        Ok(packs)
    }

    /// Forgets the first `count` packs: they are published and read through the store from now on.
    pub(super) fn published(&self, count: usize) {
        let mut state = lock(&self.state);
        state.sealed.drain(..count);
        if state.sealed.is_empty() && state.open.is_none() {
            state.places.clear();
            return;
        }
        let count = count as u32;
        state.places.retain(|_, place| {
            let stays = place.pack >= count;
            place.pack = place.pack.saturating_sub(count);
            stays
        });
    }

    /// After a failure nothing more is written: part of a pack may be missing.
    pub(super) fn fail(&self, error: Error) -> Error {
        lock(&self.state)
            .failed
            .get_or_insert_with(|| error.clone());
        error
    }
}

impl Drop for GroupWriter {
    fn drop(&mut self) {
        self.outlet.end();
        let state = lock(&self.state);
        for pack in &state.sealed {
            // A flush that still runs would only hold up the file's removal from the disk.
            let running = lock(&pack.flushing).take();
            drop(running.map(JoinHandle::join));
            fsx::discard(&pack.path);
        }
        if let Some(open) = &state.open {
            fsx::discard(open.path());
        }
    }
}

impl State {
    fn check(&self) -> Result<()> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn open_entry(&self, place: Place, kind: Kind, id: &Id) -> Option<(&PackWriter, &Entry)> {
        let writer = self.open.as_ref()?;
        let entry = writer.entry(place.index as usize)?;
        let same =
            place.pack as usize == self.sealed.len() && (entry.kind, &entry.id) == (kind, id);
        same.then_some((writer, entry))
    }

    fn contains(&self, kind: Kind, id: &Id) -> bool {
        let Some(place) = self.places.get(&key(kind, id)) else {
            return false;
        };
        match self.sealed.get(place.pack as usize) {
            Some(pack) => pack.reader.find(kind, id).is_some(),
            None => self.open_entry(*place, kind, id).is_some(),
        }
    }

    fn seal(&mut self) -> Result<Option<Arc<SealedPack>>> {
        let Some(writer) = &mut self.open else {
            return Ok(None);
        };
        writer.seal()?;
        let path = writer.path().to_path_buf();
        let reader = PackReader::open(&path)?.ok_or_else(|| {
            Error::integrity(format!("the new pack '{}' was removed", path.display())).at(&path)
        })?;
        let sealed = Arc::new(SealedPack {
            name: writer.name().to_string(),
            path,
            reader,
            file: writer.file().clone(),
            flushing: Mutex::new(None),
        });
        self.open = None;
        self.sealed.push(sealed.clone());
        Ok(Some(sealed))
    }
}
