//! Every parser of bytes that come from the disk, fed with damaged ones: no panic, no allocation that the input does not
//! justify, and what is parsed comes back as it was. Each runs for `OXIDE_FUZZ_SECONDS` (10); CONTRIBUTING.md says how to
//! run one for longer and how to come back to a failure.
//!
//! A new parser is one line in `targets!`, a function in one of the modules below it, and a folder of seeds.

mod contents;
mod files;
mod media;
mod memory;
mod mend;
mod mutate;
mod objects;
mod run;
mod seeds;

/// Each line is a test: name, how checksums are mended, what is checked.
macro_rules! targets {
    ($($name:ident: $mend:expr, $check:expr;)*) => {$(
        #[test]
        fn $name() {
            run::run(&run::Target { name: stringify!($name), mend: $mend, check: $check });
        }
    )*};
}

targets! {
    varint: mend::nothing, objects::varint;
    paths: mend::nothing, objects::paths;
    codec: |bytes, random| mend::codec(bytes, random), objects::codec;
    pack: mend::pack, files::pack;
    content: mend::nothing, contents::content;
    external: mend::nothing, contents::external;
    segment: |bytes, random| mend::delta(bytes, random), objects::segment;
    rows: mend::nothing, objects::rows;
    schema: mend::nothing, objects::schema;
    page: mend::nothing, objects::page;
    record: mend::nothing, objects::record;
    operations: mend::operations, files::operations;
    stat_index: mend::stat_index, files::stat_index;
    pack_index: mend::pack_index, files::pack_index;
    repository: mend::nothing, files::repository;
    names: mend::nothing, files::names;
    ignore_rules: mend::nothing, files::ignore_rules;
    arrow: mend::nothing, objects::arrow;
    pictures: mend::nothing, media::media;
    videos: mend::nothing, media::media;
}
