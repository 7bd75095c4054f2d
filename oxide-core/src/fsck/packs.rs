//! Packs and own files: footers, checksums, and new packs from what is left of damaged ones.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Check, Problem};
use crate::error::{Error, ErrorCode, Result};
use crate::fsx;
use crate::hash::Id;
use crate::pack::{self, Entry, Group, Kind, PackReader, PackWriter, Record, Salvaged};

const REBUILD: &str = "run `oxide fsck --repair`: it collects the records that are whole";
const LOST: &str =
    "add the file again from another copy, or fetch it from another copy of the repository";

impl Check<'_> {
    /// Every pack: its footer and the checksum of every record.
    pub(super) fn packs(&mut self) -> Result<()> {
        self.store.refresh()?;
        let packs = self.store.packs()?;
        let lengths = packs
            .iter()
            .map(|pack| fs::metadata(pack.path()).map_or(0, |found| found.len()));
        let total = lengths.sum();
        self.progress
            .begin("checking packs", packs.len() as u64, total);
        for pack in packs {
            let path = pack.path();
            self.count("pack");
            let reader = match PackReader::open(path) {
                Ok(Some(reader)) => reader,
                Ok(None) => continue,
                Err(error) if error.code == ErrorCode::Integrity => {
                    self.damaged_pack(&pack.name, pack.group, path, &error)?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut entries: Vec<Entry> = reader.entries().collect();
            entries.sort_unstable_by_key(|entry| entry.offset);
            let damaged = entries.par_iter().filter_map(|entry| {
                if let Err(error) = self.progress.check() {
                    return Some(Err(error));
                }
                reader.stored(entry).is_err().then_some(Ok(*entry))
            });
            let damaged = damaged.collect::<Result<Vec<Entry>>>()?;
            *self.report.checked.entry("record".into()).or_default() += entries.len() as u64;
            self.progress.advance(1, reader.file_length())?;
            let layout = reader.check_layout();
            if damaged.is_empty() && layout.is_none() {
                continue;
            }
            if self.request.repair {
                self.rebuild_pack(pack.group, path)?;
            }
            if let Some(problem) = layout {
                self.report.problems.push(Problem {
                    object: pack.name.clone(),
                    kind: "pack".into(),
                    problem: format!("pack '{}' is damaged: {problem}", path.display()),
                    remedy: REBUILD.into(),
                    repaired: self.request.repair,
                });
            }
            for entry in damaged {
                self.damaged_record(&pack.name, &entry)?;
            }
        }
        Ok(())
    }

    fn damaged_record(&mut self, pack: &str, entry: &Entry) -> Result<()> {
        // A copy in another pack stands in once the damaged one is out of the way.
        let repaired = self.request.repair && self.store.contains_sound(entry.kind, &entry.id);
        self.report.problems.push(Problem {
            object: entry.id.to_hex(),
            kind: entry.kind.name().into(),
            problem: format!("its record in pack {pack} is damaged"),
            remedy: LOST.into(),
            repaired,
        });
        Ok(())
    }

    fn damaged_pack(&mut self, name: &str, group: Group, path: &Path, error: &Error) -> Result<()> {
        let mut remedy = REBUILD;
        let mut problem = error.message.clone();
        let mut lost = Vec::new();
        if self.request.repair {
            let salvaged = self.rebuild_pack(group, path)?;
            let records = salvaged.entries.len();
            problem += &format!("; {records} records were brought into a new pack");
            remedy = "what could not be saved is listed under its own id; the damaged file is in .oxide/damaged";
            lost = salvaged.lost;
        }
        self.report.problems.push(Problem {
            object: name.into(),
            kind: "pack".into(),
            problem,
            remedy: remedy.into(),
            repaired: self.request.repair,
        });
        for entry in lost {
            self.damaged_record(name, &entry)?;
        }
        Ok(())
    }

    /// Writes the right records of a damaged pack into a new one, then sets the old file aside.
    fn rebuild_pack(&mut self, group: Group, path: &Path) -> Result<Salvaged> {
        let salvaged = pack::salvage(path, group)?;
        let control = self.store.control();
        if !salvaged.entries.is_empty() {
            let mut writer = PackWriter::create(group, &control.join("tmp"))?;
            for entry in &salvaged.entries {
                let full = writer.append(&Record {
                    kind: entry.kind,
                    id: entry.id,
                    encoding: entry.encoding,
                    raw_length: entry.raw_length,
                    crc: entry.crc,
                    stored: salvaged.stored(entry),
                })?;
                if let Some(full) = full {
                    full.write();
                }
            }
            writer.seal()?;
            fsx::sync_data(writer.file().file(), writer.path())?;
            let target = control.join("packs").join(writer.name());
            fsx::rename(writer.path(), &target)?;
            fsx::sync_dir(&control.join("packs"))?;
        }
        set_aside(control, path)?;
        self.changed = true;
        self.store.refresh()?;
        Ok(salvaged)
    }

    /// Own files; with `data` also those that nothing refers to are read.
    pub(super) fn objects(&mut self) -> Result<()> {
        let objects = self.store.objects()?;
        let bytes = objects.iter().map(|object| object.size).sum();
        self.progress
            .begin("checking files", objects.len() as u64, bytes);
        *self.report.checked.entry("object".into()).or_default() += objects.len() as u64;
        if !self.request.data {
            return Ok(());
        }
        let checked = objects.par_iter().map(|object| {
            self.progress.advance(1, object.size)?;
            Ok((
                object,
                super::contents::hash_file(&object.path)? == object.id,
            ))
        });
        for (object, sound) in checked.collect::<Result<Vec<_>>>()? {
            if sound {
                continue;
            }
            if self.request.repair {
                set_aside(self.store.control(), &object.path)?;
                self.changed = true;
            }
            self.report.problems.push(Problem {
                object: object.id.to_hex(),
                kind: "object".into(),
                problem: format!("the file '{}' holds another content", object.path.display()),
                remedy: LOST.into(),
                repaired: self.request.repair && self.store.contains_sound(Kind::Blob, &object.id),
            });
        }
        Ok(())
    }
}

/// Moves a damaged file out of the way, into `.oxide/damaged`, for good.
pub(super) fn set_aside(control: &Path, path: &Path) -> Result<PathBuf> {
    let folder = control.join("damaged");
    fsx::create_dir_all_durable(&folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let target = folder.join(format!("{name}-{}", fsx::unique_name()));
    fsx::rename(path, &target)?;
    fsx::sync_dir(&folder)?;
    fsx::sync_dir(path.parent().unwrap_or(control))?;
    Ok(target)
}

/// Whether a record can be read.
trait Sound {
    fn contains_sound(&self, kind: Kind, id: &Id) -> bool;
}

impl Sound for crate::store::Store {
    fn contains_sound(&self, kind: Kind, id: &Id) -> bool {
        crate::store::ReadObjects::read(self, kind, id).is_ok()
    }
}
