//! An allocator that knows what each thread holds, and what it held at most.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// A thread that would hold more than this is stopped at once, as the machine might not survive it.
const STOP_AT: isize = 1 << 30;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    /// Called when a thread asks for too much; it does not come back.
    static STOP: Cell<Option<fn(usize)>> = const { Cell::new(None) };
}

/// The allocator of this test binary.
pub struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn take(bytes: usize) {
    let held = HELD.get() + bytes as isize;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
    if held > STOP_AT {
        if let Some(stop) = STOP.take() {
            stop(bytes);
        }
    }
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches only cells of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        take(new_size);
        HELD.set(HELD.get() - layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// The most bytes that this thread held beyond what it held before, while `work` ran.
pub fn peak<T>(stop: fn(usize), work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    STOP.set(Some(stop));
    let result = work();
    STOP.set(None);
    (result, (PEAK.get() - before).max(0) as usize)
}
