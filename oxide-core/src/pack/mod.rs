//! Packs: append-only files of records with a sorted index at their end.
//!
//! ```text
//! offset 0   "OXPACK1\n"                                                                      8 bytes
//!            record   kind u8 | encoding u8 | id 32 | raw length u32 | stored length u32 | crc u32    46 bytes
//!                     payload: `stored length` bytes; crc is the CRC-32 of them
//!            record   ...
//! footer     entry    id 32 | kind u8 | encoding u8 | payload offset u64 | stored length u32 |
//!                     raw length u32 | crc u32                                                54 bytes
//!            entry    ... ascending by (id, kind), each pair once
//! trailer    entries u64 | footer offset u64 | CRC-32 of the footer u32 | 0 u32 | "OXPACKE\n"  32 bytes
//! ```
//!
//! Integers are little-endian. A damaged pack is rebuilt from its records that are right ([`salvage`]). Kinds lie in separate packs: `data-*.pack` holds blobs, recipes and the places of external
//! files, `meta-*.pack` all others.

mod mapped;
mod reader;
mod salvage;
mod writer;

pub use reader::PackReader;
pub use salvage::{salvage, Salvaged};
pub use writer::{FullBuffer, PackWriter, Record};

use crate::codec::Encoding;
use crate::error::{Error, Result};
use crate::hash::Id;

/// What a record is. Blob, Recipe and External records live in data packs, all others in meta packs.
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
    /// Where a content lies that is not copied into the store; the id is its content id.
    External = 10,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 10] = [
        Kind::Blob,
        Kind::Recipe,
        Kind::Segment,
        Kind::SegmentDelta,
        Kind::Page,
        Kind::Schema,
        Kind::Commit,
        Kind::View,
        Kind::List,
        Kind::External,
    ];

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
            10 => Kind::External,
            _ => return Err(Error::integrity(format!("unknown record kind {byte}"))),
        })
    }

    /// Whether records of this kind live in data packs.
    pub fn is_data(self) -> bool {
        matches!(self, Kind::Blob | Kind::Recipe | Kind::External)
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
            Kind::External => "external",
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

const HEADER: &[u8; 8] = b"OXPACK1\n";
const TRAILER_MAGIC: &[u8; 8] = b"OXPACKE\n";
const RECORD_HEADER: usize = 46;
const ENTRY: usize = 54;
const TRAILER: usize = 32;

/// Two groups of packs, so that history is read without touching media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// `data-*.pack`: contents, chunks, recipes, places of external files.
    Data,
    /// `meta-*.pack`: everything else.
    Meta,
}

impl Group {
    /// Both groups.
    pub const ALL: [Group; 2] = [Group::Data, Group::Meta];

    /// The group that records of this kind live in.
    pub fn of(kind: Kind) -> Group {
        match kind.is_data() {
            true => Group::Data,
            false => Group::Meta,
        }
    }

    /// The first part of a pack's file name.
    pub fn prefix(self) -> &'static str {
        match self {
            Group::Data => "data-",
            Group::Meta => "meta-",
        }
    }

    /// The length at which a writer begins the next pack.
    pub fn rotate_at(self) -> u64 {
        match self {
            Group::Data => 128 << 20,
            Group::Meta => 64 << 20,
        }
    }

    /// A name for a new pack. Names ascend with time.
    pub fn new_name(self) -> String {
        format!("{}{}.pack", self.prefix(), crate::fsx::unique_name())
    }

    /// The group of a pack's file name; `None` when it is no pack's name.
    pub fn of_name(name: &str) -> Option<Group> {
        let group = Group::ALL
            .into_iter()
            .find(|group| name.starts_with(group.prefix()))?;
        name.ends_with(".pack").then_some(group)
    }
}

impl Entry {
    fn to_bytes(self) -> [u8; ENTRY] {
        let mut bytes = [0u8; ENTRY];
        bytes[..32].copy_from_slice(&self.id.0);
        bytes[32] = self.kind as u8;
        bytes[33] = self.encoding as u8;
        bytes[34..42].copy_from_slice(&self.offset.to_le_bytes());
        bytes[42..46].copy_from_slice(&self.stored_length.to_le_bytes());
        bytes[46..50].copy_from_slice(&self.raw_length.to_le_bytes());
        bytes[50..54].copy_from_slice(&self.crc.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; ENTRY]) -> Result<Entry> {
        Ok(Entry {
            kind: Kind::from_byte(bytes[32])?,
            id: Id(array(&bytes[..32])),
            offset: u64::from_le_bytes(array(&bytes[34..42])),
            stored_length: u32::from_le_bytes(array(&bytes[42..46])),
            raw_length: u32::from_le_bytes(array(&bytes[46..50])),
            encoding: Encoding::from_byte(bytes[33])?,
            crc: u32::from_le_bytes(array(&bytes[50..54])),
        })
    }

    fn record_header(&self) -> [u8; RECORD_HEADER] {
        let mut bytes = [0u8; RECORD_HEADER];
        bytes[0] = self.kind as u8;
        bytes[1] = self.encoding as u8;
        bytes[2..34].copy_from_slice(&self.id.0);
        bytes[34..38].copy_from_slice(&self.raw_length.to_le_bytes());
        bytes[38..42].copy_from_slice(&self.stored_length.to_le_bytes());
        bytes[42..46].copy_from_slice(&self.crc.to_le_bytes());
        bytes
    }

    /// The entry of the record whose header these bytes are, with its payload at `offset`.
    fn from_record_header(bytes: &[u8; RECORD_HEADER], offset: u64) -> Result<Entry> {
        Ok(Entry {
            kind: Kind::from_byte(bytes[0])?,
            id: Id(array(&bytes[2..34])),
            offset,
            stored_length: u32::from_le_bytes(array(&bytes[38..42])),
            raw_length: u32::from_le_bytes(array(&bytes[34..38])),
            encoding: Encoding::from_byte(bytes[1])?,
            crc: u32::from_le_bytes(array(&bytes[42..46])),
        })
    }
}

/// A part of a slice whose length the caller has fixed.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0u8; N];
    array.copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests;
