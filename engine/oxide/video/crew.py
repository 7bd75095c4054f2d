"""Who decodes: a few clips are decoded in the threads that ask, since processes take longer to start; many by a process
for each thread, since threads of one process wait for each other wherever Python runs.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from types import TracebackType

from oxide.video import decoding
from oxide.video.decoding import Broken, Chosen, Picture, Task
from oxide.workers import NoWorker, Worker, WorkerLost

HERE = 2.0
"""Seconds before any process is started: what takes no longer would only become slower."""


class Crew:
    """Decodes for as many threads as ``size``."""

    def __init__(self) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        # One more than cores: while a picture is stored, its process waits.
        self.size = cores + 1
        self._own = threading.local()
        self._lock = threading.Lock()
        self._workers: set[Worker] = set()
        self._begun = time.monotonic()
        self._alone = cores == 1
        self._abandoned = False

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.stop()

    def abandon(self) -> None:
        """End everything at once, from another thread than those that decode."""
        with self._lock:
            self._abandoned = True
            for worker in self._workers:
                worker.kill()

    def take(self, task: Task) -> Iterator[Chosen | Picture | Broken]:
        """As :func:`oxide.video.decoding.take`; a video that makes its process crash is broken."""
        worker = self._worker()
        if worker is None:
            yield from decoding.take(task)
            return
        try:
            yield from worker.parts(task)
        except WorkerLost as lost:
            yield Broken(f"decoding it ended with {lost}")

    def _worker(self) -> Worker | None:
        """The one of this thread, if it is time for any."""
        if self._alone or self._abandoned or time.monotonic() - self._begun < HERE:
            return None
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is not None and worker.is_free:
            return worker
        try:
            started = Worker(decoding.take)
        except NoWorker:
            self._alone = True
            return None
        with self._lock:
            if worker is not None:
                worker.kill()
                self._workers.discard(worker)
            self._workers.add(started)
            if self._abandoned:
                started.kill()
        self._own.worker = started
        return started
