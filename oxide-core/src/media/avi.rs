//! AVI (RIFF, with the OpenDML extension): the headers of the file and of its first video stream.

use super::input::{Input, Step};
use super::{Facts, NO_FRAMES, NO_PICTURE, TOO_SHORT};

/// What the headers say of the first video stream.
#[derive(Default)]
struct Stream {
    frames: u64,
    /// Frames of all parts of a file over 1 GB.
    all_frames: Option<u64>,
    scale: u32,
    rate: u32,
    video: bool,
    /// The stream whose headers are being read is the video.
    current: bool,
    /// Bytes of the list that holds the frames.
    movie: Option<u64>,
}

pub(super) fn read(input: &mut Input<'_>, facts: &mut Facts) -> Step<()> {
    let end = u64::from(input.le32(4)?) + 8;
    if end > input.length() {
        facts.flag(TOO_SHORT);
    }
    let mut stream = Stream::default();
    let mut at = 12;
    while at + 8 <= end.min(input.length()) && stream.movie.is_none() {
        let kind: [u8; 4] = input.array(at)?;
        let length = u64::from(input.le32(at + 4)?);
        let list = kind == *b"LIST";
        let name = if list { input.array(at + 8)? } else { kind };
        // Lists of headers are entered, and what else there is passed.
        if list && matches!(&name, b"hdrl" | b"strl" | b"odml") {
            at += 12;
            continue;
        }
        if name == *b"movi" {
            stream.movie = Some(length);
        }
        stream.chunk(input, &name, at + 8, facts)?;
        at += 8 + length + length % 2;
    }
    if !stream.video {
        facts.flag(NO_PICTURE);
        return Ok(());
    }
    let frames = stream.all_frames.unwrap_or(stream.frames);
    let time = frames.saturating_mul(stream.scale.into());
    // A recorder that was cut off leaves zero in the headers.
    facts.set_timing(Some(frames).filter(|frames| *frames > 0), time, stream.rate);
    if stream.movie.is_none_or(|length| length <= 4) {
        facts.flag(NO_FRAMES);
    }
    Ok(())
}

impl Stream {
    fn chunk(
        &mut self,
        input: &mut Input<'_>,
        name: &[u8; 4],
        body: u64,
        facts: &mut Facts,
    ) -> Step<()> {
        match name {
            b"strh" => {
                self.current = !self.video && input.array(body)? == *b"vids";
                if self.current {
                    self.video = true;
                    self.scale = input.le32(body + 20)?;
                    self.rate = input.le32(body + 24)?;
                    self.frames = input.le32(body + 32)?.into();
                }
            }
            b"strf" if self.current => {
                let width = input.le32(body + 4)? as i32;
                let height = input.le32(body + 8)? as i32;
                facts.set_size(width.unsigned_abs(), height.unsigned_abs());
            }
            b"dmlh" => {
                let frames = u64::from(input.le32(body)?);
                self.all_frames = Some(frames).filter(|frames| *frames > self.frames);
            }
            _ => {}
        }
        Ok(())
    }
}
