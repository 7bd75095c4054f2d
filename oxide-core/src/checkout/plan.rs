//! Planning: what differs between the tables, and what stands on the disk in its place.

use std::collections::{BTreeSet, HashSet};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;

use super::{CheckoutPlan, CheckoutRequest, Keep, PlanState, Remove, Write};
use crate::error::Result;
use crate::files::{FileRow, FileType};
use crate::paths;
use crate::progress::Progress;
use crate::store::Store;
use crate::tree;
use crate::workspace::disk::{self, DiskKind, DiskStat, Listing};
use crate::workspace::stat_index::{Index, Record};
use crate::workspace::status::{differing, in_batches, Handles};
use crate::workspace::WorkingCopy;

/// Files that one thread looks at in one go.
const BATCH: usize = 64;

/// A path whose file may have to change. There may be a million of them.
struct Candidate {
    path: Vec<u8>,
    before: Before,
    after: Option<Record>,
}

/// What the old table has at a path.
enum Before {
    Nothing,
    /// The same as the new one.
    Same,
    Other(Box<Record>),
}

impl Candidate {
    fn before(&self) -> Option<Record> {
        match &self.before {
            Before::Nothing => None,
            Before::Same => self.after,
            Before::Other(record) => Some(**record),
        }
    }
}

/// What is to be done about one candidate.
enum Step {
    Write {
        replaces: Option<DiskStat>,
        forced: bool,
    },
    Remove(Option<DiskStat>),
    /// The content on disk is the new one.
    Keep(DiskStat, i64),
    /// Nothing is there to remove.
    Nothing,
    Blocked(Vec<Vec<u8>>),
}

/// A folder that is not there.
struct AbsentFolder {
    path: Vec<u8>,
    /// What stands where it or one above it must be.
    obstacle: Option<Vec<u8>>,
}

/// Compares tables and disk; writes nothing.
pub fn plan(
    copy: &WorkingCopy,
    request: &CheckoutRequest<'_>,
    progress: &Progress,
) -> Result<CheckoutPlan> {
    make(copy, request, false, progress)
}

/// A plan that leaves alone whatever is not exactly as the old table says.
pub(super) fn plan_resume(
    copy: &WorkingCopy,
    request: &CheckoutRequest<'_>,
    progress: &Progress,
) -> Result<CheckoutPlan> {
    make(copy, request, true, progress)
}

fn make(
    copy: &WorkingCopy,
    request: &CheckoutRequest<'_>,
    resume: bool,
    progress: &Progress,
) -> Result<CheckoutPlan> {
    let _span = crate::trace::span("checkout: plan");
    progress.begin("comparing", 0, 0);
    let root = disk::open_root(&copy.tree)?;
    let control = copy.store.control();
    Index::with(control, &copy.store, &request.from, &mut |index| {
        let candidates = candidates(&copy.store, index, root.as_fd(), request, progress)?;
        let planner = Planner {
            store: &copy.store,
            index,
            request,
            resume,
            removed: candidates
                .iter()
                .filter(|candidate| candidate.after.is_none())
                .map(|candidate| candidate.path.as_slice())
                .collect(),
            clear: Mutex::default(),
            replaced_folders: Mutex::default(),
        };
        let steps = planner.steps(root.as_fd(), &candidates, progress)?;
        let (clear, replaced) = (
            planner.clear.into_inner().expect("clear lock"),
            planner.replaced_folders.into_inner().expect("folders lock"),
        );
        let mut plan = assemble(candidates, steps);
        (plan.state.clear, plan.state.replaced_folders) = (clear, replaced);
        Ok(plan)
    })
}

