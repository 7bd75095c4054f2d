//! JPEG (ITU-T T.81): segments up to the first scan, and whether the end marker is there.

use super::exif;
use super::input::{Input, Step, Stop};
use super::{Facts, ENDS_EARLY, NO_PICTURE};

const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const APP1: u8 = 0xe1;

/// The end marker is looked for in pieces of this many bytes, from the end of the file.
const PIECE: u64 = 32 << 10;
/// More bytes than this between segments are none of a JPEG.
const MOST_STRAYS: u32 = 4096;

pub(super) fn read(input: &mut Input<'_>, facts: &mut Facts) -> Step<()> {
    let (mut at, mut strays) = (2, 0);
    loop {
        let mut marker = input.byte(at)?;
        if marker != 0xff {
            // Bytes between segments are skipped, as every decoder does.
            (at, strays) = (at + 1, strays + 1);
            if strays > MOST_STRAYS {
                return Err(Stop::Broken("has damaged headers"));
            }
            continue;
        }
        while marker == 0xff {
            at += 1;
            marker = input.byte(at)?;
        }
        at += 1;
        match marker {
            // Markers without a segment.
            0x00 | 0x01 | 0xd0..=0xd8 => continue,
            END => {
                facts.flag(NO_PICTURE);
                return Ok(());
            }
            _ => {}
        }
        let length = u64::from(input.be16(at)?);
        match marker {
            // Frames of every process: baseline, extended, progressive, lossless, Huffman and arithmetic.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => frame(input, at + 2, facts)?,
            APP1 if facts.orientation.is_none() && input.array(at + 2)? == *b"Exif\0\0" => {
                facts.orientation = exif::orientation(input, at + 8, length.saturating_sub(8))?;
            }
            SCAN => break,
            _ => {}
        }
        at += length.max(2);
    }
    if facts.channels.is_none() {
        facts.flag(NO_PICTURE);
    } else if !has_end(input, at)? {
        facts.flag(ENDS_EARLY);
    }
    Ok(())
}

fn frame(input: &mut Input<'_>, at: u64, facts: &mut Facts) -> Step<()> {
    let [precision, height_high, height_low, width_high, width_low, components] =
        input.array(at)?;
    let height = u16::from_be_bytes([height_high, height_low]);
    let width = u16::from_be_bytes([width_high, width_low]);
    facts.bit_depth = Some(precision.into());
    facts.channels = Some(components.into());
    (facts.width, facts.height) = (Some(width.into()), Some(height.into()));
    // A height of zero is legal: it follows the first scan then.
    if width == 0 || components == 0 {
        facts.flag(NO_PICTURE);
    }
    Ok(())
}

/// Whether an end marker follows the first scan's header. It is the end of nearly every file; else something was appended.
fn has_end(input: &mut Input<'_>, scan: u64) -> Step<bool> {
    let mut end = input.length();
    if end >= scan + 2 && input.array(end - 2)? == [0xff, END] {
        return Ok(true);
    }
    while end > scan + 1 {
        let start = end.saturating_sub(PIECE).max(scan);
        let piece = input.get(start, (end - start) as usize)?;
        if piece.windows(2).any(|pair| pair == [0xff, END]) {
            return Ok(true);
        }
        if start == scan {
            break;
        }
        // The next piece shares a byte with this one, for a marker across both.
        end = start + 1;
    }
    Ok(false)
}
