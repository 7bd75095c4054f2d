//! The one error type of the core: what failed, on which object, and what to do next.

use std::path::{Path, PathBuf};

/// What went wrong, as a stable word that callers map to an exit code or an exception class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The folder is no repository.
    NotARepository,
    /// The repository needs a feature or format version that this build does not know.
    Unsupported,
    /// A named object, path or revision does not exist.
    NotFound,
    /// An argument is malformed.
    Invalid,
    /// Stored bytes are damaged or missing.
    Integrity,
    /// A file kept changing while it was read.
    FileChanged,
    /// The change would overwrite work that is not stored anywhere.
    WouldOverwrite,
    /// Another process moved what this one was changing.
    Moved,
    /// The operating system refused.
    Io,
    /// The disk is full.
    DiskFull,
    /// The caller asked to stop.
    Interrupted,
}

impl ErrorCode {
    /// The stable spelling used in JSON and Python.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorCode::NotARepository => "not_a_repository",
            ErrorCode::Unsupported => "unsupported",
            ErrorCode::NotFound => "not_found",
            ErrorCode::Invalid => "invalid",
            ErrorCode::Integrity => "integrity",
            ErrorCode::FileChanged => "file_changed",
            ErrorCode::WouldOverwrite => "would_overwrite",
            ErrorCode::Moved => "moved",
            ErrorCode::Io => "io",
            ErrorCode::DiskFull => "disk_full",
            ErrorCode::Interrupted => "interrupted",
        }
    }
}

/// A failure with everything a user needs: what, which object, why, and the next command.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The kind of failure.
    pub code: ErrorCode,
    /// One sentence: what failed, on which object, why.
    pub message: String,
    /// The next command or step, or empty.
    pub hint: String,
    /// The path concerned, where there is one.
    pub path: Option<PathBuf>,
}

/// Result with the core's error.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Error {
        Error {
            code,
            message: message.into(),
            hint: String::new(),
            path: None,
        }
    }

    /// The same error with the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = hint.into();
        self
    }

    /// The same error with the path concerned.
    pub fn at(mut self, path: impl Into<PathBuf>) -> Error {
        self.path = Some(path.into());
        self
    }

    /// A damaged or missing stored object.
    pub fn integrity(message: impl Into<String>) -> Error {
        Error::new(ErrorCode::Integrity, message).hint("run `oxide fsck --repair`")
    }

    /// An operating system error while `doing` something to `path`.
    pub fn io(doing: &str, path: &Path, source: &std::io::Error) -> Error {
        use rustix::io::Errno;
        let is = |errno: Errno| source.raw_os_error() == Some(errno.raw_os_error());
        let (code, hint) = if is(Errno::NOSPC) || is(Errno::DQUOT) {
            let hint = "free some space and run the same command again";
            (ErrorCode::DiskFull, hint)
        } else if is(Errno::ACCESS) || is(Errno::PERM) || is(Errno::ROFS) {
            let hint = "you may not change it: ask its owner for write permission, or work on a copy of your own";
            (ErrorCode::Io, hint)
        } else {
            (ErrorCode::Io, "")
        };
        Error::new(
            code,
            format!("cannot {doing} '{}': {source}", path.display()),
        )
        .hint(hint)
        .at(path)
    }

    /// The caller asked to stop.
    pub fn interrupted() -> Error {
        Error::new(ErrorCode::Interrupted, "interrupted")
            .hint("run the same command again to continue")
    }
}