/// Everything that the tables or, for a repair, the disk differ in, by path.
fn candidates(
    store: &Store,
    index: &Index,
    root: BorrowedFd<'_>,
    request: &CheckoutRequest<'_>,
    progress: &Progress,
) -> Result<Vec<Candidate>> {
    let scopes: Vec<&str> = request
        .paths
        .iter()
        .map(|path| path.trim_end_matches('/'))
        .collect();
    let wanted = |path: &str| scopes.is_empty() || scopes.iter().any(|s| paths::is_within(path, s));
    let mut candidates = Vec::new();
    tree::visit_diff(store, &request.from, &request.to, &mut |change| {
        let path = FileRow::path_of(&change.key)?;
        if !wanted(&path) {
            return Ok(());
        }
        paths::check(&path)?;
        let decode = |value: &Option<Vec<u8>>| match value {
            Some(value) => {
                FileRow::decode(&change.key, value).map(|row| Some(Record::unseen(&row)))
            }
            None => Ok(None),
        };
        let (before, after) = (decode(&change.before)?, decode(&change.after)?);
        let same = match (&before, &after) {
            (Some(before), Some(after)) => before.same_file(after),
            _ => false,
        };
        // Only the item differs: nothing to do on disk.
        if !same {
            candidates.push(Candidate {
                path: paths::to_bytes(&path),
                before: before.map_or(Before::Nothing, |before| Before::Other(before.into())),
                after,
            });
        }
        Ok(())
    })?;
    candidates.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    if request.repair {
        let scopes: Vec<Vec<u8>> = match scopes.is_empty() {
            true => vec![Vec::new()],
            false => scopes.iter().map(|scope| paths::to_bytes(scope)).collect(),
        };
        let known = candidates.len();
        for path in differing(index, root, &scopes, store, progress)? {
            let by_path = |candidate: &Candidate| candidate.path.cmp(&path);
            if candidates[..known].binary_search_by(by_path).is_ok() {
                continue;
            }
            if let Some(record) = index.find(&path)? {
                paths::check(&paths::to_text(&path))?;
                candidates.push(Candidate {
                    path,
                    before: Before::Same,
                    after: Some(record.not_seen()),
                });
            }
        }
        candidates.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    }
    Ok(candidates)
}

/// Bytes that writing the file takes.
pub(super) fn bytes_of(record: &Record) -> u64 {
    match record.kind {
        FileType::Reference => 0,
        FileType::File | FileType::Link => record.size,
    }
}

struct Planner<'a> {
    store: &'a Store,
    index: &'a Index,
    request: &'a CheckoutRequest<'a>,
    /// Whether this completes an interrupted checkout.
    resume: bool,
    /// Paths that the new table does not have.
    removed: HashSet<&'a [u8]>,
    clear: Mutex<BTreeSet<Vec<u8>>>,
    replaced_folders: Mutex<BTreeSet<Vec<u8>>>,
}

