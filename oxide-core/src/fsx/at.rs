//! Changes of working files by the handle of their folder, so that long paths work and no link on the way is followed.
//! `path` names the file in fault points and messages only.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, CWD};
use rustix::io::Errno;

use super::fault_point;
use crate::error::{Error, Result};

/// Permissions that the process' umask narrows: everything for folders and programs, all but executing for other files.
const FOLDER_MODE: u32 = 0o777;
const FILE_MODE: u32 = 0o666;

/// Renames the file `from` to `name` in `folder`, replacing what is there. Across file systems the file is copied.
pub fn rename(from: &Path, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    fault_point("rename", path)?;
    match rustix::fs::renameat(CWD, from, folder, name) {
        Err(Errno::XDEV) => copy_across(from, folder, name)
            .map_err(|error| Error::io("copy a file to", path, &error)),
        other => other.map_err(|error| Error::io("rename a file to", path, &error.into())),
    }
}

/// Swaps the file `from` with what is at `name` in `folder`. `false` where that cannot be done: nothing is at one of the
/// names, or the file system has no such call.
///
/// A rename over a file makes some file systems (ext4) write the new content to the disk at once, file by file; a swap does
/// not, and what was there is still at hand.
pub fn exchange(from: &Path, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<bool> {
    fault_point("rename", path)?;
    match rustix::fs::renameat_with(CWD, from, folder, name, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(Error::io("rename a file to", path, &error.into())),
    }
}

/// Renames the file `from` to `name` in `folder` if nothing has that name. `false` when something has.
pub fn rename_new(from: &Path, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<bool> {
    fault_point("rename", path)?;
    match rustix::fs::renameat_with(CWD, from, folder, name, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            if rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                return Ok(false);
            }
            rename(from, folder, name, path).map(|()| true)
        }
        Err(error) => Err(Error::io("rename a file to", path, &error.into())),
    }
}

/// Renames the folder `from` to `name` in `folder` if nothing has that name. `false` when something has, when `folder`
/// is gone, or when it lies on another file system.
pub fn rename_folder_new(
    from: &Path,
    folder: BorrowedFd<'_>,
    name: &CStr,
    path: &Path,
) -> Result<bool> {
    fault_point("rename", path)?;
    match rustix::fs::renameat_with(CWD, from, folder, name, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(
            Errno::EXIST
            | Errno::NOTEMPTY
            | Errno::NOENT
            | Errno::XDEV
            | Errno::INVAL
            | Errno::NOSYS
            | Errno::NOTSUP,
        ) => Ok(false),
        Err(error) => Err(Error::io("rename a folder to", path, &error.into())),
    }
}

/// Creates a new file in `folder` for writing; it must not exist. The process' umask narrows its permissions.
pub fn create_new(
    folder: BorrowedFd<'_>,
    name: &CStr,
    executable: bool,
    path: &Path,
) -> Result<File> {
    fault_point("create", path)?;
    let mode = if executable { FOLDER_MODE } else { FILE_MODE };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(mode))
        .map(File::from)
        .map_err(|error| Error::io("create", path, &error.into()))
}

/// Creates a symbolic link in `folder` with exactly these target bytes.
pub fn symlink(target: &[u8], folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    fault_point("symlink", path)?;
    rustix::fs::symlinkat(target, folder, name)
        .map_err(|error| Error::io("create the link", path, &error.into()))
}

/// Brings a file or link into a folder of another file system under a temporary name, then renames it.
fn copy_across(from: &Path, folder: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let random = || {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
        Ok::<_, io::Error>(format!(".oxide-tmp-{}", crate::hash::hex(&bytes)))
    };
    let temporary = random()?;
    let copy = || {
        let metadata = std::fs::symlink_metadata(from)?;
        if metadata.is_symlink() {
            rustix::fs::symlinkat(std::fs::read_link(from)?, folder, temporary.as_str())?;
        } else {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let target = rustix::fs::openat(folder, temporary.as_str(), flags, Mode::RUSR)?;
            let mut target = File::from(target);
            io::copy(&mut File::open(from)?, &mut target)?;
            target.set_permissions(metadata.permissions())?;
        }
        rustix::fs::renameat(folder, temporary.as_str(), folder, name)?;
        std::fs::remove_file(from)
    };
    copy().inspect_err(|_| {
        let _ = rustix::fs::unlinkat(folder, temporary.as_str(), AtFlags::empty());
    })
}

/// Removes a file or link; a missing one is no error.
pub fn remove_file(folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    fault_point("unlink", path)?;
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(Error::io("remove", path, &error.into())),
    }
}

/// Creates a folder; one that is there is no error.
pub fn create_folder(folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    fault_point("mkdir", path)?;
    match rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(FOLDER_MODE)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(Error::io("create the folder", path, &error.into())),
    }
}

/// Removes an empty folder; `false` when it is not empty or not there.
pub fn remove_folder_if_empty(folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<bool> {
    fault_point("rmdir", path)?;
    match rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(false),
        // The root of a mounted file system, or a folder of a folder that is not ours to change: it stays.
        Err(Errno::BUSY | Errno::ACCESS | Errno::PERM) => Ok(false),
        Err(error) => Err(Error::io("remove the folder", path, &error.into())),
    }
}

/// Removes a file, link or folder with all that is in it; a missing one is no error.
pub fn remove_all(folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    fault_point("rmdir", path)?;
    remove_tree(folder, name).map_err(|error| Error::io("remove", path, &error))
}

fn remove_tree(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inner = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(inner) => inner,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => {
            return Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?)
        }
        Err(error) => return Err(error.into()),
    };
    for entry in Dir::read_from(&inner)? {
        let entry = entry?;
        let child = entry.file_name();
        if child == c"." || child == c".." {
            continue;
        }
        match entry.file_type() {
            FileType::Directory | FileType::Unknown => remove_tree(inner.as_fd(), child)?,
            _ => rustix::fs::unlinkat(&inner, child, AtFlags::empty())?,
        }
    }
    Ok(rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?)
}

/// Sets or clears the executable bits of an open file: set for those who may read it, as the umask decided.
pub fn set_executable(file: &File, executable: bool, path: &Path) -> Result<()> {
    fault_point("chmod", path)?;
    let change = || {
        let mode = rustix::fs::fstat(file)?.st_mode & 0o7777;
        let mode = match executable {
            true => mode | ((mode & 0o444) >> 2),
            false => mode & !0o111,
        };
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode))
    };
    change().map_err(|error| Error::io("change the permissions of", path, &error.into()))
}
