"""Adding by reference: a link in the tree leads to a file outside it, which is read and not copied into the store."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from oxide import _core, staging
from oxide.errors import AlreadyExists, InvalidInput, NotFound, Unsupported
from oxide.types import AddResult, Progress, Skipped

if TYPE_CHECKING:
    from oxide.repository import Repository

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_CONTROL = (".oxide", ".git")


def add(repository: Repository, paths: Sequence[str], into: str, *, progress: Progress | None) -> AddResult:
    """Stage links to files outside the tree. For files named by their place outside, links are made in ``into``."""
    wanted = _Wanted(repository, into)
    for path in paths:
        wanted.take(path)
    with repository.working_copy.lock():
        wanted.make_links()
    result = staging.add(repository, wanted.names, by_reference=True, progress=progress)
    return result._replace(skipped=sorted([*result.skipped, *wanted.skipped]))


class _Wanted:
    """The links to stage, and those of them that are still to be made."""

    def __init__(self, repository: Repository, into: str) -> None:
        self._repository = repository
        self._root = os.fspath(repository.root)
        self._into = into
        self._missing: dict[str, str] = {}  # where a link shall stand, and its target, as on disk
        self.names: list[str] = []
        self.skipped: list[Skipped] = []

    def take(self, asked: str) -> None:
        """One path or URI."""
        path = os.path.abspath(os.path.join(self._root, _local(asked)))
        name = self._name_in_tree(path, asked)
        if name is not None:
            self._take_link(name)
        elif os.path.isfile(path):
            self._link(os.path.join(self._repository.disk_path(self._into), os.path.basename(path)), path)
        elif os.path.isdir(path):
            self._take_folder(path)
        elif os.path.lexists(path):
            raise InvalidInput(f"'{path}' is neither a file nor a folder", hint="name a regular file", path=path)
        else:
            raise NotFound(f"there is no file '{path}'", hint="check the spelling", path=path)

    def make_links(self) -> None:
        """Make what is missing; checked before, so that nothing is made when one place is taken."""
        for place, target in self._missing.items():
            _core.make_link(os.fsencode(target), place)

    def _name_in_tree(self, path: str, asked: str) -> str | None:
        """The path below the root; ``None`` for one that lies outside and leads outside."""
        try:
            return self._repository.to_path(path)
        except InvalidInput:
            if self._leads_inside(path):
                raise InvalidInput(
                    f"'{asked}' leads into the repository, so it cannot be added by reference",
                    hint="add it with `oxide add`",
                    path=asked,
                ) from None
            return None

    def _leads_inside(self, path: str) -> bool:
        return _is_at_or_below(os.path.realpath(path), self._root)

    def _take_link(self, name: str) -> None:
        """A path in the tree: it must be a link to a file outside."""
        place = self._repository.disk_path(name)
        if not os.path.lexists(place):
            raise NotFound(f"there is no file '{name}'", hint="check the spelling", path=name)
        target = os.readlink(place) if os.path.islink(place) else ""
        if not target or self._leads_inside(place):
            raise InvalidInput(
                f"'{name or '.'}' is no link to a file outside the tree",
                hint="add it with plain `oxide add`, or name the file outside",
                path=name,
            )
        if not os.path.isabs(target):
            raise InvalidInput(
                f"the link '{name}' has the relative target '{target}'",
                hint=f"make it absolute: ln -sfn '{os.path.realpath(place)}' '{name}'",
                path=name,
            )
        if os.path.isdir(place):
            raise InvalidInput(
                f"the link '{name}' leads to a folder",
                hint=f"remove it and name the folder: oxide add --reference '{target}'",
                path=name,
            )
        if not os.path.isfile(place):
            raise NotFound(
                f"the link '{name}' leads to '{target}', which is no file", hint="put the file there first", path=name
            )
        self.names.append(name)

    def _take_folder(self, top: str) -> None:
        """A link for each file below a folder, under a folder of the same name."""
        if _is_at_or_below(self._root, os.path.realpath(top)):
            raise InvalidInput(f"the repository lies in '{top}'", hint="name the files or folders beside it", path=top)
        above = os.path.dirname(top)
        base = self._repository.disk_path(self._into)

        def unreadable(error: OSError) -> None:
            self._skip(str(error.filename), (error.strerror or "cannot be read").lower())

        for folder, folders, files in os.walk(top, onerror=unreadable):
            here = os.path.join(base, os.path.relpath(folder, above))
            for inner in list(folders):
                path = os.path.join(folder, inner)
                if inner in _CONTROL:
                    self._skip(path, "belongs to the version control itself")
                    folders.remove(inner)
                elif os.path.islink(path):
                    self._skip(path, "is a link to a folder")
            for file in sorted(files):
                path = os.path.join(folder, file)
                if os.path.isfile(path) and not self._leads_inside(path):
                    self._link(os.path.join(here, file), path)
                else:
                    self._skip(path, "is no regular file outside the tree")
            folders.sort()

    def _skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(_core.path_to_text(os.fsencode(path)), reason))

    def _link(self, place: str, target: str) -> None:
        name = self._repository.to_path(place)
        there = os.path.lexists(place)
        ours = there and os.path.islink(place) and os.readlink(place) == target
        if place in self._missing or (there and not ours) or self._beyond_a_link(place):
            raise AlreadyExists(
                f"'{name}' is taken, so it cannot become a link to '{target}'",
                hint="remove it, or run the command in another folder",
                path=name,
            )
        if not there:
            self._missing[place] = target
        self.names.append(name)

    def _beyond_a_link(self, place: str) -> bool:
        """Whether something else than a folder stands where a folder above ``place`` must be."""
        folder = os.path.dirname(place)
        while folder != self._root:
            if os.path.islink(folder) or (os.path.lexists(folder) and not os.path.isdir(folder)):
                return True
            folder = os.path.dirname(folder)
        return False


def _local(asked: str) -> str:
    """The path that a ``file://`` URI or a plain path names. Raises Unsupported for every other kind of URI."""
    scheme = _SCHEME.match(asked)
    if scheme is None:
        return asked
    if scheme[1].lower() != "file":
        raise Unsupported(
            f"'{asked}' cannot be added by reference: only files of this machine can",
            hint="fetch it first, and add the file",
            path=asked,
        )
    host, slash, path = asked[scheme.end() :].partition("/")
    if host.lower() not in ("", "localhost") or not slash or "%00" in path:
        raise InvalidInput(
            f"'{asked}' names no file of this machine", hint="write it as file:///folder/name", path=asked
        )
    return os.fsdecode(b"/" + unquote_to_bytes(path))


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
