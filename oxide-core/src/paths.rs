//! Paths of the working tree as UTF-8 text and back. Bytes that are no UTF-8 map reversibly to U+F780..U+F7FF.

use std::ffi::{OsStr, OsString};

/// A name's bytes as text: valid UTF-8 stays, any other byte b (0x80..0xFF) becomes U+F700 + b; so do the bytes of a
/// character that is itself in U+F780..U+F7FF, which keeps the mapping reversible.
pub fn to_text(bytes: &[u8]) -> String {
    todo!("{bytes:?}")
}

/// The bytes of a text made by [`to_text`].
pub fn to_bytes(text: &str) -> Vec<u8> {
    todo!("{text}")
}

/// [`to_text`] of an operating system string.
pub fn from_os(name: &OsStr) -> String {
    todo!("{name:?}")
}

/// [`to_bytes`] as an operating system string.
pub fn to_os(text: &str) -> OsString {
    todo!("{text}")
}

/// Whether `path` is `folder` or below it. The empty folder holds everything.
pub fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path == folder
        || (path.starts_with(folder) && path.as_bytes().get(folder.len()) == Some(&b'/'))
}

/// The form under which names collide on file systems that fold case and normalise: NFC, lower case.
pub fn collision_key(path: &str) -> String {
    todo!("{path}")
}
