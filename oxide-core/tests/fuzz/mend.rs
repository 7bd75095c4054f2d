//! Checksums, counts and ids brought in order after a mutation: without this hardly any would get past the first check.

use oxide_core::hash::Context;
use oxide_core::varint::{self, Reader};

use crate::mutate::Random;

/// For bytes without a checksum.
pub fn nothing(_bytes: &mut Vec<u8>, _random: &mut Random) {}

fn u32_at(bytes: &[u8], place: usize) -> Option<usize> {
    let field = bytes.get(place..place.checked_add(4)?)?;
    Some(u32::from_le_bytes(field.try_into().ok()?) as usize)
}

fn u64_at(bytes: &[u8], place: usize) -> Option<usize> {
    let field = bytes.get(place..place.checked_add(8)?)?;
    usize::try_from(u64::from_le_bytes(field.try_into().ok()?)).ok()
}

fn set(bytes: &mut [u8], place: usize, value: &[u8]) {
    if let Some(field) = bytes.get_mut(place..place.saturating_add(value.len())) {
        field.copy_from_slice(value);
    }
}

/// Encoding, decoded length and payload of a record: the length that the frame itself announces.
pub fn codec(bytes: &mut [u8], _random: &mut Random) {
    let Some(stored) = bytes.get(5..) else { return };
    let length = match bytes[0] {
        0 => stored.len() as u64,
        _ => zstd::zstd_safe::get_frame_content_size(stored)
            .ok()
            .flatten()
            .unwrap_or(0),
    };
    set(bytes, 1, &(length as u32).to_le_bytes());
}

const ENTRY: usize = 54;
const TRAILER: usize = 32;

/// A pack: its trailer, the order of its entries, the checksums of records and index.
pub fn pack(bytes: &mut Vec<u8>, random: &mut Random) {
    let Some(end) = bytes.len().checked_sub(TRAILER) else {
        return;
    };
    set(bytes, end + 24, b"OXPACKE\n");
    set(bytes, 0, b"OXPACK1\n");
    let listed = u64_at(bytes, end + 8).filter(|footer| *footer >= 8 && *footer <= end);
    let footer = match listed {
        Some(footer) => end - (end - footer) / ENTRY * ENTRY,
        None => end - (end.saturating_sub(8) / ENTRY).min(4) * ENTRY,
    };
    set(bytes, end, &(((end - footer) / ENTRY) as u64).to_le_bytes());
    set(bytes, end + 8, &(footer as u64).to_le_bytes());
    let mut entries: Vec<[u8; ENTRY]> = bytes[footer..end]
        .chunks_exact(ENTRY)
        .map(|entry| entry.try_into().expect("an entry"))
        .collect();
    if random.once_in(2) {
        for entry in &mut entries {
            mend_record(bytes, entry);
        }
    }
    if random.once_in(2) {
        entries.sort_by(|a, b| a[..33].cmp(&b[..33]));
        entries.dedup_by(|a, b| a[..33] == b[..33]);
    }
    bytes.splice(footer..end, entries.concat());
    let end = bytes.len() - TRAILER;
    set(bytes, end, &(entries.len() as u64).to_le_bytes());
    let crc = crc32fast::hash(&bytes[footer..end]);
    set(bytes, end + 16, &crc.to_le_bytes());
}

/// The checksum of a payload in its entry, and the record's header as the entry says.
fn mend_record(bytes: &mut [u8], entry: &mut [u8; ENTRY]) {
    let (Some(offset), Some(length)) = (u64_at(entry, 34), u32_at(entry, 42)) else {
        return;
    };
    let end = offset.checked_add(length);
    let Some(payload) = end.and_then(|end| bytes.get(offset..end)) else {
        return;
    };
    let crc = crc32fast::hash(payload).to_le_bytes();
    entry[50..].copy_from_slice(&crc);
    let Some(header) = offset.checked_sub(46) else {
        return;
    };
    let fields: [(usize, Vec<u8>); 5] = [
        (0, entry[32..34].to_vec()),
        (2, entry[..32].to_vec()),
        (34, entry[46..50].to_vec()),
        (38, entry[42..46].to_vec()),
        (42, crc.to_vec()),
    ];
    for (place, field) in fields {
        set(bytes, header + place, &field);
    }
}

/// A segment, or one with a delta to it: the delta names the segment that it rests on.
pub fn delta(bytes: &mut [u8], _random: &mut Random) {
    let (base, start) = {
        let mut reader = Reader::new("an input", bytes);
        let Ok(base) = reader.bytes() else { return };
        (Context::Segment.id(base), reader.position())
    };
    set(bytes, start, &base.0);
}

/// An operation file or a run of them: ids of the bytes that follow them.
pub fn operations(bytes: &mut Vec<u8>, _random: &mut Random) {
    if !bytes.starts_with(b"OXRUN1\n") {
        return operation(bytes);
    }
    let mut run = b"OXRUN1\n".to_vec();
    let mut reader = Reader::new("an input", &bytes[7..]);
    while let Ok(member) = reader.bytes() {
        let mut member = member.to_vec();
        operation(&mut member);
        varint::write_bytes(&mut run, &member);
    }
    *bytes = run;
}

