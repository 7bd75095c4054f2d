"""Real outlines of the COCO sample come back from each format that can hold them, equal to a millionth of a pixel."""

from __future__ import annotations

from pathlib import Path

import pytest
from labels.strategies import DATA, Memory, item, read, same_shape, write
from oxide.formats import coco
from oxide.formats.base import find_format
from oxide.labels.annotation import Annotation

FILES = sorted((DATA / "coco" / "tiny_coco").rglob("instances*.json")) if DATA.is_dir() else []


@pytest.mark.skipif(not FILES, reason="no real labels: ../shared/data is not beside the checkout")
@pytest.mark.parametrize("name", ["labelme", "datumaro", "labelstudio"])
def test_they_come_back(tmp_path: Path, name: str) -> None:
    found = read(coco.format(), FILES[0])
    assert sum(map(len, found.annotations.values())) > 400
    items = [
        item(path, *some, width=found.pictures[path].width, height=found.pictures[path].height, number=at)
        for at, (path, some) in enumerate(found.annotations.items(), start=1)
    ]
    lost = write(find_format(name), Memory(items, list(found.labels.values())), tmp_path)
    assert "holes of polygons" not in lost.losses
    again = read(find_format(name), tmp_path)
    for path, before in found.annotations.items():
        after = again.annotations[path]
        if name == "labelstudio":  # it has a shape for each part
            before = [part for each in before for part in parts(each)]
        assert [each.label for each in after] == [each.label for each in before]
        assert all(same_shape(a, b) for a, b in zip(after, before, strict=True)), path


def parts(annotation: Annotation) -> list[Annotation]:
    """A polygon as one annotation for each of its parts."""
    if annotation.type != "polygon" or annotation.geometry is None:
        return [annotation]
    return [
        Annotation("polygon", annotation.label, geometry={"polygons": [rings]}, source="import").checked()
        for rings in annotation.geometry["polygons"]
    ]
