//! Merging small packs in bounded steps, so that thousands of commits leave tens of packs: packs of about one size are
//! merged eight at a time, so each byte is copied once for each eightfold growth of the pack that it lies in.

use std::sync::Arc;

use super::packs::PackSet;
use super::{PackRef, Store};
use crate::error::{ErrorCode, Result};
use crate::fsx;
use crate::index;
use crate::pack::{Entry, Group, Kind, PackReader};
use crate::trace;

/// Packs of one tier that are merged at once, and the factor between tiers.
const FACTOR: usize = 8;
/// Packs below this length are the lowest tier.
const SMALLEST: u64 = 64 << 10;
/// Merging never makes a longer pack.
const LARGEST: u64 = 128 << 20;
/// Packs beyond the merged index that make a new one worth writing, whatever their length.
const UNCOVERED: usize = 64;

fn tier(length: u64) -> usize {
    let mut tier = 0;
    let mut bound = SMALLEST;
    while length >= bound {
        tier += 1;
        bound *= FACTOR as u64;
    }
    tier
}

impl Store {
    /// Merges small packs where enough of one size have gathered, and renews the merged index. Does at most one merge for
    /// each group and tier; does nothing while another process is at it. To be called after publishing.
    pub fn consolidate(&self) -> Result<()> {
        if !self.has_enough()? {
            return Ok(());
        }
        let _span = trace::span("consolidate packs");
        let Some(_lock) = self.try_lock_packs()? else {
            return Ok(());
        };
        self.refresh()?;
        for group in Group::ALL {
            self.merge_tiers(group)?;
            self.renew_index(group)?;
        }
        Ok(())
    }

    /// Whether there may be something to do, without a look at the disk.
    fn has_enough(&self) -> Result<bool> {
        let set = self.pack_set()?;
        Ok(Group::ALL
            .into_iter()
            .any(|group| set.group(group).len() >= FACTOR))
    }

    fn merge_tiers(&self, group: Group) -> Result<()> {
        let tombstoned = self.tombstoned()?;
        let mut tiers: Vec<Vec<(Arc<PackRef>, u64)>> = Vec::new();
        // Oldest first, so that what was written together stays together.
        for pack in self.pack_set()?.group(group).iter().rev() {
            let Ok(metadata) = std::fs::metadata(pack.path()) else {
                continue;
            };
            if !tombstoned.contains(&pack.name) {
                let tier = tier(metadata.len());
                tiers.resize(tiers.len().max(tier + 1), Vec::new());
                tiers[tier].push((pack.clone(), metadata.len()));
            }
        }
        for packs in tiers {
            let mut length = 0;
            let chosen: Vec<Arc<PackRef>> = packs
                .iter()
                .take_while(|(_, pack_length)| {
                    length += pack_length;
                    length <= LARGEST.min(group.rotate_at())
                })
                .map(|(pack, _)| pack.clone())
                .collect();
            if packs.len() >= FACTOR && chosen.len() * 2 >= FACTOR {
                self.merge(group, &chosen)?;
            }
        }
        Ok(())
    }

    /// The records are on the disk in the new pack before the old packs go; readers that miss one list the packs again.
    fn merge(&self, group: Group, packs: &[Arc<PackRef>]) -> Result<()> {
        let mut readers = Vec::new();
        for pack in packs {
            match pack.open() {
                Ok(Some(reader)) => readers.push((pack, reader)),
                Ok(None) => {}
                // A damaged pack stays as it is for the checker to find.
                Err(e) if e.code == ErrorCode::Integrity => {}
                Err(e) => return Err(e),
            }
        }
        readers.retain(|(_, reader)| reader.entries().all(|entry| reader.stored(&entry).is_ok()));
        if readers.len() < 2 {
            return Ok(());
        }
        // Of equal records the first is copied. Where an external file lies may have been recorded again since.
        let newest_places = readers
            .iter()
            .rev()
            .flat_map(|(_, reader)| in_file_order(reader))
            .filter(|(_, entry)| entry.kind == Kind::External);
        let records = readers.iter().flat_map(|(_, reader)| in_file_order(reader));
        self.copy_records(group, newest_places.chain(records))?;
        for (pack, _) in &readers {
            fsx::remove_file(pack.path())?;
        }
        self.refresh()
    }

    /// The index is rewritten when what it does not cover has grown to an eighth of what it does.
    fn renew_index(&self, group: Group) -> Result<()> {
        let set = self.pack_set()?;
        let (uncovered, covered) = set.coverage(group);
        let length = |packs: &[Arc<PackRef>]| -> u64 {
            let lengths = packs.iter().map(|pack| std::fs::metadata(pack.path()));
            lengths.flatten().map(|metadata| metadata.len()).sum()
        };
        let many = uncovered.len() > index::WORTHWHILE;
        let worthwhile = uncovered.len() > UNCOVERED
            || (many && length(&uncovered) * FACTOR as u64 >= length(&covered));
        match worthwhile {
            true => self.write_index(group, &set),
            false => Ok(()),
        }
    }

    /// Writes the merged index of a group anew.
    fn write_index(&self, group: Group, set: &PackSet) -> Result<()> {
        let mut readers = Vec::new();
        for pack in set.group(group) {
            // A pack that cannot be opened is looked into by itself, and shows its damage there.
            if let Ok(Some(reader)) = pack.open() {
                readers.push((pack.name.clone(), reader));
            }
        }
        let packs = readers.iter().map(|(name, pack)| (name.as_str(), &**pack));
        index::build(self.control(), group, packs)?;
        self.refresh()
    }

    /// Writes the merged indexes anew where there are enough packs for one, as when derived files are rebuilt.
    pub fn rebuild_index(&self) -> Result<()> {
        self.refresh()?;
        for group in Group::ALL {
            let set = self.pack_set()?;
            if set.group(group).len() > index::WORTHWHILE {
                self.write_index(group, &set)?;
            }
        }
        Ok(())
    }
}

fn in_file_order(reader: &Arc<PackReader>) -> Vec<(Arc<PackReader>, Entry)> {
    let mut entries: Vec<Entry> = reader.entries().collect();
    entries.sort_unstable_by_key(|entry| entry.offset);
    let with_pack = |entry| (reader.clone(), entry);
    entries.into_iter().map(with_pack).collect()
}
