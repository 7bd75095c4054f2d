//! The store through its public surface.

mod damage;
mod external;
mod faults;
mod large;
mod policies;
mod sessions;
mod windows;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::*;
use crate::hash;
use crate::progress::Progress;

/// A store in a folder that goes with it.
struct Place {
    folder: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::create(&folder.path().join(".oxide")).expect("a store");
        Place { folder, store }
    }

    /// The same store as another process sees it.
    fn reopened(&self) -> Store {
        Store::open(self.store.control()).expect("the store opens")
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    fn list(&self, folder: &str) -> Vec<String> {
        names(&self.store.control().join(folder))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names = packs::names_in(folder).expect("a listing");
    names.sort();
    names
}

/// Bytes that do not repeat, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// Lines of a table, which compress and deduplicate.
fn lines(seed: u64, length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 64);
    let mut row = 0u64;
    while text.len() < length {
        row += 1;
        let value = (row ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        writeln!(
            text,
            "{row},picture_{row:06}.jpg,{},{}",
            value >> 40,
            value & 0xffff
        )
        .expect("a line");
    }
    text.truncate(length);
    text
}

/// A file that passes for a JPEG.
fn media(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = noise(seed, length);
    bytes[..4].copy_from_slice(&[0xFF, 0xD8, 0xFF, 0xE0]);
    bytes
}

fn put(session: &Session, path: &Path) -> StoredContent {
    let file = std::fs::File::open(path).expect("a file");
    let name = path.file_name().expect("a name").to_string_lossy();
    let progress = Progress::default();
    session
        .put_file(&file, path, &name, &progress)
        .expect("stored")
}

/// A content as `copy_content` writes it.
fn copied(store: &Store, folder: &Path, id: &Id) -> Result<Vec<u8>> {
    let path = folder.join(format!("copy-{}", crate::fsx::unique_name()));
    let target = crate::fsx::create_new(&path)?;
    let length = store.copy_content(id, &target, &path, &Progress::default())?;
    let bytes = std::fs::read(&path).expect("the copy");
    assert_eq!(bytes.len() as u64, length);
    Ok(bytes)
}
