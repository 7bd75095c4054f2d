//! Small files are read several at a time, since hashing them side by side takes less than one after the other.

use std::io::{self, Read as _};
use std::ops::Range;
use std::os::fd::AsFd;

use super::take::{count, record, Read};
use crate::error::Result;
use crate::media;
use crate::paths;
use crate::store::Session;
use crate::workspace::disk::{self, DiskKind, DiskStat};
use crate::workspace::status::Handles;
use crate::workspace::walk::Found;

/// A group ends at this many files or bytes: what is read is still in the processor's cache when it is hashed and stored.
const GROUP_FILES: usize = 32;
const GROUP_BYTES: u64 = 1 << 20;

/// Where a file lies in the buffer, and how it looked before and after it was read.
struct InBuffer {
    range: Range<usize>,
    looks: DiskStat,
    read_at: i64,
}

/// How many of the next files make a group.
pub(super) fn group_length(files: &[Found<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |found: &&Found<'_>| {
        bytes += found.size;
        found.kind == DiskKind::File && bytes <= GROUP_BYTES
    };
    files.iter().take(GROUP_FILES).take_while(fits).count()
}

/// Reads and stores a group. `None` for a file that changed or could not be read, which is looked at by itself.
pub(super) fn take_group(
    handles: &mut Handles<'_>,
    session: &Session,
    group: &[Found<'_>],
) -> Result<Vec<Option<Read>>> {
    let mut buffer = handles.take_buffer();
    let mut read = Vec::with_capacity(group.len());
    let mut end = 0;
    for found in group {
        let in_buffer = read_into(handles, &mut buffer, end, found).unwrap_or(None);
        end = in_buffer.as_ref().map_or(end, |file| file.range.end);
        read.push(in_buffer);
    }
    let bytes_of = |file: &InBuffer| &buffer[file.range.clone()];
    let names: Vec<_> = group
        .iter()
        .map(|found| paths::to_text(found.name))
        .collect();
    let contents = read.iter().zip(&names);
    let contents: Vec<(&[u8], &str)> = contents
        .filter_map(|(file, name)| Some((bytes_of(file.as_ref()?), &**name)))
        .collect();
    let mut stored = session.put_contents(&contents)?.into_iter();
    let mut taken = Vec::with_capacity(group.len());
    for file in &read {
        let (Some(file), Some(stored)) = (file, file.as_ref().and_then(|_| stored.next())) else {
            taken.push(None);
            continue;
        };
        let bytes = bytes_of(file);
        count(bytes.len());
        taken.push(Some(Read {
            record: record(&stored, &file.looks, file.read_at),
            facts: media::of_bytes(bytes).map(Box::new),
        }));
    }
    handles.give_buffer(buffer);
    Ok(taken)
}

/// Reads a file behind what is in the buffer; `None` when it is no such file any more or changed meanwhile.
fn read_into(
    handles: &mut Handles<'_>,
    buffer: &mut Vec<u8>,
    start: usize,
    found: &Found<'_>,
) -> io::Result<Option<InBuffer>> {
    let handle = handles.folder(found.folder)?;
    let read_at = disk::now();
    let mut file = disk::open_file(handle.as_fd(), &disk::c_name(found.name)?)?;
    let before = disk::stat_open(&file)?;
    if before.kind != DiskKind::File || before.size != found.size {
        return Ok(None);
    }
    let end = start + before.size as usize;
    if buffer.len() < end {
        buffer.resize(end, 0);
    }
    file.read_exact(&mut buffer[start..end])?;
    let looks = disk::stat_open(&file)?;
    Ok((looks == before).then_some(InBuffer {
        range: start..end,
        looks,
        read_at,
    }))
}
