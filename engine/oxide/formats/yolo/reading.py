"""Reading YOLO."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxide.errors import NotFound
from oxide.extras import import_extra
from oxide.formats import files
from oxide.formats.base import Labelled, Picture, wrong
from oxide.formats.yolo import NAME, SPLITS, label_path
from oxide.formats.yolo.lines import ROTATED, Layout, parse_line
from oxide.labels.ontology import Label

if TYPE_CHECKING:
    from oxide.formats.base import Find


_SAMPLE = 1000
"""Lines that are looked at to tell the task."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a ``data.yaml`` says."""

    file: Path
    root: Path
    names: dict[int, str]
    layout: Layout
    splits: dict[str, list[str]]
    point_names: list[str] | None
    flip: list[int] | None


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a picture: the file of its labels below the root, which need not be there, and its splits."""

    labels: str
    splits: list[str] = field(default_factory=list)


def read(source: Path, find: Find | None) -> Iterator[Picture | Labelled | Label]:
    """See :meth:`oxide.formats.yolo.Yolo.read`."""
    if not source.exists():
        raise NotFound(f"there is no '{source}'", hint="name a folder with a data.yaml", path=str(source))
    file = _settings_file(source)
    if file is None:
        from oxide.formats import folders

        yield from folders.read_folders(source, find)
        return
    settings = _settings(file)
    yield from _labels(settings)
    pictures = _pictures(settings)
    if settings.layout.task is None and settings.layout.keypoints is None:
        settings = replace(settings, layout=Layout(task=_task(settings, pictures)))
    for image, known in pictures.items():
        yield from _picture(settings, image, known, find)


def _task(settings: Settings, pictures: Mapping[str, _Known]) -> str | None:
    """``obb`` where each of the first lines has nine numbers, since nothing else tells them from polygons."""
    found = 0
    for known in pictures.values():
        for _, line in _lines(settings.root / known.labels):
            if len(line.split()) != ROTATED:
                return None
            found += 1
        if found >= _SAMPLE:
            break
    return "obb" if found else None


def _settings_file(source: Path) -> Path | None:
    """The file that describes the data; ``None`` for a folder of class folders."""
    if source.is_file():
        return source
    found = sorted(path for path in source.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())
    if len(found) > 1:
        found = [path for path in found if path.stem in ("data", source.name)] or found
    if len(found) == 1:
        return found[0]
    if found:
        raise wrong(source, "its folder", f"there are {len(found)} YAML files", hint="name one of them as the source")
    labels = next(source.rglob("labels/**/*.txt"), None)
    if labels is not None:
        raise wrong(source, "its folder", "it has no data.yaml, which names the classes", hint="add a data.yaml")
    return None


def _settings(file: Path) -> Settings:
    yaml = import_extra("yaml", "formats")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise wrong(file, f"line {mark.line + 1}" if mark else "its text", f"no YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise wrong(file, "its text", f"no YAML: {error}") from error
    except RecursionError as error:
        raise wrong(file, "its text", "it is nested too deeply") from error
    if not isinstance(content, dict):
        raise wrong(file, "line 1", "it is no map of names and values")
    shape = content.get("kpt_shape")
    numbers = isinstance(shape, list) and len(shape) == 2 and all(isinstance(each, int) for each in shape)
    if shape is not None and not (numbers and shape[0] > 0 and shape[1] in (2, 3)):
        raise wrong(file, "'kpt_shape'", f"{shape!r} is not [number of keypoints, 2 or 3]")
    task = content.get("task")
    flip = content.get("flip_idx")
    return Settings(
        file=file,
        root=file.parent / str(content.get("path") or "."),
        names=_names(file, content),
        layout=Layout(tuple(shape) if shape else None, str(task) if task else None),
        splits={split: _places(file, split, content) for split in SPLITS},
        point_names=_point_names(content.get("kpt_names")),
        flip=flip if isinstance(flip, list) else None,
    )


def _names(file: Path, content: dict[str, Any]) -> dict[int, str]:
    names = content.get("names")
    if names is None and isinstance(content.get("nc"), int):
        return {number: f"class_{number}" for number in range(content["nc"])}
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(str(key).isdecimal() for key in names):
        raise wrong(file, "'names'", "it is neither a list of names nor a map of numbers to names")
    return {int(key): str(name) for key, name in names.items()}


def _point_names(names: Any) -> list[str] | None:
    """Names of keypoints: a list, or one for each class, which all must agree."""
    if isinstance(names, dict) and names:
        names = next(iter(names.values()))
    return list(map(str, names)) if isinstance(names, list) else None


def _places(file: Path, split: str, content: dict[str, Any]) -> list[str]:
    value = content.get(split) or (content.get("validation") if split == "val" else None) or []
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in values):
        raise wrong(file, f"'{split}'", "it is no folder, text file, or list of these")
    return values


def _labels(settings: Settings) -> Iterator[Label]:
    names = settings.point_names
    keypoints = settings.layout.keypoints
    if keypoints and names is None:
        names = [str(number) for number in range(keypoints[0])]
    skeleton = {"points": names, "edges": []} if keypoints else None
    foreign: dict[str, Any] = {NAME: {"flip_idx": settings.flip}} if settings.flip else {}
    for position, (_, name) in enumerate(sorted(settings.names.items())):
        yield Label(name, position=position, skeleton=skeleton, foreign=foreign)


def _pictures(settings: Settings) -> dict[str, _Known]:
    """Every picture by its path below the root. Where all splits name one place, they say nothing."""
    named = [places for places in settings.splits.values() if places]
    told = not (len(named) > 1 and all(places == named[0] for places in named))
    found: dict[str, _Known] = {}
    for split, places in settings.splits.items():
        for place in places:
            for image, labels in _images(settings, split, place):
                splits = found.setdefault(image, _Known(labels)).splits
                if told and split not in splits:
                    splits.append(split)
    return found


def _images(settings: Settings, split: str, place: str) -> Iterator[tuple[str, str]]:
    """Paths of pictures and of their labels below the root; the picture's has no ending where it is not there."""
    at = settings.root / place
    if not at.exists() and place.startswith("../"):
        at = settings.root / place[3:]  # as some exports write it, and as the loader understands it
    if at.is_file():
        for image in _listed(settings, at):
            yield image, label_path(image)
        return
    folder = _below(settings, at, split)
    seen = set()
    if at.is_dir():
        for name in files.below(at):
            if files.is_media(name):
                image = f"{folder}/{name}" if folder else name
                seen.add(label_path(image))
                yield image, label_path(image)
    mirror = label_path(f"{folder}/x.png")[: -len("/x.txt")]
    labels = settings.root / mirror
    if mirror != folder and labels.is_dir():
        for name in files.below(labels):
            wanted = name.endswith(".txt") and name.rsplit("/", 1)[-1] != "classes.txt"
            if wanted and f"{mirror}/{name}" not in seen:
                yield f"{folder}/{name.removesuffix('.txt')}", f"{mirror}/{name}"
    elif not at.is_dir():
        raise wrong(settings.file, f"'{split}'", f"there is no '{place}'")


