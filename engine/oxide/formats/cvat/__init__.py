"""CVAT XML 1.1, "for images" and "for video".

For images, ``<image>`` holds the shapes of a picture; for video, ``<track>`` holds an object's shapes frame by frame.
``<meta>`` says which labels there are, with colours and attributes, and which task it was.

* ``occluded`` becomes the attribute ``occluded`` (true, or left out; skeletons and tags have none); ``z_order``,
  ``group_id`` and a ``source`` that is neither ``manual``, ``auto`` nor ``file`` are kept in ``foreign``. Attributes
  get the type that ``<meta>`` gives them.
* ``points`` of one point are a point, of more keypoints that are all visible. In a skeleton an ``outside`` point is
  not labelled (0), an ``occluded`` one hidden (1), in the order of the label's points.
* The corners of a cuboid are, as in all of Oxide: front top left, top right, bottom right, bottom left, and the same
  of the back; CVAT numbers front 1 and back 2.
* A mask is the run lengths of a part of the picture (``left``, ``top``, ``width``, ``height``), row by row, beginning
  with background.
* In a track only key frames of boxes and ellipses are read, as those between are on a straight line; of other shapes
  every frame. A shape that is ``outside`` at the end of a track ends it in the frame before. Attributes of a key frame
  hold until the next that has any.
* The task is kept in ``foreign`` of the first label, a video's also names it: ``<source>``, or else ``<name>``.

Source: "XML annotation format" in the CVAT documentation, and CVAT's own exporter
(``cvat/apps/dataset_manager/formats/cvat.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from oxide.formats.base import Dataset, Fidelity, Labelled, LabelledPicture, Picture
    from oxide.labels.ontology import Label

NAME = "cvat"
IMAGES = "annotations.xml"
SIDES = ("xtl", "ytl", "xbr", "ybr")
CORNERS = ("tl", "tr", "br", "bl")
"""The corners of a face in Oxide's order."""


@dataclass
class Cvat:
    """The format."""

    name: str = NAME

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """An XML file, or all below a folder.

        Raises:
            InvalidInput: a file is no CVAT XML; the message names the line.
            NotFound: there is no such file or folder.
        """
        from oxide.formats.cvat import reading

        return reading.read(source)

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """``annotations.xml`` for the pictures, and ``videos/`` with a file for each video."""
        from oxide.formats.cvat import writing

        writing.write(dataset, target, fidelity)

    def picture_path(self, picture: LabelledPicture) -> str:
        """Where a picture goes."""
        return f"images/{picture.path}"


def format() -> Cvat:
    """The format."""
    return Cvat()
