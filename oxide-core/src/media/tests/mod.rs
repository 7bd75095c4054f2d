//! Small files made by hand, read in memory and at positions, whole and cut off everywhere.

mod pictures;
mod videos;

use std::cell::Cell;
use std::io;

use super::*;

/// A source that gives little at once and counts how often it is asked.
struct Slow<'a> {
    bytes: &'a [u8],
    reads: Cell<u32>,
}

impl ReadAt for Slow<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.reads.set(self.reads.get() + 1);
        let start = (offset as usize).min(self.bytes.len());
        let length = buffer.len().min(self.bytes.len() - start).min(700);
        buffer[..length].copy_from_slice(&self.bytes[start..start + length]);
        Ok(length)
    }
}

/// Facts of a sound file, which are the same however it is read; cut off anywhere it is still no error.
fn facts(bytes: &[u8]) -> Facts {
    let facts = of_bytes(bytes).expect("media");
    let slow = Slow {
        bytes,
        reads: Cell::new(0),
    };
    let at_positions = of_source(&slow, bytes.len() as u64).unwrap();
    assert_eq!(at_positions.as_ref(), Some(&facts));
    for length in 0..bytes.len() {
        let cut = of_bytes(&bytes[..length]);
        if let Some(cut) = cut.filter(|cut| cut.broken.is_none()) {
            // Padding may go; the headers must be whole then.
            assert_eq!(cut, facts, "{length} of {} bytes", bytes.len());
        }
    }
    facts
}

/// (width, height, orientation, channels, bits of a channel)
fn picture(facts: &Facts) -> [Option<u32>; 5] {
    assert_eq!(facts.version, FACTS_VERSION);
    [
        facts.width,
        facts.height,
        facts.orientation,
        facts.channels,
        facts.bit_depth,
    ]
}

/// (frames, frames a second, seconds)
fn timing(facts: &Facts) -> (Option<u64>, Option<f64>, Option<f64>) {
    let real = |number: Option<Real>| number.map(Real::get);
    (facts.frames, real(facts.fps), real(facts.duration))
}

fn media(facts: &Facts) -> &str {
    facts.media.as_deref().unwrap_or("")
}

fn broken(bytes: &[u8]) -> String {
    let facts = of_bytes(bytes).expect("media");
    facts.broken.map(Cow::into_owned).unwrap_or_default()
}

/// An EXIF block with one entry.
fn exif(little: bool, orientation: u16) -> Vec<u8> {
    let two = |number: u16| match little {
        true => number.to_le_bytes(),
        false => number.to_be_bytes(),
    };
    let four = |number: u32| match little {
        true => number.to_le_bytes(),
        false => number.to_be_bytes(),
    };
    let mut block = if little {
        b"II*\0".to_vec()
    } else {
        b"MM\0*".to_vec()
    };
    block.extend(four(8));
    block.extend([two(1), two(0x112), two(3)].concat());
    block.extend(four(1));
    block.extend([two(orientation), two(0)].concat());
    block.extend(four(0));
    block
}

#[test]
fn what_is_no_media_has_no_facts() {
    for bytes in [
        &b""[..],
        b"\xff\xd8",
        b"id,name\n1,cat\n",
        b"BM is how this text begins, and goes on for a while",
        b"GIF is a format that this text is about",
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"II*",
        b"The wide moov of a text",
        b"\0\0\0\x18ftypcrx a raw photograph",
        &[0; 100],
    ] {
        assert_eq!(of_bytes(bytes), None, "{bytes:?}");
    }
}

#[test]
fn a_source_that_fails_is_an_error() {
    struct Failing;
    impl ReadAt for Failing {
        fn read_at(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
            Err(io::Error::other("a bad sector"))
        }
    }
    assert!(of_source(&Failing, 100).is_err());
    // A file that shrinks is one that ends early.
    let bytes = b"\xff\xd8\xff\xe0";
    let slow = Slow {
        bytes,
        reads: Cell::new(0),
    };
    let facts = of_source(&slow, 1 << 40).unwrap();
    assert_eq!(facts, None);
}

#[test]
fn a_large_file_is_read_at_few_places() {
    let mut bytes = pictures::jpeg(&[(0xe2, vec![0; 60_000]), (0xe2, vec![0; 60_000])]);
    bytes.splice(bytes.len() - 2..bytes.len() - 2, vec![7; 1 << 20]);
    let slow = Slow {
        bytes: &bytes,
        reads: Cell::new(0),
    };
    let facts = of_source(&slow, bytes.len() as u64).unwrap().unwrap();
    assert_eq!(facts.broken, None);
    assert!(slow.reads.get() < 12, "{} reads", slow.reads.get());
}
