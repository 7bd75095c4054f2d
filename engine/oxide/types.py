"""What the engine's calls return: plain, immutable, typed. Times are aware datetimes in UTC or the author's zone."""

from __future__ import annotations

from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import NamedTuple
else:
    from oxide.tuples import NamedTuple

Progress = Callable[[str, int, int, int, int], None]
"""``progress(phase, files_done, files_total, bytes_done, bytes_total)``; totals are 0 while unknown."""


class Person(NamedTuple):
    """An author: as the configuration, the environment or the system names them."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class Commit(NamedTuple):
    """A commit. ``tables`` maps a table's name to (schema id, root id); ids are 64 hex digits."""

    id: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    time: datetime
    message: str
    generation: int
    tables: dict[str, tuple[str, str]]

    @property
    def summary(self) -> str:
        """The message's first line."""
        return self.message.split("\n", 1)[0]


class LogEntry(NamedTuple):
    """A commit with the names that point at it."""

    commit: Commit
    branches: list[str]
    tags: list[str]


class Skipped(NamedTuple):
    """A file that could not be taken, and why."""

    path: str
    reason: str


class Broken(NamedTuple):
    """A picture or video that is damaged, and how."""

    path: str
    reason: str


class Untracked(NamedTuple):
    """An untracked file, or a folder (``path`` ends in ``/``) without any tracked file, with its number of files."""

    path: str
    files: int


class TableChanges(NamedTuple):
    """Numbers of rows that differ."""

    added: int
    modified: int
    removed: int


class FileChanges(NamedTuple):
    """Files that differ, each list sorted by path. ``renamed`` holds (old, new)."""

    added: list[str]
    modified: list[str]
    removed: list[str]
    renamed: list[tuple[str, str]]

    def __bool__(self) -> bool:
        return any(self)

    @property
    def total(self) -> int:
        """Number of files that differ."""
        return len(self.added) + len(self.modified) + len(self.removed) + len(self.renamed)


class Diff(NamedTuple):
    """Differences of two revisions, or of one and the working copy.

    ``tables`` leaves out ``items``; of ``files`` it counts the rows in which only facts of the media differ.
    """

    files: FileChanges
    tables: dict[str, TableChanges]


class CopyResult(NamedTuple):
    """What was copied: (path at the source, path of the copy) of each file, and numbers of what came with them.

    ``replaced`` are files that copies took the place of, ``labels`` what the target's ontology got. ``failed`` are
    files that could not be written on disk.
    """

    copied: list[tuple[str, str]]
    replaced: list[str]
    annotations: int
    metadata: int
    labels: list[str]
    failed: list[Skipped]


class FramesResult(NamedTuple):
    """What was taken out of videos: the paths of the new pictures, the number of those that were there already, and of
    new ones that needed no decoding because a branch has them.

    ``videos`` is the number of clips that were looked at. ``broken`` are those that cannot be decoded, with the reason,
    ``failed`` files that could not be written on disk. ``annotations`` is the number that the pictures took over.
    ``held_out``: clips that were left out, as a frozen split holds them out.
    """

    made: list[str]
    there: int
    reused: int
    held_out: list[str]
    videos: int
    annotations: int
    broken: list[Skipped]
    failed: list[Skipped]


class Split(NamedTuple):
    """A split: its name, how many files it has, and whether it is frozen."""

    name: str
    files: int
    frozen: bool


class SplitResult(NamedTuple):
    """What a new split got: its files, how many of each class (``None`` where classes did not matter)."""

    name: str
    paths: list[str]
    classes: dict[str | None, int]
    frozen: bool


class Leak(NamedTuple):
    """Files of different splits that are one thing. ``kind``: ``held-out`` (one uses what a frozen split holds out),
    ``content`` (equal bytes), ``video`` (a video and its frames), ``near`` (pictures that look alike; each
    is like one of another split among them). ``files``: (path, split) of each.
    """

    kind: str
    files: list[tuple[str, str | None]]


class Conflict(NamedTuple):
    """Something a merge could not decide. For files ``name`` is the path; for other tables the row's key in hex.

    ``reason``: ``content``, ``executable``, ``path``, ``removed``, ``added``, ``folder``, ``labelled`` (one side
    removed the file, the other changed its labels) or ``cells``. ``path``: the file that the row belongs to, ``None``
    for a row of no file.
    ``base``, ``ours``, ``theirs``: the row on each side as a dict, ``None`` where it does not exist.
    """

    table: str
    name: str
    reason: str
    fields: tuple[str, ...]
    base: dict[str, object] | None
    ours: dict[str, object] | None
    theirs: dict[str, object] | None
    path: str | None

    @property
    def annotation(self) -> str | None:
        """The id of the annotation that the row is, or is a keyframe of."""
        row = self.ours or self.theirs or self.base
        return str(row["ann_id"]) if row is not None and "ann_id" in row else None

    @property
    def title(self) -> str:
        """What a person calls it: a file's path, ``views:NAME`` for a saved view, else ``TABLE:KEY``."""
        if self.table == "files":
            return self.name
        row = self.ours or self.theirs or self.base
        return f"{self.table}:{row['name'] if self.table == 'views' and row is not None else self.name}"


