"""Helpers that several test folders share: files made deterministically, trees compared whole, the command line
driven."""

from __future__ import annotations

import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

CONTROL = ".oxide"
AUTHOR = {"OXIDE_USER_NAME": "Ada Tester", "OXIDE_USER_EMAIL": "ada@example.org"}
NOBODY = 65534
"""The user id that owns nothing: permissions hold for it even where the tests run as root."""


# -- files made deterministically --------------------------------------------------------------------------------------
def noise(seed: object, length: int) -> bytes:
    """Bytes that do not compress and are the same on every run."""
    import hashlib

    return hashlib.shake_256(repr(seed).encode()).digest(length)


def picture(seed: object, width: int = 24, height: int = 16) -> bytes:
    """A valid PNG: RGB, one noisy colour field."""
    pixels = noise(("picture", seed), width * height * 3)
    rows = b"".join(b"\0" + pixels[row * width * 3 : (row + 1) * width * 3] for row in range(height))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def clip(seed: object, length: int = 200_000) -> bytes:
    """Bytes shaped like an MP4: the boxes `ftyp`, `mdat` with noise, and an empty `moov`."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + kind + body

    return box(b"ftyp", b"isom\0\0\2\0isomiso2mp41") + box(b"mdat", noise(("clip", seed), length)) + box(b"moov", b"")


def write(root: Path, path: str, content: bytes | str = b"", *, executable: bool = False) -> Path:
    """Write a file below ``root``, with its folders."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.encode() if isinstance(content, str) else content)
    target.chmod(0o755 if executable else 0o644)
    return target


def link(root: Path, path: str, target: str | bytes) -> Path:
    """Make a symbolic link below ``root``, with its folders."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    os.symlink(target, os.fsencode(place) if isinstance(target, bytes) else place)
    return place


# -- whole trees -------------------------------------------------------------------------------------------------------
class Node(NamedTuple):
    """What stands at a path: ``kind`` is ``file``, ``link`` or ``folder`` (only empty folders are nodes)."""

    kind: str
    content: bytes
    executable: bool
    target: bytes


def tree(root: Path | str) -> dict[str, Node]:
    """Everything below ``root`` but ``.oxide``; empty folders too, so that a folder left behind is seen."""
    start = os.fsencode(root)
    nodes: dict[str, Node] = {}

    def visit(folder: bytes, prefix: str) -> int:
        found = 0
        for entry in os.scandir(folder):
            path = prefix + os.fsdecode(entry.name)
            if path == CONTROL:
                continue
            found += 1
            if entry.is_symlink():
                nodes[path] = Node("link", b"", False, os.readlink(entry.path))
            elif entry.is_dir():
                if not visit(entry.path, path + "/"):
                    nodes[path] = Node("folder", b"", False, b"")
            elif entry.is_file():
                mode = entry.stat(follow_symlinks=False).st_mode
                nodes[path] = Node("file", Path(os.fsdecode(entry.path)).read_bytes(), bool(mode & stat.S_IXUSR), b"")
            else:
                nodes[path] = Node("other", b"", False, b"")
        return found

    visit(start, "")
    return nodes


def modified_times(root: Path) -> dict[str, int]:
    """``st_mtime_ns`` of every file and link below ``root`` but ``.oxide``."""
    return {path: os.lstat(root / path).st_mtime_ns for path, node in tree(root).items() if node.kind != "folder"}


def snapshot(repository: Any, revision: str = "HEAD") -> dict[str, Node]:
    """A revision's tree in the shape of :func:`tree`, read through the API without touching the disk."""
    at = repository.at(revision)
    nodes = {}
    for entry in repository.ls(revision, recursive=True):
        content = at.read(entry.path)
        assert entry.size == len(content)
        is_link = entry.type == "link"
        path = os.fsdecode(bytes_of(entry.path))
        nodes[path] = Node(entry.type, b"" if is_link else content, entry.executable, content if is_link else b"")
    return nodes


