//! Reading past the page cache: bytes that are needed once then take no pages away, and none has to be found
//! for them.

use std::fs::File;
use std::path::Path;

#[cfg(target_os = "linux")]
use super::large::past_cache;
use super::{AlignedBuffer, ALIGNMENT};

/// A file to be read past the cache.
#[derive(Debug)]
pub struct ColdFile(File);

impl ColdFile {
    /// Opens a file; `None` where reading past the cache is not possible.
    #[cfg(target_os = "linux")]
    pub fn open(path: &Path) -> Option<ColdFile> {
        past_cache(File::options().read(true), path).map(ColdFile)
    }

    /// Opens a file; `None` where reading past the cache is not possible.
    #[cfg(not(target_os = "linux"))]
    pub fn open(_path: &Path) -> Option<ColdFile> {
        None
    }

    /// Reads up to `length` bytes at `offset` into a buffer, fewer at the end of the file. Both are multiples of
    /// [`ALIGNMENT`]. Returns how many.
    pub fn read(
        &self,
        buffer: &mut AlignedBuffer,
        offset: u64,
        length: usize,
    ) -> std::io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let space = buffer.space(length);
        let mut filled = 0;
        // A read that ends within a block has reached the end of the file.
        while filled < length && filled % ALIGNMENT == 0 {
            match self.0.read_at(&mut space[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_of_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let bytes: Vec<u8> = (0..5 * ALIGNMENT + 77).map(|at| (at * 7) as u8).collect();
        std::fs::write(&path, &bytes).expect("written");
        let Some(file) = ColdFile::open(&path) else {
            return;
        };
        let mut buffer = AlignedBuffer::with_capacity(4 * ALIGNMENT);
        for (first, length) in [(0, 4), (3, 1), (4, 4), (5, 2), (6, 1), (0, 1)] {
            let offset = first * ALIGNMENT;
            let read = file.read(&mut buffer, offset as u64, length * ALIGNMENT);
            let read = read.expect("read");
            let end = (offset + length * ALIGNMENT).min(bytes.len());
            assert!(buffer.bytes()[..read] == bytes[offset.min(end)..end]);
        }
    }
}
