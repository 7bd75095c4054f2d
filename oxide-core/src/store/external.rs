//! Contents that stay outside the store: where the file is, and reading it with a check of every byte.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde_json::{json, Value};

use super::hashing::{StreamHasher, BLOCK};
use super::{Session, Store, StoredContent};
use crate::codec::Encoding;
use crate::counters;
use crate::error::{Error, ErrorCode, Result};
use crate::hash::{Context, Id};
use crate::media::{self, Facts};
use crate::pack::Kind;
use crate::progress::Progress;

const SCHEME: &str = "file://";

/// Where a content lies that is not copied into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// `file://` and the absolute path, every byte outside `A-Z a-z 0-9 - . _ ~ /` as `%XX`.
    pub uri: String,
    /// Length in bytes.
    pub size: u64,
    /// When the file was last modified as it was read, in nanoseconds since 1970.
    pub mtime: i64,
}

impl External {
    /// A file by its absolute path.
    pub fn of_file(path: &Path, size: u64, mtime: i64) -> External {
        let mut uri = SCHEME.to_string();
        for byte in path.as_os_str().as_bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    uri.push(char::from(*byte));
                }
                other => uri.push_str(&format!("%{other:02X}")),
            }
        }
        External { uri, size, mtime }
    }

    /// The record's bytes: canonical JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        let record = json!({"mtime": self.mtime, "size": self.size, "uri": self.uri});
        record.to_string().into_bytes()
    }

    /// From a record's bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<External> {
        let damaged = || Error::integrity("the record of an external file cannot be read");
        let record: Value = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        let uri = record["uri"].as_str().ok_or_else(damaged)?;
        Ok(External {
            uri: uri.to_string(),
            size: record["size"].as_u64().ok_or_else(damaged)?,
            mtime: record["mtime"].as_i64().ok_or_else(damaged)?,
        })
    }

    /// The path of the file; `Unsupported` when it is not a local one.
    pub fn path(&self) -> Result<PathBuf> {
        let encoded = self.uri.strip_prefix(SCHEME);
        let path = encoded
            .filter(|path| path.starts_with('/'))
            .and_then(percent_decoded);
        path.map(|path| PathBuf::from(std::ffi::OsString::from_vec(path)))
            .ok_or_else(|| {
                let why = format!(
                    "'{}' is no local file, which is all this version reads",
                    self.uri
                );
                Error::new(ErrorCode::Unsupported, why).hint("use a newer version of oxide")
            })
    }

    /// Whether a file of that length and time is there.
    pub(super) fn looks_untouched(&self) -> bool {
        let look = || std::fs::metadata(self.path().ok()?).ok();
        look().is_some_and(|found| found.len() == self.size && modified(&found) == self.mtime)
    }

    /// Opens the file, when it still has the length that it had.
    pub(super) fn open(&self) -> Result<File> {
        let file = open_regular(&self.path()?).map_err(|e| self.broken(&why_unreadable(&e)))?;
        match file.metadata() {
            Ok(found) if found.len() == self.size => Ok(file),
            Ok(found) => Err(self.broken(&format!(
                "has {} bytes instead of {}",
                found.len(),
                self.size
            ))),
            Err(error) => Err(self.broken(&why_unreadable(&error))),
        }
    }

    /// Gives the file's bytes in pieces; an error in the end when they are not the content `id`.
    pub(super) fn read(&self, id: &Id, mut piece: impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
        let mut file = self.open()?;
        let mut hasher = Context::Content.hasher();
        let mut buffer = vec![0; BLOCK];
        let mut length = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    hasher.update(&buffer[..read]);
                    length += read as u64;
                    if length > self.size {
                        break;
                    }
                    piece(&buffer[..read])?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(&why_unreadable(&error))),
            }
        }
        match hasher.finalize().as_bytes() == &id.0 {
            true => Ok(length),
            false => Err(self.broken("holds another content than the one that was added")),
        }
    }

    fn broken(&self, why: &str) -> Error {
        Error::new(
            ErrorCode::Integrity,
            format!("the external file {} {why}", self.uri),
        )
        .hint("put it back as it was, or add its content by value from another copy")
    }
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        (decoded, rest) = match byte {
            b'%' => {
                let (digits, tail) = tail.split_at_checked(2)?;
                decoded.extend(crate::hash::unhex(std::str::from_utf8(digits).ok()?)?);
                (decoded, tail)
            }
            byte => {
                decoded.push(*byte);
                (decoded, tail)
            }
        };
    }
    // No path has such a byte, and no file could be opened by it.
    (!decoded.contains(&0)).then_some(decoded)
}

