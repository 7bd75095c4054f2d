//! MP4 and QuickTime (ISO/IEC 14496-12): the index, wherever it stands, and the fragments. Edit lists are left out of
//! account: frames and seconds are those of the whole track.

mod fragments;
mod track;

use super::input::{Input, Step, Stop};
use super::{Facts, NO_FRAMES, NO_PICTURE, TOO_SHORT};
use fragments::Fragments;
use track::Track;

/// A box: what it is, where its body begins, and where it ends.
struct Node {
    kind: [u8; 4],
    body: u64,
    end: u64,
}

/// The media type by the first box; `None` when it is no such file.
pub(super) fn media_type(head: &[u8], length: u64) -> Option<&'static str> {
    let (size, kind) = (head.first_chunk::<4>()?, head.get(4..8)?);
    let size = u64::from(u32::from_be_bytes(*size));
    if kind == b"ftyp" {
        return brand(head.get(8..12)?);
    }
    // Files from before there were brands. Four letters alone prove little, so the size must fit too.
    let known = [b"moov", b"mdat", b"wide"]
        .iter()
        .any(|other| kind == *other);
    let fits = size == 1 || (8..=length).contains(&size);
    (known && fits).then_some("video/quicktime")
}

fn brand(brand: &[u8]) -> Option<&'static str> {
    Some(match brand {
        b"qt  " => "video/quicktime",
        b"M4A " | b"M4B " | b"M4P " => "audio/mp4",
        b"avif" | b"avis" => "image/avif",
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => "image/heic",
        b"mif1" | b"msf1" => "image/heif",
        // A raw photograph.
        b"crx " => return None,
        _ => "video/mp4",
    })
}

/// What the boxes of the file hold together.
#[derive(Default)]
struct Movie {
    indexed: bool,
    tracks: Vec<Track>,
    fragments: Fragments,
}

pub(super) fn read(input: &mut Input<'_>, facts: &mut Facts) -> Step<()> {
    // Pictures in this container are told, and not read.
    if facts
        .media
        .as_deref()
        .is_some_and(|media| media.starts_with("image/"))
    {
        return Ok(());
    }
    let mut movie = Movie::default();
    let walked = movie.walk(input, facts);
    movie.describe(facts);
    if let Err(Stop::Limit) = walked {
        // Not all fragments were counted.
        (facts.frames, facts.fps, facts.duration) = (None, None, None);
    }
    walked
}

impl Movie {
    fn walk(&mut self, input: &mut Input<'_>, facts: &mut Facts) -> Step<()> {
        let mut at = 0;
        // A few bytes behind the last box are padding.
        while at + 8 <= input.length() {
            let node = node(input, at, input.length())?;
            if node.end > input.length() {
                facts.flag(TOO_SHORT);
            }
            match &node.kind {
                b"moov" => {
                    self.indexed = true;
                    self.index(input, &node)?;
                }
                b"moof" => self.fragments.read(input, &node, &self.tracks)?,
                _ => {}
            }
            at = node.end;
        }
        Ok(())
    }

    fn index(&mut self, input: &mut Input<'_>, index: &Node) -> Step<()> {
        let mut at = index.body;
        while at + 8 <= index.end {
            let child = node(input, at, index.end)?;
            match &child.kind {
                b"trak" => self.tracks.push(Track::read(input, &child)?),
                b"mvex" => self.fragments.defaults(input, &child)?,
                _ => {}
            }
            at = child.end;
        }
        Ok(())
    }

    fn describe(&self, facts: &mut Facts) {
        let video = self.tracks.iter().find(|track| track.handler == *b"vide");
        let sound = self.tracks.iter().find(|track| track.handler == *b"soun");
        let Some(track) = video.or(sound) else {
            facts.flag(NO_PICTURE);
            return;
        };
        let (more_frames, more_time) = self.fragments.of(track.number);
        let time = track.duration.saturating_add(more_time);
        if video.is_none() {
            if facts.media.as_deref() == Some("video/mp4") {
                facts.media = Some("audio/mp4".into());
            }
            facts.set_timing(None, time, track.timescale);
            return;
        }
        facts.set_size(track.width, track.height);
        facts.orientation = track.orientation;
        let frames = track.frames.saturating_add(more_frames);
        facts.set_timing(Some(frames), time, track.timescale);
        if frames == 0 {
            facts.flag(NO_FRAMES);
        }
    }
}

/// The box at a position; one that says no size reaches to `end`.
fn node(input: &mut Input<'_>, at: u64, end: u64) -> Step<Node> {
    let [a, b, c, d, kind @ ..] = input.array::<8>(at)?;
    let (length, header) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (end.saturating_sub(at), 8),
        1 => (input.be64(at + 8)?, 16),
        length => (length.into(), 8),
    };
    if length < header {
        return Err(Stop::Broken("has a damaged box"));
    }
    Ok(Node {
        kind,
        body: at + header,
        end: at.saturating_add(length),
    })
}
