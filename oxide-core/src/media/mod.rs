//! Facts about pictures and videos: type, size, orientation, frames, and whether something is plainly wrong with the file.
//! Read from headers alone: no pixel is decoded, and what is read is bounded however large a file is or claims to be.
//!
//! The type is told by the content, never by the name. A file that is no media has no facts. One that is damaged has those
//! that could be read, and a reason; it is never an error.

mod avi;
mod bmp;
mod exif;
mod gif;
mod input;
mod jpeg;
mod mkv;
mod mp4;
mod png;
mod tiff;
mod webp;

use std::borrow::Cow;
use std::io;

pub use input::ReadAt;
use input::{Input, Step, Stop};

/// The version of these readers. A later one may know more of the same file.
pub const FACTS_VERSION: u32 = 1;

/// What a file's headers say. `None` where they are silent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    /// [`FACTS_VERSION`] of who read them.
    pub version: u32,
    /// Media type, as `image/jpeg`.
    pub media: Option<Cow<'static, str>>,
    /// Columns of pixels as they are stored, before the orientation is applied.
    pub width: Option<u32>,
    /// Rows of pixels as they are stored.
    pub height: Option<u32>,
    /// How to turn the stored picture to see it upright: 1 to 8 as in EXIF; for videos that of the display matrix.
    pub orientation: Option<u32>,
    /// Channels of a pixel. Those of a palette's colours where there is one.
    pub channels: Option<u32>,
    /// Bits of a channel.
    pub bit_depth: Option<u32>,
    /// Frames of the video track or the animation.
    pub frames: Option<u64>,
    /// Frames a second on the average of the whole track.
    pub fps: Option<Real>,
    /// Seconds.
    pub duration: Option<Real>,
    /// Why the file cannot be read as what it is, in words; `None` when it looks sound.
    pub broken: Option<Cow<'static, str>>,
}

/// A finite float that is equal to itself and has a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Real(u64);

impl Real {
    /// `None` for what is no finite number.
    pub fn new(number: f64) -> Option<Real> {
        number.is_finite().then(|| Real(number.to_bits()))
    }

    /// The number.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// The data end before what belongs at their end.
const ENDS_EARLY: &str = "ends before its end marker";
/// The data end before their size says.
const TOO_SHORT: &str = "is shorter than it says";
/// A container, or headers, around nothing.
const NO_PICTURE: &str = "no picture in it";
/// A video whose track holds nothing.
const NO_FRAMES: &str = "no frames in it";
/// The data end where a header should follow.
const ENDS_IN_HEADERS: &str = "ends within its headers";

type Reader = fn(&mut Input<'_>, &mut Facts) -> Step<()>;

/// Facts of a file in memory.
pub fn of_bytes(bytes: &[u8]) -> Option<Facts> {
    // Reading from memory cannot fail.
    read(&mut Input::of_bytes(bytes)).unwrap_or(None)
}

/// Facts of a file of `length` bytes that is read at some positions.
pub fn of_source(source: &dyn ReadAt, length: u64) -> io::Result<Option<Facts>> {
    read(&mut Input::of_source(source, length))
}

fn read(input: &mut Input<'_>) -> io::Result<Option<Facts>> {
    let Some((media, reader)) = recognise(input)? else {
        return Ok(None);
    };
    let mut facts = Facts {
        version: FACTS_VERSION,
        media: Some(media.into()),
        ..Facts::default()
    };
    match reader(input, &mut facts) {
        // A reader gives up where it would have to read too much: what it knows by then stays.
        Ok(()) | Err(Stop::Limit) => {}
        Err(Stop::End) => facts.flag(ENDS_IN_HEADERS),
        Err(Stop::Broken(reason)) => facts.flag(reason),
        Err(Stop::Io(error)) => return Err(error),
    }
    for size in [&mut facts.width, &mut facts.height] {
        *size = size.filter(|size| *size > 0);
    }
    Ok(Some(facts))
}

/// The media type by the first bytes, and who reads the rest.
fn recognise(input: &mut Input<'_>) -> io::Result<Option<(&'static str, Reader)>> {
    let mut head = [0; 32];
    let length = input.head(&mut head)?;
    let head = &head[..length];
    let at = |offset: usize, magic: &[u8]| {
        let bytes = head.get(offset..offset + magic.len());
        bytes.is_some_and(|bytes| bytes == magic)
    };
    Ok(match head.first() {
        Some(0xff) if at(1, &[0xd8, 0xff]) => Some(("image/jpeg", jpeg::read)),
        Some(0x89) if at(0, png::SIGNATURE) => Some(("image/png", png::read)),
        Some(b'G') if at(0, b"GIF87a") || at(0, b"GIF89a") => Some(("image/gif", gif::read)),
        Some(b'B') if bmp::is_bitmap(head) => Some(("image/bmp", bmp::read)),
        Some(b'R') if at(0, b"RIFF") && at(8, b"WEBP") => Some(("image/webp", webp::read)),
        Some(b'R') if at(0, b"RIFF") && at(8, b"AVI ") => Some(("video/x-msvideo", avi::read)),
        Some(b'I' | b'M') if tiff::is_tiff(head) => Some(("image/tiff", tiff::read)),
        Some(0x1a) if at(0, &mkv::EBML) => Some(("video/x-matroska", mkv::read)),
        _ => mp4::media_type(head, input.length()).map(|media| (media, mp4::read as Reader)),
    })
}

impl Facts {
    /// Notes the first thing that is wrong.
    fn flag(&mut self, reason: &'static str) {
        self.broken.get_or_insert(reason.into());
    }

    fn set_size(&mut self, width: u32, height: u32) {
        (self.width, self.height) = (Some(width), Some(height));
        if width == 0 || height == 0 {
            self.flag(NO_PICTURE);
        }
    }

    /// Frames, and how long they last together: a time in units of which `scale` are a second. Zeros are unknown.
    fn set_timing(&mut self, frames: Option<u64>, time: u64, scale: u32) {
        self.frames = frames;
        if time == 0 || scale == 0 {
            return;
        }
        self.duration = Real::new(time as f64 / f64::from(scale));
        let frames = frames.filter(|frames| *frames > 0);
        // Multiplied first, so that whole rates come out whole.
        self.fps =
            frames.and_then(|frames| Real::new(frames as f64 * f64::from(scale) / time as f64));
    }
}

#[cfg(test)]
mod tests;
