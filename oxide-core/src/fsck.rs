//! Checking everything that is stored, and rebuilding what can be rebuilt.

mod contents;
mod derived;
mod packs;
mod walk;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::error::Result;
use crate::gc;
use crate::hash::Id;
use crate::pack::Kind;
use crate::progress::Progress;
use crate::store::{ReadObjects, Store};

/// Checks at most in a row; each of them but the last has mended something.
const ROUNDS: usize = 8;

/// How to check.
pub struct FsckRequest {
    /// Read and hash every file content; else only lengths, checksums and references.
    pub data: bool,
    /// Rebuild derived files, drop temporary ones of dead processes.
    pub repair: bool,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The object or file.
    pub object: String,
    /// Its kind: "blob", "segment", "pack", "operation", "index", ...
    pub kind: String,
    /// What is wrong, with the paths or commits that need it where known.
    pub problem: String,
    /// What to do.
    pub remedy: String,
    /// Whether `repair` mended it.
    pub repaired: bool,
}

/// The outcome.
#[derive(Clone, Debug, Default)]
pub struct FsckReport {
    /// Objects checked, by kind.
    pub checked: BTreeMap<String, u64>,
    /// What is wrong, sorted by object.
    pub problems: Vec<Problem>,
}

/// Checks the operation chain, every reachable object, every pack and derived file. A repair is followed by another check,
/// until one finds nothing more to mend.
pub fn check(store: &Store, request: &FsckRequest, progress: &Progress) -> Result<FsckReport> {
    let _lock = match request.repair {
        true => Some(gc::lock_packs(store, progress)?),
        false => None,
    };
    if request.repair {
        store.put_back_taken()?;
    }
    // What was mended, and records that are lost for good though nothing shows their place any more.
    let mut settled: Vec<Problem> = Vec::new();
    let mut round = 0;
    loop {
        round += 1;
        // A store of its own: what this process has in memory must not stand for what is on disk.
        let store = &Store::open(store.control())?;
        let mut check = Check {
            store,
            request,
            progress,
            report: FsckReport::default(),
            changed: false,
            seen: HashSet::new(),
            tables: HashSet::new(),
            file_segments: Vec::new(),
            contents: HashMap::new(),
        };
        // Mending comes before following: what was saved counts as there.
        check.packs()?;
        check.objects()?;
        let stored = check.report.problems.len();
        check.operations()?;
        check.contents()?;
        check.derived()?;
        let mut report = check.report;
        if check.changed && round < ROUNDS {
            let problems = report.problems.into_iter().enumerate();
            settled.extend(
                problems
                    .filter(|(place, problem)| *place < stored || problem.repaired)
                    .map(|(_, problem)| problem),
            );
            continue;
        }
        settled.retain(|problem| {
            let again =
                |found: &Problem| (&found.object, &found.kind) == (&problem.object, &problem.kind);
            problem.repaired || !report.problems.iter().any(again)
        });
        for problem in &mut settled {
            problem.repaired |= is_back(store, problem);
        }
        report.problems.append(&mut settled);
        report
            .problems
            .sort_by(|a, b| (&a.object, &a.kind).cmp(&(&b.object, &b.kind)));
        return Ok(report);
    }
}

/// Whether what was lost when a problem was found has been stored again since.
fn is_back(store: &Store, problem: &Problem) -> bool {
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.name() == problem.kind);
    match (Id::from_hex(&problem.object), kind) {
        (Ok(id), Some(Kind::Blob)) => store.has_content(&id).unwrap_or(false),
        (Ok(id), Some(kind)) => store.contains(kind, &id).unwrap_or(false),
        (Ok(id), None) if problem.kind == "object" => store.has_content(&id).unwrap_or(false),
        _ => false,
    }
}

/// A check under way.
struct Check<'a> {
    store: &'a Store,
    request: &'a FsckRequest,
    progress: &'a Progress,
    report: FsckReport,
    /// Whether something was mended or set aside.
    changed: bool,
    /// Records that were read.
    seen: HashSet<(Kind, Id)>,
    /// Pages and segments that were read, each under its table's schema.
    tables: HashSet<(Id, Id)>,
    /// The segments of `files` among them.
    file_segments: Vec<Id>,
    /// Contents that rows name.
    contents: HashMap<Id, contents::Met>,
}

impl Check<'_> {
    fn count(&mut self, kind: &str) {
        *self.report.checked.entry(kind.into()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests;
