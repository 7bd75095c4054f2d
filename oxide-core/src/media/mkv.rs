//! Matroska and WebM (RFC 9559, RFC 8794): the elements before the first cluster.

use super::input::{Input, Step, Stop};
use super::{Facts, Real, NO_FRAMES, NO_PICTURE, TOO_SHORT};

pub(super) const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
const DURATION: u32 = 0x4489;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK: u32 = 0xae;
const TRACK_TYPE: u32 = 0x83;
const DEFAULT_DURATION: u32 = 0x23_e383;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
const CLUSTER: u32 = 0x1f43_b675;

/// An element: what it is, where its body begins, and where it ends if it says so.
struct Element {
    id: u32,
    body: u64,
    end: Option<u64>,
}

#[derive(Default)]
struct Track {
    kind: u64,
    frame_nanoseconds: u64,
    width: u64,
    height: u64,
}

pub(super) fn read(input: &mut Input<'_>, facts: &mut Facts) -> Step<()> {
    let header = element(input, 0)?;
    let header_end = header.end.ok_or(Stop::Broken(NO_PICTURE))?;
    let mut webm = false;
    children(input, header.body, header_end, &mut |input, child| {
        if child.id == DOC_TYPE {
            webm = input.array(child.body)? == *b"webm";
        }
        Ok(true)
    })?;
    let segment = element(input, header_end)?;
    if segment.id != SEGMENT {
        return Err(Stop::Broken(NO_PICTURE));
    }
    let length = input.length();
    if segment.end.is_some_and(|end| end > length) {
        facts.flag(TOO_SHORT);
    }
    let end = segment.end.unwrap_or(length).min(length);
    let (mut scale, mut ticks, mut clusters) = (1_000_000, None, false);
    let mut tracks: Vec<Track> = Vec::new();
    let walked = children(input, segment.body, end, &mut |input, child| {
        let Some(child_end) = child.end.filter(|_| child.id != CLUSTER) else {
            clusters = child.id == CLUSTER;
            return Ok(false);
        };
        match child.id {
            INFO => children(input, child.body, child_end, &mut |input, info| {
                match info.id {
                    TIMESTAMP_SCALE => scale = unsigned(input, info)?,
                    DURATION => ticks = float(input, info)?,
                    _ => {}
                }
                Ok(true)
            })?,
            TRACKS => read_tracks(input, child.body, child_end, &mut tracks)?,
            _ => {}
        }
        Ok(true)
    });
    describe(facts, webm, &tracks);
    facts.duration = ticks
        .map(|ticks: f64| ticks * scale as f64 / 1e9)
        .filter(|seconds| *seconds > 0.0)
        .and_then(Real::new);
    walked?;
    if tracks.is_empty() {
        facts.flag(NO_PICTURE);
    } else if !clusters {
        facts.flag(NO_FRAMES);
    }
    Ok(())
}

fn describe(facts: &mut Facts, webm: bool, tracks: &[Track]) {
    let video = tracks.iter().find(|track| track.kind == 1);
    let sound = tracks.iter().any(|track| track.kind == 2);
    let media = match (video.is_none() && sound, webm) {
        (false, false) => "video/x-matroska",
        (false, true) => "video/webm",
        (true, false) => "audio/x-matroska",
        (true, true) => "audio/webm",
    };
    facts.media = Some(media.into());
    if let Some(track) = video {
        let size = |size: u64| u32::try_from(size).unwrap_or(0);
        facts.set_size(size(track.width), size(track.height));
        facts.fps = Real::new(rate(track.frame_nanoseconds as f64));
    }
}

/// Frames a second. The nanoseconds were cut or rounded from a whole rate, or one of television's, if that has as many.
fn rate(nanoseconds: f64) -> f64 {
    let plain = 1e9 / nanoseconds;
    let television = (plain * 1.001).round() / 1.001;
    let usual = [plain.round(), television].into_iter();
    let mut fitting = usual.filter(|rate| (1e9 / rate - nanoseconds).abs() < 1.0);
    fitting.next().unwrap_or(plain)
}

fn read_tracks(input: &mut Input<'_>, at: u64, end: u64, tracks: &mut Vec<Track>) -> Step<()> {
    children(input, at, end, &mut |input, entry| {
        let Some(entry_end) = entry.end.filter(|_| entry.id == TRACK) else {
            return Ok(true);
        };
        let mut track = Track::default();
        children(input, entry.body, entry_end, &mut |input, part| {
            match (part.id, part.end) {
                (TRACK_TYPE, _) => track.kind = unsigned(input, part)?,
                (DEFAULT_DURATION, _) => track.frame_nanoseconds = unsigned(input, part)?,
                (VIDEO, Some(video_end)) => {
                    children(input, part.body, video_end, &mut |input, cell| {
                        match cell.id {
                            PIXEL_WIDTH => track.width = unsigned(input, cell)?,
                            PIXEL_HEIGHT => track.height = unsigned(input, cell)?,
                            _ => {}
                        }
                        Ok(true)
                    })?;
                }
                _ => {}
            }
            Ok(true)
        })?;
        tracks.push(track);
        Ok(true)
    })
}

/// Visits the elements from `at` to `end` as long as the visitor wants; one without an end is the last.
fn children<'a>(
    input: &mut Input<'a>,
    mut at: u64,
    end: u64,
    visit: &mut dyn FnMut(&mut Input<'a>, &Element) -> Step<bool>,
) -> Step<()> {
    while at < end {
        let child = element(input, at)?;
        match (visit(input, &child)?, child.end) {
            (true, Some(next)) => at = next,
            _ => break,
        }
    }
    Ok(())
}

fn element(input: &mut Input<'_>, at: u64) -> Step<Element> {
    let first = input.byte(at)?;
    let width = first.leading_zeros() as u64 + 1;
    if width > 4 {
        return Err(Stop::Broken("has a damaged element"));
    }
    let mut id = 0;
    for place in 0..width {
        id = id << 8 | u32::from(input.byte(at + place)?);
    }
    let (length, size_width) = size(input, at + width)?;
    let body = at + width + size_width;
    let end = length.map(|length| body.saturating_add(length));
    Ok(Element { id, body, end })
}

/// A length and its own width; all bits set stand for an unknown length.
fn size(input: &mut Input<'_>, at: u64) -> Step<(Option<u64>, u64)> {
    let first = input.byte(at)?;
    let width = first.leading_zeros() as u64 + 1;
    if width > 8 {
        return Err(Stop::Broken("has a damaged element"));
    }
    let mut value = u64::from(first) & (0x7f >> (width - 1));
    for place in 1..width {
        value = value << 8 | u64::from(input.byte(at + place)?);
    }
    let unknown = (1 << (7 * width)) - 1;
    Ok(((value != unknown).then_some(value), width))
}

/// Length of a number's bytes.
fn width_of(element: &Element) -> u64 {
    element.end.map_or(0, |end| end - element.body)
}

fn unsigned(input: &mut Input<'_>, element: &Element) -> Step<u64> {
    let width = width_of(element);
    if width > 8 {
        return Err(Stop::Broken("has a damaged element"));
    }
    let mut value = 0;
    for place in 0..width {
        value = value << 8 | u64::from(input.byte(element.body + place)?);
    }
    Ok(value)
}

fn float(input: &mut Input<'_>, element: &Element) -> Step<Option<f64>> {
    Ok(match width_of(element) {
        4 => Some(f32::from_bits(input.be32(element.body)?).into()),
        8 => Some(f64::from_bits(input.be64(element.body)?)),
        _ => None,
    })
}
