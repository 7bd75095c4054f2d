"""Export: a revision's labels go through a format to a new file or folder, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from oxide.errors import AlreadyExists, FileSystemError, InvalidInput, NotFound
from oxide.formats.base import Fidelity, PlacesPictures, find_format
from oxide.formats.files import is_shown
from oxide.labels.outgoing import Outgoing
from oxide.labels.reports import ExportReport, remarks
from oxide.splits.freezing import refuse_in
from oxide.workspace import read_state

if TYPE_CHECKING:
    from oxide.formats.base import LabelledPicture
    from oxide.labels.ontology import Ontology
    from oxide.labels.runs import Run
    from oxide.query.choosing import Chosen
    from oxide.repository import Repository
    from oxide.types import Progress
    from oxide.workspace import Tables

PROGRESS_EVERY = 1_000
IMAGES = "images"
"""The folder beside a target that is a file, for the pictures."""


def export_labels(
    repository: Repository,
    tables: Tables,
    format: str,
    target: str | os.PathLike[str],
    *,
    paths: Sequence[str],
    images: bool,
    chosen: Chosen | None,
    progress: Progress | None,
) -> ExportReport:
    """See :meth:`oxide.Repository.export_labels`."""
    writer = find_format(format)
    place = Path(os.path.abspath(target))
    refuse_what_is_there(place, place.parent / IMAGES if images and place.suffix else None)
    among = None if chosen is None else chosen.items
    refuse_in(repository.store, read_state(repository.store).view, tables, paths, among)
    outgoing = Outgoing(repository.store, tables, paths, chosen)
    for path in paths:
        if path and not repository.store.file_rows(tables["files"][1], [path]):
            raise NotFound(f"'{path}' is not tracked", hint="see `oxide ls -r`", path=path)
    dataset = _Dataset(outgoing, repository.root.name, progress)
    fidelity = Fidelity()
    pictures_beside = images and bool(place.suffix)
    with making(place, is_folder=not place.suffix, has_pictures_beside=pictures_beside) as made:
        writer.write(dataset, made, fidelity)
        places = writer if isinstance(writer, PlacesPictures) else None
        if places is not None and places.needs_pictures and not images:
            raise InvalidInput(
                f"what {writer.name} would say here is in which folder each picture is; nothing was exported",
                hint="add --images",
            )
        files = _write_images(repository, outgoing, made, places, progress) if images else 0
    written = dataset.annotations - fidelity.left_out
    return ExportReport(writer.name, str(place), dataset.written, written, files, remarks(fidelity))


@contextlib.contextmanager
def making(place: Path, *, is_folder: bool, has_pictures_beside: bool = False) -> Iterator[Path]:
    """A place to write to, whose file or folder becomes ``place`` when the block ends well; else nothing is left.

    Raises FileSystemError when something cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".oxide-export-", dir=place.parent) as scratch:
            made = Path(scratch) / place.name
            if is_folder:
                made.mkdir()
            yield made
            _publish(made, place, Path(scratch) / IMAGES if has_pictures_beside else None)
    except OSError as error:
        raise FileSystemError(
            f"'{error.filename or place}' cannot be written: {error.strerror or error}; nothing was exported",
            hint="see whether the folder is yours and the disk has space",
            path=str(place),
        ) from error


def refuse_what_is_there(place: Path, beside: Path | None) -> None:
    """Nothing that is there is written over, but an empty folder. Raises AlreadyExists."""
    for each in (place, beside):
        if (
            each is not None
            and (each.is_symlink() or each.exists())
            and not (each.is_dir() and not any(each.iterdir()))
        ):
            raise AlreadyExists(
                f"'{each}' is there already, and an export does not write over anything",
                hint="name another target, or remove it first",
                path=str(each),
            )
    if place.is_dir() and place.suffix:
        raise AlreadyExists(f"'{place}' is a folder", hint="name a file in it", path=str(place))


def _publish(made: Path, place: Path, beside: Path | None) -> None:
    """Move what was made to where it belongs; an empty folder that is there gives way."""
    for source, target in ((beside, place.parent / IMAGES), (made, place)):
        if source is not None and source.exists():
            if target.is_dir():
                target.rmdir()
            source.rename(target)


def _write_images(
    repository: Repository, outgoing: Outgoing, made: Path, places: PlacesPictures | None, progress: Progress | None
) -> int:
    folder = made if made.is_dir() else made.parent / IMAGES
    pictures = filter(is_shown, outgoing.pictures())
    placed = {each.path: each.path if places is None else places.picture_path(each) for each in pictures}
    number = 0
    for path, content in outgoing.contents():
        place = placed.get(path)
        if place is None:
            continue
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            repository.store.copy_content(content, file.fileno())
        number += 1
        if progress is not None:
            progress("writing pictures", number, 0, 0, 0)
    return number


class _Dataset:
    """What a format sees of a revision. Counts what it was given the last time."""

    def __init__(self, outgoing: Outgoing, name: str, progress: Progress | None) -> None:
        self._outgoing = outgoing
        self._progress = progress
        self.name = name
        self.written = 0
        self.annotations = 0

    @property
    def ontology(self) -> Ontology:
        return self._outgoing.ontology

    @property
    def runs(self) -> Sequence[Run]:
        return self._outgoing.runs

    def pictures(self) -> Iterator[LabelledPicture]:
        self.written = self.annotations = 0
        for picture in self._outgoing.pictures():
            self.written += is_shown(picture)
            self.annotations += len(picture.annotations)
            if self._progress is not None and self.written % PROGRESS_EVERY == 0:
                self._progress("writing labels", self.written, len(self._outgoing), 0, 0)
            yield picture
