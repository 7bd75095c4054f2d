//! Windows and OS/2 bitmaps: the information header, and whether the rows are all there.

use super::input::{Input, Step};
use super::{Facts, TOO_SHORT};

const UNCOMPRESSED: u32 = 0;
const BIT_FIELDS: u32 = 3;
/// The header that holds width and height in 16 bits.
const CORE: u32 = 12;

/// Two letters prove little: the header's size must be one that exists, and there is one plane.
pub(super) fn is_bitmap(head: &[u8]) -> bool {
    let Some(header) = head.get(14..32).filter(|_| head.starts_with(b"BM")) else {
        return false;
    };
    let size = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let planes = if size == CORE { 8 } else { 12 };
    matches!(size, CORE | 16 | 40 | 52 | 56 | 64 | 108 | 124)
        && header[planes..planes + 2] == [1, 0]
}

pub(super) fn read(input: &mut Input<'_>, facts: &mut Facts) -> Step<()> {
    let pixels = input.le32(10)?;
    let header = input.le32(14)?;
    let (width, height, bits, compression) = if header == CORE {
        let (width, height) = (input.le16(18)?, input.le16(20)?);
        (width.into(), height.into(), input.le16(24)?, UNCOMPRESSED)
    } else {
        // A negative height says that the rows come from top to bottom.
        let (width, height) = (input.le32(18)? as i32, input.le32(22)? as i32);
        let compression = if header > 16 {
            input.le32(30)?
        } else {
            UNCOMPRESSED
        };
        (
            width.unsigned_abs(),
            height.unsigned_abs(),
            input.le16(28)?,
            compression,
        )
    };
    facts.set_size(width, height);
    let alpha = bits == 32 && compression == BIT_FIELDS && header >= 56 && input.le32(66)? != 0;
    facts.channels = Some(if alpha { 4 } else { 3 });
    facts.bit_depth = match (bits, compression) {
        (1..=8 | 24, _) | (32, UNCOMPRESSED | BIT_FIELDS) => Some(8),
        (16, UNCOMPRESSED) => Some(5),
        _ => None,
    };
    if matches!(compression, UNCOMPRESSED | BIT_FIELDS) {
        let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
        let end = row
            .saturating_mul(height.into())
            .saturating_add(pixels.into());
        if end > input.length() {
            facts.flag(TOO_SHORT);
        }
    }
    Ok(())
}
