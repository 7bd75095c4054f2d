//! WebP (RFC 9649): the simple forms, lossy and lossless, and the extended one with its chunks.

use super::exif;
use super::input::{Input, Step, Stop};
use super::{Facts, NO_PICTURE, TOO_SHORT};

pub(super) fn read(input: &mut Input<'_>, facts: &mut Facts) -> Step<()> {
    facts.bit_depth = Some(8);
    let size = u64::from(input.le32(4)?);
    if size + 8 > input.length() {
        facts.flag(TOO_SHORT);
    }
    let mut found = false;
    let mut animation = None;
    let mut at = 12;
    while at + 8 <= (size + 8).min(input.length()) {
        let kind: [u8; 4] = input.array(at)?;
        let (body, length) = (at + 8, u64::from(input.le32(at + 4)?));
        match &kind {
            b"VP8X" => extended(input, body, facts)?,
            b"VP8 " if facts.width.is_none() => lossy(input, body, facts)?,
            b"VP8L" if facts.width.is_none() => lossless(input, body, facts)?,
            b"ANMF" => {
                let [low, middle, high] = input.array(body + 12)?;
                let milliseconds = u64::from(u32::from_le_bytes([low, middle, high, 0]));
                let (frames, total) = animation.unwrap_or((0, 0));
                animation = Some((frames + 1, total + milliseconds));
            }
            b"EXIF" => facts.orientation = orientation(input, body, length)?,
            _ => {}
        }
        found |= matches!(&kind, b"VP8 " | b"VP8L" | b"ANMF");
        at = body + length + length % 2;
    }
    if let Some((frames, milliseconds)) = animation {
        facts.set_timing(Some(frames), milliseconds, 1000);
    }
    if !found {
        facts.flag(NO_PICTURE);
    }
    Ok(())
}

fn extended(input: &mut Input<'_>, at: u64, facts: &mut Facts) -> Step<()> {
    let [flags, _, _, _, a, b, c, d, e, f] = input.array(at)?;
    let (width, height) = ([a, b, c, 0], [d, e, f, 0]);
    let size = |bytes| u32::from_le_bytes(bytes) + 1;
    facts.set_size(size(width), size(height));
    facts.channels = Some(if flags & 0x10 != 0 { 4 } else { 3 });
    Ok(())
}

fn lossy(input: &mut Input<'_>, at: u64, facts: &mut Facts) -> Step<()> {
    let [_, _, _, 0x9d, 0x01, 0x2a, a, b, c, d] = input.array(at)? else {
        return Err(Stop::Broken(NO_PICTURE));
    };
    let size = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    facts.set_size(size(a, b), size(c, d));
    facts.channels = Some(3);
    Ok(())
}

fn lossless(input: &mut Input<'_>, at: u64, facts: &mut Facts) -> Step<()> {
    let [0x2f, packed @ ..] = input.array::<5>(at)? else {
        return Err(Stop::Broken(NO_PICTURE));
    };
    let packed = u32::from_le_bytes(packed);
    facts.set_size((packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1);
    facts.channels = Some(if packed >> 28 & 1 != 0 { 4 } else { 3 });
    Ok(())
}

/// Some writers lead the block as in a JPEG.
fn orientation(input: &mut Input<'_>, body: u64, length: u64) -> Step<Option<u32>> {
    match input.array(body) {
        Ok([b'E', b'x', b'i', b'f', 0, 0]) => {
            exif::orientation(input, body + 6, length.saturating_sub(6))
        }
        _ => exif::orientation(input, body, length),
    }
}
