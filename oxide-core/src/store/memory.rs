//! Objects in memory, for tests of the layers above.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{ReadObjects, WriteObjects};
use crate::error::{Error, Result};
use crate::hash::Id;
use crate::pack::Kind;

/// Objects in memory: the table layer's property tests run on it.
#[derive(Default)]
pub struct MemoryObjects {
    objects: Mutex<HashMap<(Kind, Id), Vec<u8>>>,
}

impl MemoryObjects {
    fn lock(&self) -> MutexGuard<'_, HashMap<(Kind, Id), Vec<u8>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReadObjects for MemoryObjects {
    fn read(&self, kind: Kind, id: &Id) -> Result<Vec<u8>> {
        let found = self.lock().get(&(kind, *id)).cloned();
        found.ok_or_else(|| Error::integrity(format!("{} {id} is missing", kind.name())))
    }

    fn contains(&self, kind: Kind, id: &Id) -> Result<bool> {
        Ok(self.lock().contains_key(&(kind, *id)))
    }
}

impl WriteObjects for MemoryObjects {
    fn write(&self, kind: Kind, id: &Id, bytes: &[u8]) -> Result<bool> {
        let before = self.lock().insert((kind, *id), bytes.to_vec());
        Ok(before.is_none())
    }
}
