"""Processes that work for another: answers in parts, failures are told, nobody outlives its parent."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from concurrency.jobs import work
from oxide.errors import NotFound
from oxide.workers import NoWorker, Worker, WorkerLost
from support import finish, python, write


@pytest.fixture
def worker() -> Iterator[Worker]:
    started = Worker(work)
    yield started
    started.stop()


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def wait_for_end(process: int) -> None:
    end = time.monotonic() + 60
    while is_running(process):
        assert time.monotonic() < end, "a worker outlives its parent"
        time.sleep(0.02)


def test_answers_in_parts_one_task_after_the_other(worker: Worker) -> None:
    process, *counted = worker.parts(("count", 5))
    assert process != os.getpid() and counted == [0, 1, 2, 3, 4]
    assert list(worker.parts(("count", 1))) == [process, 0]
    assert list(worker.parts(("print", 7))) == [process, 7]


def test_what_fails_is_told_and_the_worker_goes_on(worker: Worker) -> None:
    with pytest.raises(NotFound) as caught:
        list(worker.parts(("fail", 0)))
    assert (caught.value.message, caught.value.hint, caught.value.path) == ("no such thing", "look elsewhere", "a")
    assert worker.is_free and list(worker.parts(("count", 1)))[1:] == [0]


@pytest.mark.parametrize(("what", "words"), [("crash", "exit code 3"), ("killed", "signal 9")])
def test_a_worker_that_ends_is_lost(worker: Worker, what: str, words: str) -> None:
    with pytest.raises(WorkerLost, match=words):
        list(worker.parts((what, 3)))
    assert not worker.is_free


def test_an_answer_that_nobody_hears_out_is_no_other_tasks_answer(worker: Worker) -> None:
    answer = worker.parts(("count", 5))
    next(answer)
    answer.close()
    assert not worker.is_free


def test_a_killed_one_is_no_more(worker: Worker) -> None:
    answer = worker.parts(("last", 0))
    process = next(answer)
    worker.kill()
    wait_for_end(process)
    with pytest.raises(WorkerLost):
        next(answer)


def test_no_worker_outlives_its_parent() -> None:
    script = (
        "import sys; sys.path[:] = eval(sys.argv[1])\n"
        "from concurrency.jobs import work\n"
        "from oxide.workers import Worker\n"
        "answer = Worker(work).parts(('last', 0))\n"
        "print(next(answer), flush=True)\n"
        "next(answer)\n"
    )
    parent = python(script, repr(sys.path))
    assert parent.stdout is not None
    process = int(parent.stdout.readline())
    assert is_running(process)
    parent.send_signal(signal.SIGKILL)
    finish(parent)
    wait_for_end(process)


def test_names_of_a_data_set_are_not_taken_for_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pickle.py", "oxide.py", "sitecustomize.py"):
        write(tmp_path, name, "raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [place for place in sys.path if place])
        started = Worker(work)
    assert list(started.parts(("count", 1)))[1:] == [0]
    started.stop()


def test_where_no_process_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = write(tmp_path, "program", "#!/bin/sh\nexit 0\n", executable=True)
    for program in ("", str(tmp_path / "nothing"), str(other)):
        monkeypatch.setattr(sys, "executable", program)
        with pytest.raises(NoWorker):
            Worker(work)
