"""What workers do in tests: they find it by its name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

from oxide.errors import NotFound


def work(task: tuple[str, int]) -> Iterator[object]:
    """Count, print, fail, crash, be killed, or never end."""
    what, number = task
    yield os.getpid()
    if what == "count":
        yield from range(number)
    elif what == "print":
        print("heard by nobody", flush=True)
        os.write(1, b"not this either")
        yield number
    elif what == "fail":
        raise NotFound("no such thing", hint="look elsewhere", path="a")
    elif what == "crash":
        os._exit(number)
    elif what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "last":
        time.sleep(600)
