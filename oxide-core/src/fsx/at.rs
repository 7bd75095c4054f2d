//! Changes of working files by the handle of their folder, so that long paths work and no link on the way is followed.
//! `path` names the file in fault points and messages only.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, CWD};
use rustix::io::Errno;

use super::{fault_point, recording};
use crate::error::{Error, ErrorCode, Result};

/// Permissions that the process' umask narrows: everything for folders and programs, all but executing for other files.
const FOLDER_MODE: u32 = 0o777;
const FILE_MODE: u32 = 0o666;

/// Renames the file `from` to `name` in `folder`, replacing what is there. Across file systems the file is copied.
#[track_caller]
pub fn rename(from: &Path, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    fault_point("rename", path)?;
    let turn = recording::turn();
    match rustix::fs::renameat(CWD, from, folder, name) {
        Ok(()) => turn.renamed(from, &turn.place(folder, name, path)),
        Err(Errno::XDEV) => {
            drop(turn);
            return copy_across(from, folder, name, path);
        }
        Err(error) => return Err(Error::io("rename a file to", path, &error.into())),
    }
    Ok(())
}

/// Swaps the file `from` with what is at `name` in `folder`. `false` where that cannot be done: nothing is at one of the
/// names, or the file system has no such call.
///
/// A rename over a file makes some file systems (ext4) write the new content to the disk at once, file by file; a swap does
/// not, and what was there is still at hand.
#[track_caller]
pub fn exchange(from: &Path, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<bool> {
    fault_point("rename", path)?;
    let turn = recording::turn();
    match rustix::fs::renameat_with(CWD, from, folder, name, RenameFlags::EXCHANGE) {
        Ok(()) => {
            turn.exchanged(from, &turn.place(folder, name, path));
            Ok(true)
        }
        Err(Errno::NOENT | Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(Error::io("rename a file to", path, &error.into())),
    }
}

/// Renames the file `from` to `name` in `folder` if nothing has that name. `false` when something has.
#[track_caller]
pub fn rename_new(from: &Path, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<bool> {
    fault_point("rename", path)?;
    let turn = recording::turn();
    match rustix::fs::renameat_with(CWD, from, folder, name, RenameFlags::NOREPLACE) {
        Ok(()) => {
            turn.renamed(from, &turn.place(folder, name, path));
            Ok(true)
        }
        Err(Errno::EXIST) => Ok(false),
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            drop(turn);
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
#[track_caller]
pub fn rename_folder_new(
    from: &Path,
    folder: BorrowedFd<'_>,
    name: &CStr,
    path: &Path,
) -> Result<bool> {
    fault_point("rename", path)?;
    let turn = recording::turn();
    match rustix::fs::renameat_with(CWD, from, folder, name, RenameFlags::NOREPLACE) {
        Ok(()) => {
            turn.renamed(from, &turn.place(folder, name, path));
            Ok(true)
        }
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
#[track_caller]
pub fn create_new(
    folder: BorrowedFd<'_>,
    name: &CStr,
    executable: bool,
    path: &Path,
) -> Result<File> {
    fault_point("create", path)?;
    let mode = if executable { FOLDER_MODE } else { FILE_MODE };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let turn = recording::turn();
    let file = rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(mode))
        .map(File::from)
        .map_err(|error| Error::io("create", path, &error.into()))?;
    turn.created(&turn.place(folder, name, path), &file);
    Ok(file)
}

/// Creates a symbolic link in `folder` with exactly these target bytes.
#[track_caller]
pub fn symlink(target: &[u8], folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    fault_point("symlink", path)?;
    let turn = recording::turn();
    rustix::fs::symlinkat(target, folder, name)
        .map_err(|error| Error::io("create the link", path, &error.into()))?;
    turn.symlinked(&turn.place(folder, name, path), target);
    Ok(())
}

/// Brings a file or link into a folder of another file system under a temporary name, then renames it.
///
/// The name is always the same for one target: what a process that died has left is replaced by the next one, which
/// finishes the same work.
#[track_caller]
fn copy_across(from: &Path, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    let temporary = temporary_for(name)?;
    remove_file(folder, &temporary, path)?;
    let mut arrived = copy_to(from, folder, &temporary, path);
    if arrived.is_ok() {
        arrived = rename_within(folder, &temporary, name, path);
    }
    if arrived.is_err() {
        let _ = remove_file(folder, &temporary, path);
        return arrived;
    }
    super::remove_file(from)
}

#[track_caller]
fn rename_within(folder: BorrowedFd<'_>, from: &CStr, to: &CStr, path: &Path) -> Result<()> {
    fault_point("rename", path)?;
    let turn = recording::turn();
    rustix::fs::renameat(folder, from, folder, to)
        .map_err(|error| Error::io("rename a file to", path, &error.into()))?;
    turn.renamed(
        &turn.place(folder, from, path),
        &turn.place(folder, to, path),
    );
    Ok(())
}

/// A name beside `name` that nothing else has.
pub(super) fn temporary_for(name: &CStr) -> Result<CString> {
    let digest = blake3::hash(name.to_bytes());
    let temporary = format!(".oxide-tmp-{}", &digest.to_hex()[..16]);
    CString::new(temporary).map_err(|error| Error::new(ErrorCode::Invalid, error.to_string()))
}

#[track_caller]
fn copy_to(from: &Path, folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    let failed = |error: io::Error| Error::io("read", from, &error);
    let looks = std::fs::symlink_metadata(from).map_err(failed)?;
    if looks.is_symlink() {
        let target = std::fs::read_link(from).map_err(failed)?;
        return symlink(target.as_os_str().as_bytes(), folder, name, path);
    }
    let executable = looks.permissions().mode() & 0o100 != 0;
    let target = create_new(folder, name, executable, path)?;
    let source = File::open(from).map_err(failed)?;
    super::copy_file(&source, from, &target, path).map(drop)
}

/// Removes a file or link; a missing one is no error.
#[track_caller]
pub fn remove_file(folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    fault_point("unlink", path)?;
    let turn = recording::turn();
    match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) => turn.unlinked(&turn.place(folder, name, path)),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(Error::io("remove", path, &error.into())),
    }
    Ok(())
}

/// Creates a folder; one that is there is no error.
#[track_caller]
pub fn create_folder(folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    fault_point("mkdir", path)?;
    let turn = recording::turn();
    match rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(FOLDER_MODE)) {
        Ok(()) => turn.folder_created(&turn.place(folder, name, path)),
        Err(Errno::EXIST) => {}
        Err(error) => return Err(Error::io("create the folder", path, &error.into())),
    }
    Ok(())
}

/// Removes an empty folder, unless it is gone already; `false` when it stays because something is in it.
#[track_caller]
pub fn remove_folder_if_empty(folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<bool> {
    fault_point("rmdir", path)?;
    let turn = recording::turn();
    match rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR) {
        Ok(()) => {
            turn.folder_removed(&turn.place(folder, name, path));
            Ok(true)
        }
        Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(false),
        // The root of a mounted file system, or a folder of a folder that is not ours to change: it stays.
        Err(Errno::BUSY | Errno::ACCESS | Errno::PERM) => Ok(false),
        Err(error) => Err(Error::io("remove the folder", path, &error.into())),
    }
}

/// Removes a file, link or folder with all that is in it; a missing one is no error.
#[track_caller]
pub fn remove_all(folder: BorrowedFd<'_>, name: &CStr, path: &Path) -> Result<()> {
    fault_point("rmdir", path)?;
    let turn = recording::turn();
    let going = recording::whole_tree(&turn, &turn.place(folder, name, path));
    remove_tree(folder, name).map_err(|error| Error::io("remove", path, &error))?;
    turn.tree_removed(&going);
    Ok(())
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
#[track_caller]
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
    let turn = recording::turn();
    change().map_err(|error| Error::io("change the permissions of", path, &error.into()))?;
    turn.permitted(file);
    Ok(())
}
