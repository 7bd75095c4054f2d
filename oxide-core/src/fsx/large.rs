//! Files that are written in large pieces: through the page cache as a rule, past it while memory for the cache costs more
//! than the disk does. That is so where the system must find it first, by dropping other pages or by asking a host that had
//! taken it back; each piece that goes through the cache is measured.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::time::{clock_gettime, ClockId};

use super::{begin_flush, write_all_at};
use crate::error::Result;

/// What memory, offset and length of a write past the cache must be multiples of: a block of every usual disk.
pub const ALIGNMENT: usize = 4096;
/// Smaller pieces always go through the cache.
const LARGE: usize = 1 << 20;
/// Processor time above which a mebibyte in the cache is dear.
const DEAR: Duration = Duration::from_micros(750);
/// Bytes that go past the cache before it is tried again.
const PAST_CACHE: i64 = 128 << 20;

/// Bytes of this process that still go past the cache.
static LEFT: AtomicI64 = AtomicI64::new(0);

/// A file that is written in large pieces.
#[derive(Debug)]
pub struct LargeFile {
    path: PathBuf,
    file: File,
    /// The same file for writes past the cache; `None` where there are none.
    past_cache: OnceLock<Option<File>>,
}

impl LargeFile {
    /// Takes a file that is open for writing.
    pub fn new(path: PathBuf, file: File) -> LargeFile {
        LargeFile {
            path,
            file,
            past_cache: OnceLock::new(),
        }
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file to write to when these bytes go past the cache.
    fn past_cache(&self, bytes: &[u8], offset: u64) -> Option<&File> {
        let parts = [bytes.as_ptr() as usize, bytes.len(), offset as usize];
        let aligned = parts.iter().all(|part| part.is_multiple_of(ALIGNMENT));
        if !aligned || bytes.len() < LARGE || LEFT.load(Ordering::Relaxed) <= 0 {
            return None;
        }
        LEFT.fetch_sub(bytes.len() as i64, Ordering::Relaxed);
        let file = self.past_cache.get_or_init(|| open_past_cache(&self.path));
        file.as_ref()
    }
}

/// Writes all of `bytes` at `offset`; lets the disk begin with them.
#[track_caller]
pub fn write_large(file: &LargeFile, bytes: &[u8], offset: u64) -> Result<()> {
    if let Some(past_cache) = file.past_cache(bytes, offset) {
        return write_all_at(past_cache, bytes, offset, &file.path);
    }
    let before = processor_time();
    write_all_at(&file.file, bytes, offset, &file.path)?;
    let spent = processor_time().saturating_sub(before);
    let mebibytes = (bytes.len() / LARGE) as u32;
    if mebibytes > 0 && spent > DEAR * mebibytes {
        LEFT.store(PAST_CACHE, Ordering::Relaxed);
    }
    begin_flush(&file.file, offset, bytes.len() as u64);
    Ok(())
}

/// What the calling thread has had of the processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(target_os = "linux")]
fn open_past_cache(path: &Path) -> Option<File> {
    past_cache(File::options().write(true), path)
}

/// Opens a file past the cache; `None` where there is no such thing, or with other demands than what is kept to here.
#[cfg(target_os = "linux")]
pub(super) fn past_cache(options: &mut std::fs::OpenOptions, path: &Path) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::DIRECT.bits() as i32;
    let file = options.custom_flags(flags).open(path).ok()?;
    // What the file system demands may be more than what is kept to here.
    let demands = rustix::fs::StatxFlags::DIOALIGN;
    let looks = rustix::fs::statx(&file, c"", rustix::fs::AtFlags::EMPTY_PATH, demands).ok()?;
    let possible = |alignment: u32| alignment > 0 && (ALIGNMENT as u32).is_multiple_of(alignment);
    let kept = possible(looks.stx_dio_mem_align) && possible(looks.stx_dio_offset_align);
    kept.then_some(file)
}

#[cfg(not(target_os = "linux"))]
fn open_past_cache(_path: &Path) -> Option<File> {
    None
}

/// Memory whose bytes from a place on are fit for writes past the cache, as long as it does not grow beyond its first capacity.
#[derive(Debug)]
pub struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
}

impl AlignedBuffer {
    /// Empty, with room.
    pub fn with_capacity(capacity: usize) -> AlignedBuffer {
        let mut memory: Vec<u8> = Vec::with_capacity(capacity + ALIGNMENT);
        let start = memory.as_ptr().align_offset(ALIGNMENT) % ALIGNMENT;
        memory.resize(start, 0);
        AlignedBuffer { memory, start }
    }

    /// What is in it.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.start..]
    }

    /// Bytes in it.
    pub fn length(&self) -> usize {
        self.memory.len() - self.start
    }

    /// Adds to its end.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.memory.extend_from_slice(bytes);
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.memory.truncate(self.start);
    }

    /// So many bytes to be written over, whatever was in it before.
    pub fn space(&mut self, length: usize) -> &mut [u8] {
        if self.length() < length {
            self.memory.resize(self.start + length, 0);
        }
        &mut self.memory[self.start..self.start + length]
    }
}
