"""One command, run and measured as a whole process with all its children."""

from __future__ import annotations

import os
import platform
import selectors
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


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


def run(words: list[str], folder: Path | None = None, environment: dict[str, str] | None = None) -> Cost:
    """Run a command.

    Raises:
        CommandFailed: it did not end with 0; with what it wrote to standard error.
    """
    start = time.perf_counter()
    with subprocess.Popen(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        said, complaint = _outputs(process)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        seconds = time.perf_counter() - start
        written = _bytes_written(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise CommandFailed(f"{' '.join(words)} ended with {process.returncode} in {folder}:\n{said}\n{complaint}")
    unit = 1 if platform.system() == "Darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, written, said)


def _outputs(process: subprocess.Popen[bytes]) -> tuple[str, str]:
    """Both outputs to their ends. The process is not waited for: its accounts are gone once it was."""
    assert process.stdout is not None and process.stderr is not None
    found = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    with selectors.DefaultSelector() as selector:
        for descriptor in found:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                block = os.read(key.fd, 1 << 16)
                if block:
                    found[key.fd] += block
                else:
                    selector.unregister(key.fd)
    said, complaint = found.values()
    return said.decode(errors="replace"), complaint.decode(errors="replace")


def _bytes_written(process: int) -> int | None:
    """What an ended process and the children that it waited for wrote, from Linux' accounts."""
    try:
        lines = Path(f"/proc/{process}/io").read_text().splitlines()
    except OSError:
        return None
    accounts = dict(line.split(": ") for line in lines)
    return int(accounts["write_bytes"])