class Status(NamedTuple):
    """The workspace at a glance. ``branch`` is ``None`` when detached, ``head`` before the first commit."""

    branch: str | None
    head: str | None
    staged: FileChanges
    tables: dict[str, TableChanges]
    modified: list[str]
    removed: list[str]
    untracked: list[Untracked]
    skipped: list[Skipped]
    empty_folders: list[str]
    conflicts: list[Conflict]
    merging: list[str]
    upstream: str | None
    ahead: int
    behind: int

    @property
    def clean(self) -> bool:
        """Nothing staged, changed, untracked or in conflict."""
        return not (
            self.staged
            or self.tables
            or self.modified
            or self.removed
            or self.untracked
            or self.conflicts
            or self.merging
        )


class AddResult(NamedTuple):
    """What was staged. ``unchanged`` paths are not listed. ``broken``: staged all the same."""

    added: list[str]
    modified: list[str]
    removed: list[str]
    renamed: list[tuple[str, str]]
    skipped: list[Skipped]
    empty_folders: list[str]
    collisions: list[list[str]]
    bytes: int
    broken: list[Broken]


class ScanResult(NamedTuple):
    """``read``: how many files were looked at; ``changed``: of how many something else is known now.

    ``broken``: damaged pictures and videos among them. ``skipped``: files whose content could not be read.
    """

    read: int
    changed: int
    broken: list[Broken]
    skipped: list[Skipped]


class CheckoutResult(NamedTuple):
    """What moved in the working copy. ``failed`` paths could not be changed."""

    branch: str | None
    head: str | None
    written: list[str]
    removed: list[str]
    failed: list[Skipped]


class MergeResult(NamedTuple):
    """``kind``: ``up-to-date``, ``fast-forward``, ``merged`` (``commit`` is new) or ``conflicts`` (to be resolved)."""

    kind: str
    commit: Commit | None
    conflicts: list[Conflict]
    files: CheckoutResult | None


class Branch(NamedTuple):
    """A branch. ``upstream`` is ``remote/branch``."""

    name: str
    head: str | None
    current: bool
    upstream: str | None


class Tag(NamedTuple):
    """A tag."""

    name: str
    commit: str


class StashEntry(NamedTuple):
    """A shelved state of the workspace; number 0 is the newest."""

    number: int
    commit: str
    branch: str | None
    message: str
    time: datetime


class OperationEntry(NamedTuple):
    """One link of the operation chain."""

    number: int
    id: str
    kind: str
    description: str
    time: datetime
    author: Person
    current: bool


class BlameEntry(NamedTuple):
    """The commit that last changed a file, and how: ``added``, ``modified`` or ``renamed``."""

    path: str
    commit: Commit
    change: str


class FileEntry(NamedTuple):
    """A file of a revision. ``type``: ``file``, ``link``, ``reference`` (a link to a file outside the tree, with that
    file's size and content id) or, in a listing that does not recurse, ``folder``.

    From ``media`` on: facts of pictures and videos, ``None`` where their headers are silent. ``media``: the type, as
    ``image/jpeg``. ``width``, ``height``: pixels as stored, before ``orientation`` (1 to 8, as in EXIF) is applied.
    ``bit_depth``: bits of a channel. ``fps``: frames a second on the average. ``duration``: seconds. ``broken``: why it
    cannot be read as what it is.
    """

    path: str
    type: str
    size: int
    executable: bool
    content_id: str
    sha256: str
    item_id: str
    media: str | None
    width: int | None
    height: int | None
    orientation: int | None
    channels: int | None
    bit_depth: int | None
    fps: float | None
    frames: int | None
    duration: float | None
    broken: str | None


class Usage(NamedTuple):
    """Bytes. ``logical``: all files of the revision, ``unique``: equal contents once, ``store``: ``.oxide``."""

    revision: str
    files: int
    logical: int
    unique: int
    store: dict[str, int]


class Problem(NamedTuple):
    """Something ``fsck`` found."""

    object: str
    kind: str
    problem: str
    remedy: str
    repaired: bool


class FsckResult(NamedTuple):
    """``ok`` when no problem is left."""

    ok: bool
    checked: dict[str, int]
    problems: list[Problem]


class Holder(NamedTuple):
    """Who keeps bytes. Each byte counts once, for the first who needs it.

    ``kind`` is branch, tag, frozen, remote, workspace or repository for what is in use; stash; undo (``name``: the
    number of the operation, ``about``: what it did); and for what nothing needs any more but what stays for now:
    grace, session (``name``: the process that may rely on it) or repacking (too little of a pack to rewrite it).
    """

    kind: str
    name: str
    about: str
    bytes: int


class GcResult(NamedTuple):
    """Bytes by fate.

    ``live_bytes``: reached from branches, tags, remotes and workspaces. ``dead_bytes``: reached from nothing;
    ``freed_bytes`` of them are gone (in a dry run: would be), ``waiting_bytes`` stay for now. ``held``: bytes not in
    use by the kind of what keeps them. ``holders``: all who keep bytes, by kind and name.
    """

    live_bytes: int
    held: dict[str, int]
    dead_bytes: int
    freed_bytes: int
    waiting_bytes: int
    objects: int
    packs: int
    holders: list[Holder]


class IgnoredPath(NamedTuple):
    """An ignored path with the rule that ignores it."""

    path: str
    source: str
    line: int
    pattern: str


class Setting(NamedTuple):
    """An effective setting. ``origin``: ``environment``, ``repository``, ``user`` or ``default``, with the file."""

    key: str
    value: str
    origin: str
