"""A model of a disk: what a record of changes leaves, and what a power cut may leave of it.

A change is *pending* from the moment it is made until a flush makes it *durable*:

- the data of a file by a flush of that file, names by a flush of their folder, everything by one of the file system;
- a name of a new file is not made durable by flushing the file.

A cut keeps what is durable and any part of what is pending: of each name any of the versions that it has had, of each
file any mixture of old and new blocks, zeros where blocks had been promised, a write that broke off in the middle. One
change made of two, a rename from folder to folder, may lose either half under ``.oxide``. In the working tree it is
kept or lost whole: there the names are the user's, and on a disk that could lose half no program could move a file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

SECTOR = 512
BLOCK = 4096


class Event(NamedTuple):
    """One entry of the record."""

    name: str
    fields: tuple[bytes, ...]


def read_record(path: Path) -> list[Event]:
    """Every event that ``OXIDE_RECORD`` wrote, in order."""
    data = path.read_bytes()
    at = 0

    def number() -> int:
        nonlocal at
        at += 4
        return int.from_bytes(data[at - 4 : at], "little")

    events = []
    while at < len(data):
        fields = []
        for _ in range(number()):
            length = number()
            fields.append(data[at : at + length])
            at += length
        events.append(Event(fields[0].decode(), tuple(fields[1:])))
    return events


class File:
    """A file by its inode, whatever names it has."""

    def __init__(self, mode: int, content: bytes = b"") -> None:
        self.mode = mode
        self.durable = content
        self.pending: list[tuple[int, bytes]] = []

    def now(self) -> bytes:
        """What a reader sees."""
        return _written(self.durable, self.pending)

    def flush(self) -> None:
        """Everything written so far is durable."""
        self.durable, self.pending = self.now(), []

    def after_cut(self, random: Random) -> bytes:
        """One of the contents that a cut may leave."""
        old, new = self.durable, self.now()
        kind = random.choice(("old", "new", "zeros", "torn", "mixed"))
        if kind == "old":
            return old
        if kind == "new":
            return new
        if kind == "zeros":  # the length was recorded, the blocks were not
            return old.ljust(len(new), b"\0")[: len(new)]
        if kind == "torn":
            cut = random.randrange(0, len(new) // SECTOR + 1) * SECTOR
            rest = old.ljust(len(new), b"\0")[cut : len(new)]
            return new[:cut] + random.choice((b"", rest, old[cut:]))
        lengths = [len(old), len(new), *(offset + len(data) for offset, data in self.pending)]
        length = random.choice(lengths)
        sources = (old.ljust(length, b"\0"), new.ljust(length, b"\0"))
        blocks = (random.choice(sources)[at : at + BLOCK] for at in range(0, length, BLOCK))
        return b"".join(blocks)[:length]


class Link:
    """A symbolic link; it comes and goes with its name."""

    def __init__(self, target: bytes) -> None:
        self.target = target


class Folder:
    """A folder: durable names, and what has become of names since."""

    def __init__(self, mode: int = 0o755) -> None:
        self.mode = mode
        self.durable: dict[bytes, Node] = {}
        self.pending: dict[bytes, list[Node | None]] = {}

    def now(self, name: bytes) -> Node | None:
        """What stands at a name."""
        versions = self.pending.get(name)
        return versions[-1] if versions else self.durable.get(name)

    def names(self) -> list[bytes]:
        """Every name that is durable or pending, sorted."""
        return sorted({*self.durable, *self.pending})

    def versions(self, name: bytes) -> list[Node | None]:
        """What may stand at a name after a cut: the durable version first."""
        return [self.durable.get(name), *self.pending.get(name, ())]

    def change(self, name: bytes, node: Node | None) -> None:
        """Give a name another meaning, pending."""
        self.pending.setdefault(name, []).append(node)

    def flush(self) -> None:
        """Every name is durable as it is now."""
        for name in [*self.pending]:
            self.flush_name(name)

    def flush_name(self, name: bytes) -> None:
        """One name is durable as it is now."""
        node = self.now(name)
        self.pending.pop(name, None)
        if node is None:
            self.durable.pop(name, None)
        else:
            self.durable[name] = node


Node = File | Link | Folder
Name = tuple[Folder, bytes]
"""A name in a folder."""


class Outcome(NamedTuple):
    """A whole tree by path, as a cut may leave it: bytes with permissions, a link's target, or a folder (``None``)."""

    nodes: dict[bytes, tuple[int, bytes] | bytes | None]

    def key(self) -> int:
        """Equal for equal outcomes."""
        return hash(tuple(sorted(self.nodes.items(), key=lambda item: item[0])))

    def write(self, root: Path) -> None:
        """Make it real below an empty folder."""
        start = os.fsencode(root)
        for path in sorted(self.nodes):
            node, place = self.nodes[path], os.path.join(start, path)
            if node is None:
                os.mkdir(place)
            elif isinstance(node, bytes):
                os.symlink(node, place)
            else:
                mode, content = node
                with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode | 0o600), "wb") as stream:
                    stream.write(content)
                    os.fchmod(stream.fileno(), mode)


