//! `WorkingCopy`, `Staged`, `CheckoutPlan` and `Lock`: what is on disk beside what is stored.

use std::path::PathBuf;
use std::sync::Mutex;

use oxide_core::checkout::{self, CheckoutRequest};
use oxide_core::workspace::{self, StageRequest};
use oxide_core::Id;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::convert::{self, HexRoots};
use crate::errors::{invalid, Result};
use crate::progress::{long, short};
use crate::session::Session;
use crate::store::Store;

/// A working tree with its repository.
#[pyclass(frozen, module = "oxide._core")]
pub struct WorkingCopy {
    copy: oxide_core::workspace::WorkingCopy,
}

#[pymethods]
impl WorkingCopy {
    #[new]
    fn new(store: &Store, tree: PathBuf) -> WorkingCopy {
        let store = store.store.clone();
        WorkingCopy {
            copy: oxide_core::workspace::WorkingCopy { store, tree },
        }
    }

    #[pyo3(signature = (staged_files, progress=None))]
    fn status<'py>(
        &self,
        py: Python<'py>,
        staged_files: &str,
        progress: Option<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyDict>> {
        let staged = Id::from_hex(staged_files)?;
        let status = long(py, progress.as_ref(), |progress| {
            self.copy.status(&staged, progress)
        })?;
        let untracked = PyList::empty(py);
        for (path, files) in &status.untracked {
            let dictionary = PyDict::new(py);
            dictionary.set_item("path", path)?;
            dictionary.set_item("files", files)?;
            untracked.append(dictionary)?;
        }
        let result = PyDict::new(py);
        result.set_item("modified", status.modified)?;
        result.set_item("removed", status.removed)?;
        result.set_item("untracked", untracked)?;
        result.set_item("skipped", convert::skipped(py, &status.skipped)?)?;
        result.set_item("empty_folders", status.empty_folders)?;
        Ok(result)
    }

    #[allow(clippy::too_many_arguments)]
    #[pyo3(signature = (session, paths, *, base, staged, tracked_only, now, creator, by_reference=false, progress=None))]
    fn stage(
        &self,
        py: Python<'_>,
        session: &Session,
        paths: Vec<String>,
        base: Option<HexRoots>,
        staged: HexRoots,
        tracked_only: bool,
        now: i64,
        creator: &str,
        by_reference: bool,
        progress: Option<Bound<'_, PyAny>>,
    ) -> Result<Staged> {
        let session = session.get()?;
        let request = StageRequest {
            paths: &paths,
            tracked_only,
            by_reference,
            base: base.as_ref().map(convert::roots).transpose()?,
            staged: convert::roots(&staged)?,
            now,
            creator,
        };
        let staged = long(py, progress.as_ref(), |progress| {
            self.copy.stage(&session, &request, progress)
        })?;
        let copy = self.copy.clone();
        Ok(Staged { copy, staged })
    }

    #[allow(clippy::too_many_arguments)]
    #[pyo3(signature = (before, after, *, paths=Vec::new(), repair=false, force=false, progress=None))]
    fn plan(
        &self,
        py: Python<'_>,
        before: &str,
        after: &str,
        paths: Vec<String>,
        repair: bool,
        force: bool,
        progress: Option<Bound<'_, PyAny>>,
    ) -> Result<CheckoutPlan> {
        let request = CheckoutRequest {
            from: Id::from_hex(before)?,
            to: Id::from_hex(after)?,
            paths: &paths,
            repair,
            force,
        };
        let mut plan = long(py, progress.as_ref(), |progress| {
            checkout::plan(&self.copy, &request, progress)
        })?;
        Ok(CheckoutPlan {
            copy: self.copy.clone(),
            writes: std::mem::take(&mut plan.writes),
            removes: std::mem::take(&mut plan.removes),
            blocked: std::mem::take(&mut plan.blocked),
            bytes: plan.bytes,
            plan: Mutex::new(Some(plan)),
        })
    }

    #[pyo3(signature = (operation, files, staged=None))]
    fn remember(
        &self,
        py: Python<'_>,
        operation: u64,
        files: &str,
        staged: Option<&Staged>,
    ) -> Result<()> {
        let files = Id::from_hex(files)?;
        let staged = staged.map(|staged| &staged.staged);
        short(py, || self.copy.remember(operation, &files, staged))
    }

    fn remembered(&self, py: Python<'_>) -> Result<Option<(u64, String)>> {
        let remembered = short(py, || self.copy.remembered())?;
        Ok(remembered.map(|(operation, files)| (operation, files.to_hex())))
    }

    #[pyo3(signature = (before, after, operation, progress=None))]
    fn resume<'py>(
        &self,
        py: Python<'py>,
        before: &str,
        after: &str,
        operation: u64,
        progress: Option<Bound<'py, PyAny>>,
    ) -> Result<Bound<'py, PyList>> {
        let (before, after) = (Id::from_hex(before)?, Id::from_hex(after)?);
        let skipped = long(py, progress.as_ref(), |progress| {
            checkout::resume(&self.copy, &before, &after, operation, progress)
        })?;
        Ok(convert::skipped(py, &skipped)?)
    }

    fn lock(&self, py: Python<'_>) -> Result<Lock> {
        let lock = short(py, || self.copy.lock())?;
        Ok(Lock {
            lock: Mutex::new(Some(lock)),
        })
    }

    fn try_lock(&self, py: Python<'_>) -> Result<Option<Lock>> {
        let lock = short(py, || self.copy.try_lock())?;
        Ok(lock.map(|lock| Lock {
            lock: Mutex::new(Some(lock)),
        }))
    }

    fn check_ignore<'py>(&self, py: Python<'py>, paths: Vec<String>) -> Result<Bound<'py, PyList>> {
        let rules = short(py, || self.copy.check_ignore(&paths))?;
        let list = PyList::empty(py);
        for (path, source, line, pattern) in rules {
            let dictionary = PyDict::new(py);
            dictionary.set_item("path", path)?;
            dictionary.set_item("source", source)?;
            dictionary.set_item("line", line)?;
            dictionary.set_item("pattern", pattern)?;
            list.append(dictionary)?;
        }
        Ok(list)
    }
}