fn operation(bytes: &mut [u8]) {
    if bytes.len() > 71 {
        let id = Context::Operation.id(&bytes[71..]).to_hex();
        set(bytes, 0, b"OXOP1\n");
        set(bytes, 6, id.as_bytes());
        set(bytes, 70, b"\n");
    }
}

/// The base of a stat index and its journal, the base led by its length: checksums of header, entries and batches, one
/// nonce.
pub fn stat_index(bytes: &mut Vec<u8>, random: &mut Random) {
    let Some(length) = u32_at(bytes, 0).filter(|length| *length <= bytes.len() - 4) else {
        return;
    };
    let (base, journal) = bytes[4..].split_at(length);
    let (mut base, mut journal) = (base.to_vec(), journal.to_vec());
    mend_base(&mut base, random);
    if let Some(nonce) = base.get(8..16) {
        set(&mut journal, 8, nonce);
    }
    set(&mut journal, 0, b"OXSTATJ2");
    mend_journal(&mut journal);
    bytes.truncate(4);
    bytes.extend(base);
    bytes.extend(journal);
}

/// Bytes of a stat index' base before its folders; the last four are the checksum.
const BASE_HEADER: usize = 100;

fn mend_base(base: &mut [u8], random: &mut Random) -> Option<()> {
    set(base, 0, b"OXSTAT2\n");
    let (folders, entries) = (u32_at(base, 56)?, u32_at(base, 60)?);
    let (paths, names) = (u64_at(base, 64)?, u64_at(base, 72)?);
    let cold = BASE_HEADER
        .checked_add(folders.checked_mul(16)?)?
        .checked_add(entries.checked_mul(48)?)?;
    let start = cold.checked_add(entries.checked_mul(76)?)?;
    // What comes last takes what is left.
    let rest = base.len().checked_sub(start)?;
    if paths.checked_add(names) != Some(rest) {
        let paths = paths.min(rest);
        set(base, 64, &(paths as u64).to_le_bytes());
        set(base, 72, &((rest - paths) as u64).to_le_bytes());
    }
    let (paths, hot) = (u64_at(base, 64)?, BASE_HEADER + folders * 16);
    if random.once_in(2) {
        for folder in 0..folders {
            mend_folder(base, folder, hot, cold, start, paths);
        }
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(&base[..BASE_HEADER - 4]);
    crc.update(&base[BASE_HEADER..hot]);
    crc.update(&base[start..start + paths]);
    let crc = crc.finalize().to_le_bytes();
    set(base, BASE_HEADER - 4, &crc);
    Some(())
}

fn mend_folder(
    base: &mut [u8],
    folder: usize,
    hot: usize,
    cold: usize,
    start: usize,
    paths: usize,
) -> Option<()> {
    let record = BASE_HEADER + folder * 16;
    let path = start.checked_add(u32_at(base, record)?)?;
    let path = base
        .get(path..path.checked_add(u32_at(base, record + 4)?)?)?
        .to_vec();
    let first = u32_at(base, record + 8)?;
    for entry in first..first.checked_add(u32_at(base, record + 12)?.min(64))? {
        let at = hot + entry * 48;
        let name = start + paths + u32_at(base, at)?;
        let length = u16::from_le_bytes(base.get(at + 4..at + 6)?.try_into().ok()?);
        let mut crc = crc32fast::Hasher::new();
        crc.update(&path);
        crc.update(base.get(at..at + 40)?);
        crc.update(base.get(cold + entry * 76..cold + entry * 76 + 76)?);
        crc.update(base.get(name..name.checked_add(usize::from(length))?)?);
        let crc = crc.finalize().to_le_bytes();
        set(base, at + 40, &crc);
    }
    Some(())
}

fn mend_journal(journal: &mut [u8]) -> Option<()> {
    let mut place = 16;
    loop {
        let length = u32_at(journal, place)?;
        let start = place + 8;
        let left = journal.len().checked_sub(start)?;
        let length = length.min(left);
        set(journal, place, &(length as u32).to_le_bytes());
        let crc = crc32fast::hash(&journal[start..start + length]).to_le_bytes();
        set(journal, place + 4, &crc);
        place = start + length;
    }
}

/// The merged index of packs: number of records and checksum.
pub fn pack_index(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.len() < 24 {
        return;
    }
    set(bytes, 0, b"OXPIDX1\n");
    if random.once_in(2) {
        let mut start = 24;
        for _ in 0..u32_at(bytes, 12).unwrap_or(0) {
            let Some(length) = bytes.get(start..start + 2) else {
                break;
            };
            start += 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
        }
        let records = bytes.len().saturating_sub(start) / 20;
        bytes.truncate(bytes.len().min(start + records * 20));
        set(bytes, 16, &(records as u64).to_le_bytes());
    }
    let crc = crc32fast::hash(&bytes[12..]);
    set(bytes, 8, &crc.to_le_bytes());
}
