"""The format: reader, writer, and the order of what is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oxide.formats import files
from oxide.formats.label_studio import reading, writing

if TYPE_CHECKING:
    from oxide.formats.base import Dataset, Fidelity, Find, Labelled, LabelledPicture, Picture
    from oxide.labels.ontology import Label


@dataclass
class LabelStudio:
    """The format."""

    name: str = reading.NAME
    needs_pictures: bool = False
    find: Find | None = None

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """The tasks of a JSON file, or of ``tasks.json`` in a folder.

        Raises:
            InvalidInput: it is no list of tasks, or a result is malformed.
            NotFound: there is no such file.
        """
        return reading.read(source, self.find)

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """``tasks.json`` and ``config.xml``."""
        files.made_folder(target, self.name)
        writing.write(dataset, target, fidelity)

    def picture_path(self, picture: LabelledPicture) -> str:
        """Where a picture goes."""
        return f"images/{picture.path}"


def format() -> LabelStudio:
    """The format."""
    return LabelStudio()