impl Planner<'_> {
    /// Looks at every candidate, in parallel.
    fn steps(
        &self,
        root: BorrowedFd<'_>,
        candidates: &[Candidate],
        progress: &Progress,
    ) -> Result<Vec<Step>> {
        let steps = Mutex::new(Vec::with_capacity(candidates.len()));
        in_batches(root, candidates, BATCH, &|handles, first, batch| {
            let mut decided = Vec::with_capacity(batch.len());
            let mut absent = None;
            for candidate in batch {
                decided.push(self.step(root, handles, candidate, &mut absent)?);
            }
            progress.advance(batch.len() as u64, 0)?;
            steps.lock().expect("steps lock").push((first, decided));
            Ok(())
        })?;
        let mut steps = steps.into_inner().expect("steps lock");
        steps.sort_unstable_by_key(|(first, _)| *first);
        Ok(steps.into_iter().flat_map(|(_, steps)| steps).collect())
    }

    fn step(
        &self,
        root: BorrowedFd<'_>,
        handles: &mut Handles<'_>,
        candidate: &Candidate,
        absent: &mut Option<AbsentFolder>,
    ) -> Result<Step> {
        let (folder, name) = disk::split(&candidate.path);
        if let Some(known) = absent.as_ref().filter(|absent| absent.path == folder) {
            return self.absent(known.obstacle.clone(), candidate);
        }
        let opened = handles.folder(folder);
        if opened.as_ref().is_err_and(disk::is_missing) {
            let obstacle = obstacle_above(root, folder);
            *absent = Some(AbsentFolder {
                path: folder.to_vec(),
                obstacle: obstacle.clone(),
            });
            return self.absent(obstacle, candidate);
        }
        let looked = opened.and_then(|handle| disk::stat_at(handle.as_fd(), &disk::c_name(name)?));
        match looked {
            Ok(looks) => self.occupied(root, handles, candidate, looks),
            Err(error) if disk::is_missing(&error) => self.absent(None, candidate),
            Err(error) => Err(crate::error::Error::io(
                "look at",
                std::path::Path::new(&paths::to_os(&paths::to_text(&candidate.path))),
                &error,
            )),
        }
    }

    /// Nothing is at the path; but something, the obstacle, may stand where one of its folders must be.
    fn absent(&self, obstacle: Option<Vec<u8>>, candidate: &Candidate) -> Result<Step> {
        if candidate.after.is_none() {
            return Ok(Step::Nothing);
        }
        // A checkout never leaves a replaced file away: the user removed it.
        if self.resume && !matches!(candidate.before, Before::Nothing) {
            return Ok(Step::Nothing);
        }
        let Some(obstacle) = obstacle else {
            return Ok(Step::Write {
                replaces: None,
                forced: false,
            });
        };
        let goes = self.removed.contains(obstacle.as_slice());
        if !goes && !self.request.force {
            return Ok(Step::Blocked(vec![obstacle]));
        }
        if !goes {
            self.clear.lock().expect("clear lock").insert(obstacle);
        }
        Ok(Step::Write {
            replaces: None,
            forced: false,
        })
    }

    /// Something is at the path.
    fn occupied(
        &self,
        root: BorrowedFd<'_>,
        handles: &mut Handles<'_>,
        candidate: &Candidate,
        looks: DiskStat,
    ) -> Result<Step> {
        if looks.kind == DiskKind::Folder {
            return self.folder_in_the_way(root, candidate);
        }
        let read_at = disk::now();
        let indexed = self.index.find(&candidate.path)?;
        let (as_before, as_after) = (candidate.before(), candidate.after);
        let by_looks = indexed.filter(|indexed| indexed.unchanged(&looks));
        let mut content = by_looks
            .filter(|indexed| indexed.kind != FileType::Reference)
            .map(|indexed| indexed.content);
        let possible = |record: &Option<Record>| {
            record.as_ref().is_some_and(|r| {
                r.kind != FileType::Reference
                    && r.size == looks.size
                    && (r.kind == FileType::Link) == (looks.kind == DiskKind::Link)
            })
        };
        let mut looks = looks;
        if content.is_none()
            && looks.kind.refusal().is_none()
            && (possible(&as_before) || possible(&as_after))
        {
            let (folder, name) = disk::split(&candidate.path);
            // What cannot be read is nothing that the tables know.
            if let Ok((hash, seen)) = handles.hash(folder, name) {
                (content, looks) = (Some(hash), seen);
            }
        }
        let (folder, name) = disk::split(&candidate.path);
        let mut is = |record: &Option<Record>| {
            record.as_ref().is_some_and(|r| match r.kind {
                FileType::File => Some(r.content) == content && looks.kind != DiskKind::Link,
                FileType::Link => Some(r.content) == content && looks.kind == DiskKind::Link,
                FileType::Reference if looks.kind != DiskKind::Link => false,
                FileType::Reference => {
                    by_looks.is_some_and(|indexed| indexed.same_file(r))
                        || handles
                            .is_reference(self.store, folder, name, r)
                            .unwrap_or(false)
                }
            })
        };
        let safe = is(&as_before) && as_before.is_some_and(|r| r.same_kind(&looks));
        let arrived = as_after.is_some_and(|r| r.same_kind(&looks));
        // The bytes are right; an executable bit that the user set or cleared is work too.
        if is(&as_after) && (arrived || safe || self.request.force) {
            return Ok(Step::Keep(looks, read_at));
        }
        if !safe && !self.request.force {
            return Ok(Step::Blocked(vec![candidate.path.clone()]));
        }
        let expected = safe.then_some(looks);
        Ok(match candidate.after {
            Some(_) => Step::Write {
                replaces: expected,
                forced: !safe,
            },
            None => Step::Remove(expected),
        })
    }

    /// A folder stands where a file must come, or where a file was.
    fn folder_in_the_way(&self, root: BorrowedFd<'_>, candidate: &Candidate) -> Result<Step> {
        if candidate.after.is_none() {
            return Ok(Step::Nothing);
        }
        let mut strangers = Vec::new();
        self.strangers(root, &candidate.path, &mut strangers)?;
        if strangers.is_empty() {
            let mut replaced = self.replaced_folders.lock().expect("folders lock");
            replaced.insert(candidate.path.clone());
        } else if self.request.force {
            let mut clear = self.clear.lock().expect("clear lock");
            clear.insert(candidate.path.clone());
        } else {
            return Ok(Step::Blocked(strangers));
        }
        Ok(Step::Write {
            replaces: None,
            forced: false,
        })
    }

    /// What is in a folder and would not be removed by this plan.
    fn strangers(
        &self,
        root: BorrowedFd<'_>,
        folder: &[u8],
        strangers: &mut Vec<Vec<u8>>,
    ) -> Result<()> {
        let mut pending = vec![folder.to_vec()];
        while let Some(path) = pending.pop() {
            let read = disk::open_folder(root, &path)
                .and_then(|handle| Ok((Listing::read(handle.as_fd())?, handle)));
            let Ok((listing, handle)) = read else {
                strangers.push(path);
                continue;
            };
            for index in 0..listing.len() {
                let inner = disk::join(&path, listing.name(index));
                let kind = match listing.kind(index) {
                    DiskKind::Unknown => disk::stat_at(handle.as_fd(), listing.c_name(index))
                        .map_or(DiskKind::Unknown, |looks| looks.kind),
                    kind => kind,
                };
                if kind == DiskKind::Folder {
                    pending.push(inner);
                } else if !self.removed.contains(inner.as_slice()) {
                    strangers.push(inner);
                }
            }
        }
        Ok(())
    }
}

