//! The threads that the core shares its work among. A forked process has none of its parent's and would wait for them for
//! ever (data loaders fork), so it gets threads of its own.

use std::process;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::ThreadPool;

/// The process that uses rayon's own threads: the first.
static FIRST: OnceLock<u32> = OnceLock::new();
/// The threads of a forked process.
static FORKED: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Does something with the threads of this process.
pub fn with_own<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let process = process::id();
    if *FIRST.get_or_init(|| process) == process {
        return work();
    }
    match own_pool(process) {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// `None` where no thread can be started.
fn own_pool(process: u32) -> Option<Arc<ThreadPool>> {
    let mut forked = FORKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, pool)) = forked.as_ref().filter(|(owner, _)| *owner == process) {
        return Some(pool.clone());
    }
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().build().ok()?);
    // The parent's handle is forgotten, not dropped: dropping would wake threads that are not there.
    let inherited = forked.replace((process, pool.clone()));
    std::mem::forget(inherited);
    Some(pool)
}
