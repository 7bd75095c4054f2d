//! Mapped packs whose pages do not pile up. What a process has touched of a mapping counts as its memory until it is unmapped;
//! reading a file of 20 GB through its packs would count all of them. So the packs count what is touched, and beyond a limit
//! for the whole process all of it goes back to the page cache.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use memmap2::{Mmap, UncheckedAdvice};

/// Bytes that all mapped packs together may hold in memory.
const LIMIT: u64 = 32 << 20;
/// A touch brings in the pages around it too.
const WINDOW: u64 = 64 << 10;

static TOUCHED: AtomicU64 = AtomicU64::new(0);
/// Every pack that was touched since the pages last went back.
static HOLDERS: Mutex<Vec<Weak<Mapped>>> = Mutex::new(Vec::new());

/// A mapped file that is only read.
#[derive(Debug)]
pub(super) struct Mapped {
    map: Mmap,
    touched: AtomicU64,
    /// The window touched last: reading on in it brings in nothing new.
    last: AtomicU64,
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
            last: AtomicU64::new(u64::MAX),
        })
    }

    /// To be called when these bytes are read. What goes back meanwhile is mapped again when it is needed. A range that is
    /// out of bounds counts for nothing.
    pub(super) fn touch(self: &Arc<Mapped>, start: usize, length: usize) {
        let end = start.saturating_add(length);
        if length == 0 || end > self.map.len() {
            return;
        }
        let (first, last) = (start as u64 / WINDOW, (end - 1) as u64 / WINDOW);
        let known = self.last.swap(last, Ordering::Relaxed) == first;
        let bytes = (last - first + u64::from(!known)) * WINDOW;
        if bytes == 0 {
            return;
        }
        if self.touched.fetch_add(bytes, Ordering::Relaxed) == 0 {
            let mut holders = HOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
            holders.push(Arc::downgrade(self));
        }
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
        mapped.last.store(u64::MAX, Ordering::Relaxed);
        // SAFETY: the mapping is shared and only read, so a page that is dropped comes back from the file with the same
        // bytes, for readers at this moment too. Where the advice is refused the pages stay.
        let _ = unsafe { mapped.map.unchecked_advise(UncheckedAdvice::DontNeed) };
    }
}
