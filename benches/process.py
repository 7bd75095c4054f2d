"""One command, run and measured as a whole process with all its children."""

from __future__ import annotations

import os
import platform
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO


class CommandFailed(Exception):
    """A command that has to succeed did not."""


@dataclass(frozen=True)
class Cost:
    """What one command, or several one after the other, took."""

    seconds: float = 0.0
    processor: float = 0.0
    """Processor seconds, of the user and of the system: steadier than the clock on a machine that is shared."""
    memory: int = 0
    """Peak memory of the largest process in bytes. Its floor is the harness's own, some 25 MB."""
    written: int | None = 0
    """Bytes handed to the disk (pages made dirty); None where the system does not count them."""
    said: str = ""
    """Standard output of the last command."""

    def __add__(self, other: Cost) -> Cost:
        counted = self.written is not None and other.written is not None
        return Cost(
            self.seconds + other.seconds,
            self.processor + other.processor,
            max(self.memory, other.memory),
            (self.written or 0) + (other.written or 0) if counted else None,
            other.said,
        )


def run(
    words: list[str],
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    *,
    discard: bool = False,
) -> Cost:
    """Run a command; `discard` sends its standard output to nowhere.

    Raises:
        CommandFailed: it did not end with 0; with what it wrote.
    """
    output = subprocess.DEVNULL if discard else subprocess.PIPE
    start = time.perf_counter()
    process: subprocess.Popen[bytes] | None = None
    try:
        with _signals_wait():
            process = subprocess.Popen(
                words,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        with process:
            said, complaint = _outputs(process.stdout, process.stderr)
            # Not reaped yet: with the process its accounts would be gone.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            seconds = time.perf_counter() - start
            written = _bytes_written(process.pid)
            with _signals_wait():
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
    except KeyboardInterrupt:
        if process is not None and process.returncode is None:
            # What goes on writing would be in the way of the removal.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        raise
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(words)} ended with {process.returncode} in {folder}:\n{said}\n{complaint}")
    unit = 1 if platform.system() == "Darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, written, said)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """What ends a run is dealt with when the block is left: a process is either not begun or known to who kills it."""
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in came:
            signal.raise_signal(each)


def _outputs(*pipes: IO[bytes] | None) -> list[str]:
    """What comes out of each pipe until it is closed."""
    found = [b""] * len(pipes)
    with selectors.DefaultSelector() as selector:
        for number, pipe in enumerate(pipes):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, number)
        while selector.get_map():
            for key, _ in selector.select():
                block = os.read(key.fd, 1 << 16)
                found[key.data] += block
                if not block:
                    selector.unregister(key.fileobj)
    return [part.decode(errors="replace") for part in found]


def _bytes_written(process: int) -> int | None:
    """What an ended process and the children that it waited for wrote, from Linux' accounts."""
    try:
        lines = Path(f"/proc/{process}/io").read_text().splitlines()
    except OSError:
        return None
    accounts = dict(line.split(": ") for line in lines)
    return int(accounts["write_bytes"])
