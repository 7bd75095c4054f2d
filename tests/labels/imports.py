"""Helpers of the tests about imports and exports."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import oxide
from oxide.labels.annotation import Annotation
from oxide.settings import Settings
from oxide.workspace import read_state
from support import AUTHOR, picture, tree, write

DATA = Path(os.environ.get("OXIDE_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def repository_with(folder: Path, *paths: str) -> oxide.Repository:
    """A new repository with a commit of one small picture at each path."""
    repository = oxide.Repository.init(folder, settings=Settings(None, AUTHOR))
    for path in paths:
        write(folder, path, picture(path, 64, 48))
    if paths:
        repository.add([folder])
        repository.commit("pictures")
    return repository


def coco(path: Path, images: list[Any], annotations: list[Any], categories: list[Any] | None = None) -> Path:
    """A COCO file. Images are names, or objects; the categories are cat and dog unless told."""
    listed = [
        {"id": number, "file_name": image, "width": 64, "height": 48} if isinstance(image, str) else image
        for number, image in enumerate(images, 1)
    ]
    known = [{"id": 1, "name": "cat"}, {"id": 7, "name": "dog"}] if categories is None else categories
    path.write_text(json.dumps({"images": listed, "annotations": annotations, "categories": known}))
    return path


def box(id: Any, image: Any = 1, bbox: Any = (4, 5, 10, 12), **more: Any) -> dict[str, Any]:
    """An annotation with a box."""
    return {"id": id, "image_id": image, "category_id": 1, "bbox": list(bbox), **more}


def said(annotations: list[Annotation]) -> list[Annotation]:
    """Annotations without what differs from one repository to the other."""
    return [replace(each, run_id=None, item_id=None) for each in annotations]


def everything(repository: oxide.Repository) -> Any:
    """All that a failed command must leave as it was."""
    state = read_state(repository.store)
    return state.number, state.workspace, tree(repository.folder)


def intact(repository: oxide.Repository) -> bool:
    """Whether the store is whole."""
    return repository.fsck(data=True).ok
