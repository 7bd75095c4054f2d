"""Class folders: the folder says the class of every picture in it.

The folders at the top are the classes, and what is below one belongs to it, however deep; where they are all called
``train``, ``val`` (or ``valid``, ``validation``) and ``test``, they are splits and the folders below them the classes.
A picture is that with its path, or with its path below the folder of its class, where an export put it.
Pictures beside the class folders have no class; files that are no pictures or clips are passed over. Sources: the data
set ``ImageFolder`` of torchvision, and the dataset page of the task classify in the Ultralytics documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oxide.errors import InvalidInput, NotFound
from oxide.formats import files
from oxide.formats.base import Labelled, Picture
from oxide.formats.unsaid import lose_labels, lose_parts, lose_picture, where
from oxide.labels.annotation import Annotation
from oxide.labels.ontology import Label

if TYPE_CHECKING:
    from pathlib import Path

    from oxide.formats.base import Dataset, Fidelity, Find, LabelledPicture

    Place = Callable[[LabelledPicture, str], str]

NAME = "folders"
_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass
class Folders:
    """The format. Its labels are places of pictures, so that it says nothing without them: ``needs_pictures``."""

    name: str = NAME
    needs_pictures: bool = True
    find: Find | None = None

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label]:
        """The pictures of a folder, each with a class.

        Raises:
            InvalidInput: it is no folder, or there is no picture in it.
        """
        return read_folders(source, self.find)

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """A folder for each class; :meth:`picture_path` says which picture goes where."""
        write_folders(dataset, target, fidelity, class_place)

    def picture_path(self, picture: LabelledPicture) -> str | None:
        """Where a picture goes, ``None`` for one without a class."""
        name = class_of(picture)
        return None if name is None else class_place(picture, name)


def format() -> Folders:
    """The format."""
    return Folders()


def read_folders(source: Path, find: Find | None) -> Iterator[Picture | Labelled | Label]:
    """See :meth:`Folders.read`. ``find`` tells which of the paths that a picture may have is one of a picture."""
    if not source.exists():
        raise NotFound(f"there is no folder '{source}'", hint="name a folder", path=str(source))
    if not source.is_dir():
        raise InvalidInput(f"'{source}' is no folder", hint="name the folder above the classes", path=str(source))
    tops = sorted(path.name for path in source.iterdir() if path.is_dir() and not path.name.startswith("."))
    split = bool(tops) and all(name in _SPLITS for name in tops)
    seen: set[str] = set()
    any_picture = False
    for path in files.below(source):
        if not files.is_media(path):
            continue
        any_picture = True
        names = path.split("/")[:-1]
        metadata = {"split": _SPLITS[names[0]]} if split and names else {}
        yield Picture(path, _path(path, split, find), f"'{path}'", metadata=metadata)
        classes = names[1:] if split else names
        if not classes:
            continue
        if classes[0] not in seen:
            seen.add(classes[0])
            yield Label(classes[0])
        yield Labelled(path, Annotation("class", classes[0], source="import"), f"'{path}'")
    if not any_picture:
        raise InvalidInput(f"there is no picture below '{source}'", hint="name the folder above the classes")


def _path(path: str, split: bool, find: Find | None) -> str:
    """The path of a picture, which an export has put below the folders of its class and its split."""
    if find is None:
        return path
    names = path.split("/")
    several = [path]
    if split and len(names) > 2:
        several += ["/".join(each) for each in (names[1:], [names[0], *names[2:]], names[2:])]
    elif not split and len(names) > 1:
        several.append("/".join(names[1:]))
    return next((each for each in several if _is_there(each, find)), path)


def _is_there(path: str, find: Find) -> bool:
    try:
        return find(path) is not None
    except InvalidInput:  # it is, and its size cannot be read
        return True


def class_of(picture: LabelledPicture) -> str | None:
    """The class that a picture's folder can say: that of its first annotation of the type class."""
    for annotation in picture.annotations:
        if annotation.type == "class" and annotation.label is not None:
            return annotation.label
    return None


def class_place(picture: LabelledPicture, name: str) -> str:
    """The path of a picture below the folder of its class, where it may be already."""
    return picture.path if picture.path.startswith(f"{name}/") else f"{name}/{picture.path}"


def split_place(picture: LabelledPicture, name: str) -> str:
    """The path of a picture below the folders of its split and its class, ``train`` where it has no split."""
    split = picture.metadata.get("split")
    known = split if isinstance(split, str) and split in _SPLITS.values() else "train"
    path = picture.path.removeprefix(f"{known}/")
    return f"{known}/{path if path.startswith(f'{name}/') else f'{name}/{path}'}"


def write_folders(dataset: Dataset, target: Path, fidelity: Fidelity, place: Place) -> None:
    """Make the folders, and report what they cannot say."""
    lose_labels(fidelity, dataset)
    files.made_folder(target, NAME)
    for picture in files.shown(dataset):
        name = class_of(picture)
        split = picture.metadata.get("split")
        told = place is split_place and split in _SPLITS.values()
        lose_picture(fidelity, picture, ("split",) if told else ())
        if place is split_place and not told:
            fidelity.lose("items without a split, put into train", picture.path)
        if name is None:
            fidelity.lose("items without a class, left out", picture.path)
        else:
            _check_name(name)
            (target / place(picture, name)).parent.mkdir(parents=True, exist_ok=True)
        _lose_annotations(picture, fidelity)


def _check_name(name: str) -> None:
    if "/" in name or name in ("", ".", "..") or "\0" in name:
        raise InvalidInput(f"the label '{name}' cannot be the name of a folder", hint="rename it: oxide label rename")


def _lose_annotations(picture: LabelledPicture, fidelity: Fidelity) -> None:
    told = False
    for annotation in picture.annotations:
        if annotation.type == "class" and annotation.label is not None and not told:
            told = True
            lose_parts(fidelity, picture, annotation)
        else:
            kind = "classes besides the first" if annotation.type == "class" else f"annotations ({annotation.type})"
            fidelity.leave_out(kind, where(picture, annotation))
