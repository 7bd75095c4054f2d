"""Writing YOLO."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from oxide.extras import import_extra
from oxide.formats import files, folders
from oxide.formats.unsaid import lose_labels, lose_parts, lose_picture, where
from oxide.formats.yolo import NAME, SPLITS, label_path
from oxide.formats.yolo.rows import Canvas, row

if TYPE_CHECKING:
    from oxide.formats.base import Dataset, Fidelity, LabelledPicture
    from oxide.labels.ontology import Label

EXACT = {
    "detect": ("box",),
    "obb": ("rotated_box", "box"),
    "pose": ("keypoints", "box"),
    "segment": ("polygon", "mask", "box"),
}
"""Tasks with the types of annotation whose place they keep, the simplest first."""
_READABLE = frozenset(("bmp", "dng", "heic", "jpeg", "jpg", "mpo", "pfm", "png", "tif", "tiff", "webp"))
"""Endings of pictures that the loader of Ultralytics takes."""


@dataclass
class Survey:
    """What a first look at the dataset found."""

    types: Counter[str] = field(default_factory=Counter)
    points: int = 0
    splits: set[str] = field(default_factory=set)

    @property
    def task(self) -> str:
        """The task that keeps the shapes of most annotations; ``classify`` where there are classes alone."""
        kept = {task: sum(self.types[kind] for kind in types) for task, types in EXACT.items()}
        best = max(kept, key=lambda task: kept[task])
        return "classify" if not kept[best] and self.types["class"] else best


def write(dataset: Dataset, target: Path, fidelity: Fidelity) -> str:
    """See :meth:`oxide.formats.yolo.Yolo.write`. Returns the task."""
    survey = look_at(dataset)
    if survey.task == "classify":
        folders.write_folders(dataset, target, fidelity, folders.split_place)
        return survey.task
    files.made_folder(target, NAME)
    numbers = {name: number for number, name in enumerate(dataset.ontology.labels)}
    lose_labels(fidelity, dataset, ("skeleton",) if survey.task == "pose" else (), NAME)
    lists = _Lists(target, survey.splits)
    with lists:
        for picture in files.shown(dataset):
            lists.add(picture, fidelity)
            kept = ("split",) if _splits_of(picture) == picture.metadata.get("split") else ()
            lose_picture(fidelity, picture, kept)
            _write_labels(picture, survey, numbers, target, fidelity)
    _write_settings(dataset, survey, lists.sources(fidelity), target)
    return survey.task


def look_at(dataset: Dataset) -> Survey:
    """Count what decides over the task."""
    survey = Survey()
    for picture in files.shown(dataset):
        splits = _splits_of(picture)
        survey.splits.update([splits] if isinstance(splits, str) else splits)
        for annotation in picture.annotations:
            survey.types[annotation.type] += 1
            if annotation.type == "keypoints" and annotation.geometry:
                survey.points = max(survey.points, len(annotation.geometry["points"]) // 3)
    return survey


def _splits_of(picture: LabelledPicture) -> str | list[str]:
    """The split, or the splits, that its metadata names and that YOLO knows."""
    split = picture.metadata.get("split")
    if isinstance(split, list) and len(split) > 1 and all(each in SPLITS for each in split):
        return [str(each) for each in split]
    return split if isinstance(split, str) and split in SPLITS else []


class _Lists:
    """The text files that list the pictures: one for each split, or one for all where there are no splits."""

    def __init__(self, target: Path, splits: set[str]) -> None:
        self.target = target
        self.names = [split for split in SPLITS if split in splits | {"train"}] if splits else ["images"]
        self.open: dict[str, IO[str]] = {}
        self.used: set[str] = set()

    def __enter__(self) -> None:
        self.open = {name: (self.target / f"{name}.txt").open("x", encoding="utf-8") for name in self.names}

    def __exit__(self, *_: object) -> None:
        for stream in self.open.values():
            stream.close()

    def add(self, picture: LabelledPicture, fidelity: Fidelity) -> None:
        """List a picture."""
        if files.ending(picture.path) not in _READABLE:
            fidelity.lose("files of a kind that YOLO does not read", picture.path)
        if self.names == ["images"]:
            splits = ["images"]
        else:
            told = _splits_of(picture)
            splits = [told] if isinstance(told, str) else told
            if not splits:
                fidelity.lose("items without a split, listed in train", picture.path)
                splits = ["train"]
        for split in splits:
            self.used.add(split)
            self.open[split].write(f"./images/{picture.path}\n")

    def sources(self, fidelity: Fidelity) -> dict[str, str]:
        """What ``data.yaml`` says of the splits. It needs train and val: another stands in for one without pictures."""
        if self.names == ["images"]:
            return {"train": "images.txt", "val": "images.txt"}
        filled = [name for name in self.names if name in self.used]
        found = {name: f"{name}.txt" for name in filled}
        for needed in ("train", "val"):
            if needed not in found:
                fidelity.lose(f"that no picture is in {needed}: {filled[0]} stands for it", filled[0])
                found[needed] = f"{filled[0]}.txt"
        return found


def _write_labels(
    picture: LabelledPicture, survey: Survey, numbers: dict[str, int], target: Path, fidelity: Fidelity
) -> None:
    if not picture.annotations:
        return
    if not picture.width or not picture.height:
        for annotation in picture.annotations:
            fidelity.leave_out("annotations of pictures whose size is unknown", where(picture, annotation))
        return
    canvas = Canvas(picture.width, picture.height, survey.task, survey.points)
    lines: dict[str, None] = {}
    for annotation in picture.annotations:
        place = where(picture, annotation)
        if annotation.type == "class" or annotation.label is None:
            fidelity.leave_out("classes of whole items" if annotation.type == "class" else "without a label", place)
            continue
        line = row(annotation, numbers[annotation.label], canvas, lambda what, at=place: fidelity.lose(what, at))  # type: ignore[misc]
        if line is None:
            fidelity.left_out += 1
            continue
        if line in lines:
            fidelity.leave_out("annotations equal to another of the item", place)
            continue
        lines[line] = None
        lose_parts(fidelity, picture, annotation, own=NAME)
    labels = target / label_path(f"images/{picture.path}")
    labels.parent.mkdir(parents=True, exist_ok=True)
    try:
        with labels.open("x", encoding="utf-8") as stream:
            stream.writelines(f"{line}\n" for line in lines)
    except FileExistsError:
        fidelity.lose("labels of pictures whose name differs from another's in the ending alone", picture.path)


def _write_settings(dataset: Dataset, survey: Survey, sources: dict[str, str], target: Path) -> None:
    yaml = import_extra("yaml", "formats")
    labels = dataset.ontology.labels
    settings: dict[str, object] = {**sources, "task": survey.task}
    if survey.task == "pose":
        settings["kpt_shape"] = [survey.points, 3]
        settings.update(_skeleton(list(labels.values()), survey.points))
    settings["names"] = dict(enumerate(labels))
    with (target / "data.yaml").open("x", encoding="utf-8") as stream:
        yaml.safe_dump(settings, stream, sort_keys=False, allow_unicode=True)


def _skeleton(labels: list[Label], points: int) -> dict[str, object]:
    """Names of keypoints by class, and which change places when a picture is mirrored, where the labels know it."""
    found: dict[str, object] = {}
    names = {number: label.skeleton["points"] for number, label in enumerate(labels) if label.skeleton}
    if len(names) == len(labels) and all(len(each) == points for each in names.values()):
        found["kpt_names"] = names
    flips = [label.foreign.get(NAME, {}).get("flip_idx") for label in labels]
    if flips and flips[0] and all(flip == flips[0] for flip in flips) and len(flips[0]) == points:
        found["flip_idx"] = flips[0]
    return found