/// The lock that verbs hold while they change working files.
#[pyclass(frozen, module = "oxide._core")]
pub struct Lock {
    lock: Mutex<Option<oxide_core::fsx::Lock>>,
}

#[pymethods]
impl Lock {
    fn __enter__(this: Py<Lock>) -> Py<Lock> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, PyTuple>) {
        if let Ok(mut lock) = self.lock.lock() {
            lock.take();
        }
    }
}

/// Changes read from disk, in no table yet.
#[pyclass(frozen, module = "oxide._core")]
pub struct Staged {
    copy: oxide_core::workspace::WorkingCopy,
    staged: oxide_core::workspace::Staged,
}

#[pymethods]
impl Staged {
    #[getter]
    fn added<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        list(py, self.staged.added())
    }

    #[getter]
    fn modified<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        list(py, self.staged.modified())
    }

    #[getter]
    fn removed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        list(py, self.staged.removed())
    }

    #[getter]
    fn renamed(&self) -> Vec<(String, String)> {
        self.staged.renamed.clone()
    }

    #[getter]
    fn skipped<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        convert::skipped(py, &self.staged.skipped)
    }

    #[getter]
    fn broken(&self) -> Vec<(String, &str)> {
        self.staged.broken().collect()
    }

    #[getter]
    fn empty_folders(&self) -> &[String] {
        &self.staged.empty_folders
    }

    #[getter]
    fn collisions(&self) -> Vec<Vec<String>> {
        self.staged.collisions.clone()
    }

    #[getter]
    fn bytes(&self) -> u64 {
        self.staged.bytes
    }

    #[getter]
    fn changes(&self) -> usize {
        self.staged.changes()
    }

    fn apply(&self, py: Python<'_>, session: &Session, roots: HexRoots) -> Result<HexRoots> {
        let (session, roots) = (session.get()?, convert::roots(&roots)?);
        let roots = short(py, || self.copy.apply(&session, &self.staged, &roots))?;
        Ok(convert::hex_roots(&roots))
    }
}

/// Facts of media that were read again.
#[pyclass(frozen, module = "oxide._core")]
pub struct Scanned {
    scanned: workspace::Scanned,
}

impl Scanned {
    pub(crate) fn new(scanned: workspace::Scanned) -> Scanned {
        Scanned { scanned }
    }
}

#[pymethods]
impl Scanned {
    #[getter]
    fn read(&self) -> u64 {
        self.scanned.read
    }

    #[getter]
    fn changed(&self) -> usize {
        self.scanned.changed()
    }

    #[getter]
    fn broken(&self) -> &[(String, String)] {
        &self.scanned.broken
    }

    #[getter]
    fn skipped<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        convert::skipped(py, &self.scanned.skipped)
    }

    fn apply(&self, py: Python<'_>, session: &Session, files: &str) -> Result<String> {
        let (session, files) = (session.get()?, Id::from_hex(files)?);
        let files = short(py, || self.scanned.apply(&*session, &files))?;
        Ok(files.to_hex())
    }
}

/// A list made one by one: there may be millions, so a second list beside it is avoided.
fn list(py: Python<'_>, paths: impl Iterator<Item = String>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for path in paths {
        list.append(path)?;
    }
    Ok(list)
}

/// What a checkout would do.
#[pyclass(frozen, module = "oxide._core")]
pub struct CheckoutPlan {
    copy: oxide_core::workspace::WorkingCopy,
    #[pyo3(get)]
    writes: Vec<String>,
    #[pyo3(get)]
    removes: Vec<String>,
    #[pyo3(get)]
    blocked: Vec<String>,
    #[pyo3(get)]
    bytes: u64,
    plan: Mutex<Option<checkout::CheckoutPlan>>,
}

impl CheckoutPlan {
    /// Takes the plan out for one call: nobody may wait for it while holding the GIL.
    fn take(&self) -> Result<checkout::CheckoutPlan> {
        let plan = self.plan.lock().ok().and_then(|mut plan| plan.take());
        plan.ok_or_else(|| invalid("this plan was applied already, or is being used"))
    }
}

#[pymethods]
impl CheckoutPlan {
    #[pyo3(signature = (progress=None))]
    fn prepare(&self, py: Python<'_>, progress: Option<Bound<'_, PyAny>>) -> Result<()> {
        let mut plan = self.take()?;
        let outcome = long(py, progress.as_ref(), |progress| {
            checkout::prepare(&self.copy, &mut plan, progress)
        });
        if let Ok(mut place) = self.plan.lock() {
            place.replace(plan);
        }
        outcome
    }

    #[pyo3(signature = (operation, files, progress=None, *, insist=false))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        operation: u64,
        files: &str,
        progress: Option<Bound<'py, PyAny>>,
        insist: bool,
    ) -> Result<Bound<'py, PyList>> {
        let files = Id::from_hex(files)?;
        let plan = self.take()?;
        let skipped = long(py, progress.as_ref(), |progress| {
            checkout::apply(&self.copy, plan, operation, &files, insist, progress)
        })?;
        Ok(convert::skipped(py, &skipped)?)
    }
}
