"""Processes that work for this one: the only module of the engine that starts any.

A worker is a fresh interpreter that finds the same modules and does task after task. It is no copy of its parent, since
a copied process has the locks that other threads held; and it does not load the program's main module again, which a
library cannot ask of it. It never outlives its parent: its input ends then.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import IO, Any

# Without the folder one is in, in which a data set may have any names.
_BEGIN = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from oxide import workers
workers.serve(sys.stdin.buffer)
"""
# Memory of a task's size is kept for the next one: given back and taken again, each page of it costs a fault (glibc).
_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(128 * 1024**2), "MALLOC_MMAP_THRESHOLD_": str(32 * 1024**2)}
_READY, _PART, _DONE, _FAILED = range(4)
_PATIENCE = 5.0
"""Seconds that a worker may take to end by itself."""


class NoWorker(Exception):
    """No process can be started here."""


class WorkerLost(Exception):
    """A worker ended in the middle of a task: the system stopped it, or what it worked on made it crash."""


class Worker:
    """A process that does tasks with ``function``, one after the other; for one thread at a time.

    ``function`` is at the top of a module. It takes a task and gives its answer in parts; tasks, parts and exceptions
    can be pickled.

    Raises:
        NoWorker: it does not start.
    """

    def __init__(self, function: Callable[[Any], Iterable[Any]]) -> None:
        if not sys.executable or getattr(sys, "frozen", False):
            raise NoWorker
        reading, writing = os.pipe()
        self._out = os.fdopen(reading, "rb")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BEGIN],
                stdin=subprocess.PIPE,
                stdout=writing,
                stderr=subprocess.DEVNULL,
                env={**_MEMORY, **os.environ},
                process_group=0,  # Ctrl-C is for the parent, which then ends its workers
            )
        except OSError as error:
            self._out.close()
            raise NoWorker from error
        finally:
            os.close(writing)
        assert self._process.stdin is not None
        self._in = self._process.stdin
        self.is_free = False
        """Whether it can be given a task."""
        try:
            _send(self._in, sys.path)
            _send(self._in, (function.__module__, function.__qualname__))
            self.is_free = pickle.load(self._out) == (_READY, None)
        except (OSError, EOFError, pickle.UnpicklingError):
            pass
        if not self.is_free:
            self.kill()
            raise NoWorker

    def parts(self, task: object) -> Iterator[Any]:
        """The answer to a task, as it comes; it is to be heard to its end.

        Raises:
            WorkerLost: it will do no more tasks.
            Exception: what the function raised.
        """
        self.is_free = False
        try:
            _send(self._in, task)
            kind, value = pickle.load(self._out)
            while kind == _PART:
                yield value
                kind, value = pickle.load(self._out)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            self.kill()
            raise WorkerLost(_ending(self._process.returncode)) from error
        self.is_free = True
        if kind == _FAILED:
            raise value

    def stop(self) -> None:
        """Let it end; nothing is under way."""
        with contextlib.suppress(OSError):
            self._in.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out.close()

    def kill(self) -> None:
        """End it at once; another thread that waits for it learns that it is lost."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._in.close()


def _send(pipe: IO[bytes], value: object) -> None:
    pickle.dump(value, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def serve(tasks: IO[bytes]) -> None:
    """In a worker: do what is asked until the parent ends or asks no more."""
    answers = os.fdopen(os.dup(1), "wb")
    # What libraries print must not get among the answers.
    os.dup2(2, 1)
    # Libraries for linear algebra would start a thread a core when they are loaded.
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    module, name = pickle.load(tasks)
    function = getattr(importlib.import_module(module), name)
    _send(answers, (_READY, None))
    waiting: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(tasks, waiting), daemon=True).start()
    while True:
        task = waiting.get()
        try:
            for part in function(task):
                _send(answers, (_PART, part))
        except Exception as error:
            _send(answers, (_FAILED, error))
        else:
            _send(answers, (_DONE, None))


def _listen(tasks: IO[bytes], waiting: SimpleQueue[Any]) -> None:
    """End the process when the parent has ended, whatever is under way: it may be long."""
    try:
        while True:
            waiting.put(pickle.load(tasks))
    except BaseException:
        os._exit(0)