def bytes_of(path: str) -> bytes:
    """The bytes on disk of a path that the engine returned."""
    from oxide import _core

    return _core.path_to_bytes(path)


def names(changes: Any) -> dict[str, list[Any]]:
    """File changes as a plain dict without the empty lists, for readable comparisons."""
    return {field: list(value) for field, value in changes._asdict().items() if value}


# -- the command line --------------------------------------------------------------------------------------------------
class Ran(NamedTuple):
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The error object that a failing ``--json`` command prints on stderr."""
        return json.loads(self.err.strip().splitlines()[-1])["error"]


def oxide_command() -> list[str]:
    """The installed ``oxide``: the script beside this interpreter, else the one on the path."""
    beside = Path(sys.executable).with_name("oxide")
    found = str(beside) if beside.exists() else shutil.which("oxide")
    if found is None:
        pytest.fail("the command `oxide` is not installed beside this Python: run `make test` or `pip install -e .`")
    return [found]


def command_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment without the caller's configuration."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OXIDE_", "XDG_"))}
    return {**kept, "HOME": str(home), "NO_COLOR": "1", **AUTHOR, **(extra or {})}


class Oxide:
    """Runs the installed command in a folder: ``oxide("status", "--json").json``. Fails the test on an unexpected
    exit code."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home

    def __call__(
        self, *arguments: str, code: int = 0, environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Ran:
        done = subprocess.run(
            [*oxide_command(), *arguments],
            cwd=cwd or self.folder,
            env=command_environment(self.home, environment),
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        ran = Ran(
            done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")
        )
        assert ran.code == code, f"oxide {' '.join(arguments)} ended with {ran.code}, not {code}\n{ran.out}\n{ran.err}"
        return ran


def with_pictures(folder: Path, home: Path, names: Iterable[str]) -> Oxide:
    """The command in a new repository with a picture at each of some paths, which are added."""
    folder.mkdir()
    oxide = Oxide(folder, home)
    oxide("init")
    for name in names:
        write(folder, name, picture(name))
    oxide("add", ".")
    return oxide


# -- other processes ---------------------------------------------------------------------------------------------------
def python(script: str, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a Python process on a script text; its arguments are ``sys.argv[1:]``."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 120) -> Ran:
    """Wait for a process."""
    out, err = process.communicate(timeout=timeout)
    return Ran(process.returncode, out, err)


def as_nobody(script: str, *arguments: str) -> str:
    """Run a script text in a process that is not root and return what it printed; a failure there fails the test here.

    Root ignores permissions, so a test of them would prove nothing (or would have to be skipped) where CI runs as root.
    All of ``oxide`` is imported before root is given up: the interpreter may lie where only root can read.
    """
    prelude = f"""
import os, pkgutil, sys, oxide
for module in pkgutil.walk_packages(oxide.__path__, "oxide."):
    try:
        __import__(module.name)
    except ImportError:
        pass
from oxide import Repository, errors
from oxide.settings import Settings
settings = Settings(None, {AUTHOR!r})
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
os.chdir("/")
"""
    ran = finish(python(prelude + script, *arguments))
    assert ran.code == 0, ran.err
    return ran.out


def give_to_nobody(root: Path) -> None:
    """Make a tree belong to the user of :func:`as_nobody`, and let that user reach it."""
    if os.geteuid() != 0:
        return
    for folder, _, files in os.walk(root):
        os.chown(folder, NOBODY, NOBODY)
        for name in files:
            os.chown(os.path.join(folder, name), NOBODY, NOBODY, follow_symlinks=False)
    for parent in root.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH | stat.S_IROTH)


# -- counting work -----------------------------------------------------------------------------------------------------
def counted(work: Callable[[], object]) -> dict[str, int]:
    """The core's counters (lower-case names) of one piece of work."""
    from oxide import _core

    _core.reset_counters()
    work()
    return {name.lower(): value for name, value in _core.counters().items()}
