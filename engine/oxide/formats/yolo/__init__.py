"""Ultralytics YOLO: detect, segment, pose, obb and classify.

``data.yaml`` names the classes (``names``: list or map) and says where the pictures of each split are (``train``,
``val``, ``test``: a folder, a text file of paths, or a list of these, below ``path`` or below the file itself). The
labels of a picture stand in a text file, at the picture's path with the last ``images`` replaced by ``labels`` and the
ending by ``.txt``; a line is an object, its coordinates divided by the picture's width or height:

=========  =============================================================================
detect     ``class x y width height``, (x, y) being the middle
segment    ``class x y x y x y ...``
obb        ``class x y x y x y x y``, the corners
pose       ``class x y width height`` and for each keypoint ``x y`` or ``x y visibility``
classify   no text files: a folder for each class, as :mod:`oxide.formats.folders` reads
=========  =============================================================================

Source: the dataset pages of the Ultralytics documentation, and what its loader accepts (``img2label_paths``,
``verify_image_label`` and ``check_det_dataset`` in ``ultralytics/data/utils.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oxide.formats import folders
from oxide.formats.files import without_ending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oxide.formats.base import Dataset, Fidelity, Find, Labelled, LabelledPicture, Picture
    from oxide.labels.ontology import Label

NAME = "yolo"
SPLITS = ("train", "val", "test")


@dataclass
class Yolo:
    """The format.

    Coordinates need the size of the picture. It is read from the picture's header where the source holds the picture.
    Where it does not, ``find`` is asked: it takes the picture's path, without an ending where the source does not say
    it, and returns (path, width, height) of the picture that goes by this path, or ``None``.
    """

    find: Find | None = None
    name: str = NAME
    needs_pictures: bool = False

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """The labels of a folder with a ``data.yaml``, of such a file, or of a folder of class folders.

        Raises:
            InvalidInput: a file is not as it should be, or the size of a labelled picture is nowhere to be had.
            MissingExtra: the extra ``formats`` (YAML) or ``vision`` (sizes) is not installed.
        """
        from oxide.formats.yolo import reading

        return reading.read(source, self.find)

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """``data.yaml``, the lists of the splits and ``labels/`` for the task that keeps the shapes of most
        annotations, the simplest of several; class folders where there are classes alone."""
        from oxide.formats.yolo import writing

        self.needs_pictures = writing.write(dataset, target, fidelity) == "classify"

    def picture_path(self, picture: LabelledPicture) -> str | None:
        """Where a picture goes, for the task that was written."""
        if not self.needs_pictures:
            return f"images/{picture.path}"
        name = folders.class_of(picture)
        return None if name is None else folders.split_place(picture, name)


def format() -> Yolo:
    """The format."""
    return Yolo()


def label_path(image: str) -> str:
    """Where the labels of a picture stand, both relative to the folder that holds ``images``."""
    before, found, after = f"/{image}".rpartition("/images/")
    path = f"{before}/labels/{after}" if found else f"/{image}"
    return without_ending(path[1:]) + ".txt"
