//! What the collector and the checker need: lists of everything stored, copies of records, removal, tombstones.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::lease::{Lease, LiveSession};
use super::packs::names_in;
use super::{lease, objects, PackRef, Store};
use crate::counters;
use crate::error::{Error, Result};
use crate::fsx::{self, Lock};
use crate::hash::Id;
use crate::pack::{Entry, Group, PackReader, PackWriter, Record};

/// What the names of own files begin with that are on their way out.
const TAKEN: &str = "dead";

/// How old a temporary file whose owner cannot be told must be to count as left behind.
pub const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// A content that is a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRef {
    /// Its content id.
    pub id: Id,
    /// Its length.
    pub size: u64,
    /// Where it lies.
    pub path: PathBuf,
}

impl Store {
    /// The packs as they were last listed: data packs, then meta packs, each newest first.
    pub fn packs(&self) -> Result<Vec<Arc<PackRef>>> {
        Ok(self.pack_set()?.all().cloned().collect())
    }

    /// Removes a pack. Readers that have it open keep it; others look elsewhere.
    pub fn remove_pack(&self, name: &str) -> Result<()> {
        fsx::remove_file(&self.control().join("packs").join(name))?;
        self.refresh()
    }

    /// Flushes the names of packs: those that have gone stay gone.
    pub fn flush_packs(&self) -> Result<()> {
        fsx::sync_dir(&self.control().join("packs"))
    }

    /// Writes records of other packs, as they are stored, into new packs and publishes them durably. All must be of
    /// `group`. Returns the names of the new packs. Nothing else may be left to refer to when the old packs go.
    pub fn copy_records(
        &self,
        group: Group,
        records: impl Iterator<Item = (Arc<PackReader>, Entry)>,
    ) -> Result<Vec<String>> {
        let mut copy = Copy {
            store: self,
            group,
            open: None,
            sealed: Vec::new(),
        };
        let mut seen = HashSet::new();
        for (pack, entry) in records {
            if !seen.insert((entry.kind, entry.id)) {
                continue;
            }
            copy.append(&Record {
                kind: entry.kind,
                id: entry.id,
                encoding: entry.encoding,
                raw_length: entry.raw_length,
                crc: entry.crc,
                stored: pack.stored(&entry)?,
            })?;
        }
        copy.publish()
    }

    /// Every content that is a file of its own, by id.
    pub fn objects(&self) -> Result<Vec<ObjectRef>> {
        let folder = self.control().join("objects");
        let mut found = Vec::new();
        for first in names_in(&folder)? {
            for rest in names_in(&folder.join(&first))? {
                let Ok(id) = Id::from_hex(&format!("{first}{rest}")) else {
                    continue;
                };
                let path = objects::path(self.control(), &id);
                match std::fs::metadata(&path) {
                    Ok(metadata) => found.push(ObjectRef {
                        id,
                        size: metadata.len(),
                        path,
                    }),
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                    Err(e) => return Err(Error::io("read", &path, &e)),
                }
            }
        }
        found.sort_by_key(|object| object.id);
        Ok(found)
    }

    /// Removes a content's own file if it is older than `since`. `false` when it is not: a session that stores the content
    /// again gives a new file the same name, so what was taken away is looked at before it goes. The caller holds the
    /// lock of packs.
    pub fn remove_object(&self, id: &Id, since: SystemTime) -> Result<bool> {
        let path = objects::path(self.control(), id);
        let taken = self.taken(id);
        fsx::rename(&path, &taken)?;
        let time = std::fs::metadata(&taken).and_then(|metadata| metadata.modified());
        if time.is_ok_and(|time| time >= since) {
            fsx::rename(&taken, &path)?;
            return Ok(false);
        }
        fsx::remove_file(&taken)?;
        Ok(true)
    }

    fn taken(&self, id: &Id) -> PathBuf {
        let name = format!("{TAKEN}-{}", id.to_hex());
        self.control().join("tmp").join(name)
    }

    /// Puts back the own files that a collector which died had taken away: one of them may have been stored again. The
    /// caller holds the lock of packs.
    pub fn put_back_taken(&self) -> Result<()> {
        for name in names_in(&self.control().join("tmp"))? {
            let id = name
                .strip_prefix(TAKEN)
                .and_then(|rest| Id::from_hex(rest.strip_prefix('-')?).ok());
            let Some(id) = id else { continue };
            let (taken, path) = (self.taken(&id), objects::path(self.control(), &id));
            match path.exists() {
                true => fsx::remove_file(&taken)?,
                false => fsx::rename(&taken, &path)?,
            }
        }
        Ok(())
    }

    /// Names with a tombstone: pack file names, and own files as 64 hex digits. Sessions that begin from now on store anew
    /// what these hold; readers still read them.
    pub fn tombstoned(&self) -> Result<HashSet<String>> {
        let folder = self.control().join("tombstones");
        Ok(names_in(&folder)?.into_iter().collect())
    }

