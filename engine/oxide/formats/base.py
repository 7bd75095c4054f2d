"""What a format is: a reader that tells what a file or folder says, and a writer that says what a dataset holds.

A format knows nothing of repositories. Its reader yields :class:`Picture`, :class:`Labelled`,
:class:`oxide.labels.ontology.Label` and :class:`oxide.labels.runs.Run` one at a time, each picture and each run before
its annotations and once, in memory that grows with the number of pictures alone; the importer matches pictures with
files, checks shapes and makes rows. Its writer takes a :class:`Dataset`, which it may go through more than once, and
tells the :class:`Fidelity` report whatever it cannot say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from oxide.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from oxide.labels.annotation import Annotation
    from oxide.labels.ontology import Label, Ontology
    from oxide.labels.runs import Run

EXAMPLES = 5
"""How many examples a report keeps of each kind of loss."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An item as a source names it.

    ``key`` is what the source's annotations refer to it by. ``path`` is relative to the source's images, ``/`` between
    names, or only a name. ``width`` and ``height`` are in pixels of the upright picture, where the source says them.
    ``sha256`` is 64 hex digits. ``source_id``, ``created``, ``creator``, ``hidden`` become facts of the item where the
    source has them. ``place`` tells where it stands: a line, a JSON pointer.
    """

    key: Hashable
    path: str | None
    place: str
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    source_id: str | None = None
    created: datetime | None = None
    creator: str | None = None
    hidden: bool | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """An annotation of the picture with that key. Its ``id`` is kept if it is 24 hex digits, and new if ``None``.

    What the format itself calls it is in ``foreign[format]["id"]``. Its ``run_id`` is kept if the source describes that
    run, and else that of the import. Its ``source`` becomes ``import`` unless it is
    ``model``, or ``by_hand``: the source says that a person made it. ``measured``: the reader has had the shape
    checked, and the box is what :func:`oxide.labels.geometry.checked` gave.
    """

    key: Hashable
    annotation: Annotation
    place: str
    by_hand: bool = False
    measured: bool = False


Entry = "Picture | Labelled | Label | Run"


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """An item on its way out: its file, its facts (``None`` where unknown), its annotations by id, and its metadata."""

    item_id: str
    path: str
    sha256: str
    size: int
    width: int | None
    height: int | None
    annotations: tuple[Annotation, ...]
    metadata: dict[str, Any]
    created: datetime | None = None
    creator: str | None = None
    source_id: str | None = None
    hidden: bool | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """Media facts by the names of the columns of ``files``: media, fps, frames, duration, channels, and so on."""


class Dataset(Protocol):
    """What is exported: some items of one revision."""

    @property
    def ontology(self) -> Ontology:
        """The labels; those in use but not in the ontology are among them, behind the others by name."""
        ...

    @property
    def runs(self) -> Sequence[Run]:
        """The runs that annotations came with, oldest first."""
        ...

    @property
    def name(self) -> str:
        """The folder's name, for formats that name what they hold."""
        ...

    def pictures(self) -> Iterator[LabelledPicture]:
        """The items in the order in which they were added; again from the start with each call."""
        ...


class Fidelity:
    """What a format could not hold: kinds of loss with their number and a few examples, and how many annotations are
    ``left_out``.
    """

    def __init__(self) -> None:
        self.losses: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self.left_out = 0

    def lose(self, what: str, where: str) -> None:
        """Note a loss. ``what`` is a kind of loss in words, ``where`` names path and annotation."""
        self.losses[what] += 1
        examples = self.examples.setdefault(what, [])
        if len(examples) < EXAMPLES:
            examples.append(where)

    def leave_out(self, what: str, where: str) -> None:
        """Note an annotation that is not written at all."""
        self.lose(what, where)
        self.left_out += 1

    def __bool__(self) -> bool:
        return bool(self.losses)


class Format(Protocol):
    """A format. ``name`` is what the command line calls it."""

    name: str

    def read(self, source: Path) -> Iterator[Picture | Labelled | Label | Run]:
        """What a file or folder says.

        Raises:
            InvalidInput: it is not of this format; the message names file and line or pointer.
            MissingExtra: reading it needs a package that is not installed.
        """
        ...

    def write(self, dataset: Dataset, target: Path, fidelity: Fidelity) -> None:
        """Write a dataset's labels into ``target``, an empty folder, or a file that does not exist yet."""
        ...


@runtime_checkable
class PlacesPictures(Protocol):
    """A format that says where its pictures go. Others have them at their paths in the target, or beside it.

    ``needs_pictures``, known once it was written: it says nothing without them.
    """

    needs_pictures: bool

    def picture_path(self, picture: LabelledPicture) -> str | None:
        """Where a picture goes below the target, ``None`` for one that is left out."""
        ...


Known = tuple[str, int | None, int | None]
"""Path, width and height of a picture."""
Find = Callable[[str], Known | None]
"""What is known of the picture at a path."""


@runtime_checkable
class AsksForPictures(Protocol):
    """A format that cannot be read without the sizes of pictures, which the importer may know.

    ``find`` takes the path of a picture, with or without its ending.
    """

    find: Find | None


FORMATS = {
    "coco": "oxide.formats.coco",
    "yolo": "oxide.formats.yolo",
    "voc": "oxide.formats.voc",
    "cvat": "oxide.formats.cvat",
    "labelstudio": "oxide.formats.label_studio",
    "labelme": "oxide.formats.labelme",
    "mot": "oxide.formats.mot",
    "masks": "oxide.formats.mask_pictures",
    "panoptic": "oxide.formats.panoptic",
    "datumaro": "oxide.formats.datumaro",
    "dataloop": "oxide.formats.dataloop",
    "folders": "oxide.formats.folders",
    "csv": "oxide.formats.tabular",
    "jsonl": "oxide.formats.jsonl",
}
"""Module by name; each has a function ``format()`` that makes its :class:`Format`. The next is a file and a line."""


def find_format(name: str) -> Format:
    """A format by its name. Raises InvalidInput."""
    if name not in FORMATS:
        import difflib

        close = difflib.get_close_matches(name, FORMATS, 1)
        suggestion = f"did you mean {close[0]}? " if close else ""
        raise InvalidInput(f"there is no format '{name}'", hint=f"{suggestion}formats: {', '.join(FORMATS)}")
    import importlib

    made: Format = importlib.import_module(FORMATS[name]).format()
    return made


def wrong(source: Path | str, place: str, why: str, hint: str = "") -> InvalidInput:
    """The failure for a source that is not as its format says."""
    return InvalidInput(f"'{source}', {place}: {why}", hint=hint or "nothing was imported", path=str(source))
