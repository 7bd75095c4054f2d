"""Dataloop's JSON: one item with its annotations in a file, in folders like those of the items, or one item a line.

An item is ``{"id", "filename": "/folder/name", "metadata": {"system": {...}, "user": {...}}, "creator", "createdAt",
"hidden", "annotations": [...]}``. Its ``user`` metadata become the item's metadata, ``system`` stays below ``system``
(without width, height and size, which are facts of the file). An annotation is ``{"id", "type", "label",
"coordinates", "attributes": [names], "metadata": {"system": {...}, "user": {...}}, "creator", "createdAt", "updatedAt",
"updatedBy"}``; its coordinates depend on its type, see :mod:`oxide.formats.dataloop.coordinates`.

* Attributes of the first version (a list) are attributes that are true, those of the second
  (``metadata.system.attributes``) have values.
* ``metadata.user.model`` gives model and score; an annotation with it, or with ``metadata.system.automated``, is a
  model's.
* ``frame`` to ``endFrame`` is an object's life in a video, ``objectId`` its track, and those of ``snapshots_`` that are
  ``fixed`` its key frames after the first, which is the annotation itself.
* A pose is keypoints; its points are the annotations of type ``point`` whose ``metadata.system.parentId`` it is, in
  their order. Visibility other than visible stands in the point's ``metadata.user.visibility``.
* A type that Oxide does not know becomes a note without messages, which goes out again as what it was.
* Everything else that an annotation says is kept in ``foreign``, except links to the platform.

Source: the entities of the public client package ``dtlpy`` 1.126, as it sends and reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oxide.formats.base import Dataset, Fidelity, Find, Labelled, Picture
    from oxide.labels.ontology import Label

NAME = "dataloop"


@dataclass
class Dataloop:
    """The format."""

    name: str = NAME
    find: Find | None = None

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """A JSON file with one item, a JSONL file with one a line, or all such files below a folder.

        Raises:
            InvalidInput: a file is not as it should be; the message names line or pointer.
            NotFound: there is no such file or folder.
            MissingExtra: there are masks, and the extra ``vision`` is not installed.
        """
        from oxide.formats.dataloop import reading

        return reading.read(source, self.find)

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """A JSON file for each item, in its folder; one item a line if the target is called ``.jsonl``."""
        from oxide.formats.dataloop import writing

        writing.write(dataset, target, fidelity)


def format() -> Dataloop:
    """The format."""
    return Dataloop()
