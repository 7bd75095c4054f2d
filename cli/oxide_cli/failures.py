"""Failures as a sentence with the next step, and the exit code. Imported only once something failed."""

from __future__ import annotations

import os
import sys

import click

from oxide_cli.exit_codes import FAILED, INTERRUPTED, USAGE
from oxide_cli.output import is_terminal, painter
from oxide_cli.rendering.text import number, quote_path

LISTED_PATHS = 20

_GO_ON = (
    "add",
    "checkout",
    "switch",
    "restore",
    "merge",
    "stash",
    "undo",
    "redo",
    "gc",
    "fsck",
    "revert",
    "cherry-pick",
    "frames",
)
"""Verbs that can be stopped half way: running them again goes on or starts afresh, and loses nothing."""


class Failure:
    """What is said about a failure."""

    def __init__(self, code: str, exit_code: int, message: str, hint: str = "", paths: list[str] | None = None) -> None:
        self.code = code
        self.exit_code = exit_code
        self.message = message
        self.hint = hint
        self.paths = paths or []


def report(error: BaseException, arguments: list[str]) -> int:
    """Say what failed on standard error. Returns the exit code."""
    if isinstance(error, BrokenPipeError):
        return _leave_quietly()
    failure = describe(error, arguments)
    try:
        sys.stdout.flush()
    except OSError:
        _leave_quietly()
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--json" in words:
        _write_json(failure)
    else:
        _write_text(failure)
    return failure.exit_code


def describe(error: BaseException, arguments: list[str]) -> Failure:
    """The failure behind an exception."""
    from oxide.errors import InterruptedAtTheEnd, OxideError

    if isinstance(error, OxideError):
        if error.exit_code == INTERRUPTED and not isinstance(error, InterruptedAtTheEnd):
            return _interrupted(arguments)
        return Failure(error.code, error.exit_code, str(error), error.hint, getattr(error, "paths", None))
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return _interrupted(arguments)
    if isinstance(error, click.UsageError):
        hint = getattr(error, "hint", "")
        if not hint and error.ctx is not None:
            hint = f"`{error.ctx.command_path} --help` shows how it is used"
        return Failure("usage", USAGE, error.format_message(), hint)
    if isinstance(error, click.ClickException):
        return Failure("error", error.exit_code, error.format_message())
    if isinstance(error, OSError):
        where = f"{quote_path(os.fsdecode(error.filename))}: " if error.filename is not None else ""
        return Failure("io", FAILED, f"{where}{error.strerror or error}")
    return _unexpected(error)


def _interrupted(arguments: list[str]) -> Failure:
    verb = _verb(arguments)
    hint = ""
    if verb in _GO_ON:
        import shlex

        hint = f"nothing is lost; run the same command again to continue: oxide {shlex.join(arguments)}"
    return Failure("interrupted", INTERRUPTED, "interrupted", hint)


def _unexpected(error: BaseException) -> Failure:
    if os.environ.get("OXIDE_DEBUG"):
        import traceback

        traceback.print_exception(error)
    return Failure(
        "internal",
        FAILED,
        f"unexpected {type(error).__name__}: {error}",
        "this is a mistake in oxide: please report it with `oxide version --json`; OXIDE_DEBUG=1 shows where",
    )


def _verb(arguments: list[str]) -> str:
    """The word that names the verb: the first that is neither a global option nor its value."""
    words = iter(arguments)
    for word in words:
        if word == "-C":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def _write_text(failure: Failure) -> None:
    paint = painter(sys.stderr)
    if failure.code == "interrupted" and is_terminal(sys.stderr):
        sys.stderr.write("\n")  # the terminal has just shown ^C
    sys.stderr.write(f"{paint('error:', 'red')} {failure.message}\n")
    unsaid = [path for path in failure.paths if path not in failure.message]
    for path in unsaid[:LISTED_PATHS]:
        sys.stderr.write(f"  {quote_path(path)}\n")
    if len(unsaid) > LISTED_PATHS:
        sys.stderr.write(f"  … {number(len(unsaid) - LISTED_PATHS)} more\n")
    if failure.hint:
        sys.stderr.write(f"{paint('hint:', 'yellow')} {failure.hint}\n")


def _write_json(failure: Failure) -> None:
    import json

    content: dict[str, object] = {"code": failure.code, "message": failure.message, "hint": failure.hint}
    if failure.paths:
        content["paths"] = failure.paths
    sys.stderr.write(json.dumps({"error": content}, ensure_ascii=False) + "\n")


def _leave_quietly() -> int:
    """The reader went away, as ``head`` does when it has enough: that is no failure.

    What is still buffered goes nowhere, so that Python does not complain when it closes the stream.
    """
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    return 0