    /// The names with a tombstone, and since when.
    pub fn tombstones(&self) -> Result<Vec<(String, SystemTime)>> {
        let folder = self.control().join("tombstones");
        let mut found = Vec::new();
        for name in names_in(&folder)? {
            let path = folder.join(&name);
            match std::fs::metadata(&path).and_then(|metadata| metadata.modified()) {
                Ok(time) => found.push((name, time)),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io("read", &path, &e)),
            }
        }
        found.sort();
        Ok(found)
    }

    /// Gives a pack or an own file a tombstone; one that is there keeps its time.
    pub fn tombstone(&self, name: &str) -> Result<()> {
        let path = self.control().join("tombstones").join(name);
        match path.exists() {
            true => Ok(()),
            false => fsx::write_atomic(&path, &[], fsx::Durability::Durable),
        }
    }

    /// Takes a tombstone away.
    pub fn remove_tombstone(&self, name: &str) -> Result<()> {
        fsx::remove_file(&self.control().join("tombstones").join(name))
    }

    /// Holds what is readable now, as a session does, until it is dropped: for readers that must not lose what they look at
    /// to a collector. `None` where the repository cannot be written to, which no collector can then either.
    pub fn hold(&self) -> Option<Lease> {
        Lease::take(self.control()).ok()
    }

    /// Sessions and readers that live, those that began first in front. Leases of dead processes are removed.
    pub fn live_sessions(&self) -> Result<Vec<LiveSession>> {
        lease::live(self.control())
    }

    /// The lock under which packs are merged or rewritten; `None` while another process does so.
    pub fn try_lock_packs(&self) -> Result<Option<Lock>> {
        fsx::try_lock(&self.control().join("leases").join("consolidate.lock"))
    }

    /// Removes temporary files of dead processes: at once where it can be told that the owner is dead, others when they
    /// are at least `age` old. Returns how many.
    pub fn collect_temporary(&self, age: Duration) -> Result<u64> {
        let folder = self.control().join("tmp");
        // Listed before the sessions are: what a session begun since may own is not in the list.
        let names = names_in(&folder)?;
        let oldest = lease::live(self.control())?.first().copied();
        let mut removed = 0;
        for name in names {
            let path = folder.join(&name);
            let Ok(metadata) = std::fs::symlink_metadata(&path) else {
                continue;
            };
            let (purpose, unique) = name.split_once('-').unwrap_or((&name, ""));
            let told = match purpose {
                // Locked by their owners.
                "data" | "meta" | "checkout" | "file" => true,
                // A session's, which began before it made the file.
                "object" => oldest.is_none_or(|session| made(unique) < session.began),
                // The next collector puts it back.
                TAKEN => continue,
                _ => false,
            };
            let old = metadata
                .modified()
                .ok()
                .and_then(|time| time.elapsed().ok());
            if !told && old.is_none_or(|old| old < age) {
                continue;
            }
            // Held until the file is gone: nobody can take it over meanwhile.
            let Some(_lock) = fsx::try_lock_named(&path)? else {
                continue;
            };
            match metadata.is_dir() {
                true => fsx::remove_dir_all(&path)?,
                false => fsx::remove_file(&path)?,
            }
            removed += 1;
        }
        Ok(removed)
    }
}

/// When a unique name was made, in microseconds since 1970 UTC; of another name the end of time.
fn made(unique: &str) -> u64 {
    let time = unique.get(..16);
    let time = time.and_then(|time| u64::from_str_radix(time, 16).ok());
    time.unwrap_or(u64::MAX)
}

/// New packs on their way; unless they are published, they are removed.
struct Copy<'a> {
    store: &'a Store,
    group: Group,
    open: Option<PackWriter>,
    sealed: Vec<PackWriter>,
}

impl Copy<'_> {
    fn append(&mut self, record: &Record<'_>) -> Result<()> {
        if self.open.is_none() {
            let temporary = self.store.control().join("tmp");
            self.open = Some(PackWriter::create(self.group, &temporary)?);
        }
        let Some(writer) = &mut self.open else {
            return Ok(());
        };
        if let Some(full) = writer.append(record)? {
            full.write();
        }
        if writer.length() >= self.group.rotate_at() {
            self.seal()?;
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<()> {
        if let Some(writer) = &mut self.open {
            writer.seal()?;
            fsx::sync_data(writer.file().file(), writer.path())?;
        }
        self.sealed.extend(self.open.take());
        Ok(())
    }

    fn publish(mut self) -> Result<Vec<String>> {
        self.seal()?;
        if self.sealed.is_empty() {
            return Ok(Vec::new());
        }
        let folder = self.store.control().join("packs");
        let mut names = Vec::new();
        for writer in &self.sealed {
            fsx::rename(writer.path(), &folder.join(writer.name()))?;
            names.push(writer.name().to_string());
        }
        fsx::sync_dir(&folder)?;
        counters::PACKS_WRITTEN.add(names.len() as u64);
        self.sealed.clear();
        self.store.add_packs(&names)?;
        Ok(names)
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        for writer in self.sealed.iter().chain(&self.open) {
            fsx::discard(writer.path());
        }
    }
}