/// The highest part of a folder's path that is there but is no folder.
fn obstacle_above(root: BorrowedFd<'_>, folder: &[u8]) -> Option<Vec<u8>> {
    if folder.is_empty() {
        return None;
    }
    let mut handle = disk::open_folder(root, b"").ok()?;
    let mut above = Vec::new();
    for name in folder.split(|byte| *byte == b'/') {
        above = disk::join(&above, name);
        let name = disk::c_name(name).ok()?;
        let looks = disk::stat_at(handle.as_fd(), &name).ok()?;
        if looks.kind != DiskKind::Folder {
            return Some(above);
        }
        handle = disk::open_subfolder(handle.as_fd(), &name).ok()?;
    }
    None
}

/// Sorts the steps into the plan's lists.
fn assemble(candidates: Vec<Candidate>, steps: Vec<Step>) -> CheckoutPlan {
    let mut plan = CheckoutPlan {
        writes: Vec::new(),
        removes: Vec::new(),
        blocked: Vec::new(),
        bytes: 0,
        state: PlanState::default(),
    };
    for (candidate, step) in candidates.into_iter().zip(steps) {
        let Candidate { path, after, .. } = candidate;
        match (step, after) {
            (Step::Write { replaces, forced }, Some(record)) => {
                plan.bytes += bytes_of(&record);
                plan.writes.push(paths::to_text(&path));
                plan.state.writes.push(Write {
                    path,
                    record,
                    replaces: replaces.map(Box::new),
                    forced,
                    prepared: None,
                });
            }
            (Step::Remove(expected), _) => {
                plan.removes.push(paths::to_text(&path));
                plan.state.removes.push(Remove { path, expected });
            }
            (Step::Keep(looks, read_at), Some(record)) => plan.state.kept.push(Keep {
                path,
                record,
                looks,
                read_at,
            }),
            (Step::Nothing, None) => plan.state.vacated.push(path),
            (Step::Blocked(blocked), _) => {
                plan.blocked
                    .extend(blocked.iter().map(|path| paths::to_text(path)));
            }
            _ => {}
        }
    }
    plan.writes.sort_unstable();
    plan.removes.sort_unstable();
    plan.blocked.sort_unstable();
    plan.blocked.dedup();
    plan
}
