"""Paths on disk and paths of a repository: from its top folder, ``/`` between names, in the core's UTF-8 form."""

from __future__ import annotations

import os

from oxide import _core
from oxide.errors import InvalidInput

CONTROL = ".oxide"


def to_path(root: str, path: str | os.PathLike[str]) -> str:
    """A path as the repository below ``root`` knows it.

    Raises:
        InvalidInput: it lies outside the tree, belongs to Oxide itself, or can be no file's.
    """
    _refuse_what_no_file_is_called(os.fspath(path))
    absolute = os.path.abspath(os.path.join(root, os.fspath(path)))
    if absolute != root and not absolute.startswith(root.rstrip("/") + "/"):
        # The tree may have been reached through a symbolic link; the last name itself is never followed.
        absolute = os.path.join(os.path.realpath(os.path.dirname(absolute)), os.path.basename(absolute))
    if absolute == root or os.path.realpath(absolute) == root:
        return ""
    if not absolute.startswith(root.rstrip("/") + "/"):
        raise InvalidInput(
            f"'{os.fspath(path)}' is outside the repository '{root}'", hint="name a path inside it", path=absolute
        )
    relative = _core.path_to_text(os.fsencode(absolute[len(root.rstrip("/")) + 1 :]))
    if CONTROL in relative.split("/"):
        raise InvalidInput(f"'{os.fspath(path)}' belongs to Oxide itself", hint="name a file of yours", path=absolute)
    return relative


def on_disk(root: str, path: str) -> str:
    """Where a path of the repository below ``root`` lies on disk."""
    return os.path.join(root, os.fsdecode(_core.path_to_bytes(path))) if path else root


def _refuse_what_no_file_is_called(path: str) -> None:
    try:
        is_name = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        is_name = False
    if not is_name:
        hint = "a path holds neither zero characters nor halves of surrogate pairs"
        raise InvalidInput(f"{path!a} can be no file's path", hint=hint)
