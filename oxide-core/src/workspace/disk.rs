//! The disk as it is: folders by handle, so that neither long paths nor links on the way matter.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use rustix::fs::{AtFlags, FileType as RawType, Mode, OFlags};

use crate::error::{Error, Result};

/// Timestamps this close to the moment of reading prove nothing: clocks of file systems are coarse.
pub(crate) const RACY_NANOSECONDS: i64 = 20_000_000;

/// Folders with more names are compared in parallel pieces.
pub(crate) const PIECE: usize = 4096;

/// What a name on disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiskKind {
    File,
    Link,
    Folder,
    Socket,
    Pipe,
    Device,
    Unknown,
}

impl DiskKind {
    fn from_raw(kind: RawType) -> DiskKind {
        match kind {
            RawType::RegularFile => DiskKind::File,
            RawType::Symlink => DiskKind::Link,
            RawType::Directory => DiskKind::Folder,
            RawType::Socket => DiskKind::Socket,
            RawType::Fifo => DiskKind::Pipe,
            RawType::CharacterDevice | RawType::BlockDevice => DiskKind::Device,
            _ => DiskKind::Unknown,
        }
    }

    /// Why such a thing is left out; `None` for what can be tracked.
    pub(crate) fn refusal(self) -> Option<&'static str> {
        match self {
            DiskKind::File | DiskKind::Link | DiskKind::Folder => None,
            DiskKind::Socket => Some("socket"),
            DiskKind::Pipe => Some("named pipe"),
            DiskKind::Device => Some("device"),
            DiskKind::Unknown => Some("unknown kind of file"),
        }
    }
}

/// How a file looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DiskStat {
    pub(crate) kind: DiskKind,
    pub(crate) executable: bool,
    pub(crate) mtime: i64,
    pub(crate) ctime: i64,
    pub(crate) size: u64,
    pub(crate) inode: u64,
}

impl DiskStat {
    // The width and sign of these fields differ between platforms.
    #[allow(clippy::unnecessary_cast)]
    fn from_raw(stat: &rustix::fs::Stat) -> DiskStat {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        let kind = DiskKind::from_raw(RawType::from_raw_mode(stat.st_mode as _));
        DiskStat {
            kind,
            executable: kind == DiskKind::File && stat.st_mode & 0o100 != 0,
            mtime: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            size: stat.st_size as u64,
            inode: stat.st_ino as u64,
        }
    }

    /// Whether the file may have changed after `read_at` without its times showing it.
    pub(crate) fn is_racy(&self, read_at: i64) -> bool {
        self.mtime.max(self.ctime) >= read_at.saturating_sub(RACY_NANOSECONDS)
    }
}

/// The clock, in nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX))
}

/// A name for the operating system; one with a NUL byte exists nowhere.
pub(crate) fn c_name(name: &[u8]) -> io::Result<CString> {
    CString::new(name).map_err(|_| io::Error::from(io::ErrorKind::NotFound))
}

/// Folder and last name of a path.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// Folder and name joined.
pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        return name.to_vec();
    }
    let mut path = Vec::with_capacity(folder.len() + 1 + name.len());
    path.extend_from_slice(folder);
    path.push(b'/');
    path.extend_from_slice(name);
    path
}

/// A path below `tree` for messages.
pub(crate) fn absolute(tree: &Path, path: &[u8]) -> PathBuf {
    tree.join(OsStr::from_bytes(path))
}

/// Opens the root of a working tree.
pub(crate) fn open_root(tree: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(tree, flags, Mode::empty())
        .map_err(|error| Error::io("open the folder", tree, &error.into()))
}

/// Opens a folder by its name in another one; a link is not followed.
pub(crate) fn open_subfolder(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, name, flags, Mode::empty())?)
}

