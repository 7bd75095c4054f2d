//! GIF (89a): the screen, and a walk over its blocks that counts pictures and their delays.

use super::input::{Input, Step, Stop};
use super::{Facts, ENDS_EARLY, NO_PICTURE};

pub(super) fn read(input: &mut Input<'_>, facts: &mut Facts) -> Step<()> {
    let width = input.le16(6)?;
    facts.set_size(width.into(), input.le16(8)?.into());
    // Colours come from tables with eight bits a channel.
    (facts.channels, facts.bit_depth) = (Some(3), Some(8));
    let mut at = 13 + colour_table(input.byte(10)?);
    let (mut frames, mut hundredths) = (0_u64, 0_u64);
    loop {
        match block(input, &mut at, facts) {
            Ok(Block::Picture) => frames += 1,
            Ok(Block::Control { delay }) => hundredths += u64::from(delay),
            Ok(Block::Other) => {}
            Ok(Block::End) if frames > 0 => break,
            Ok(Block::End) => {
                facts.flag(NO_PICTURE);
                break;
            }
            Err(Stop::End) => {
                facts.flag(ENDS_EARLY);
                break;
            }
            Err(Stop::Broken(reason)) => {
                facts.flag(reason);
                break;
            }
            Err(stop) => return Err(stop),
        }
    }
    // The delay of a single picture is no motion.
    let time = if frames > 1 { hundredths } else { 0 };
    facts.set_timing(Some(frames), time, 100);
    Ok(())
}

enum Block {
    Picture,
    Control { delay: u16 },
    Other,
    End,
}

fn block(input: &mut Input<'_>, at: &mut u64, facts: &mut Facts) -> Step<Block> {
    match input.byte(*at)? {
        0x2c => {
            let table = colour_table(input.byte(*at + 9)?);
            *at = skip_data(input, *at + 11 + table)?;
            Ok(Block::Picture)
        }
        0x21 if input.byte(*at + 1)? == 0xf9 => {
            let [flags, low, high] = input.array(*at + 3)?;
            if flags & 1 != 0 {
                facts.channels = Some(4);
            }
            *at = skip_data(input, *at + 2)?;
            let delay = u16::from_le_bytes([low, high]);
            Ok(Block::Control { delay })
        }
        0x21 => {
            *at = skip_data(input, *at + 2)?;
            Ok(Block::Other)
        }
        0x3b => Ok(Block::End),
        _ => Err(Stop::Broken("has an unknown block")),
    }
}

/// Bytes of the colour table that flags announce.
fn colour_table(flags: u8) -> u64 {
    match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    }
}

/// Where a run of data blocks ends, each led by its length.
fn skip_data(input: &mut Input<'_>, mut at: u64) -> Step<u64> {
    loop {
        let length = u64::from(input.byte(at)?);
        at += 1 + length;
        if length == 0 {
            return Ok(at);
        }
    }
}
