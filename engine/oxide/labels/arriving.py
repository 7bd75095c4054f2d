"""Pictures that an import brings along: added where they lie, or copied into the working copy from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import TYPE_CHECKING

from oxide import clock
from oxide.errors import FileSystemError, InvalidInput
from oxide.labels import ids
from oxide.labels.matching import Found, Images, below
from oxide.staging import stage, with_staged
from oxide.workspace import Tables, base_tables, file_roots, read_state, with_file_roots

if TYPE_CHECKING:
    from oxide._core import Record, Session, Staged
    from oxide.formats.base import Picture
    from oxide.repository import Repository
    from oxide.types import Progress
    from oxide.workspace import State

PROGRESS_EVERY = 100


class Arriving:
    """The folder of ``--images``. ``prefix``: the folder of the repository that its pictures are or come below."""

    def __init__(self, repository: Repository, folder: str | os.PathLike[str], into: str, *, by_name: bool) -> None:
        self._repository = repository
        self.images = Images(os.fspath(folder), by_name)
        inside = _inside(repository, folder)
        if inside is not None and into:
            raise InvalidInput(
                f"the pictures of '{os.fspath(folder)}' are in the working copy already, and stay where they are",
                hint="leave --into out",
            )
        self.moves_files = inside is None
        """Whether pictures come from outside the working copy."""
        self.prefix = into if inside is None else inside
        self.staged: Staged | None = None
        self._wanted: dict[Hashable, str] = {}

    def wants(self, picture: Picture) -> bool:
        """Note a picture that is not tracked. ``False`` where the folder does not have it."""
        path = self.images.path(picture)
        if path is None:
            return False
        self._wanted[picture.key] = path
        return True

    def take(self, session: Session, state: State, progress: Progress | None) -> tuple[Tables, dict[Hashable, Found]]:
        """Store the pictures. Returns the tables with them, and their rows of ``files``."""
        if not self._wanted:
            return state.pending, {}
        paths = sorted({below(self.prefix, path) for path in self._wanted.values()})
        if self.moves_files:
            tables = self._copy(session, state, progress)
        else:
            self.staged = stage(self._repository, session, state, paths, progress=progress)
            tables = self.apply(session, state.pending)
        rows = {}
        for key, path in self._wanted.items():
            row = session.file_row(tables["files"][1], below(self.prefix, path))
            if row is None:
                raise InvalidInput(
                    f"'{below(self.prefix, path)}' cannot be added{self._reason(path)}",
                    hint="see `oxide check-ignore` and `oxide status`; nothing was imported",
                    path=below(self.prefix, path),
                )
            item = bytes.fromhex(row["item_id"])
            rows[key] = Found(row["path"], item, row.get("width"), row.get("height"))
        return tables, rows

    def _reason(self, path: str) -> str:
        skipped = self.staged.skipped if self.staged is not None else []
        return next((f": {entry['reason']}" for entry in skipped if entry["path"] == below(self.prefix, path)), "")

    def apply(self, session: Session, tables: Tables) -> Tables:
        """Tables with the pictures that lie in the working copy."""
        if self.staged is None:
            return tables
        base = base_tables(self._repository.store, read_state(self._repository.store))
        return with_staged(session, self.staged, base, tables)

    def _copy(self, session: Session, state: State, progress: Progress | None) -> Tables:
        """Store pictures from elsewhere as files of the next commit."""
        author, now, new_ids = str(self._repository.settings.author()), clock.now(), ids.new_ids()
        rows: dict[str, Record] = {}
        for number, path in enumerate(sorted(set(self._wanted.values()))):
            if progress is not None and number % PROGRESS_EVERY == 0:
                progress("storing pictures", number, len(self._wanted), 0, 0)
            place = os.path.join(self.images.folder, path)
            try:
                content = session.put_file(place, path)
            except OSError as error:
                raise FileSystemError(f"'{place}' cannot be read: {error.strerror}", path=place) from error
            rows[path] = {
                "path": below(self.prefix, path),
                "content_id": content["content_id"],
                "sha256": content["sha256"],
                "size": content["size"],
                "item_id": next(new_ids),
                "type": "file",
                "executable": False,
                "created": now,
                "creator": author,
            }
        files, items = session.set_files(file_roots(state.pending), [], list(rows.values()))
        session.flush()  # a scan reads contents that are stored
        scanned = session.scan(files, sorted(row["path"] for row in rows.values()))
        return with_file_roots(state.pending, (scanned.apply(session, files), items))


def _inside(repository: Repository, folder: str | os.PathLike[str]) -> str | None:
    """The folder as the repository knows it; ``None`` where it lies outside the working copy."""
    root, place = os.path.realpath(repository.folder), os.path.realpath(folder)
    if place != root and not place.startswith(root.rstrip("/") + "/"):
        return None
    return repository.to_path(place)