fn why_unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "is not there any more".into(),
        _ => format!("cannot be read: {error}"),
    }
}

fn modified(found: &std::fs::Metadata) -> i64 {
    let seconds = found.mtime().saturating_mul(1_000_000_000);
    seconds.saturating_add(found.mtime_nsec())
}

/// Opens a file that may be anywhere; a pipe or device is refused without waiting for its other end.
fn open_regular(path: &Path) -> std::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::Error::other("it is no regular file")),
    }
}

/// The content id of an external file of exactly this length; `None` when there is no such file.
pub(crate) fn content_at(path: &Path, size: u64) -> Option<Id> {
    let mut file = open_regular(path).ok()?;
    if file.metadata().ok()?.len() != size {
        return None;
    }
    let mut hasher = Context::Content.hasher();
    counters::FILES_HASHED.add(1);
    let read = std::io::copy(&mut file, &mut hasher).ok()?;
    counters::BYTES_HASHED.add(read);
    Some(Id(*hasher.finalize().as_bytes()))
}

impl Store {
    /// Where a content lies outside the store. Of several places one counts where the file looks as it did, else the
    /// last one recorded.
    pub fn external(&self, id: &Id) -> Result<Option<External>> {
        let mut places = Vec::new();
        let found = self.look(&[Kind::External], id, |_, pack, entry| {
            let place = External::from_bytes(&pack.read(&entry)?)
                .map_err(|e| pack.record_error(&entry, e))?;
            let untouched = place.looks_untouched();
            places.push(place.clone());
            Ok(untouched.then_some(place))
        });
        match found {
            Ok(Some(place)) => Ok(Some(place)),
            // One that was read counts more than another one that is damaged.
            _ if !places.is_empty() => Ok(Some(places.swap_remove(0))),
            other => other,
        }
    }

    /// Reads the external file of a content through: an `Integrity` error when it is gone or changed.
    pub fn verify_external(&self, external: &External, id: &Id) -> Result<()> {
        external.read(id, |_| Ok(())).map(drop)
    }
}

impl Session {
    /// Reads an external file and records where it is, not its bytes; also gives what its headers say. The path is absolute.
    pub fn put_external(
        &self,
        path: &Path,
        progress: &Progress,
    ) -> Result<(StoredContent, Option<Facts>)> {
        let unreadable = |error: std::io::Error| Error::io("read", path, &error);
        let file = open_regular(path).map_err(unreadable)?;
        let before = file.metadata().map_err(unreadable)?;
        let mut hasher = StreamHasher::new(&self.buffers);
        let mut size = 0;
        loop {
            let block = hasher.sha256.read(&file, path)?;
            let length = block.bytes().len() as u64;
            let last = block.is_last();
            hasher.update(block);
            size += length;
            progress.advance(0, length)?;
            if last {
                break;
            }
        }
        let digests = hasher.finish()?;
        counters::FILES_HASHED.add(1);
        counters::BYTES_HASHED.add(size);
        let facts = media::of_source(&file, size).map_err(unreadable)?;
        let after = file.metadata().map_err(unreadable)?;
        let mtime = modified(&after);
        if (after.len(), mtime) != (size, modified(&before)) {
            let why = format!("'{}' kept changing while it was read", path.display());
            return Err(Error::new(ErrorCode::FileChanged, why).at(path));
        }
        let id = digests.content;
        let external = External::of_file(path, size, mtime);
        // Another place where the file still stands is as good; one where it does not is replaced.
        let recorded = self.store().external(&id)?;
        let good = recorded.is_some_and(|held| held == external || held.looks_untouched());
        let new = !(good && self.holds(Kind::External, &id)?)
            && self.add(
                Kind::External,
                &id,
                &external.to_bytes(),
                (Encoding::Raw, None),
            )?;
        Ok((StoredContent { digests, size, new }, facts))
    }
}
