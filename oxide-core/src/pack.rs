//! Packs: append-only files of records with a sorted index at their end.

use crate::codec::Encoding;
use crate::error::{Error, Result};
use crate::hash::Id;

/// What a record is. Blob, Chunk and Recipe records live in data packs, all others in meta packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A file's whole content, or one chunk of a file; the id is its content id.
    Blob = 1,
    /// The chunks of a file; the id is the content id of the whole file.
    Recipe = 2,
    /// A segment's canonical rows.
    Segment = 3,
    /// A segment as a change to another; the id is that of the resulting segment.
    SegmentDelta = 4,
    /// An index page.
    Page = 5,
    /// A schema.
    Schema = 6,
    /// A commit.
    Commit = 7,
    /// A view.
    View = 8,
    /// A list that lives in a workspace.
    List = 9,
}

impl Kind {
    /// The kind written as `byte`.
    pub fn from_byte(byte: u8) -> Result<Kind> {
        Ok(match byte {
            1 => Kind::Blob,
            2 => Kind::Recipe,
            3 => Kind::Segment,
            4 => Kind::SegmentDelta,
            5 => Kind::Page,
            6 => Kind::Schema,
            7 => Kind::Commit,
            8 => Kind::View,
            9 => Kind::List,
            _ => return Err(Error::integrity(format!("unknown record kind {byte}"))),
        })
    }

    /// Whether records of this kind live in data packs.
    pub fn is_data(self) -> bool {
        matches!(self, Kind::Blob | Kind::Recipe)
    }

    /// The stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Blob => "blob",
            Kind::Recipe => "recipe",
            Kind::Segment => "segment",
            Kind::SegmentDelta => "segment-delta",
            Kind::Page => "page",
            Kind::Schema => "schema",
            Kind::Commit => "commit",
            Kind::View => "view",
            Kind::List => "list",
        }
    }
}

/// One index entry of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The record's kind.
    pub kind: Kind,
    /// The record's id.
    pub id: Id,
    /// Where its payload begins in the pack.
    pub offset: u64,
    /// Stored payload length.
    pub stored_length: u32,
    /// Decoded payload length.
    pub raw_length: u32,
    /// How the payload is stored.
    pub encoding: Encoding,
    /// CRC-32 of the stored payload.
    pub crc: u32,
}
// PackWriter, PackReader (mmap, lookup by (kind, id), prefix range, iterate, verify): the blob layer's own.
