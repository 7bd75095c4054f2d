//! Fragments (`moof`): what they add to the tracks of the index.

use super::super::input::{Input, Step, LONGEST};
use super::{node, Node, Track};

/// Samples and their time, by track. There are few tracks.
#[derive(Default)]
pub(super) struct Fragments {
    /// (track, duration of a sample that says none).
    defaults: Vec<(u32, u64)>,
    /// (track, samples, time).
    sums: Vec<(u32, u64, u64)>,
}

/// More tracks than this have no fragments.
const TRACKS: usize = 64;

const HAS_BASE: u32 = 0x1;
const HAS_DESCRIPTION: u32 = 0x2;
const HAS_DEFAULT_DURATION: u32 = 0x8;
const HAS_DATA_OFFSET: u32 = 0x1;
const HAS_FIRST_FLAGS: u32 = 0x4;
const HAS_DURATIONS: u32 = 0x100;
/// Duration, size, flags and time offset of a sample: 4 bytes each.
const SAMPLE_CELLS: [u32; 4] = [HAS_DURATIONS, 0x200, 0x400, 0x800];

impl Fragments {
    /// Samples and time that the fragments of a track add.
    pub(super) fn of(&self, track: u32) -> (u64, u64) {
        let found = self.sums.iter().find(|(number, ..)| *number == track);
        found.map_or((0, 0), |(_, samples, time)| (*samples, *time))
    }

    /// The box `mvex`.
    pub(super) fn defaults(&mut self, input: &mut Input<'_>, parent: &Node) -> Step<()> {
        let mut at = parent.body;
        while at + 8 <= parent.end {
            let child = node(input, at, parent.end)?;
            if child.kind == *b"trex" && self.defaults.len() < TRACKS {
                let track = input.be32(child.body + 4)?;
                let duration = input.be32(child.body + 12)?;
                self.defaults.push((track, duration.into()));
            }
            at = child.end;
        }
        Ok(())
    }

    /// The box `moof`.
    pub(super) fn read(
        &mut self,
        input: &mut Input<'_>,
        fragment: &Node,
        tracks: &[Track],
    ) -> Step<()> {
        let mut at = fragment.body;
        while at + 8 <= fragment.end {
            let child = node(input, at, fragment.end)?;
            if child.kind == *b"traf" {
                self.track(input, &child, tracks)?;
            }
            at = child.end;
        }
        Ok(())
    }

    fn track(&mut self, input: &mut Input<'_>, parent: &Node, tracks: &[Track]) -> Step<()> {
        let (mut number, mut duration) = (0, 0);
        let (mut samples, mut time) = (0_u64, 0_u64);
        let mut at = parent.body;
        while at + 8 <= parent.end {
            let child = node(input, at, parent.end)?;
            match &child.kind {
                b"tfhd" => (number, duration) = self.header(input, child.body)?,
                b"trun" => {
                    let (count, length) = run(input, &child, duration)?;
                    samples = samples.saturating_add(count);
                    time = time.saturating_add(length);
                }
                _ => {}
            }
            at = child.end;
        }
        match self.sums.iter_mut().find(|(known, ..)| *known == number) {
            Some((_, all_samples, all_time)) => {
                *all_samples = all_samples.saturating_add(samples);
                *all_time = all_time.saturating_add(time);
            }
            None if tracks
                .iter()
                .take(TRACKS)
                .any(|track| track.number == number) =>
            {
                self.sums.push((number, samples, time));
            }
            None => {}
        }
        Ok(())
    }

    /// Track number and duration of a sample.
    fn header(&self, input: &mut Input<'_>, at: u64) -> Step<(u32, u64)> {
        let flags = input.be32(at)?;
        let number = input.be32(at + 4)?;
        if flags & HAS_DEFAULT_DURATION == 0 {
            let known = self.defaults.iter().find(|(track, _)| *track == number);
            return Ok((number, known.map_or(0, |(_, duration)| *duration)));
        }
        let base = if flags & HAS_BASE != 0 { 8 } else { 0 };
        let description = if flags & HAS_DESCRIPTION != 0 { 4 } else { 0 };
        Ok((number, input.be32(at + 8 + base + description)?.into()))
    }
}

/// Samples of a run and their time together.
fn run(input: &mut Input<'_>, run: &Node, duration: u64) -> Step<(u64, u64)> {
    let flags = input.be32(run.body)?;
    let count = u64::from(input.be32(run.body + 4)?);
    if flags & HAS_DURATIONS == 0 {
        return Ok((count, count.saturating_mul(duration)));
    }
    let mut at = run.body + 8;
    at += if flags & HAS_DATA_OFFSET != 0 { 4 } else { 0 };
    at += if flags & HAS_FIRST_FLAGS != 0 { 4 } else { 0 };
    let cells = SAMPLE_CELLS
        .iter()
        .filter(|cell| flags & **cell != 0)
        .count();
    let (size, mut left, mut time) = (4 * cells, count as usize, 0_u64);
    while left > 0 {
        let samples = left.min(LONGEST / size);
        let piece = input.get(at, samples * size)?;
        for sample in piece.chunks_exact(size) {
            let [a, b, c, d, ..] = *sample else { break };
            time = time.saturating_add(u32::from_be_bytes([a, b, c, d]).into());
        }
        at += (samples * size) as u64;
        left -= samples;
    }
    Ok((count, time))
}
