//! Pictures.

use super::*;

/// A JPEG of 640 x 480 with these segments in front of its frame.
pub(super) fn jpeg(segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8];
    let frame = (
        0xc2,
        vec![
            8, 0x01, 0xe0, 0x02, 0x80, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1,
        ],
    );
    let scan = (0xda, vec![3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    for (marker, body) in segments.iter().chain([&frame, &scan]) {
        bytes.extend([0xff, *marker]);
        bytes.extend((body.len() as u16 + 2).to_be_bytes());
        bytes.extend(body);
    }
    bytes.extend([0x12, 0x34, 0xff, 0x00, 0x56, 0xff, 0xd9]);
    bytes
}

#[test]
fn jpeg_of_every_kind() {
    let plain = facts(&jpeg(&[]));
    assert_eq!(media(&plain), "image/jpeg");
    assert_eq!(
        picture(&plain),
        [Some(640), Some(480), None, Some(3), Some(8)]
    );
    assert_eq!(timing(&plain), (None, None, None));
    for (little, orientation) in [(true, 6), (false, 8)] {
        let block = [&b"Exif\0\0"[..], &exif(little, orientation)].concat();
        let large = (0xe2, vec![0xff; 50_000]);
        let turned = of_bytes(&jpeg(&[large.clone(), (0xe1, block), large])).unwrap();
        assert_eq!(picture(&turned)[2], Some(orientation.into()));
        assert_eq!((turned.width, turned.broken), (Some(640), None));
    }
    for frame in [0xc0, 0xc1, 0xc3, 0xc9, 0xca] {
        let mut bytes = jpeg(&[(0xc4, vec![0; 20])]);
        let place = bytes
            .windows(2)
            .position(|pair| pair == [0xff, 0xc2])
            .unwrap();
        bytes[place + 1] = frame;
        assert_eq!(facts(&bytes).width, Some(640));
    }
    // An orientation that does not exist, and a block that is cut off.
    let odd = [&b"Exif\0\0"[..], &exif(true, 9)].concat();
    assert_eq!(facts(&jpeg(&[(0xe1, odd)])).orientation, None);
    let cut = [&b"Exif\0\0"[..], &exif(true, 6)[..12]].concat();
    assert_eq!(facts(&jpeg(&[(0xe1, cut)])).orientation, None);
}

#[test]
fn jpeg_that_goes_on_or_ends_early() {
    let sound = jpeg(&[]);
    let cut = &sound[..sound.len() - 1];
    assert_eq!(broken(cut), "ends before its end marker");
    let appended = [&sound[..], &[0; 100_000]].concat();
    assert_eq!(broken(&appended), "");
    assert_eq!(broken(&sound[..20]), "ends within its headers");
    assert_eq!(broken(b"\xff\xd8\xff\xd9"), "no picture in it");
    let garbage = [&sound[..2], &[0xff, 0xe0, 0, 4, 1, 1], &[0x20; 6000]].concat();
    assert_eq!(broken(&garbage), "has damaged headers");
    let mut empty = sound.clone();
    let place = empty
        .windows(2)
        .position(|pair| pair == [0xff, 0xc2])
        .unwrap();
    (empty[place + 7], empty[place + 8]) = (0, 0);
    assert_eq!(broken(&empty), "no picture in it");
    // A thumbnail's end marker is not the picture's.
    let thumbnail = jpeg(&[(0xe1, jpeg(&[]))]);
    assert_eq!(
        broken(&thumbnail[..thumbnail.len() - 2]),
        "ends before its end marker"
    );
}

/// A PNG of 3 x 2 with these chunks before its pixels.
fn png(depth: u8, colour: u8, chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut header = [0, 0, 0, 3, 0, 0, 0, 2].to_vec();
    header.extend([depth, colour, 0, 0, 0]);
    let mut bytes = png::SIGNATURE.to_vec();
    let rest = [(b"IDAT", vec![1, 2, 3]), (b"IEND", vec![])];
    for (kind, body) in [(b"IHDR", header)].iter().chain(chunks).chain(&rest) {
        bytes.extend((body.len() as u32).to_be_bytes());
        bytes.extend(&kind[..]);
        bytes.extend(body);
        bytes.extend(crc32fast::hash(&[&kind[..], body].concat()).to_be_bytes());
    }
    bytes
}

#[test]
fn png_of_every_colour() {
    for (depth, colour, channels) in [(16, 0, 1), (8, 2, 3), (16, 4, 2), (16, 6, 4), (1, 0, 1)] {
        let facts = facts(&png(depth, colour, &[]));
        assert_eq!(media(&facts), "image/png");
        let expected = [Some(3), Some(2), None, Some(channels), Some(depth.into())];
        assert_eq!(picture(&facts), expected);
    }
    let palette = png(2, 3, &[(b"PLTE", vec![0; 12])]);
    assert_eq!(picture(&facts(&palette))[3..], [Some(3), Some(8)]);
    let transparent = png(8, 3, &[(b"PLTE", vec![0; 12]), (b"tRNS", vec![0])]);
    assert_eq!(facts(&transparent).channels, Some(4));
    let animated = png(8, 2, &[(b"acTL", vec![0, 0, 0, 5, 0, 0, 0, 0])]);
    assert_eq!(facts(&animated).frames, Some(5));
    let turned = png(8, 2, &[(b"eXIf", exif(false, 3))]);
    assert_eq!(facts(&turned).orientation, Some(3));
}

#[test]
fn png_that_is_damaged() {
    let sound = png(8, 2, &[]);
    assert_eq!(
        broken(&sound[..sound.len() - 5]),
        "ends before its end marker"
    );
    assert_eq!(broken(&[&sound[..], b"appended"].concat()), "");
    assert_eq!(
        broken(&[&sound[..sound.len() - 12], &[0; 12]].concat()),
        "ends before its end marker"
    );
    assert_eq!(broken(&sound[..20]), "ends within its headers");
    let empty = [&sound[..33], &sound[sound.len() - 12..]].concat();
    assert_eq!(broken(&empty), "no picture in it");
    let mut flat = sound.clone();
    flat[23] = 0;
    assert_eq!(broken(&flat), "no picture in it");
}

/// A GIF of 4 x 3 with pictures of these delays in hundredths of a second.
fn gif(delays: &[u16], transparent: bool) -> Vec<u8> {
    let mut bytes = b"GIF89a\x04\0\x03\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    bytes.extend(b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0");
    for delay in delays {
        bytes.extend([b'!', 0xf9, 4, u8::from(transparent)]);
        bytes.extend(delay.to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend([b',', 0, 0, 0, 0, 4, 0, 3, 0, 0x80, 0, 0, 0, 1, 1, 1]);
        bytes.extend([2, 2, 0x84, 0x51, 0]);
    }
    bytes.push(b';');
    bytes
}

#[test]
fn gif_still_and_moving() {
    let still = facts(&gif(&[0], false));
    assert_eq!(media(&still), "image/gif");
    assert_eq!(picture(&still), [Some(4), Some(3), None, Some(3), Some(8)]);
    assert_eq!(timing(&still), (Some(1), None, None));
    let moving = facts(&gif(&[10, 10, 30], true));
    assert_eq!(moving.channels, Some(4));
    assert_eq!(timing(&moving), (Some(3), Some(6.0), Some(0.5)));
    let bytes = gif(&[10, 10], false);
    let cut = of_bytes(&bytes[..bytes.len() - 3]).unwrap();
    assert_eq!(
        (cut.frames, cut.broken.as_deref()),
        (Some(1), Some("ends before its end marker"))
    );
    assert_eq!(broken(&gif(&[], false)), "no picture in it");
    assert_eq!(
        broken(&[&bytes[..38], &[0x99; 50]].concat()),
        "has an unknown block"
    );
}

/// A bitmap of 5 rows in 24 bits.
fn bitmap(width: i32, height: i32, bits: u16) -> Vec<u8> {
    let mut bytes = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([1, 0]);
    bytes.extend(bits.to_le_bytes());
    bytes.resize(54, 0);
    let row = (width as usize * usize::from(bits)).div_ceil(32) * 4;
    bytes.resize(54 + row * height.unsigned_abs() as usize, 9);
    bytes
}

#[test]
fn bitmaps() {
    for (height, bits) in [(5, 24), (-5, 24), (5, 32), (5, 8)] {
        let facts = facts(&bitmap(7, height, bits));
        assert_eq!(media(&facts), "image/bmp");
        assert_eq!(picture(&facts), [Some(7), Some(5), None, Some(3), Some(8)]);
    }
    let core = b"BM\0\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x02\0\x01\0\x01\0\x18\0abcdefgh";
    assert_eq!(picture(&facts(core))[..2], [Some(2), Some(1)]);
    let sound = bitmap(7, 5, 24);
    assert_eq!(broken(&sound[..sound.len() - 1]), "is shorter than it says");
    assert_eq!(broken(&bitmap(7, 0, 24)), "no picture in it");
}

fn webp(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (kind, chunk) in chunks {
        body.extend(&kind[..]);
        body.extend((chunk.len() as u32).to_le_bytes());
        body.extend(chunk);
        body.extend(vec![0; chunk.len() % 2]);
    }
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    bytes
}

#[test]
fn webp_in_its_three_forms() {
    let lossy = vec![0x30, 1, 0, 0x9d, 0x01, 0x2a, 0x20, 0x41, 0x10, 0, 7];
    let lossless = vec![0x2f, 0x1f, 0x80, 0x03, 0x10, 1];
    let simple = facts(&webp(&[(b"VP8 ", lossy.clone())]));
    assert_eq!(media(&simple), "image/webp");
    // Two bits of each size are a scale.
    assert_eq!(
        picture(&simple),
        [Some(288), Some(16), None, Some(3), Some(8)]
    );
    let exact = facts(&webp(&[(b"VP8L", lossless)]));
    assert_eq!(
        picture(&exact),
        [Some(32), Some(15), None, Some(4), Some(8)]
    );
    let header = |flags| vec![flags, 0, 0, 0, 99, 0, 0, 49, 0, 0];
    let turned = [&b"Exif\0\0"[..], &exif(true, 5)].concat();
    for block in [exif(false, 5), turned] {
        let extended = webp(&[
            (b"VP8X", header(8)),
            (b"VP8 ", lossy.clone()),
            (b"EXIF", block),
        ]);
        let facts = of_bytes(&extended).unwrap();
        assert_eq!(
            picture(&facts),
            [Some(100), Some(50), Some(5), Some(3), Some(8)]
        );
    }
    let frame = vec![0, 0, 0, 0, 0, 0, 99, 0, 0, 49, 0, 0, 100, 0, 0, 0];
    let moving = webp(&[
        (b"VP8X", header(0x12)),
        (b"ANMF", frame.clone()),
        (b"ANMF", frame),
    ]);
    let facts = facts(&moving);
    assert_eq!(
        (facts.channels, timing(&facts)),
        (Some(4), (Some(2), Some(10.0), Some(0.2)))
    );
    assert_eq!(
        broken(&moving[..moving.len() - 1]),
        "is shorter than it says"
    );
    assert_eq!(broken(&webp(&[(b"VP8X", header(0))])), "no picture in it");
}

/// A TIFF with one strip at the end, in either order and either size.
fn tiff(little: bool, big: bool, tags: &[(u16, u16, u64)]) -> Vec<u8> {
    let two = |number: u16| match little {
        true => number.to_le_bytes().to_vec(),
        false => number.to_be_bytes().to_vec(),
    };
    let word = |number: u64, width: usize| {
        let mut bytes = number.to_le_bytes()[..width].to_vec();
        if !little {
            bytes.reverse();
        }
        bytes
    };
    let (place, entry) = if big { (8, 20) } else { (4, 12) };
    let mut bytes = if little {
        b"II".to_vec()
    } else {
        b"MM".to_vec()
    };
    bytes.extend(two(if big { 43 } else { 42 }));
    if big {
        bytes.extend([two(8), two(0)].concat());
    }
    let start = bytes.len() + place;
    bytes.extend(word(start as u64, place));
    let count = if big { 8 } else { 2 };
    bytes.extend(word(tags.len() as u64, count));
    let strip = start + count + entry * tags.len() + place;
    for (tag, kind, value) in tags {
        bytes.extend(two(*tag));
        bytes.extend(two(*kind));
        bytes.extend(word(1, place));
        let value = if *tag == 273 { strip as u64 } else { *value };
        let width = if *kind == 3 { 2 } else { place };
        let mut cell = word(value, width);
        cell.resize(place, 0);
        bytes.extend(cell);
    }
    bytes.extend(vec![0; place]);
    bytes.extend([5; 10]);
    bytes
}

#[test]
fn tiff_in_both_orders_and_sizes() {
    let tags = [
        (256, 3, 9),
        (257, 4, 8),
        (258, 3, 16),
        (273, 4, 0),
        (274, 3, 7),
        (277, 3, 1),
        (279, 4, 10),
    ];
    for (little, big) in [(true, false), (false, false), (true, true), (false, true)] {
        let tags =
            tags.map(|(tag, kind, value)| (tag, if big && kind == 4 { 16 } else { kind }, value));
        let bytes = tiff(little, big, &tags);
        let facts = facts(&bytes);
        assert_eq!(media(&facts), "image/tiff");
        assert_eq!(
            picture(&facts),
            [Some(9), Some(8), Some(7), Some(1), Some(16)]
        );
        assert_eq!(broken(&bytes[..bytes.len() - 1]), "is shorter than it says");
        assert_eq!(broken(&tiff(little, big, &tags[..3])), "no picture in it");
    }
    let palette = tiff(
        true,
        false,
        &[
            (256, 3, 1),
            (257, 3, 1),
            (262, 3, 3),
            (273, 4, 0),
            (279, 4, 10),
        ],
    );
    assert_eq!(picture(&facts(&palette))[3..], [Some(3), Some(8)]);
    // The first picture of a raw photograph is a small copy.
    let reduced = tiff(
        true,
        false,
        &[(254, 4, 1), (256, 3, 160), (257, 3, 120), (274, 3, 6)],
    );
    assert_eq!(picture(&facts(&reduced)), [None, None, Some(6), None, None]);
}
