//! BLAKE3-256 identities, with a derive-key context per kind of object, and SHA-256 beside it.

mod sha256;

use std::fmt;
use std::str::FromStr;

pub use sha256::Sha256;

use crate::error::{Error, ErrorCode, Result};

/// A BLAKE3-256 identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub [u8; 32]);

impl Id {
    /// The id as 64 lower-case hex digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// The id written as 64 hex digits.
    pub fn from_hex(text: &str) -> Result<Id> {
        let invalid = || {
            Error::new(
                ErrorCode::Invalid,
                format!("'{text}' is not an id of 64 hex digits"),
            )
        };
        let bytes = unhex(text).ok_or_else(invalid)?;
        Ok(Id(bytes.try_into().map_err(|_| invalid())?))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", &self.to_hex()[..16])
    }
}

impl FromStr for Id {
    type Err = Error;
    fn from_str(text: &str) -> Result<Id> {
        Id::from_hex(text)
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[(byte >> 4) as usize] as char);
        text.push(DIGITS[(byte & 15) as usize] as char);
    }
    text
}

/// Hex digits as bytes; `None` for an odd length or another character.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    bytes
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

/// What is hashed: each kind has a BLAKE3 derive-key context of its own, so bytes of one kind never pass for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// A file's content, or a chunk of one.
    Content,
    /// The canonical rows of a segment.
    Segment,
    /// An index page of a table.
    Page,
    /// A table's schema.
    Schema,
    /// A commit.
    Commit,
    /// A view.
    View,
    /// An operation.
    Operation,
    /// A list that lives in a workspace, such as its conflicts.
    List,
}

impl Context {
    fn key(self) -> &'static str {
        match self {
            Context::Content => "oxide 2026-11-21 content v1",
            Context::Segment => "oxide 2026-11-21 segment v1",
            Context::Page => "oxide 2026-11-21 page v1",
            Context::Schema => "oxide 2026-11-21 schema v1",
            Context::Commit => "oxide 2026-11-21 commit v1",
            Context::View => "oxide 2026-11-21 view v1",
            Context::Operation => "oxide 2026-11-21 operation v1",
            Context::List => "oxide 2026-11-21 list v1",
        }
    }

    /// A fresh BLAKE3 hasher of this context.
    pub fn hasher(self) -> blake3::Hasher {
        blake3::Hasher::new_derive_key(self.key())
    }

    /// The id of `bytes` as this kind of object.
    pub fn id(self, bytes: &[u8]) -> Id {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        Id(*hasher.finalize().as_bytes())
    }
}

/// Content id and SHA-256 of one byte stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// BLAKE3 of the content.
    pub content: Id,
    /// SHA-256 of the content, as Git LFS, Hugging Face and OCI speak it.
    pub sha256: [u8; 32],
}

/// Computes both digests in one pass over a stream.
pub struct ContentHasher {
    blake3: blake3::Hasher,
    sha256: Sha256,
}

impl Default for ContentHasher {
    fn default() -> ContentHasher {
        ContentHasher {
            blake3: Context::Content.hasher(),
            sha256: Sha256::default(),
        }
    }
}

impl ContentHasher {
    /// Feeds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        self.sha256.update(bytes);
    }

    /// Both digests of everything fed.
    pub fn finish(self) -> Digests {
        Digests {
            content: Id(*self.blake3.finalize().as_bytes()),
            sha256: self.sha256.finish(),
        }
    }
}

/// Both digests of bytes in memory.
pub fn digests(bytes: &[u8]) -> Digests {
    let mut hasher = ContentHasher::default();
    hasher.update(bytes);
    hasher.finish()
}

/// Both digests of each of several small contents, which takes less than one after the other.
pub fn digests_of_many(contents: &[&[u8]]) -> Vec<Digests> {
    let sha256 = sha256::sha256_many(contents);
    let digests = contents.iter().zip(sha256).map(|(bytes, sha256)| Digests {
        content: Context::Content.id(bytes),
        sha256,
    });
    digests.collect()
}
