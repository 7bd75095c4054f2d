//! Videos.

use super::*;

fn node(kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
    let body = parts.concat();
    let length = (body.len() as u32 + 8).to_be_bytes();
    [&length[..], kind, &body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

const IDENTITY: [i32; 4] = [1, 0, 0, 1];

/// A track of 320 x 240 at 600 units a second.
fn track(kind: &[u8; 4], matrix: [i32; 4], frames: u32, duration: u32) -> Vec<u8> {
    let [a, b, c, d] = matrix.map(|cell| (cell << 16) as u32);
    let header = words(&[
        0,
        0,
        0,
        7,
        0,
        duration,
        0,
        0,
        0,
        0,
        a,
        b,
        0,
        c,
        d,
        0,
        0,
        0,
        1 << 30,
        320 << 16,
        240 << 16,
    ]);
    let size = words(&[320 << 16 | 240]);
    let entry = [
        words(&[86]),
        b"avc1".to_vec(),
        words(&[0; 6]),
        size,
        vec![0; 50],
    ]
    .concat();
    let table = node(
        b"stbl",
        &[
            node(b"stsd", &[words(&[0, 1]), entry]),
            node(b"stsz", &[words(&[0, 100, frames])]),
        ],
    );
    let media = node(
        b"mdia",
        &[
            node(b"mdhd", &[words(&[0, 0, 0, 600, duration, 0])]),
            node(b"hdlr", &[words(&[0, 0]), kind.to_vec(), words(&[0, 0, 0])]),
            node(b"minf", &[table]),
        ],
    );
    node(b"trak", &[node(b"tkhd", &[header]), media])
}

fn movie(tracks: &[Vec<u8>]) -> Vec<u8> {
    node(b"moov", &[node(b"mvhd", &[vec![0; 100]]), tracks.concat()])
}

fn mp4(brand: &[u8; 4], boxes: &[Vec<u8>]) -> Vec<u8> {
    [
        node(b"ftyp", &[brand.to_vec(), words(&[0])]),
        boxes.concat(),
    ]
    .concat()
}

#[test]
fn mp4_with_the_index_before_or_behind() {
    let index = movie(&[
        track(b"soun", IDENTITY, 50, 600),
        track(b"vide", IDENTITY, 30, 600),
    ]);
    let data = node(b"mdat", &[vec![3; 500]]);
    for boxes in [[index.clone(), data.clone()], [data, index]] {
        let facts = facts(&mp4(b"isom", &boxes));
        assert_eq!(media(&facts), "video/mp4");
        assert_eq!(picture(&facts), [Some(320), Some(240), Some(1), None, None]);
        assert_eq!(timing(&facts), (Some(30), Some(30.0), Some(1.0)));
    }
}

#[test]
fn the_display_matrix_is_an_orientation() {
    let matrices = [
        ([1, 0, 0, 1], 1),
        ([-1, 0, 0, 1], 2),
        ([-1, 0, 0, -1], 3),
        ([1, 0, 0, -1], 4),
        ([0, 1, 1, 0], 5),
        ([0, 1, -1, 0], 6),
        ([0, -1, -1, 0], 7),
        ([0, -1, 1, 0], 8),
    ];
    for (matrix, orientation) in matrices {
        let bytes = mp4(b"qt  ", &[movie(&[track(b"vide", matrix, 1, 20)])]);
        let facts = facts(&bytes);
        assert_eq!(
            (media(&facts), facts.orientation),
            ("video/quicktime", Some(orientation))
        );
    }
}

#[test]
fn mp4_in_fragments() {
    let extends = node(b"mvex", &[node(b"trex", &[words(&[0, 7, 1, 20, 0, 0])])]);
    let index = node(b"moov", &[track(b"vide", IDENTITY, 0, 0), extends]);
    let fragment = |header: Vec<u8>, run: Vec<u8>| {
        let track = node(b"traf", &[node(b"tfhd", &[header]), node(b"trun", &[run])]);
        node(b"moof", &[track])
    };
    // Ten frames of the default duration, five of the fragment's, and two with durations of their own.
    let bytes = mp4(
        b"iso5",
        &[
            index.clone(),
            fragment(words(&[0, 7]), words(&[1, 10, 0])),
            node(b"mdat", &[vec![0; 30]]),
            fragment(words(&[0x08, 7, 40]), words(&[0, 5])),
            fragment(words(&[0, 7]), words(&[0x301, 2, 0, 100, 5, 100, 6])),
            // Another track's.
            fragment(words(&[0, 9]), words(&[0, 1000])),
        ],
    );
    let found = of_bytes(&bytes).unwrap();
    assert_eq!(timing(&found), (Some(17), Some(17.0), Some(1.0)));
    assert_eq!(found.broken, None);
    assert_eq!(broken(&mp4(b"iso5", &[index])), "no frames in it");
}

#[test]
fn mp4_without_pictures_or_that_is_damaged() {
    let sound = facts(&mp4(
        b"isom",
        &[movie(&[track(b"soun", IDENTITY, 50, 900)])],
    ));
    assert_eq!(
        (media(&sound), sound.width, sound.broken.as_deref()),
        ("audio/mp4", None, None)
    );
    assert_eq!(timing(&sound), (None, None, Some(1.5)));
    assert_eq!(
        broken(&mp4(b"isom", &[node(b"moov", &[])])),
        "no picture in it"
    );
    assert_eq!(
        broken(&mp4(b"isom", &[node(b"mdat", &[vec![0; 9]])])),
        "no picture in it"
    );
    assert_eq!(
        broken(&mp4(b"isom", &[movie(&[track(b"vide", IDENTITY, 0, 0)])])),
        "no frames in it"
    );
    let whole = mp4(
        b"isom",
        &[
            movie(&[track(b"vide", IDENTITY, 3, 60)]),
            node(b"mdat", &[vec![0; 90]]),
        ],
    );
    assert_eq!(broken(&whole[..whole.len() - 1]), "is shorter than it says");
    let photograph = mp4(b"heic", &[node(b"meta", &[vec![0; 20]])]);
    assert_eq!(media(&of_bytes(&photograph).unwrap()), "image/heic");
    let old = [
        node(b"wide", &[]),
        movie(&[track(b"vide", IDENTITY, 3, 60)]),
    ]
    .concat();
    assert_eq!(media(&facts(&old)), "video/quicktime");
}

/// An element with its length in eight bytes, or an unknown one.
fn element(id: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
    let body = parts.concat();
    let length = (body.len() as u64 | 1 << 56).to_be_bytes();
    [id, &length, &body].concat()
}

fn matroska(doc_type: &str, segment: &[Vec<u8>]) -> Vec<u8> {
    let header = element(&mkv::EBML, &[element(&[0x42, 0x82], &[doc_type.into()])]);
    [header, element(&[0x18, 0x53, 0x80, 0x67], segment)].concat()
}

fn mkv_track(kind: u8, nanoseconds: u32) -> Vec<u8> {
    let size = [
        element(&[0xb0], &[vec![2, 0x80]]),
        element(&[0xba], &[vec![1, 0xe0]]),
    ];
    element(
        &[0xae],
        &[
            element(&[0x83], &[vec![kind]]),
            element(&[0x23, 0xe3, 0x83], &[words(&[nanoseconds])]),
            element(&[0xe0], &size),
        ],
    )
}

#[test]
fn matroska_with_clusters_of_unknown_length() {
    let info = element(
        &[0x15, 0x49, 0xa9, 0x66],
        &[
            element(&[0x2a, 0xd7, 0xb1], &[words(&[1_000_000])]),
            element(&[0x44, 0x89], &[2500_f64.to_bits().to_be_bytes().to_vec()]),
        ],
    );
    let tracks = |kind, duration| element(&[0x16, 0x54, 0xae, 0x6b], &[mkv_track(kind, duration)]);
    let cluster = [
        &[0x1f, 0x43, 0xb6, 0x75, 0xff][..],
        &[0xe7, 0x81, 0, 1, 2, 3],
    ]
    .concat();
    let bytes = matroska(
        "matroska",
        &[info.clone(), tracks(1, 33_366_667), cluster.clone()],
    );
    let video = facts(&bytes);
    assert_eq!(media(&video), "video/x-matroska");
    assert_eq!(picture(&video), [Some(640), Some(480), None, None, None]);
    let rate = 30_000.0 / 1001.0;
    let (frames, fps, seconds) = timing(&video);
    assert_eq!((frames, seconds), (None, Some(2.5)));
    assert!((fps.unwrap() - rate).abs() < 1e-9, "{fps:?}");
    assert_eq!(broken(&bytes[..bytes.len() - 1]), "is shorter than it says");

    let webm = facts(&matroska(
        "webm",
        &[info.clone(), tracks(1, 40_000_000), cluster.clone()],
    ));
    assert_eq!((media(&webm), timing(&webm).1), ("video/webm", Some(25.0)));
    let sound = facts(&matroska(
        "webm",
        &[info.clone(), tracks(2, 0), cluster.clone()],
    ));
    assert_eq!((media(&sound), sound.width), ("audio/webm", None));
    assert_eq!(
        broken(&matroska("webm", &[info.clone(), tracks(1, 0)])),
        "no frames in it"
    );
    assert_eq!(
        broken(&matroska("webm", &[info, cluster])),
        "no picture in it"
    );
    let endless = [&bytes[..bytes.len() - 1], &[0; 40]].concat();
    assert_eq!(of_bytes(&endless).unwrap().width, Some(640));
}

fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_le_bytes();
    [&kind[..], &length, body, &vec![0; body.len() % 2]].concat()
}

fn list(kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"LIST", &[&kind[..], &parts.concat()].concat())
}

