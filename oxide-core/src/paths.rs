//! Paths of the working tree as UTF-8 text and back. Bytes that are no UTF-8 map reversibly to U+F780..U+F7FF.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, ErrorCode, Result};

/// Names that are never tracked, at any level: the control folders of Oxide and git.
pub const CONTROL_NAMES: [&str; 2] = [".oxide", ".git"];

/// First character of the range that stands for single bytes; the byte 0x80.
const ESCAPE_FIRST: u32 = 0xF780;
/// Last character of that range; the byte 0xFF.
const ESCAPE_LAST: u32 = 0xF7FF;

/// A name's bytes as text: valid UTF-8 stays, any other byte b (0x80..0xFF) becomes U+F700 + b; so do the bytes of a
/// character that is itself in U+F780..U+F7FF, which keeps the mapping reversible.
pub fn to_text(bytes: &[u8]) -> String {
    // Most names are ASCII, which stays.
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(|t| t.is_ascii()) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_escape(character) {
                let mut encoded = [0; 4];
                for byte in character.encode_utf8(&mut encoded).bytes() {
                    text.push(escape(byte));
                }
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| escape(*byte)));
    }
    text
}

/// The bytes of a text made by [`to_text`].
pub fn to_bytes(text: &str) -> Vec<u8> {
    if text.is_ascii() {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        if is_escape(character) {
            bytes.push((character as u32 - 0xF700) as u8);
        } else {
            let mut encoded = [0; 4];
            bytes.extend_from_slice(character.encode_utf8(&mut encoded).as_bytes());
        }
    }
    bytes
}

fn is_escape(character: char) -> bool {
    (ESCAPE_FIRST..=ESCAPE_LAST).contains(&(character as u32))
}

/// The character that stands for a byte from 0x80 up. Bytes of UTF-8 that need escaping are never below.
fn escape(byte: u8) -> char {
    char::from_u32(0xF700 + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// [`to_text`] of an operating system string.
pub fn from_os(name: &OsStr) -> String {
    to_text(name.as_bytes())
}

/// [`to_bytes`] as an operating system string.
pub fn to_os(text: &str) -> OsString {
    OsString::from_vec(to_bytes(text))
}

/// Whether `path` is `folder` or below it. The empty folder holds everything.
pub fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path == folder
        || (path.starts_with(folder) && path.as_bytes().get(folder.len()) == Some(&b'/'))
}

/// The form under which names collide on file systems that fold case and normalise: NFC, lower case.
pub fn collision_key(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    let lower = path.nfc().collect::<String>().to_lowercase();
    lower.nfc().collect()
}

/// Refuses a path that a table must never bring into a working tree: absolute, with `.`, `..`, an empty name or a
/// NUL byte in it, or inside a control folder.
pub fn check(path: &str) -> Result<()> {
    let bad = path.contains('\0')
        || path.split('/').any(|name| {
            name.is_empty() || name == "." || name == ".." || CONTROL_NAMES.contains(&name)
        });
    if bad {
        return Err(Error::new(
            ErrorCode::Invalid,
            format!("'{}' is no path of a tracked file", path.escape_debug()),
        )
        .at(path));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn valid_text_stays_and_other_bytes_are_mapped() {
        assert_eq!(to_text("größe/猫 1\n.jpg".as_bytes()), "größe/猫 1\n.jpg");
        assert_eq!(to_text(b"a\xffb"), "a\u{f7ff}b");
        assert_eq!(
            to_text("\u{f780}".as_bytes()),
            "\u{f7ef}\u{f79e}\u{f780}",
            "a character of the range is mapped byte by byte"
        );
        assert_eq!(to_bytes("a\u{f7ff}b"), b"a\xffb");
    }

    #[test]
    fn collisions_fold_case_and_normalisation() {
        assert_eq!(collision_key("IMG.JPG"), collision_key("img.jpg"));
        assert_eq!(collision_key("e\u{301}"), collision_key("É"));
        assert_ne!(collision_key("a"), collision_key("b"));
    }

    #[test]
    fn control_folders_and_odd_components_are_refused() {
        for path in ["", "/a", "a//b", "a/../b", ".", "a/.oxide/x", ".git", "a\0"] {
            assert_eq!(check(path).unwrap_err().code, ErrorCode::Invalid, "{path}");
        }
        check("a/.oxideignore").unwrap();
        check("..a/b..").unwrap();
    }

    proptest! {
        #[test]
        fn every_name_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(to_bytes(&to_text(&bytes)), bytes);
        }

        #[test]
        fn characters_of_the_range_come_back(text in "[\u{f770}-\u{f810}a/]{0,12}") {
            prop_assert_eq!(to_bytes(&to_text(text.as_bytes())), text.as_bytes());
        }
    }
}
