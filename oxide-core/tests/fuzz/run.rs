//! The loop: seeds as they are, then mutations of them until the time is over.

use std::cell::RefCell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use oxide_core::store::Store;

use crate::memory;
use crate::mutate::{mutate, Random};

/// What a parser may hold for an input of some length: far above what any needs, far below what a length that is believed
/// unchecked asks for.
fn allowed(length: usize) -> usize {
    64 * length + (32 << 20)
}

/// So many mutations must bring something that is parsed.
const ENOUGH: u64 = 1000;

/// A parser of bytes that come from the disk.
pub struct Target {
    pub name: &'static str,
    /// Brings checksums and ids in order, so that a mutation gets past them.
    pub mend: fn(&mut Vec<u8>, &mut Random),
    /// Parses and uses what comes out; says whether something did. An error is fine; a panic is a failure, and so is an
    /// assertion that does not hold.
    pub check: fn(&Scratch, &[u8]) -> bool,
}

/// A control folder and a tree for parsers that read files.
pub struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Scratch {
        let folder = tempfile::tempdir().expect("a folder");
        Store::create(&folder.path().join(".oxide")).expect("a store");
        Scratch { folder }
    }

    pub fn tree(&self) -> &Path {
        self.folder.path()
    }

    pub fn control(&self) -> PathBuf {
        self.folder.path().join(".oxide")
    }

    /// Puts a file below the tree; gives its path.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        // Another file each time: one that is mapped must not change under its reader.
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, bytes).expect("a file");
        path
    }
}

thread_local! {
    /// What runs now, for reports.
    static NOW: RefCell<(&'static str, String, Vec<u8>)> = const { RefCell::new(("", String::new(), Vec::new())) };
}

/// Writes the input of a failure to a file and says how to come back to it.
fn report(problem: &str) -> String {
    let (name, which, input) = NOW.with_borrow(|now| now.clone());
    let file = format!("fuzz-{name}-{which}").replace(['/', ' '], "-");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    let written = std::fs::write(&path, &input);
    format!(
        "{name}: {problem}, {which} ({} bytes, {}; once mended it belongs into tests/fuzz/corpus/{name})",
        input.len(),
        match written {
            Ok(()) => format!("written to {}", path.display()),
            Err(error) => format!("cannot be written: {error}"),
        }
    )
}

fn stop(bytes: usize) {
    eprintln!("{}", report(&format!("asked for {bytes} bytes at once")));
    std::process::abort();
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs a target. Iteration n of a seed number makes the same input on every machine.
pub fn run(target: &Target) {
    let seeds = seeds(target.name);
    let scratch = Scratch::new();
    let mut problems = Vec::new();
    for (name, seed) in &seeds {
        one(
            target,
            &scratch,
            &format!("seed {name}"),
            seed,
            &mut problems,
        );
    }
    let base = number("OXIDE_FUZZ_SEED").unwrap_or(0);
    let only = number("OXIDE_FUZZ_ITERATION");
    let time = Duration::from_secs(number("OXIDE_FUZZ_SECONDS").unwrap_or(10));
    let started = Instant::now();
    let mut iteration = only.unwrap_or(0);
    let mut parsed = 0;
    while problems.is_empty() && started.elapsed() < time {
        let mut random = Random::new(base << 40 ^ iteration);
        let seed = &seeds[random.below(seeds.len())].1;
        let other = &seeds[random.below(seeds.len())].1;
        let mut input = mutate(&mut random, seed, other);
        if !random.once_in(4) {
            (target.mend)(&mut input, &mut random);
        }
        let which = format!("seed number {base} iteration {iteration}");
        parsed += u64::from(one(target, &scratch, &which, &input, &mut problems));
        iteration += 1;
        if only.is_some() {
            break;
        }
    }
    println!(
        "{}: {iteration} inputs, {parsed} of them parsed",
        target.name
    );
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let reached = parsed > 0 || iteration < ENOUGH;
    assert!(reached, "{}: no mutation gets past its checks", target.name);
}

/// One input; whether it was parsed.
fn one(
    target: &Target,
    scratch: &Scratch,
    which: &str,
    input: &[u8],
    problems: &mut Vec<String>,
) -> bool {
    NOW.with_borrow_mut(|now| {
        now.0 = target.name;
        now.1.clear();
        now.1.push_str(which);
        now.2.clear();
        now.2.extend_from_slice(input);
    });
    let work = || catch_unwind(AssertUnwindSafe(|| (target.check)(scratch, input)));
    let (result, peak) = memory::peak(stop, work);
    if result.is_err() {
        problems.push(report("a panic or a broken rule"));
    } else if peak > allowed(input.len()) {
        problems.push(report(&format!("held {peak} bytes")));
    }
    result.unwrap_or(false)
}

/// The committed seeds of a target, by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = corpus().join(target);
    let listing =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut seeds: Vec<(String, Vec<u8>)> = listing
        .map(|entry| {
            let entry = entry.expect("a file of the corpus");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).expect("a seed"))
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds
}

pub fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")
}