fn avi(frames: u32, more: &[Vec<u8>]) -> Vec<u8> {
    let little = |words: &[u32]| {
        words
            .iter()
            .flat_map(|w| w.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let stream = [
        b"vidsMJPG".to_vec(),
        little(&[0, 0, 0, 1, 25, 0, frames, 0, 0, 0, 0, 0]),
    ]
    .concat();
    let format = little(&[40, 320, (-240_i32) as u32, 24 << 16 | 1, 0, 0, 0, 0, 0, 0]);
    let headers = list(
        b"hdrl",
        &[
            chunk(b"avih", &[0; 56]),
            list(b"strl", &[chunk(b"strh", &stream), chunk(b"strf", &format)]),
            more.concat(),
        ],
    );
    let body = [
        b"AVI ".to_vec(),
        headers,
        chunk(b"JUNK", &[0; 9]),
        list(b"movi", &[chunk(b"00dc", &[1; 7])]),
    ];
    chunk(b"RIFF", &body.concat())
}

#[test]
fn avi_with_and_without_the_extension() {
    let bytes = avi(50, &[]);
    let plain = facts(&bytes);
    assert_eq!(media(&plain), "video/x-msvideo");
    assert_eq!(picture(&plain)[..2], [Some(320), Some(240)]);
    assert_eq!(timing(&plain), (Some(50), Some(25.0), Some(2.0)));
    assert_eq!(broken(&bytes[..bytes.len() - 1]), "is shorter than it says");
    let total = list(b"odml", &[chunk(b"dmlh", &75_u32.to_le_bytes())]);
    assert_eq!(facts(&avi(50, &[total])).frames, Some(75));
    // Cut off while it was recorded: how many frames there are is not known.
    assert_eq!(timing(&facts(&avi(0, &[]))), (None, None, None));
}
