"""Paths as users type them, relative to the current folder, and as the engine takes them, relative to the root."""

from __future__ import annotations

import os
from collections.abc import Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oxide.repository import Repository


def to_root(root: str | os.PathLike[str], path: str) -> str:
    """A path below the root with ``/`` between names; the root itself is ``.``.

    Links in the folders above the last name are followed only if the path would otherwise be outside: the last name may
    itself be a link that is under version control.
    """
    from oxide.errors import InvalidInput

    if not path:
        raise InvalidInput("a path is empty", hint="name a file or a folder, or `.` for the current folder")
    absolute = os.path.normpath(os.path.join(os.getcwd(), path))
    top = os.path.normpath(os.path.abspath(root))
    relative = _below(top, absolute)
    if relative is None:
        folder, name = os.path.split(absolute)
        relative = _below(os.path.realpath(top), os.path.join(os.path.realpath(folder), name))
    if relative is None:
        raise InvalidInput(
            f"{path} is outside the repository at {top}",
            hint="name a path inside it, or go to the other repository with `oxide -C FOLDER`",
            path=path,
        )
    return relative


def all_to_root(repository: Repository, paths: Iterable[str]) -> list[str]:
    """Each path below the repository's root."""
    return [to_root(repository.folder, path) for path in paths]


def _below(top: str, absolute: str) -> str | None:
    if absolute == top:
        return "."
    prefix = top if top.endswith(os.sep) else top + os.sep
    return absolute[len(prefix) :] if absolute.startswith(prefix) else None
