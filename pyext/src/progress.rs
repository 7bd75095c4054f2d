//! Running the core beside Python: without the GIL, and for long calls on a thread of its own while the calling thread
//! shows progress and listens for Ctrl-C.

use std::sync::{mpsc, Mutex};
use std::time::{Duration, Instant};

use oxide_core::progress::Progress;
use pyo3::prelude::*;

use crate::errors::Result;
use crate::threads;

/// How often the calling thread looks for signals.
const POLL: Duration = Duration::from_millis(50);
/// How often it calls the progress function, and how long a call must last before the first time.
const REPORT: Duration = Duration::from_millis(100);

/// Runs a call that ends soon, without the GIL.
pub fn short<T: Send>(
    py: Python<'_>,
    call: impl FnOnce() -> oxide_core::Result<T> + Send,
) -> Result<T> {
    Ok(py.detach(|| threads::with_own(call))?)
}

/// Runs a call that may last, with progress and Ctrl-C. An exception of the progress function stops the call too.
pub fn long<T: Send>(
    py: Python<'_>,
    callback: Option<&Bound<'_, PyAny>>,
    call: impl FnOnce(&Progress) -> oxide_core::Result<T> + Send,
) -> Result<T> {
    let progress = Progress::default();
    let (finished, ends) = mpsc::channel::<()>();
    let ends = Mutex::new(ends);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            // Dropped when the call returns or panics: the waiting thread wakes at once either way.
            let _finished = finished;
            threads::with_own(|| call(&progress))
        });
        let mut raised = None;
        let mut reported = Instant::now();
        while py.detach(|| is_running(&ends)) {
            if raised.is_some() {
                continue;
            }
            let due = reported.elapsed() >= REPORT;
            if due {
                reported = Instant::now();
            }
            if let Err(error) = attend(py, callback.filter(|_| due), &progress) {
                progress.cancel();
                raised = Some(error);
            }
        }
        let outcome = worker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match raised {
            Some(error) => Err(error.into()),
            None => Ok(outcome?),
        }
    })
}

/// Waits for one poll interval; whether the worker still runs.
fn is_running(ends: &Mutex<mpsc::Receiver<()>>) -> bool {
    let ends = ends.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    ends.recv_timeout(POLL) == Err(mpsc::RecvTimeoutError::Timeout)
}

/// Signals, then the progress function when it is due.
fn attend(
    py: Python<'_>,
    callback: Option<&Bound<'_, PyAny>>,
    progress: &Progress,
) -> PyResult<()> {
    py.check_signals()?;
    if let Some(callback) = callback {
        let now = progress.read();
        callback.call1((
            now.phase,
            now.files_done,
            now.files_total,
            now.bytes_done,
            now.bytes_total,
        ))?;
    }
    Ok(())
}
