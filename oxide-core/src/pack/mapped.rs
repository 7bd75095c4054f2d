//! Mapped packs whose pages do not pile up. What a process has touched of a mapping counts as its memory until it is unmapped;
//! reading a file of 20 GB through its packs would count all of them. So the packs count what is touched, and beyond a limit
//! for the whole process all of it goes back to the page cache.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use memmap2::{Mmap, UncheckedAdvice};

/// Bytes that all mapped packs together may hold in memory.
const LIMIT: u64 = 64 << 20;
/// A touch brings in the pages around it too: this many bytes where the page cache holds the file in large pieces.
const WINDOW: usize = 2 << 20;

static TOUCHED: AtomicU64 = AtomicU64::new(0);
/// Every pack that was touched since the pages last went back.
static HOLDERS: Mutex<Vec<Weak<Mapped>>> = Mutex::new(Vec::new());

/// A mapped file that is only read.
#[derive(Debug)]
pub(super) struct Mapped {
    map: Mmap,
    /// A bit for each window that was touched, in turn: a pack of usual length has no more windows than there are bits.
    touched: AtomicU64,
}

impl Deref for Mapped {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl Mapped {
    pub(super) fn new(map: Mmap) -> Arc<Mapped> {
        Arc::new(Mapped {
            map,
            touched: AtomicU64::new(0),
        })
    }

    /// Whether most of a range is in memory, as far as the system tells.
    #[cfg(target_os = "linux")]
    pub(super) fn is_in_memory(&self, start: usize, length: usize) -> bool {
        let page = rustix::param::page_size();
        let end = start.saturating_add(length).min(self.map.len());
        let start = start - start % page;
        if end <= start {
            return true;
        }
        let mut pages = vec![0u8; (end - start).div_ceil(page)];
        // SAFETY: the range lies in the mapping, and there is a byte for each of its pages.
        let asked = unsafe {
            let first = self.map.as_ptr().add(start);
            libc::mincore(first as _, end - start, pages.as_mut_ptr())
        };
        let resident = pages.iter().filter(|said| **said & 1 == 1).count();
        asked != 0 || resident * 2 >= pages.len()
    }

    /// Whether most of a range is in memory, as far as the system tells.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn is_in_memory(&self, _start: usize, _length: usize) -> bool {
        true
    }

    /// To be called when these bytes are read. What goes back meanwhile is mapped again when it is needed. A range that is
    /// out of bounds counts for nothing.
    pub(super) fn touch(self: &Arc<Mapped>, start: usize, length: usize) {
        let end = start.saturating_add(length);
        if length == 0 || end > self.map.len() {
            return;
        }
        let windows = (start / WINDOW..=(end - 1) / WINDOW).take(64);
        let bits = windows.fold(0u64, |bits, window| bits | 1 << (window % 64));
        let known = self.touched.fetch_or(bits, Ordering::Relaxed);
        let new = u64::from((bits & !known).count_ones());
        if new == 0 {
            return;
        }
        if known == 0 {
            let mut holders = HOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
            holders.push(Arc::downgrade(self));
        }
        let bytes = new * WINDOW.min(self.map.len()) as u64;
        if TOUCHED.fetch_add(bytes, Ordering::Relaxed) + bytes > LIMIT {
            give_back();
        }
    }
}

fn give_back() {
    let holders = std::mem::take(&mut *HOLDERS.lock().unwrap_or_else(PoisonError::into_inner));
    TOUCHED.store(0, Ordering::Relaxed);
    for mapped in holders.iter().filter_map(Weak::upgrade) {
        mapped.touched.store(0, Ordering::Relaxed);
        // SAFETY: the mapping is shared and only read, so a page that is dropped comes back from the file with the same
        // bytes, for readers at this moment too. Where the advice is refused the pages stay.
        let _ = unsafe { mapped.map.unchecked_advise(UncheckedAdvice::DontNeed) };
    }
}
