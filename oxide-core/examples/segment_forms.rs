//! Measures the two ways to store a segment of `files`, for docs/design/001-segments-are-row-blocks.md:
//! `CARGO_PROFILE_DEV_OPT_LEVEL=3 cargo run -p oxide-core --example segment_forms`

use std::time::Instant;

use oxide_core::columns::{batch_changes, parquet_bytes, segment_batch};
use oxide_core::files::{files_schema, FileRow, FileType, ItemId};
use oxide_core::hash::{digests, Context};
use oxide_core::pack::Kind;
use oxide_core::segment::{self, Change, Segment};
use oxide_core::store::{MemoryObjects, ReadObjects};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const ROWS: u32 = 32_768;

fn file(number: u32) -> FileRow {
    let digests = digests(&number.to_le_bytes());
    let mut item = [0; 12];
    item.copy_from_slice(&digests.sha256[..12]);
    FileRow {
        path: format!("images/{:03}/picture_{number:08}.jpg", number / 500),
        content: digests.content,
        size: 20_000 + u64::from(number % 9_973),
        item: ItemId(item),
        sha256: digests.sha256,
        kind: FileType::File,
        executable: false,
        facts: None,
    }
}

/// The fastest of seven runs, in milliseconds, and the last result.
fn time<T>(mut run: impl FnMut() -> T) -> (f64, T) {
    let mut best = f64::MAX;
    let mut result = None;
    for _ in 0..7 {
        let start = Instant::now();
        result = Some(run());
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    (best, result.expect("it ran"))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let schema = files_schema();
    let rows: Vec<_> = (0..ROWS).map(|number| file(number).encode()).collect();
    let segment = Segment::from_rows(rows.iter().map(|(k, v)| (&k[..], &v[..])))?;
    let objects = MemoryObjects::default();
    println!("canonical rows: {} bytes", segment.bytes().len());

    let (compress, stored) = time(|| zstd::bulk::compress(segment.bytes(), 3));
    let stored = stored?;
    let (hash, id) = time(|| segment.id());
    let (read, _) = time(|| {
        let bytes = zstd::bulk::decompress(&stored, segment.bytes().len())?;
        let read = Segment::parse(bytes)?;
        assert_eq!(read.id(), id);
        Ok::<_, Box<dyn std::error::Error>>(read)
    });
    println!("row block: {} bytes, write {compress:.1} ms + hash {hash:.1} ms, read with check {read:.1} ms", stored.len());

    let (write, parquet) = time(|| parquet_bytes(&objects, schema, &segment));
    let parquet = parquet?;
    let path = std::env::temp_dir().join(format!("segment_forms_{}.parquet", std::process::id()));
    std::fs::write(&path, &parquet)?;
    // Reading a segment means its canonical rows: identity, delta and merge are defined on them.
    let (read, _) = time(|| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&path)?)?
            .with_batch_size(ROWS as usize)
            .build()?;
        let mut changes = Vec::new();
        for batch in reader {
            changes.extend(batch_changes(&objects, schema, &batch?)?);
        }
        let rows = changes
            .iter()
            .map(|(k, v)| (&k[..], v.as_deref().unwrap_or_default()));
        let read = Segment::from_rows(rows)?;
        assert_eq!(read.id(), id);
        Ok::<_, Box<dyn std::error::Error>>(read)
    });
    std::fs::remove_file(&path)?;
    println!("parquet:   {} bytes, write {write:.1} ms + hash {hash:.1} ms, read with check {read:.1} ms", parquet.len());
    let (batch, _) = time(|| segment_batch(&objects, schema, &segment));
    println!("rows to arrow: {batch:.1} ms");

    let mut row = file(ROWS / 2);
    row.content = Context::Content.id(b"another");
    let (key, value) = row.encode();
    let changes: Vec<Change> = vec![(key, Some(value))];
    // The store with the base is made anew each time, so the edit alone is timed, in the last run.
    let (_, edited) = time(|| {
        let objects = MemoryObjects::default();
        segment::write(&objects, &segment, None)?;
        let start = Instant::now();
        let edited = segment.apply(&changes)?;
        let id = segment::write(&objects, &edited, Some((&id, &changes)))?;
        let took = start.elapsed().as_secs_f64() * 1e3;
        Ok::<_, oxide_core::Error>((took, objects.read(Kind::SegmentDelta, &id)?.len()))
    });
    let (took, bytes) = edited?;
    println!("one row edited, row block: {took:.1} ms, {bytes} bytes (delta)");
    let (took, bytes) = time(|| parquet_bytes(&objects, schema, &segment.apply(&changes)?));
    println!(
        "one row edited, parquet:   {took:.1} ms, {} bytes (whole)",
        bytes?.len()
    );
    Ok(())
}