class Disk:
    """The folder ``root`` and all below it, from the moment the record began: empty and durable."""

    def __init__(self, root: Path) -> None:
        self.base = os.fsencode(root)
        self.root = Folder()
        self.files: dict[bytes, File] = {}
        self.ties: list[tuple[Name, int, Name, int]] = []

    # -- making changes ------------------------------------------------------------------------------------------------
    def apply(self, event: Event) -> None:
        """Make one recorded change."""
        getattr(self, "_" + event.name.replace("-", "_"))(*event.fields)

    def _parts(self, path: bytes) -> list[bytes]:
        relative = os.path.relpath(path, self.base)
        assert not relative.startswith(b".."), f"{path!r} is outside {self.base!r}"
        return [] if relative == b"." else relative.split(b"/")

    def _folder(self, path: bytes) -> Folder:
        folder = self.root
        for part in self._parts(path):
            node = folder.now(part)
            assert isinstance(node, Folder), f"no folder at {path!r}"
            folder = node
        return folder

    def _name(self, path: bytes) -> Name:
        folder, name = os.path.split(path)
        return self._folder(folder), name

    def _at(self, path: bytes) -> Node:
        folder, name = self._name(path)
        node = folder.now(name)
        assert node is not None, f"nothing is at {path!r}"
        return node

    def _set(self, path: bytes, node: Node | None) -> tuple[Name, int]:
        folder, name = self._name(path)
        folder.change(name, node)
        return (folder, name), len(folder.pending[name])

    def _create(self, path: bytes, file: bytes, mode: bytes) -> None:
        self.files[file] = File(int(mode))
        self._set(path, self.files[file])

    def _write(self, file: bytes, offset: bytes, data: bytes) -> None:
        self.files[file].pending.append((int(offset), data))

    def _chmod(self, file: bytes, mode: bytes) -> None:
        # Permissions carry no promise: they are taken as they are now.
        self.files[file].mode = int(mode)

    def _rename(self, source: bytes, target: bytes) -> None:
        node = self._at(source)
        new, old = self._set(target, node), self._set(source, None)
        if b".oxide" not in self._parts(source) and b".oxide" not in self._parts(target):
            self.ties.append((*new, *old))

    def _exchange(self, one: bytes, other: bytes) -> None:
        nodes = self._at(one), self._at(other)
        self._set(one, nodes[1])
        self._set(other, nodes[0])

    def _link(self, source: bytes, target: bytes) -> None:
        self._set(target, self._at(source))

    def _unlink(self, path: bytes) -> None:
        self._at(path)
        self._set(path, None)

    def _rmdir(self, path: bytes) -> None:
        self._unlink(path)

    def _mkdir(self, path: bytes, mode: bytes) -> None:
        self._set(path, Folder(int(mode)))

    def _symlink(self, path: bytes, target: bytes) -> None:
        self._set(path, Link(target))

    def _flush(self, file: bytes) -> None:
        self.files[file].flush()

    def _flush_folder(self, path: bytes) -> None:
        folder = self._folder(path)
        folder.flush()
        for (one, name), _, (other, other_name), _ in self.ties:
            if folder in (one, other):
                one.flush_name(name)
                other.flush_name(other_name)
        self.ties = [tie for tie in self.ties if folder not in (tie[0][0], tie[2][0])]

    def _flush_all(self, _path: bytes) -> None:
        for file in self.files.values():
            file.flush()
        for folder in [*self._folders()]:
            folder.flush()
        self.ties.clear()

    def _returned(self, _verb: bytes, _operation: bytes, _config: bytes) -> None:
        """A verb has returned; nothing changes."""

    def _user(self, path: bytes, file: bytes, mode: bytes, content: bytes) -> None:
        """The user saved a file, and it is on the disk."""
        self.files[file] = File(int(mode), content)
        self._settle(path, self.files[file])

    def _user_removed(self, path: bytes) -> None:
        self._settle(path, None)

    def _settle(self, path: bytes, node: Node | None) -> None:
        folder = self.root
        *above, name = self._parts(path)
        for part in above:
            inner = folder.now(part)
            if not isinstance(inner, Folder):
                inner = Folder()
            folder.pending.pop(part, None)
            folder.durable[part] = inner
            folder = inner
        folder.pending.pop(name, None)
        folder.durable.pop(name, None)
        if node is not None:
            folder.durable[name] = node

    def _folders(self) -> Iterator[Folder]:
        waiting, seen = [self.root], {id(self.root)}
        while waiting:
            folder = waiting.pop()
            yield folder
            for name in folder.names():
                for node in folder.versions(name):
                    if isinstance(node, Folder) and id(node) not in seen:
                        seen.add(id(node))
                        waiting.append(node)

    # -- cutting -------------------------------------------------------------------------------------------------------
    def everything(self) -> Outcome:
        """What the folder looks like when nothing is lost."""
        return self._outcome({}, {}, kept=True)

    def cuts(self, samples: int, random: Random) -> Iterator[Outcome]:
        """What a cut now may leave: nothing pending, everything pending, then every choice where no more than
        ``samples`` are possible, else as many of them by chance. What lies in ``.oxide/tmp`` and ``.oxide/leases``
        alone is always left to chance: nothing refers to it.
        """
        yield self._outcome({}, {}, kept=False)
        yield self.everything()
        names, files, leftovers = self._pending()
        choices = 2 ** (len(names) + len(files))
        for number in range(choices if choices <= samples else samples):
            bits = number if choices <= samples else random.getrandbits(len(names) + len(files))
            versions = {key: random.randrange(len(folder.versions(name))) for key, (folder, name) in leftovers.items()}
            contents: dict[int, bytes] = {}
            for place, (key, (folder, name)) in enumerate(names.items()):
                last = len(folder.versions(name)) - 1
                # Between the oldest and the newest version there may have been others.
                versions[key] = 0 if not bits >> place & 1 else random.choice((last, last, random.randint(1, last)))
            for place, (identity, file) in enumerate(files.items(), len(names)):
                contents[identity] = file.after_cut(random) if bits >> place & 1 else file.durable
            self._respect_ties(versions)
            yield self._outcome(versions, contents, kept=False, random=random)

    def _pending(self) -> tuple[dict[tuple[int, bytes], Name], dict[int, File], dict[tuple[int, bytes], Name]]:
        names: dict[tuple[int, bytes], Name] = {}
        leftovers: dict[tuple[int, bytes], Name] = {}
        files: dict[int, File] = {}
        waiting: list[tuple[Folder, bytes, bool]] = [(self.root, b"", False)]
        seen = {id(self.root)}
        while waiting:
            folder, path, passing = waiting.pop()
            for name in folder.names():
                versions = folder.versions(name)
                if len(versions) > 1:
                    (leftovers if passing else names)[id(folder), name] = (folder, name)
                for node in versions:
                    if isinstance(node, File) and node.pending and not passing:
                        files[id(node)] = node
                    if isinstance(node, Folder) and id(node) not in seen:
                        seen.add(id(node))
                        inner = path + b"/" + name
                        waiting.append((node, inner, passing or inner.endswith((b".oxide/tmp", b".oxide/leases"))))
        return names, files, leftovers

    def _respect_ties(self, versions: dict[tuple[int, bytes], int]) -> None:
        for (new_folder, new_name), new, (old_folder, old_name), old in self.ties:
            ends = ((id(new_folder), new_name), new), ((id(old_folder), old_name), old)
            if any(versions.get(key, at) >= at for key, at in ends):
                for key, at in ends:
                    if key in versions:
                        versions[key] = max(versions[key], at)

    def _outcome(
        self,
        versions: dict[tuple[int, bytes], int],
        contents: dict[int, bytes],
        *,
        kept: bool,
        random: Random | None = None,
    ) -> Outcome:
        nodes: dict[bytes, tuple[int, bytes] | bytes | None] = {}
        open_folders: set[int] = set()

        def visit(folder: Folder, path: bytes) -> None:
            # A folder has one place: of two that a parted rename would leave, the first counts.
            if id(folder) in open_folders:
                nodes.pop(path, None)
                return
            open_folders.add(id(folder))
            for name in folder.names():
                of_name = folder.versions(name)
                node = of_name[-1 if kept else versions.get((id(folder), name), 0)]
                inner = os.path.join(path, name)
                if isinstance(node, Link):
                    nodes[inner] = node.target
                elif isinstance(node, File):
                    if id(node) not in contents:
                        contents[id(node)] = (
                            node.now() if kept else node.after_cut(random) if random and node.pending else node.durable
                        )
                    nodes[inner] = (node.mode, contents[id(node)])
                elif isinstance(node, Folder):
                    nodes[inner] = None
                    visit(node, inner)

        visit(self.root, b"")
        return Outcome(nodes)


def _written(content: bytes, writes: Sequence[tuple[int, bytes]]) -> bytes:
    if not writes:
        return content
    data = bytearray(content)
    for offset, piece in writes:
        if len(data) < offset:
            data.extend(bytes(offset - len(data)))
        data[offset : offset + len(piece)] = piece
    return bytes(data)


def real(root: Path) -> Outcome:
    """What really lies below a folder."""
    nodes: dict[bytes, tuple[int, bytes] | bytes | None] = {}
    start = os.fsencode(root)
    for folder, folders, files in os.walk(start):
        for name in [*folders, *files]:
            place = os.path.join(folder, name)
            path = os.path.relpath(place, start)
            looks = os.lstat(place)
            if stat.S_ISLNK(looks.st_mode):
                nodes[path] = os.readlink(place)
            elif stat.S_ISDIR(looks.st_mode):
                nodes[path] = None
            else:
                nodes[path] = (stat.S_IMODE(looks.st_mode), Path(os.fsdecode(place)).read_bytes())
    return Outcome(nodes)
