//! TIFF 6.0 and BigTIFF, both byte orders: the first directory.

use super::input::{Input, Step, Stop};
use super::{Facts, NO_PICTURE, TOO_SHORT};

const PALETTE: u64 = 3;
/// Types of 1, 2, 4 and 8 bytes.
const TYPES: [(u16, u64); 6] = [(1, 1), (3, 2), (4, 4), (13, 4), (16, 8), (18, 8)];

/// The order of bytes in the structure.
#[derive(Clone, Copy)]
pub(super) enum Order {
    Big,
    Little,
}

impl Order {
    /// By the first four bytes.
    pub(super) fn of(head: &[u8]) -> Option<Order> {
        match head.get(..4)? {
            b"II*\0" => Some(Order::Little),
            b"MM\0*" => Some(Order::Big),
            _ => None,
        }
    }

    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Order::Big => u16::from_be_bytes(bytes),
            Order::Little => u16::from_le_bytes(bytes),
        }
    }

    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Order::Big => u32::from_be_bytes(bytes),
            Order::Little => u32::from_le_bytes(bytes),
        }
    }

    fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Order::Big => u64::from_be_bytes(bytes),
            Order::Little => u64::from_le_bytes(bytes),
        }
    }
}

/// A TIFF's byte order, and whether its places have 64 bits.
#[derive(Clone, Copy)]
struct Layout {
    order: Order,
    big: bool,
}

fn layout(head: &[u8]) -> Option<Layout> {
    let big = |order| Layout { order, big: true };
    match head.get(..8)? {
        [b'I', b'I', 43, 0, 8, 0, 0, 0] => Some(big(Order::Little)),
        [b'M', b'M', 0, 43, 0, 8, 0, 0] => Some(big(Order::Big)),
        head => Order::of(head).map(|order| Layout { order, big: false }),
    }
}

pub(super) fn is_tiff(head: &[u8]) -> bool {
    layout(head).is_some()
}

/// An entry of the directory: how many values of which type, and where they are.
#[derive(Clone, Copy)]
struct Entry {
    bytes: u64,
    count: u64,
    at: u64,
}

/// The entries that are read.
#[derive(Default)]
struct Directory {
    reduced: Option<Entry>,
    width: Option<Entry>,
    height: Option<Entry>,
    bits: Option<Entry>,
    photometric: Option<Entry>,
    orientation: Option<Entry>,
    samples: Option<Entry>,
    offsets: Option<Entry>,
    lengths: Option<Entry>,
}

pub(super) fn read(input: &mut Input<'_>, facts: &mut Facts) -> Step<()> {
    let head: [u8; 16] = match input.length() < 16 {
        true => return Err(Stop::End),
        false => input.array(0)?,
    };
    let layout = layout(&head).ok_or(Stop::Broken(NO_PICTURE))?;
    let directory = directory(input, layout, &head)?;
    let mut first = |entry: Option<Entry>| match entry {
        Some(entry) => layout.value(input, entry, 0).map(Some),
        None => Ok(None),
    };
    let small = |value: Option<u64>| value.and_then(|value| u32::try_from(value).ok());
    let orientation = small(first(directory.orientation)?);
    facts.orientation = orientation.filter(|value| (1..=8).contains(value));
    // The first picture of raw photographs is a small copy, whose size says nothing.
    if first(directory.reduced)?.is_some_and(|flags| flags & 1 != 0) {
        return Ok(());
    }
    let (width, height) = (first(directory.width)?, first(directory.height)?);
    facts.set_size(small(width).unwrap_or(0), small(height).unwrap_or(0));
    let palette = first(directory.photometric)? == Some(PALETTE);
    facts.channels = match palette {
        true => Some(3),
        false => small(first(directory.samples)?).or(Some(1)),
    };
    facts.bit_depth = match palette {
        true => Some(8),
        false => small(first(directory.bits)?).or(Some(1)),
    };
    let (Some(offsets), Some(lengths)) = (directory.offsets, directory.lengths) else {
        facts.flag(NO_PICTURE);
        return Ok(());
    };
    let last = offsets.count.min(lengths.count).saturating_sub(1);
    let start = layout.value(input, offsets, last)?;
    let end = start.saturating_add(layout.value(input, lengths, last)?);
    if end > input.length() {
        facts.flag(TOO_SHORT);
    }
    Ok(())
}

fn directory(input: &mut Input<'_>, layout: Layout, head: &[u8; 16]) -> Step<Directory> {
    let [a, b, c, d, e, f, g, h] = [8, 9, 10, 11, 12, 13, 14, 15].map(|at: usize| head[at]);
    let start = match layout.big {
        true => layout.order.u64([a, b, c, d, e, f, g, h]),
        false => layout
            .order
            .u32([head[4], head[5], head[6], head[7]])
            .into(),
    };
    let (entries, first, size) = match layout.big {
        true => (layout.order.u64(input.array(start)?), 8, 20),
        false => (layout.order.u16(input.array(start)?).into(), 2, 12),
    };
    let mut directory = Directory::default();
    for number in 0..entries {
        let place = number
            .checked_mul(size)
            .and_then(|at| at.checked_add(first + start));
        let at = place.ok_or(Stop::End)?;
        let [tag_0, tag_1, kind_0, kind_1] = input.array(at)?;
        let slot = match layout.order.u16([tag_0, tag_1]) {
            254 => &mut directory.reduced,
            256 => &mut directory.width,
            257 => &mut directory.height,
            258 => &mut directory.bits,
            262 => &mut directory.photometric,
            // Strips, or tiles.
            273 | 324 => &mut directory.offsets,
            274 => &mut directory.orientation,
            277 => &mut directory.samples,
            279 | 325 => &mut directory.lengths,
            _ => continue,
        };
        let kind = layout.order.u16([kind_0, kind_1]);
        *slot = layout.entry(input, at, kind)?;
    }
    Ok(directory)
}

impl Layout {
    fn entry(self, input: &mut Input<'_>, at: u64, kind: u16) -> Step<Option<Entry>> {
        let Some((_, bytes)) = TYPES.iter().find(|(known, _)| *known == kind) else {
            return Ok(None);
        };
        let (count, place, room) = match self.big {
            true => (self.order.u64(input.array(at + 4)?), at + 12, 8),
            false => (self.order.u32(input.array(at + 4)?).into(), at + 8, 4),
        };
        if count == 0 {
            return Ok(None);
        }
        // Values that fit stand in the entry itself.
        let at = match count.saturating_mul(*bytes) <= room {
            true => place,
            false if self.big => self.order.u64(input.array(place)?),
            false => self.order.u32(input.array(place)?).into(),
        };
        Ok(Some(Entry {
            bytes: *bytes,
            count,
            at,
        }))
    }

    fn value(self, input: &mut Input<'_>, entry: Entry, number: u64) -> Step<u64> {
        let place = number
            .checked_mul(entry.bytes)
            .and_then(|at| at.checked_add(entry.at));
        let at = place.ok_or(Stop::End)?;
        Ok(match entry.bytes {
            1 => input.byte(at)?.into(),
            2 => self.order.u16(input.array(at)?).into(),
            4 => self.order.u32(input.array(at)?).into(),
            _ => self.order.u64(input.array(at)?),
        })
    }
}