/// Opens the folder at `path` below `root`, name by name, following no link.
pub(crate) fn open_folder(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<OwnedFd> {
    let mut folder = open_subfolder(root, c".")?;
    if !path.is_empty() {
        for name in path.split(|byte| *byte == b'/') {
            folder = open_subfolder(folder.as_fd(), &c_name(name)?)?;
        }
    }
    Ok(folder)
}

/// Whether a folder is the tree of a repository.
pub(crate) fn is_repository(folder: BorrowedFd<'_>) -> bool {
    rustix::fs::accessat(
        folder,
        c".oxide/repository",
        rustix::fs::Access::EXISTS,
        rustix::fs::AtFlags::empty(),
    )
    .is_ok()
}

/// Looks at a name without following a link.
pub(crate) fn stat_at(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<DiskStat> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(DiskStat::from_raw(&stat))
}

/// Looks at an open file.
pub(crate) fn stat_open(file: &File) -> io::Result<DiskStat> {
    Ok(DiskStat::from_raw(&rustix::fs::fstat(file)?))
}

/// Opens a regular file for reading. A pipe that took its place does not block.
pub(crate) fn open_file(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(File::from(rustix::fs::openat(
        folder,
        name,
        flags,
        Mode::empty(),
    )?))
}

/// The bytes of a link's target.
pub(crate) fn read_link(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlinkat(folder, name, Vec::new())?.into_bytes())
}

/// Whether an error says that there is nothing at that path (as against: something that cannot be read).
pub(crate) fn is_missing(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let missing = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::NAMETOOLONG];
    error.kind() == io::ErrorKind::NotFound
        || error
            .raw_os_error()
            .is_some_and(|code| missing.iter().any(|errno| errno.raw_os_error() == code))
}

/// The reason in a few words, for files that are left out.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::NotFound => "disappeared while it was read".into(),
        _ => error.to_string(),
    }
}

/// The names in a folder, sorted by their bytes; one block of memory for all.
#[derive(Default)]
pub(crate) struct Listing {
    /// Every name with a NUL byte after it.
    arena: Vec<u8>,
    names: Vec<Name>,
}

#[derive(Clone, Copy)]
struct Name {
    offset: usize,
    length: u32,
    kind: DiskKind,
}

impl Listing {
    /// Reads a folder.
    pub(crate) fn read(folder: BorrowedFd<'_>) -> io::Result<Listing> {
        let mut listing = Listing::default();
        listing.fill(folder)?;
        let arena = &listing.arena;
        let name = |name: &Name| &arena[name.offset..name.offset + name.length as usize];
        if listing.names.len() > PIECE {
            listing
                .names
                .par_sort_unstable_by(|a, b| name(a).cmp(name(b)));
        } else {
            listing.names.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        }
        Ok(listing)
    }

    #[cfg(target_os = "linux")]
    fn fill(&mut self, folder: BorrowedFd<'_>) -> io::Result<()> {
        let mut buffer: Vec<u8> = Vec::with_capacity(64 << 10);
        let mut entries = rustix::fs::RawDir::new(folder, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            self.push(entry.file_name(), entry.file_type());
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn fill(&mut self, folder: BorrowedFd<'_>) -> io::Result<()> {
        for entry in rustix::fs::Dir::read_from(folder)? {
            let entry = entry?;
            self.push(entry.file_name(), entry.file_type());
        }
        Ok(())
    }

    fn push(&mut self, name: &CStr, kind: RawType) {
        if name == c"." || name == c".." {
            return;
        }
        let offset = self.arena.len();
        self.arena.extend_from_slice(name.to_bytes_with_nul());
        self.names.push(Name {
            offset,
            length: name.to_bytes().len() as u32,
            kind: DiskKind::from_raw(kind),
        });
    }

    /// Number of names.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Name at a position.
    pub(crate) fn name(&self, index: usize) -> &[u8] {
        let name = &self.names[index];
        &self.arena[name.offset..name.offset + name.length as usize]
    }

    /// Name at a position as the operating system takes it.
    pub(crate) fn c_name(&self, index: usize) -> &CStr {
        let name = &self.names[index];
        let bytes = &self.arena[name.offset..=name.offset + name.length as usize];
        CStr::from_bytes_with_nul(bytes).unwrap_or(c"")
    }

    /// What the folder says that the name is; some file systems say nothing.
    pub(crate) fn kind(&self, index: usize) -> DiskKind {
        self.names[index].kind
    }

    /// Position of a name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            match self.name(middle).cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }
}
