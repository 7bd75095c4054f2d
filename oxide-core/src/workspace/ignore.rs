//! `.oxideignore` files, in gitignore syntax, at any level; a nested file overrides those above it.

use std::ffi::OsStr;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::Match;

use super::disk;
use crate::error::{Error, ErrorCode, Result};
use crate::paths;

/// Name of the files with the rules.
pub(crate) const FILE_NAME: &str = ".oxideignore";

/// Rules beyond this many bytes are not read: such a file is a mistake.
const LIMIT: u64 = 4 << 20;

/// The rules that hold in one folder: its own and, below them, its parent's.
#[derive(Clone, Default)]
pub(crate) struct Rules(Option<Arc<Node>>);

struct Node {
    folder: Vec<u8>,
    matcher: Gitignore,
    parent: Rules,
}

/// A rule that decided.
pub(crate) struct Decision {
    pub(crate) ignored: bool,
    /// The file of the rule, its line (from 1) and its pattern.
    pub(crate) file: Vec<u8>,
    pub(crate) line: u64,
    pub(crate) pattern: String,
}

impl Rules {
    /// The rules in `folder`, whose handle is given, under those of its parent. Call only where the file exists or may.
    pub(crate) fn enter(&self, handle: BorrowedFd<'_>, folder: &[u8]) -> Result<Rules> {
        let Some(text) = read_rules(handle) else {
            return Ok(self.clone());
        };
        let mut builder = GitignoreBuilder::new("");
        for line in text.trim_start_matches('\u{feff}').lines() {
            // As in git, a line that is no pattern matches nothing.
            let _ = builder.add_line(None, line);
        }
        let matcher = builder.build().map_err(|error| {
            let file = paths::to_text(&disk::join(folder, FILE_NAME.as_bytes()));
            Error::new(
                ErrorCode::Invalid,
                format!("cannot use the rules in '{file}': {error}"),
            )
        })?;
        Ok(Rules(Some(Arc::new(Node {
            folder: folder.to_vec(),
            matcher,
            parent: self.clone(),
        }))))
    }

    /// Whether a path below these rules' folder is ignored, looking at no folder above it.
    pub(crate) fn ignored(&self, path: &[u8], is_folder: bool) -> bool {
        let mut rules = self;
        while let Some(node) = &rules.0 {
            match node.matched(path, is_folder) {
                Match::None => rules = &node.parent,
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
            }
        }
        false
    }

    /// Whether there is no rule at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The rule that decides on a path, with the line that says so.
    fn decide(&self, root: BorrowedFd<'_>, path: &[u8], is_folder: bool) -> Option<Decision> {
        let mut rules = self;
        while let Some(node) = &rules.0 {
            let matched = node.matched(path, is_folder);
            let (Match::Ignore(glob) | Match::Whitelist(glob)) = matched else {
                rules = &node.parent;
                continue;
            };
            let handle = disk::open_folder(root, &node.folder).ok();
            let text = handle.and_then(|handle| read_rules(handle.as_fd()));
            let line = text.map_or(0, |text| line_of(&text, glob.original()));
            return Some(Decision {
                ignored: matched.is_ignore(),
                file: disk::join(&node.folder, FILE_NAME.as_bytes()),
                line,
                pattern: glob.original().to_string(),
            });
        }
        None
    }
}

impl Node {
    fn matched(&self, path: &[u8], is_folder: bool) -> Match<&ignore::gitignore::Glob> {
        let below = match self.folder.len() {
            0 => path,
            length => path.get(length + 1..).unwrap_or(b""),
        };
        self.matcher
            .matched(Path::new(OsStr::from_bytes(below)), is_folder)
    }
}

/// The last line with this pattern: the last one decides.
fn line_of(text: &str, pattern: &str) -> u64 {
    text.trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .filter(|(_, line)| *line == pattern || line.trim_end() == pattern)
        .last()
        .map_or(0, |(number, _)| number as u64 + 1)
}

/// The text of a folder's rules; `None` when there are none that can be read.
fn read_rules(handle: BorrowedFd<'_>) -> Option<String> {
    let file = disk::open_file(handle, c".oxideignore").ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The rules in a folder, from the root down, and whether one of its parents or itself is ignored.
pub(crate) fn rules_at(root: BorrowedFd<'_>, folder: &[u8]) -> Result<(Rules, bool)> {
    let (rules, decision) = descend(root, folder)?;
    Ok((rules, decision.is_some()))
}

/// Goes down to `folder`; ends at the first ignored one, with the rule.
fn descend(root: BorrowedFd<'_>, folder: &[u8]) -> Result<(Rules, Option<Decision>)> {
    let mut rules = Rules::default().enter(root, b"")?;
    let Some(mut handle) = disk::open_folder(root, b"").ok() else {
        return Ok((rules, None));
    };
    if folder.is_empty() {
        return Ok((rules, None));
    }
    let mut path = Vec::new();
    let mut decision = None;
    for name in folder.split(|byte| *byte == b'/') {
        path = disk::join(&path, name);
        if decision.is_none() {
            decision = rules
                .decide(root, &path, true)
                .filter(|decision| decision.ignored);
        }
        let opened =
            disk::c_name(name).and_then(|name| disk::open_subfolder(handle.as_fd(), &name));
        let Ok(next) = opened else {
            return Ok((rules, decision));
        };
        handle = next;
        rules = rules.enter(handle.as_fd(), &path)?;
    }
    Ok((rules, decision))
}

/// The rule that ignores a path, by itself or by a folder above it.
pub(crate) fn decide(root: BorrowedFd<'_>, path: &[u8]) -> Result<Option<Decision>> {
    let (folder, name) = disk::split(path);
    let (rules, decision) = descend(root, folder)?;
    if decision.is_some() {
        return Ok(decision);
    }
    let is_folder = disk::open_folder(root, folder)
        .and_then(|handle| disk::stat_at(handle.as_fd(), &disk::c_name(name)?))
        .is_ok_and(|stat| stat.kind == disk::DiskKind::Folder);
    Ok(rules
        .decide(root, path, is_folder)
        .filter(|decision| decision.ignored))
}
