//! PNG and APNG (W3C PNG, third edition): chunks up to the first of the pixels, and whether the end chunk is there.

use super::exif;
use super::input::{Input, Step, Stop};
use super::{Facts, ENDS_EARLY, NO_PICTURE};

pub(super) const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
const END_CHUNK: [u8; 12] = *b"\0\0\0\0IEND\xaeB`\x82";
const PALETTE: u8 = 3;

pub(super) fn read(input: &mut Input<'_>, facts: &mut Facts) -> Step<()> {
    let header: [u8; 18] = input.array(8)?;
    if header[4..8] != *b"IHDR" {
        return Err(Stop::Broken(NO_PICTURE));
    }
    let number = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().expect("4 bytes"));
    let (depth, colour) = (header[16], header[17]);
    facts.set_size(number(8), number(12));
    facts.channels = match colour {
        0 => Some(1),
        2 | PALETTE => Some(3),
        4 => Some(2),
        6 => Some(4),
        _ => None,
    };
    // Colours of a palette have eight bits, however few bits name one.
    facts.bit_depth = Some(if colour == PALETTE { 8 } else { depth.into() });
    let end = input.length();
    let has_end = end >= 45 && input.array(end - 12)? == END_CHUNK;
    let mut at = 8;
    let mut pixels = false;
    loop {
        let [a, b, c, d, kind @ ..] = match input.array::<8>(at) {
            Err(Stop::End) => return Err(Stop::Broken(ENDS_EARLY)),
            header => header?,
        };
        let (body, length) = (at + 8, u64::from(u32::from_be_bytes([a, b, c, d])));
        match &kind {
            b"acTL" => facts.frames = Some(input.be32(body)?.into()),
            b"tRNS" if colour == PALETTE => facts.channels = Some(4),
            b"eXIf" => facts.orientation = exif::orientation(input, body, length)?,
            b"IDAT" => pixels = true,
            b"IEND" if pixels => return Ok(()),
            b"IEND" => return Err(Stop::Broken(NO_PICTURE)),
            _ => {}
        }
        // What follows the pixels is worth no reading where the end is in its place.
        if pixels && has_end {
            return Ok(());
        }
        at = body + length + 4;
    }
}
