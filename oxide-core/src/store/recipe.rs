//! Recipes: which chunks a file's content is made of.
//!
//! ```text
//! 1 u8 | length of the chunker's name u8 | the chunker's name
//! for each chunk, in the order of the file:  id 32 | varint length
//! ```

use crate::chunk;
use crate::error::{Error, Result};
use crate::hash::Id;

const VERSION: u8 = 1;

/// A recipe that is being written.
pub(super) struct RecipeWriter {
    bytes: Vec<u8>,
}

impl RecipeWriter {
    pub(super) fn new() -> RecipeWriter {
        let mut bytes = vec![VERSION, chunk::NAME.len() as u8];
        bytes.extend_from_slice(chunk::NAME.as_bytes());
        RecipeWriter { bytes }
    }

    pub(super) fn push(&mut self, id: &Id, length: usize) {
        self.bytes.extend_from_slice(&id.0);
        let mut rest = length as u64;
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// The chunks of a recipe: (id, length).
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<(Id, u64)>> {
    let damaged = || Error::integrity("it is no recipe");
    let (version, rest) = bytes.split_first().ok_or_else(damaged)?;
    if *version != VERSION {
        return Err(Error::integrity(format!(
            "its form {version} is not known to this version of oxide"
        )));
    }
    let (name_length, rest) = rest.split_first().ok_or_else(damaged)?;
    let mut rest = rest.get(usize::from(*name_length)..).ok_or_else(damaged)?;
    let mut chunks = Vec::with_capacity(rest.len() / 33);
    while let Some((id, tail)) = rest.split_first_chunk::<32>() {
        let mut length = 0u64;
        let mut bytes = tail.iter();
        for shift in (0..).step_by(7) {
            let byte = *bytes.next().ok_or_else(damaged)?;
            if shift > 28 {
                return Err(damaged());
            }
            length |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        chunks.push((Id(*id), length));
        rest = bytes.as_slice();
    }
    match rest.is_empty() {
        true => Ok(chunks),
        false => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_come_back_and_damage_is_refused() {
        let chunks = [(Id([1; 32]), 5), (Id([2; 32]), 300), (Id([3; 32]), 65536)];
        let mut writer = RecipeWriter::new();
        for (id, length) in &chunks {
            writer.push(id, *length as usize);
        }
        let bytes = writer.finish();
        assert_eq!(&bytes[..12], b"\x01\x0agear16k-v1");
        assert_eq!(parse(&bytes).expect("recipe"), chunks);
        for length in 0..bytes.len() {
            // A cut recipe is refused or, cut between chunks, shorter.
            if let Ok(parsed) = parse(&bytes[..length]) {
                assert!(parsed.len() < chunks.len());
            }
        }
        assert!(parse(&[9]).is_err());
        let mut endless = bytes;
        endless.extend_from_slice(&[4; 32]);
        endless.extend_from_slice(&[0xff; 12]);
        assert!(parse(&endless).is_err());
    }
}
