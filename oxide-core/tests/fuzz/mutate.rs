//! Mutations of stored bytes: blind ones, and ones that know that the bytes hold lengths.

/// A small, fast generator (xorshift64*): equal seeds give equal inputs on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        let mixed = (seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Random((mixed ^ mixed >> 31) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`; 0 where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        match bound {
            0 => 0,
            bound => (self.next() >> 16) as usize % bound,
        }
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

const INTERESTING: &[u64] = &[
    0,
    1,
    2,
    7,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x10000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_fff0,
    0xffff_ffff_ffff_ffff,
];

/// Longest input that mutations make.
const LIMIT: usize = 64 << 10;

/// One to eight mutations of a seed; `other` is another seed to take pieces from.
pub fn mutate(random: &mut Random, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let mut rounds = 1;
    while rounds < 8 && random.once_in(2) {
        rounds += 1;
    }
    for _ in 0..rounds {
        mutate_once(random, &mut bytes, other);
        bytes.truncate(LIMIT);
    }
    bytes
}

fn mutate_once(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    let place = random.below(bytes.len());
    match random.below(12) {
        0 | 1 => flip_bit(random, bytes, place),
        2 => set_byte(bytes, place, random.next() as u8),
        3 => set_byte(bytes, place, *random_of(random, INTERESTING) as u8),
        4 | 5 => set_integer(random, bytes, place),
        6 => change_integer(random, bytes, place),
        7 => bytes.truncate(place),
        8 => remove(random, bytes, place),
        9 => repeat(random, bytes, place),
        10 => splice(random, bytes, place, other),
        _ => insert_varint(random, bytes, place),
    }
}

fn random_of<'a, T>(random: &mut Random, list: &'a [T]) -> &'a T {
    &list[random.below(list.len())]
}

fn flip_bit(random: &mut Random, bytes: &mut [u8], place: usize) {
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1 << random.below(8);
    }
}

fn set_byte(bytes: &mut [u8], place: usize, value: u8) {
    if let Some(byte) = bytes.get_mut(place) {
        *byte = value;
    }
}

fn width(random: &mut Random) -> usize {
    *random_of(random, &[2, 4, 8])
}

fn set_integer(random: &mut Random, bytes: &mut [u8], place: usize) {
    let width = width(random);
    let value = match random.below(3) {
        0 => bytes.len() as u64,
        _ => *random_of(random, INTERESTING),
    };
    if let Some(field) = bytes.get_mut(place..place + width) {
        field.copy_from_slice(&value.to_le_bytes()[..width]);
    }
}

/// A length that is off by a little is what bounds checks are for.
fn change_integer(random: &mut Random, bytes: &mut [u8], place: usize) {
    let width = width(random);
    let change = (random.below(65) as i64 - 32) as u64;
    if let Some(field) = bytes.get_mut(place..place + width) {
        let mut value = [0; 8];
        value[..width].copy_from_slice(field);
        let value = u64::from_le_bytes(value).wrapping_add(change);
        field.copy_from_slice(&value.to_le_bytes()[..width]);
    }
}

fn piece(random: &mut Random, length: usize) -> std::ops::Range<usize> {
    let start = random.below(length);
    let longest = (length - start).min(1 + (1 << random.below(11)));
    start..start + random.below(longest + 1)
}

fn remove(random: &mut Random, bytes: &mut Vec<u8>, place: usize) {
    let taken = piece(random, bytes.len() - place);
    bytes.drain(place..place + taken.len());
}

fn repeat(random: &mut Random, bytes: &mut Vec<u8>, place: usize) {
    let copied = piece(random, bytes.len());
    let copied = bytes[copied].to_vec();
    for _ in 0..=random.below(3) {
        bytes.splice(place..place, copied.iter().copied());
    }
}

fn splice(random: &mut Random, bytes: &mut Vec<u8>, place: usize, other: &[u8]) {
    let taken = piece(random, other.len());
    let replaced = match random.once_in(2) {
        true => taken.len().min(bytes.len() - place),
        false => 0,
    };
    bytes.splice(place..place + replaced, other[taken].iter().copied());
}

fn insert_varint(random: &mut Random, bytes: &mut Vec<u8>, place: usize) {
    let mut varint = Vec::new();
    oxide_core::varint::write(&mut varint, *random_of(random, INTERESTING));
    let replaced = random.below(2).min(bytes.len() - place);
    bytes.splice(place..place + replaced, varint);
}
