//! Unsigned LEB128, zigzag, and a reader over bytes that may be damaged.

use crate::error::{Error, Result};

/// Appends `value` as unsigned LEB128.
pub fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length and the bytes.
pub fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Signed to unsigned, small magnitudes first.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Reads fields from bytes; anything that does not fit is an `Integrity` error that names what is read and where.
pub struct Reader<'a> {
    what: &'static str,
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`; `what` names them in errors.
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            what,
            bytes,
            position: 0,
        }
    }

    /// Where the next field begins.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether everything is read.
    pub fn is_empty(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.position..];
        if length > rest.len() {
            return Err(self.damaged("it ends too early"));
        }
        self.position += length;
        Ok(&rest[..length])
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// The next varint; only its shortest form is accepted.
    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return Err(self.damaged("a number is over 64 bits"));
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(self.damaged("a number is not in its shortest form"));
                }
                return Ok(value);
            }
        }
        Err(self.damaged("a number is over 64 bits"))
    }

    /// The next length and that many bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.varint()?;
        let length = usize::try_from(length).map_err(|_| self.damaged("a length is too large"))?;
        self.take(length)
    }

    /// An error about the field that was just read.
    pub fn damaged(&self, why: &str) -> Error {
        Error::integrity(format!(
            "{} is damaged at byte {}: {why}",
            self.what, self.position
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trip(value: u64, signed: i64) {
            let mut bytes = Vec::new();
            write(&mut bytes, value);
            let mut reader = Reader::new("test", &bytes);
            prop_assert_eq!(reader.varint().unwrap(), value);
            prop_assert!(reader.is_empty());
            prop_assert_eq!(unzigzag(zigzag(signed)), signed);
        }

        #[test]
        fn any_bytes_are_refused_or_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Reader::new("test", &bytes);
            if let Ok(value) = reader.varint() {
                let mut again = Vec::new();
                write(&mut again, value);
                prop_assert_eq!(&again[..], &bytes[..reader.position()]);
            }
        }
    }
}
