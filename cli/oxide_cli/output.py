"""Where output goes: data to standard output, talk to standard error, colour only where a person looks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from oxide_cli.rendering.text import Painter, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from oxide.repository import Repository
    from oxide.types import Progress

_STYLES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}


def is_terminal(stream: IO[str]) -> bool:
    """Whether a person looks at the stream."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def painter(stream: IO[str]) -> Painter:
    """Colour for a stream: off under ``NO_COLOR``, on a terminal named ``dumb`` and where no terminal is."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not is_terminal(stream):
        return plain
    return lambda text, style: f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def accept_odd_characters() -> None:
    """Odd characters never stop a listing; in JSON the escape of a lone surrogate is JSON's own."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


class Console:
    """What a verb prints through, and the repository it works on. ``quiet`` leaves data, warnings and errors."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.json_only = False
        self.paint = painter(sys.stdout)

    def repository(self) -> Repository:
        """The repository that the current folder is in."""
        from oxide_cli.opening import open_repository

        return open_repository()

    def data(self, line: str = "") -> None:
        """A line that was asked for."""
        sys.stdout.write(line + "\n")

    def lines(self, lines: Iterable[str]) -> None:
        """Lines that were asked for."""
        for line in lines:
            self.data(line)

    def done(self, line: str) -> None:
        """What a verb has done: on standard output, left out with ``-q`` and where JSON says it."""
        if not self.quiet and not self.json_only:
            self.data(line)

    def talk(self, line: str) -> None:
        """A remark on standard error, left out with ``-q``."""
        if not self.quiet:
            sys.stdout.flush()
            sys.stderr.write(line + "\n")

    def next(self, command: str) -> None:
        """The natural next command."""
        if not self.json_only:
            self.talk(painter(sys.stderr)(f"next: {command}", "dim"))

    def undoable(self) -> None:
        """The way back from what was just done."""
        if not self.json_only:
            self.talk(painter(sys.stderr)("undo with: oxide undo", "dim"))

    def warn(self, line: str) -> None:
        """Something that went wrong without ending the work: on standard error even with ``-q``."""
        sys.stdout.flush()
        sys.stderr.write(painter(sys.stderr)("warning: ", "yellow") + line + "\n")

    def json(self, value: object) -> None:
        """One JSON document."""
        import json

        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=_json_value) + "\n")

    def json_stream(self, values: Iterable[object]) -> None:
        """A JSON list, one line an element, written as the elements come."""
        import json

        separator = "["
        for value in values:
            sys.stdout.write(separator + "\n" + json.dumps(value, ensure_ascii=False, default=_json_value))
            separator = ","
        sys.stdout.write("[]\n" if separator == "[" else "\n]\n")

    @contextmanager
    def progress(self) -> Iterator[Progress | None]:
        """A progress callback for the engine, ``None`` where nobody would see it."""
        from oxide_cli.progress import reporter

        report = None if self.quiet else reporter()
        try:
            yield report
        finally:
            if report is not None:
                report.clear()

    @contextmanager
    def pager(self) -> Iterator[None]:
        """Long output goes through ``$OXIDE_PAGER``, ``$PAGER`` or ``less`` when a person looks at it."""
        command = os.environ.get("OXIDE_PAGER", os.environ.get("PAGER", "less"))
        if not command or command == "cat" or not is_terminal(sys.stdout) or os.environ.get("TERM") == "dumb":
            yield
            return
        import shlex
        import subprocess

        words = shlex.split(command)
        environment = {"LESS": "FRX", "LV": "-c", **os.environ}
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.PIPE, env=environment, text=True, errors="backslashreplace"
            )
        except OSError:
            yield
            return
        terminal, pipe = sys.stdout, process.stdin
        assert pipe is not None
        sys.stdout = pipe
        try:
            yield
        except BrokenPipeError:
            pass  # the reader has seen enough
        finally:
            sys.stdout = terminal
            with suppress(BrokenPipeError):
                pipe.close()
            while True:
                try:
                    process.wait()
                    break
                except KeyboardInterrupt:
                    continue  # the pager has the terminal until it ends


def _json_value(value: object) -> object:
    """JSON for what a table's cell may hold beyond JSON's own types."""
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    return str(value)
