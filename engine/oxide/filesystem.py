"""``oxide://``: the files of a revision for whatever opens files through fsspec (pandas, Dask, Arrow). Read only.

``oxide:///data/pets@v1/labels/boxes.csv`` is a file of the repository in ``/data/pets`` at ``v1``; without ``@REV`` as
the next commit would hold it. A ``/`` or ``@`` in a revision is written ``%2F`` or ``%40``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import unquote

from fsspec import AbstractFileSystem

from oxide.errors import NotFound, Unsupported
from oxide.locating import CONTROL
from oxide.reading import open_content
from oxide.repository import Repository

PROTOCOL = "oxide"


class OxideFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The files of one state of a repository, by paths from its root. It stays at the state that it was opened at.

    Raises:
        NotFound: there is no repository, or no such revision.
    """

    protocol = PROTOCOL
    cachable = False  # what is pending changes

    def __init__(
        self, repository: str | os.PathLike[str] | Repository, revision: str | None = None, **how: Any
    ) -> None:
        super().__init__(**how)
        self.repository = repository if isinstance(repository, Repository) else Repository.open(repository)
        self.revision = revision
        self._hold = self.repository.store.hold()
        self._root = self.repository.state_at(revision)["files"][1]

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        text = os.fspath(path)
        inner = _parts(text)[2] if text.startswith(f"{PROTOCOL}://") else text
        return inner.strip("/")

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        repository, revision, _ = _parts(path)
        return {"repository": repository, "revision": revision}

    def ls(self, path: str, detail: bool = True, **how: Any) -> list[Any]:
        """What lies in a folder, by name; of a file itself. Raises FileNotFoundError."""
        path = self._strip_protocol(path)
        entries = list(self._entries(path))
        if not entries and path:
            raise FileNotFoundError(errno.ENOENT, "no such file or folder in the repository", path)
        return entries if detail else [entry["name"] for entry in entries]

    def _entries(self, path: str) -> Iterator[dict[str, Any]]:
        prefix = f"{path}/" if path else ""
        folder: str | None = None
        for row in self.repository.store.file_rows(self._root, [path] if path else []):
            name, below, _ = row["path"][len(prefix) :].partition("/")
            if row["path"] == path or not below:
                yield _file(row)
            elif folder != name:
                folder = name
                yield {"name": prefix + name, "size": 0, "type": "directory"}

    def info(self, path: str, **how: Any) -> dict[str, Any]:
        """Name, size, type and content id of a file. Raises FileNotFoundError."""
        path = self._strip_protocol(path)
        row = self.repository.store.file_row(self._root, path) if path else None
        if row is not None:
            return _file(row)
        if not path or self.repository.store.has_folder(self._root, path):
            return {"name": path, "size": 0, "type": "directory"}
        raise FileNotFoundError(errno.ENOENT, "no such file or folder in the repository", path)

    def _open(self, path: str, mode: str = "rb", **how: Any) -> IO[bytes]:
        if mode != "rb":
            raise Unsupported(
                f"{path} cannot be opened to write", hint="change the file in the working copy, then `add`"
            )
        row = self.repository.store.file_row(self._root, self._strip_protocol(path))
        if row is None:
            raise FileNotFoundError(errno.ENOENT, "no such file in the repository", path)
        return open_content(self.repository.store, row["content_id"], row["size"])

    def ukey(self, path: str) -> str:
        """What changes when the content does. Raises FileNotFoundError."""
        return str(self.info(path).get("content_id", ""))


def _file(row: dict[str, Any]) -> dict[str, Any]:
    kind = "link" if row["type"] == "link" else "file"
    return {"name": row["path"], "size": row["size"], "type": kind, "content_id": row["content_id"]}


def _parts(url: str) -> tuple[str, str | None, str]:
    """Repository, revision and path of a URL: the repository is the first folder on the way that is one."""
    names = url.removeprefix(f"{PROTOCOL}://").split("/")
    for at in range(1, len(names) + 1):
        folder, _, revision = names[at - 1].partition("@")
        place = "/".join([*names[: at - 1], folder]) or "/"
        if os.path.isdir(os.path.join(place, CONTROL)):
            return place, unquote(revision) or None, "/".join(names[at:])
    raise NotFound(f"{url} leads to no repository", hint="oxide:///FOLDER@REV/PATH, FOLDER being one")
