"""The executable `oxide`.

The plainest forms of the everyday verbs are read here, since importing click takes longer than what they do; every
other command line, and every mistake, is click's. Both ways run the same functions.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from functools import partial

COMPLETION_VARIABLE = "_OXIDE_COMPLETE"


def main() -> None:
    """The executable's entry point. Of a plain form it does not return."""
    arguments = sys.argv[1:]
    work = None if COMPLETION_VARIABLE in os.environ else plain_form(arguments)
    if work is None:
        from oxide_cli import main as by_click

        by_click.main()
        return
    from oxide_cli.output import accept_odd_characters

    accept_odd_characters()
    # Neither looking for garbage nor taking the interpreter apart at the end is worth its time to verbs this short.
    gc.disable()
    code = run(work, arguments)
    sys.stderr.flush()
    os._exit(code)


def run(work: Callable[[], int], arguments: list[str]) -> int:
    """Do it. Returns the exit code; failures are reported, never raised."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except (Exception, KeyboardInterrupt) as error:
        from oxide_cli import failures

        return failures.report(error, arguments)


def plain_form(arguments: list[str]) -> Callable[[], int] | None:
    """`init`, `status`, `add PATH...` and `commit -m TEXT` (or `-am TEXT`); `None` for anything else."""
    match arguments:
        case ["init" | "status" as verb]:
            return _on_console(verb)
        case ["add", _, *_] if not any(word.startswith("-") for word in arguments):
            return _on_console("add", tuple(arguments[1:]))
        case ["commit", "-m" | "-am" as option, message] if message.strip() and not message.startswith("-"):
            return _on_console("commit", message, everything=option == "-am")
    return None


def _on_console(verb: str, *arguments: object, **options: object) -> Callable[[], int]:
    from oxide_cli import everyday
    from oxide_cli.output import Console

    function: Callable[..., int] = getattr(everyday, verb)
    return partial(function, Console(), *arguments, **options)
