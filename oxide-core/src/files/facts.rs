//! The columns of `files` that hold facts of media. Those that most rows have come first: field ids up to 15 take one byte.

use super::rows::field;
use super::FileRow;
use crate::media::{Facts, Real};
use crate::rows::{self, Value};
use crate::schema::{Field, MergeRule, Type};

const VERSION: u32 = 8;
const MEDIA: u32 = 9;
const WIDTH: u32 = 10;
const HEIGHT: u32 = 11;
const ORIENTATION: u32 = 12;
const CHANNELS: u32 = 13;
const BIT_DEPTH: u32 = 14;
const FRAMES: u32 = 15;
const FPS: u32 = 16;
const DURATION: u32 = 17;
const BROKEN: u32 = 18;

/// The fields, by id. All of them follow from the content, so none is ever in conflict.
pub(super) fn fields() -> impl Iterator<Item = Field> {
    let fields = [
        field(VERSION, "facts_version", Type::Int),
        field(MEDIA, "media", Type::Text),
        field(WIDTH, "width", Type::Int),
        field(HEIGHT, "height", Type::Int),
        field(ORIENTATION, "orientation", Type::Int),
        field(CHANNELS, "channels", Type::Int),
        field(BIT_DEPTH, "bit_depth", Type::Int),
        field(FRAMES, "frames", Type::Int),
        field(FPS, "fps", Type::Float),
        field(DURATION, "duration", Type::Float),
        field(BROKEN, "broken", Type::Text),
    ];
    fields.into_iter().map(|field| Field {
        merge: MergeRule::Derived,
        ..field
    })
}

/// Writes the cells.
pub(super) fn write(facts: &Facts, value: &mut Vec<u8>) {
    let text = |value: &mut Vec<u8>, id, text: &Option<std::borrow::Cow<'static, str>>| {
        if let Some(text) = text {
            rows::write_bytes(value, id, text.as_bytes());
        }
    };
    rows::write_int(value, VERSION, facts.version.into());
    text(value, MEDIA, &facts.media);
    let numbers = [
        (WIDTH, facts.width),
        (HEIGHT, facts.height),
        (ORIENTATION, facts.orientation),
        (CHANNELS, facts.channels),
        (BIT_DEPTH, facts.bit_depth),
    ];
    for (id, number) in numbers {
        if let Some(number) = number {
            rows::write_int(value, id, number.into());
        }
    }
    if let Some(frames) = facts.frames {
        rows::write_int(value, FRAMES, i64::try_from(frames).unwrap_or(i64::MAX));
    }
    for (id, number) in [(FPS, facts.fps), (DURATION, facts.duration)] {
        if let Some(number) = number {
            rows::write_float(value, id, number.get());
        }
    }
    text(value, BROKEN, &facts.broken);
}

/// The facts of the decoded cells, in the order of the fields; an error when they cannot be such.
pub(super) fn read(cells: &[Value]) -> Result<Option<Box<Facts>>, ()> {
    if cells.iter().all(|cell| *cell == Value::Null) {
        return Ok(None);
    }
    let [version, media, width, height, orientation, channels, bit_depth, frames, fps, duration, broken] =
        cells
    else {
        return Err(());
    };
    let text = |cell: &Value| match cell {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text.clone().into())),
        _ => Err(()),
    };
    let real = |cell: &Value| match cell {
        Value::Null => Ok(None),
        Value::Float(number) => Real::new(*number).map(Some).ok_or(()),
        _ => Err(()),
    };
    Ok(Some(Box::new(Facts {
        version: number(version)?.ok_or(())?,
        media: text(media)?,
        width: number(width)?,
        height: number(height)?,
        orientation: number(orientation)?,
        channels: number(channels)?,
        bit_depth: number(bit_depth)?,
        frames: number(frames)?,
        fps: real(fps)?,
        duration: real(duration)?,
        broken: text(broken)?,
    })))
}

fn number<N: TryFrom<i64>>(cell: &Value) -> Result<Option<N>, ()> {
    match cell {
        Value::Null => Ok(None),
        Value::Int(number) => N::try_from(*number).map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

/// The better of two rows' facts of one content, whichever comes first: those of the newer readers, else the larger in bytes.
pub(super) fn better(one: &FileRow, other: &FileRow) -> Option<Box<Facts>> {
    let rank = |row: &FileRow| {
        let mut bytes = Vec::new();
        if let Some(facts) = &row.facts {
            write(facts, &mut bytes);
        }
        (row.facts.as_ref().map(|facts| facts.version), bytes)
    };
    let row = if rank(one) >= rank(other) { one } else { other };
    row.facts.clone()
}
