//! One track of the index.

use super::super::input::{Input, Step, Stop};
use super::{node, Node};

/// What is wanted of a track.
#[derive(Default)]
pub(super) struct Track {
    pub(super) number: u32,
    pub(super) handler: [u8; 4],
    pub(super) orientation: Option<u32>,
    pub(super) timescale: u32,
    pub(super) duration: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frames: u64,
}

/// Boxes in boxes down to this depth are entered.
const DEPTH: u32 = 4;

impl Track {
    pub(super) fn read(input: &mut Input<'_>, track: &Node) -> Step<Track> {
        let mut found = Track::default();
        found.enter(input, track, DEPTH)?;
        Ok(found)
    }

    fn enter(&mut self, input: &mut Input<'_>, parent: &Node, depth: u32) -> Step<()> {
        let mut at = parent.body;
        while at + 8 <= parent.end {
            let child = node(input, at, parent.end)?;
            match &child.kind {
                b"mdia" | b"minf" | b"stbl" if depth > 0 => self.enter(input, &child, depth - 1)?,
                b"tkhd" => self.header(input, child.body)?,
                b"mdhd" => self.media_header(input, child.body)?,
                // QuickTime has a second one in `minf`, for the place of the data.
                b"hdlr" if self.handler == [0; 4] => self.handler = input.array(child.body + 8)?,
                b"stsd" => self.description(input, &child)?,
                b"stsz" | b"stz2" => self.frames = input.be32(child.body + 8)?.into(),
                _ => {}
            }
            at = child.end;
        }
        Ok(())
    }

    fn header(&mut self, input: &mut Input<'_>, at: u64) -> Step<()> {
        let wide = input.byte(at)? == 1;
        let (number, matrix) = if wide { (20, 52) } else { (12, 40) };
        self.number = input.be32(at + number)?;
        let mut cells = [0; 4];
        for (cell, place) in cells.iter_mut().zip([0, 4, 12, 16]) {
            *cell = input.be32(at + matrix + place)? as i32;
        }
        self.orientation = orientation(cells);
        // Where the description has no size, that of the display counts; 16.16 fixed point.
        self.width = input.be32(at + matrix + 36)? >> 16;
        self.height = input.be32(at + matrix + 40)? >> 16;
        Ok(())
    }

    fn media_header(&mut self, input: &mut Input<'_>, at: u64) -> Step<()> {
        let wide = input.byte(at)? == 1;
        self.timescale = input.be32(at + if wide { 20 } else { 12 })?;
        let duration = match wide {
            true => Some(input.be64(at + 24)?).filter(|duration| *duration != u64::MAX),
            false => Some(input.be32(at + 16)?)
                .filter(|duration| *duration != u32::MAX)
                .map(u64::from),
        };
        self.duration = duration.unwrap_or(0);
        Ok(())
    }

    /// The size in the first entry of the sample description.
    fn description(&mut self, input: &mut Input<'_>, table: &Node) -> Step<()> {
        let entry = table.body + 8;
        if self.handler != *b"vide" || entry + 44 > table.end {
            return Ok(());
        }
        match (input.be16(entry + 32), input.be16(entry + 34)) {
            (Ok(width), Ok(height)) if width > 0 && height > 0 => {
                (self.width, self.height) = (width.into(), height.into());
                Ok(())
            }
            (Err(Stop::Io(error)), _) | (_, Err(Stop::Io(error))) => Err(Stop::Io(error)),
            _ => Ok(()),
        }
    }
}

/// The orientation that turns the picture as the matrix `(a, b, c, d)` does: `x' = a x + c y`, `y' = b x + d y`, y downwards.
/// `None` for other angles.
fn orientation([a, b, c, d]: [i32; 4]) -> Option<u32> {
    match [a, b, c, d].map(i32::signum) {
        [1, 0, 0, 1] => Some(1),
        [-1, 0, 0, 1] => Some(2),
        [-1, 0, 0, -1] => Some(3),
        [1, 0, 0, -1] => Some(4),
        [0, 1, 1, 0] => Some(5),
        [0, 1, -1, 0] => Some(6),
        [0, -1, -1, 0] => Some(7),
        [0, -1, 1, 0] => Some(8),
        _ => None,
    }
}
