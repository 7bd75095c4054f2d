//! Row deltas: their bytes, and the skip list in which their steps chain.

use super::Change;
use crate::counters;
use crate::error::Result;
use crate::hash::Id;
use crate::pack::Kind;
use crate::store::ReadObjects;
use crate::varint::{self, Reader};

/// Steps above a whole segment after which one is stored whole again.
pub(super) const MAXIMUM_STEP: u64 = 256;

/// A stored delta.
pub(super) struct Delta {
    /// The segment it changes.
    pub base: Id,
    /// Steps of the resulting segment above its whole ancestor.
    pub step: u64,
    /// Changes in ascending key order.
    pub changes: Vec<Change>,
}

impl Delta {
    /// The stored bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.base.0.to_vec();
        varint::write(&mut bytes, self.step);
        varint::write(&mut bytes, self.changes.len() as u64);
        for (key, value) in &self.changes {
            varint::write_bytes(&mut bytes, key);
            match value {
                None => bytes.push(0),
                Some(value) => {
                    bytes.push(1);
                    varint::write_bytes(&mut bytes, value);
                }
            }
        }
        bytes
    }

    /// Parses stored bytes; damaged bytes are an error.
    pub fn parse(bytes: &[u8]) -> Result<Delta> {
        let mut reader = Reader::new("a segment delta", bytes);
        let base = Id(reader.take(32)?.try_into().expect("32 bytes"));
        let step = reader.varint()?;
        if step == 0 || step >= MAXIMUM_STEP {
            return Err(reader.damaged("its step is out of range"));
        }
        let count = reader.varint()?;
        let mut changes: Vec<Change> = Vec::new();
        for _ in 0..count {
            let key = reader.bytes()?.to_vec();
            let value = match reader.byte()? {
                0 => None,
                1 => Some(reader.bytes()?.to_vec()),
                _ => return Err(reader.damaged("a change is neither a removal nor a row")),
            };
            if changes.last().is_some_and(|(last, _)| *last >= key) {
                return Err(reader.damaged("keys do not ascend"));
            }
            changes.push((key, value));
        }
        if !reader.is_empty() {
            return Err(reader.damaged("it goes on after its last change"));
        }
        Ok(Delta {
            base,
            step,
            changes,
        })
    }
}

/// One list of changes that does what `first` and then `second` do. Both ascend by key.
pub(super) fn compose(first: Vec<Change>, second: Vec<Change>) -> Vec<Change> {
    if second.is_empty() {
        return first;
    }
    let mut result = Vec::with_capacity(first.len() + second.len());
    let mut second = second.into_iter().peekable();
    for change in first {
        while let Some(earlier) = second.next_if(|later| later.0 < change.0) {
            result.push(earlier);
        }
        if second.peek().is_none_or(|later| later.0 != change.0) {
            result.push(change);
        }
    }
    result.extend(second);
    result
}

/// The bytes of a delta that makes `changes` to `base`, against the ancestor that the skip list asks for. `None` where a
/// whole segment is due: too many steps, more than `limit` bytes, or a chain that is not ours to extend.
pub(super) fn encode_onto(
    objects: &dyn ReadObjects,
    base: &Id,
    changes: &[Change],
    limit: usize,
) -> Result<Option<Vec<u8>>> {
    let mut base = *base;
    let mut changes = changes.to_vec();
    let mut ancestor = read_delta(objects, &base)?;
    let step = ancestor.as_ref().map_or(0, |delta| delta.step) + 1;
    if step == MAXIMUM_STEP {
        return Ok(None);
    }
    let wanted = step & (step - 1);
    while let Some(delta) = ancestor.take_if(|delta| delta.step > wanted) {
        base = delta.base;
        changes = compose(delta.changes, changes);
        ancestor = read_delta(objects, &base)?;
    }
    // A chain received from another repository may have stored one of its segments otherwise.
    if ancestor.map_or(0, |delta| delta.step) != wanted {
        return Ok(None);
    }
    let bytes = Delta {
        base,
        step,
        changes,
    }
    .to_bytes();
    Ok((bytes.len() <= limit).then_some(bytes))
}

/// The delta by which a segment is stored; `None` when it is stored whole.
pub(super) fn read_delta(objects: &dyn ReadObjects, id: &Id) -> Result<Option<Delta>> {
    if objects.contains(Kind::Segment, id)? {
        return Ok(None);
    }
    read(objects, id).map(Some)
}

/// The delta record of a segment.
pub(super) fn read(objects: &dyn ReadObjects, id: &Id) -> Result<Delta> {
    counters::TABLE_OBJECTS_READ.add(1);
    Delta::parse(&objects.read(Kind::SegmentDelta, id)?)
}
