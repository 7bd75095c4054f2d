//! The orientation in an EXIF block (CIPA DC-008): a TIFF structure inside of another file.

use super::input::{Input, Step, Stop};
use super::tiff::Order;

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;

/// The orientation that a block at `start` of this length says; nothing when the block cannot be read.
pub(super) fn orientation(input: &mut Input<'_>, start: u64, length: u64) -> Step<Option<u32>> {
    match find(input, start, start.saturating_add(length)) {
        Err(Stop::End | Stop::Broken(_)) => Ok(None),
        other => other,
    }
}

fn find(input: &mut Input<'_>, start: u64, end: u64) -> Step<Option<u32>> {
    let header: [u8; 8] = input.array(start)?;
    let Some(order) = Order::of(&header) else {
        return Ok(None);
    };
    let directory = start + u64::from(order.u32([header[4], header[5], header[6], header[7]]));
    let entries = order.u16(input.array(directory)?);
    for number in 0..u64::from(entries) {
        let at = directory + 2 + number * 12;
        if at + 12 > end {
            break;
        }
        let entry: [u8; 12] = input.array(at)?;
        if order.u16([entry[0], entry[1]]) == ORIENTATION {
            let short = order.u16([entry[2], entry[3]]) == SHORT;
            let value = u32::from(order.u16([entry[8], entry[9]]));
            return Ok(Some(value).filter(|value| short && (1..=8).contains(value)));
        }
    }
    Ok(None)
}