def _listed(settings: Settings, at: Path) -> Iterator[str]:
    try:
        lines = at.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise wrong(at, "its text", f"it is not UTF-8: {error.reason}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            image = Path(line.strip())
            image = at.parent / image if line.startswith("./") else settings.root / image
            yield _below(settings, image, f"line {number} of {at.name}")


def _below(settings: Settings, path: Path, what: str) -> str:
    """A path relative to the root, neither of which needs to exist."""
    import os.path

    relative = Path(os.path.relpath(path, settings.root)).as_posix()
    if relative == ".." or relative.startswith("../"):
        raise wrong(settings.file, what, f"'{path}' is not below '{settings.root}'")
    return "" if relative == "." else relative


def _picture(settings: Settings, image: str, known: _Known, find: Find | None) -> Iterator[Picture | Labelled]:
    labels, splits = settings.root / known.labels, known.splits
    path, width, height = image.removeprefix("images/"), None, None
    lines = _lines(labels)
    if (settings.root / image).is_file():
        if lines:
            width, height = files.size_of(settings.root / image)
    elif find is not None and (there := find(path)) is not None:
        path, width, height = there
    metadata = {"split": splits[0] if len(splits) == 1 else splits} if splits else {}
    yield Picture(image, path, f"'{labels.name}'", width, height, metadata=metadata)
    if not lines:
        return
    if width is None or height is None:
        raise wrong(
            labels,
            "line 1",
            f"the picture '{image}' is not there, so that its size is unknown",
            hint="put the pictures beside the labels, or give them with --images",
        )
    for number, line in lines:
        try:
            annotation = parse_line(line, settings.layout, settings.names, width, height)
        except ValueError as error:
            raise wrong(labels, f"line {number}", str(error)) from error
        yield Labelled(image, annotation, f"{labels}, line {number}")


def _lines(labels: Path) -> list[tuple[int, str]]:
    """The lines of a file that are not empty, with their numbers."""
    try:
        text = labels.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise wrong(labels, "its text", f"it is not UTF-8: {error.reason}") from error
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
