//! Prints what the headers of files say.

use std::fs::File;

use oxide_core::media;

fn main() -> std::io::Result<()> {
    for path in std::env::args().skip(1) {
        let file = File::open(&path)?;
        let facts = media::of_source(&file, file.metadata()?.len())?;
        assert_eq!(media::of_bytes(&std::fs::read(&path)?), facts);
        println!("{path}: {facts:?}");
    }
    Ok(())
}
