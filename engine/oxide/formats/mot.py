"""MOT: tracks of a video, as the Multiple Object Tracking challenge has them.

A sequence is a folder with ``gt/gt.txt``, a line a box: ``frame, id, left, top, width, height, considered, class,
visibility``, frames counted from 1, the left upper pixel at (1, 1); and ``seqinfo.ini`` with its ``name`` and size.
Each (id, class) is a track of boxes of the video that the sequence is named after; without a ``labels.txt`` beside
``gt.txt`` (a name a line) classes are those of MOT16, and others their number. ``considered`` and ``visibility`` are
attributes of a keyframe. Every frame is written, so a track that was drawn with few keyframes comes back with one a
frame.

A sequence of pictures has them in ``img1`` (``imDir``) as ``000001.jpg`` and so on (``imExt``): where no video of its
name is tracked, a box is an annotation of the picture of its frame, and ``track`` says whose.

Source: "MOT16: A Benchmark for Multi-Object Tracking" (Milan et al. 2016), tables 2 and 5.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.errors import InvalidInput, NotFound
from oxide.formats import files
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.lines import lines
from oxide.formats.numerals import finite, plain
from oxide.formats.unsaid import lose_labels, lose_parts, lose_picture, where
from oxide.labels.annotation import Annotation, Keyframe
from oxide.labels.tracks import at_frame
from oxide.wording import count

if TYPE_CHECKING:
    from oxide.formats.base import Dataset, Fidelity, Find, LabelledPicture
    from oxide.labels.ontology import Label

NAME = "mot"
CLASSES = (
    "pedestrian",
    "person on vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non motorized vehicle",
    "static person",
    "distractor",
    "occluder",
    "occluder on the ground",
    "occluder full",
    "reflection",
)
"""Classes 1 to 12 of MOT16."""
_KEPT = ("track", "frames", "keyframes")
LONGEST = 1_000_000
"""Frames that are written of a track in a video whose length is not known."""


@dataclass
class Mot:
    """The format."""

    name: str = NAME
    find: Find | None = None

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """Every sequence below a folder, or the only one that it is.

        Raises:
            InvalidInput: a line is malformed, or there is no sequence.
            NotFound: there is no such folder.
        """
        if not source.is_dir():
            raise NotFound(f"there is no folder '{source}'", hint="name one with gt/gt.txt below", path=str(source))
        found = sorted(source.rglob("gt/gt.txt"))
        if not found:
            raise InvalidInput(f"there is no gt/gt.txt below '{source}'", hint="name the folder of the sequences")
        for path in found:
            yield from _read_sequence(path, source, self.find)

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """A folder a video, at its path without the ending."""
        files.made_folder(target, NAME)
        lose_labels(fidelity, dataset)
        for picture in files.shown(dataset):
            if not files.is_video(picture.path, picture.facts.get("media")):
                for annotation in picture.annotations:
                    fidelity.leave_out("annotations of pictures, left out", where(picture, annotation))
                continue
            folder = target / files.without_ending(picture.path)
            if folder.exists():
                fidelity.lose("labels of videos whose name differs from another's in the ending alone", picture.path)
                continue
            _write_sequence(picture, folder, fidelity)


def format() -> Mot:
    """The format."""
    return Mot()


# -- reading -----------------------------------------------------------------------------------------------------------
def _read_sequence(path: Path, source: Path, find: Find | None) -> Iterator[Picture | Labelled]:
    folder = path.parent.parent
    info = _info(folder / "seqinfo.ini")
    names = _names(path.parent / "labels.txt")
    relative = folder.relative_to(source).as_posix()
    name = info.get("name") or folder.name
    parent = relative.rpartition("/")[0]
    video = f"{parent}/{name}" if parent else name
    sides = [int(info[side]) if info.get(side, "").isdecimal() else None for side in ("imwidth", "imheight")]
    pictures = info.get("imdir") or "img1"
    if ("imdir" in info or (folder / pictures).is_dir()) and (find is None or find(video) is None):
        ending = info.get("imext") or ".jpg"
        place = pictures if relative == "." else f"{relative}/{pictures}"
        yield from _of_pictures(path, names, place, ending, (sides[0], sides[1]))
        return
    yield Picture(relative, video, str(path), sides[0], sides[1])
    tracks: dict[tuple[str, str], list[Keyframe]] = {}
    for number, line in lines(path):
        if line.strip():
            identity, label, keyframe = _keyframe(path, number, line.strip(), names)
            tracks.setdefault((identity, label), []).append(keyframe)
    for (identity, label), keyframes in tracks.items():
        place = f"{path}, track {identity}"
        yield Labelled(relative, _track(path, identity, label, keyframes), place)


def _of_pictures(
    path: Path, names: tuple[str, ...], folder: str, ending: str, sides: tuple[int | None, int | None]
) -> Iterator[Picture | Labelled]:
    """The boxes of a sequence of pictures, picture by picture."""
    frames: dict[int, list[tuple[str, str, Keyframe]]] = {}
    for number, line in lines(path):
        if line.strip():
            found = _keyframe(path, number, line.strip(), names)
            frames.setdefault(found[2].frame, []).append(found)
    for frame in sorted(frames):
        name = f"{folder}/{frame + 1:06d}{ending}"
        place = f"{path}, frame {frame + 1}"
        yield Picture(name, name, place, *sides)
        met: set[tuple[str, str]] = set()
        for identity, label, keyframe in frames[frame]:
            if (identity, label) in met:
                raise wrong(path, f"track {identity}", f"it has two boxes in frame {frame + 1}")
            met.add((identity, label))
            attributes = keyframe.attributes or {}
            made = Annotation("box", label, keyframe.box, attributes=attributes, source="import", track=identity)
            yield Labelled(name, made, place)


def _info(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string("".join(line for _, line in lines(path)), str(path))
    except configparser.Error as error:
        raise wrong(path, "at its start", f"it cannot be read: {error}") from error
    return dict(parser["Sequence"]) if parser.has_section("Sequence") else {}


def _names(path: Path) -> tuple[str, ...]:
    return tuple(line.rstrip("\r\n") for _, line in lines(path)) if path.is_file() else CLASSES


def _keyframe(path: Path, number: int, line: str, names: tuple[str, ...]) -> tuple[str, str, Keyframe]:
    place = f"line {number}"
    cells = [cell.strip() for cell in line.split(",")]
    if not 6 <= len(cells) <= 10:
        raise wrong(path, place, f"it has {len(cells)} numbers instead of 9")
    try:
        numbers = [finite(cell) for cell in cells]
    except ValueError as error:
        raise wrong(path, place, f"a number of '{line}' is none") from error
    frame, left, top, width, height = numbers[0], *numbers[2:6]
    if frame != int(frame) or frame < 1:
        raise wrong(path, place, f"'{cells[0]}' is no frame: they are counted from 1")
    kind = int(numbers[7]) if len(numbers) > 7 else 1
    label = names[kind - 1] if 0 < kind <= len(names) and names[kind - 1] else str(kind)
    attributes: dict[str, Any] = {}
    if len(numbers) > 6 and numbers[6] != 1:
        attributes["considered"] = False
    if len(numbers) > 8 and numbers[8] != 1:
        attributes["visibility"] = numbers[8]
    return cells[1], label, Keyframe(int(frame) - 1, (left - 1, top - 1, width, height), attributes=attributes or None)


def _track(path: Path, identity: str, label: str, keyframes: list[Keyframe]) -> Annotation:
    """A track of boxes; behind a gap in the frames it is seen again."""
    keyframes.sort(key=lambda keyframe: keyframe.frame)
    found: list[Keyframe] = []
    for keyframe in keyframes:
        if found and keyframe.frame == found[-1].frame:
            raise wrong(path, f"track {identity}", f"it has two boxes in frame {keyframe.frame + 1}")
        if found and keyframe.frame > found[-1].frame + 1:
            found.append(Keyframe(found[-1].frame + 1, found[-1].box, visible=False))
        # What a keyframe says stays true until another says otherwise.
        found.append(Keyframe(keyframe.frame, keyframe.box, attributes=_said(keyframe.attributes)))
    return Annotation(
        "box",
        label,
        found[0].box,
        source="import",
        track=identity,
        frames=(found[0].frame, found[-1].frame),
        keyframes=tuple(found),
    )


def _said(attributes: dict[str, Any] | None) -> dict[str, Any]:
    return {"considered": True, "visibility": 1, **(attributes or {})}


# -- writing -----------------------------------------------------------------------------------------------------------
def _write_sequence(picture: LabelledPicture, folder: Path, fidelity: Fidelity) -> None:
    lose_picture(fidelity, picture)
    names: list[str] = []
    boxes: list[tuple[int, int, str]] = []
    length = picture.facts.get("frames")
    for number, annotation in enumerate(picture.annotations, start=1):
        place = where(picture, annotation)
        if annotation.frames is None or annotation.box is None:
            fidelity.leave_out("annotations that are no tracks of boxes, left out", place)
            continue
        if not annotation.label or "\n" in annotation.label or annotation.label != annotation.label.strip():
            fidelity.leave_out("annotations without a label that a line can hold, left out", place)
            continue
        if annotation.type != "box":
            fidelity.lose(f"shapes of the type {annotation.type}, written as boxes", place)
        identity = annotation.track if annotation.track and annotation.track.isdecimal() else str(number)
        if identity != annotation.track:
            fidelity.lose("names of tracks that are no numbers", place)
        lose_parts(fidelity, picture, annotation, _KEPT, ("considered", "visibility"), NAME)
        first, last = annotation.frames
        if length is None and last - first >= LONGEST:
            raise InvalidInput(
                f"'{picture.path}': a track of {count(last - first + 1, 'frame')} is too long to be written frame by"
                " frame",
                hint=f"at most {LONGEST:,} are, where it is not known how many frames the video has",
                path=picture.path,
            )
        if length is not None and last >= length:
            fidelity.lose("frames of tracks behind the end of the video", place)
            last = length - 1
        for frame in range(first, last + 1):
            said = at_frame(annotation, frame, 0.0)
            if said is not None and said.box is not None and said.label:
                if said.label not in names:
                    names.append(said.label)
                boxes.append((frame, int(identity), _line(frame, identity, said, names.index(said.label) + 1)))
    (folder / "gt").mkdir(parents=True)
    text = "".join(f"{line}\n" for _, _, line in sorted(boxes))
    (folder / "gt" / "gt.txt").write_text(text, encoding="utf-8", newline="\n")
    (folder / "gt" / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8", newline="\n")
    facts = picture.facts
    info = {
        "name": picture.path.rsplit("/", 1)[-1],
        "frameRate": facts.get("fps"),
        "seqLength": facts.get("frames"),
        "imWidth": picture.width,
        "imHeight": picture.height,
    }
    said_of = "".join(f"{name}={value}\n" for name, value in info.items() if value is not None)
    (folder / "seqinfo.ini").write_text(f"[Sequence]\n{said_of}", encoding="utf-8", newline="\n")


def _line(frame: int, identity: str, said: Annotation, kind: int) -> str:
    assert said.box is not None
    left, top, width, height = said.box
    considered = int(said.attributes.get("considered", True) is not False)
    visibility = said.attributes.get("visibility", 1)
    numbers = (left + 1, top + 1, width, height, considered, kind, visibility if _is_number(visibility) else 1)
    return f"{frame + 1},{identity}," + ",".join(plain(number) for number in numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
