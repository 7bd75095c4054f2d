//! Bytes at positions, of a file in memory or on disk; every look is counted, so that no input keeps a reader busy.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Most pieces that are looked at, in one file.
const STEPS: u32 = 1 << 16;
/// Most times that a file on disk is read.
const READS: u32 = 1 << 9;
/// So much of a file on disk is read at once.
const WINDOW: usize = 8 << 10;
/// The longest piece that can be asked for.
pub(super) const LONGEST: usize = 64 << 10;

/// Something that can be read at any position.
pub trait ReadAt {
    /// Reads into the buffer from `offset` on; fewer bytes only at the end, or where the source likes to pause.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}

/// Why a reader stops.
pub(super) enum Stop {
    /// The file ends before the piece that was asked for.
    End,
    /// Enough was read.
    Limit,
    /// Something is wrong, in words.
    Broken(&'static str),
    Io(io::Error),
}

pub(super) type Step<T> = Result<T, Stop>;

enum Bytes<'a> {
    Memory(&'a [u8]),
    Source {
        source: &'a dyn ReadAt,
        window: Vec<u8>,
        start: u64,
        reads: u32,
    },
}

/// A file that is looked at.
pub(super) struct Input<'a> {
    bytes: Bytes<'a>,
    length: u64,
    steps: u32,
}

impl<'a> Input<'a> {
    pub(super) fn of_bytes(bytes: &'a [u8]) -> Input<'a> {
        Input {
            length: bytes.len() as u64,
            bytes: Bytes::Memory(bytes),
            steps: STEPS,
        }
    }

    pub(super) fn of_source(source: &'a dyn ReadAt, length: u64) -> Input<'a> {
        Input {
            length,
            bytes: Bytes::Source {
                source,
                window: Vec::new(),
                start: 0,
                reads: READS,
            },
            steps: STEPS,
        }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fills the buffer with the beginning of the file as far as there is any. Returns how much there is.
    pub(super) fn head(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = (buffer.len() as u64).min(self.length) as usize;
        match self.get(0, length) {
            Ok(bytes) => {
                buffer[..length].copy_from_slice(bytes);
                Ok(length)
            }
            Err(Stop::Io(error)) => Err(error),
            Err(_) => Ok(0),
        }
    }

    /// Exactly these bytes, at most [`LONGEST`].
    pub(super) fn get(&mut self, offset: u64, length: usize) -> Step<&[u8]> {
        self.steps = self.steps.checked_sub(1).ok_or(Stop::Limit)?;
        if length > LONGEST {
            return Err(Stop::Limit);
        }
        let end = offset.checked_add(length as u64).ok_or(Stop::End)?;
        if end > self.length {
            return Err(Stop::End);
        }
        match &mut self.bytes {
            Bytes::Memory(bytes) => Ok(&bytes[offset as usize..end as usize]),
            Bytes::Source {
                source,
                window,
                start,
                reads,
            } => {
                let held = *start..*start + window.len() as u64;
                if !(held.contains(&offset) && end <= held.end) {
                    *reads = reads.checked_sub(1).ok_or(Stop::Limit)?;
                    let wanted = length.max(WINDOW) as u64;
                    window.resize(wanted.min(self.length - offset) as usize, 0);
                    *start = offset;
                    fill(*source, window, offset, length)?;
                }
                let first = (offset - *start) as usize;
                Ok(&window[first..first + length])
            }
        }
    }

    pub(super) fn array<const N: usize>(&mut self, offset: u64) -> Step<[u8; N]> {
        let bytes = self.get(offset, N)?;
        Ok(bytes.try_into().expect("as long as asked for"))
    }

    pub(super) fn byte(&mut self, offset: u64) -> Step<u8> {
        Ok(self.array::<1>(offset)?[0])
    }

    pub(super) fn be16(&mut self, offset: u64) -> Step<u16> {
        Ok(u16::from_be_bytes(self.array(offset)?))
    }

    pub(super) fn be32(&mut self, offset: u64) -> Step<u32> {
        Ok(u32::from_be_bytes(self.array(offset)?))
    }

    pub(super) fn be64(&mut self, offset: u64) -> Step<u64> {
        Ok(u64::from_be_bytes(self.array(offset)?))
    }

    pub(super) fn le16(&mut self, offset: u64) -> Step<u16> {
        Ok(u16::from_le_bytes(self.array(offset)?))
    }

    pub(super) fn le32(&mut self, offset: u64) -> Step<u32> {
        Ok(u32::from_le_bytes(self.array(offset)?))
    }
}

/// Fills the window with what is there, but no less than was asked for.
fn fill(source: &dyn ReadAt, window: &mut Vec<u8>, offset: u64, least: usize) -> Step<()> {
    let mut filled = 0;
    while filled < least {
        match source.read_at(&mut window[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                window.clear();
                return Err(Stop::Io(error));
            }
        }
    }
    window.truncate(filled);
    if filled < least {
        return Err(Stop::End);
    }
    Ok(())
}
