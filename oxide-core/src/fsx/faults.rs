//! Fault points: every change of a file passes one, and a test can make any of them fail or kill the process.
//!
//! A point's full name is `operation.place`: the operation is the name given at the call, the place is the folder below
//! `.oxide` (for temporary files with what they are for, `tmp-data`), or `tree` for files of a working tree.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::panic::Location;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use rustix::io::Errno;

use crate::error::{Error, Result};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Kill,
    Fail(Errno),
    Short,
}

struct Fault {
    point: String,
    action: Action,
    nth: u64,
    passed: AtomicU64,
}

struct Faults {
    fault: Option<Fault>,
    log: Option<Mutex<File>>,
}

/// The variables are read once; a process without them pays one comparison at each point.
fn faults() -> Option<&'static Faults> {
    static FAULTS: OnceLock<Option<Faults>> = OnceLock::new();
    FAULTS
        .get_or_init(|| {
            let fault = std::env::var("OXIDE_FAULT")
                .ok()
                .and_then(|text| parse(&text));
            let log = std::env::var_os("OXIDE_FAULT_LOG").and_then(|path| {
                let file = OpenOptions::new().append(true).create(true).open(path);
                file.ok().map(Mutex::new)
            });
            (fault.is_some() || log.is_some()).then_some(Faults { fault, log })
        })
        .as_ref()
}

/// `name[:kill|enospc|eio|short][:nth]`; without an action the process is killed, without a number it is the first pass.
fn parse(text: &str) -> Option<Fault> {
    let mut parts = text.split(':');
    let point = parts.next().filter(|name| !name.is_empty())?.to_string();
    let mut action = Action::Kill;
    let mut nth = 1;
    for part in parts {
        match part {
            "kill" => action = Action::Kill,
            "enospc" => action = Action::Fail(Errno::NOSPC),
            "eio" => action = Action::Fail(Errno::IO),
            "short" => action = Action::Short,
            number => nth = number.parse().ok()?,
        }
    }
    Some(Fault {
        point,
        action,
        nth,
        passed: AtomicU64::new(0),
    })
}

/// Where `path` lies, as the second half of a point's name.
fn place(path: &Path) -> String {
    let mut components = path.components();
    if !components.any(|part| part == Component::Normal(".oxide".as_ref())) {
        return "tree".to_string();
    }
    let text = |part: Option<Component<'_>>| {
        part.map(|part| part.as_os_str().to_string_lossy().into_owned())
    };
    match text(components.next()) {
        None => "control".to_string(),
        Some(folder) if folder == "tmp" => match text(components.next()) {
            None => folder,
            Some(name) => {
                let purpose: String = name
                    .chars()
                    .take_while(|c| c.is_ascii_alphabetic())
                    .collect();
                format!("tmp-{purpose}")
            }
        },
        Some(folder) => folder,
    }
}

#[track_caller]
fn fires(name: &str, path: &Path) -> Option<Action> {
    let faults = faults()?;
    let point = format!("{name}.{}", place(path));
    if let Some(log) = &faults.log {
        let mut log = log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // A log that cannot be written shows as a missing point in the test that reads it.
        let caller = Location::caller();
        let line = format!("{point}\t{}:{}\n", caller.file(), caller.line());
        let _ = log.write_all(line.as_bytes());
    }
    let fault = faults.fault.as_ref().filter(|fault| fault.point == point)?;
    let pass = fault.passed.fetch_add(1, Ordering::SeqCst) + 1;
    (pass == fault.nth).then_some(fault.action)
}

fn failure(name: &str, path: &Path, errno: Errno) -> Error {
    Error::io(name, path, &errno.into())
}

/// Dies as of `kill -9`: no destructor runs, nothing is flushed.
fn kill() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

/// A named point at which tests make a change fail or the process die: `OXIDE_FAULT=name[:kill|enospc|eio|short][:nth]`.
/// `OXIDE_FAULT_LOG=file` appends a line for each pass: the point's name, a tab, and the place in the sources (`file:line`)
/// that called this module. Functions between that place and here are marked `track_caller`.
#[track_caller]
pub fn fault_point(name: &'static str, path: &Path) -> Result<()> {
    match fires(name, path) {
        None => Ok(()),
        Some(Action::Kill) => kill(),
        Some(Action::Fail(errno)) => Err(failure(name, path, errno)),
        Some(Action::Short) => Err(failure(name, path, Errno::IO)),
    }
}

/// The point of a write of `length` bytes: how many of them to write, and the failure that then follows.
#[track_caller]
pub(super) fn write_point(
    name: &'static str,
    path: &Path,
    length: usize,
) -> Result<(usize, Option<Error>)> {
    match fires(name, path) {
        None => Ok((length, None)),
        Some(Action::Kill) => kill(),
        Some(Action::Fail(errno)) => Err(failure(name, path, errno)),
        Some(Action::Short) => Ok((length / 2, Some(failure(name, path, Errno::NOSPC)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_name_the_folder_below_the_control_folder() {
        for (path, expected) in [
            ("/a/.oxide/packs/data-1.pack", "packs"),
            ("/a/.oxide/tmp/data-1.pack", "tmp-data"),
            ("/a/.oxide/repository", "repository"),
            ("/a/.oxide", "control"),
            ("/a/b/picture.jpg", "tree"),
        ] {
            assert_eq!(place(Path::new(path)), expected);
        }
    }

    #[test]
    fn faults_are_written_as_name_action_and_number() {
        let fault = parse("write.tmp-data:enospc:3").expect("a fault");
        assert_eq!(fault.point, "write.tmp-data");
        assert!(fault.action == Action::Fail(Errno::NOSPC));
        assert_eq!(fault.nth, 3);
        assert!(parse("rename.packs").is_some_and(|f| f.action == Action::Kill && f.nth == 1));
        assert!(parse("").is_none() && parse("rename.packs:often").is_none());
    }
}
