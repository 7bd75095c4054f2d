"""Every failure of the engine: what failed, on which object, why, and the next command.

``code`` is a stable word, ``exit_code`` what the command line ends with (see ``docs/exit-codes.md``).
"""

from __future__ import annotations


class OxideError(Exception):
    """Base class. ``str(error)`` is one sentence; ``hint`` is the next step, or empty."""

    code = "error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", path: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path


class InvalidInput(OxideError):
    """An argument is malformed or contradicts another."""

    code = "invalid"
    exit_code = 2


class NotARepository(OxideError):
    """The folder is in no repository."""

    code = "not_a_repository"
    exit_code = 3


class Unsupported(OxideError):
    """The repository needs a newer version or feature, or the platform is not supported."""

    code = "unsupported"
    exit_code = 1


class MissingExtra(Unsupported):
    """An optional dependency is not installed; the hint names the pip command."""

    code = "missing_extra"


class NotFound(OxideError):
    """A path, object or name does not exist."""

    code = "not_found"


class UnknownRevision(NotFound):
    """No branch, tag or commit has this name."""

    code = "unknown_revision"


class AmbiguousRevision(OxideError):
    """A short id or name fits several."""

    code = "ambiguous_revision"


class AlreadyExists(OxideError):
    """The name is taken."""

    code = "already_exists"


class InUse(OxideError):
    """What is to be removed is still used."""

    code = "in_use"


class NothingToDo(OxideError):
    """The verb has nothing to act on: nothing staged, nothing to undo, no merge under way."""

    code = "nothing_to_do"


class WouldOverwrite(OxideError):
    """The change would overwrite work that is stored nowhere. ``paths`` lists it."""

    code = "would_overwrite"
    exit_code = 6

    def __init__(
        self, message: str, *, hint: str = "", path: str | None = None, paths: list[str] | None = None
    ) -> None:
        super().__init__(message, hint=hint, path=path)
        self.paths = paths or []


class InConflict(OxideError):
    """Conflicts must be resolved first. ``paths`` lists them."""

    code = "conflict"
    exit_code = 6

    def __init__(
        self, message: str, *, hint: str = "", path: str | None = None, paths: list[str] | None = None
    ) -> None:
        super().__init__(message, hint=hint, path=path)
        self.paths = paths or []


class HeldOut(OxideError):
    """A frozen split's files would be used elsewhere. ``paths`` lists where."""

    code = "held_out"
    exit_code = 8

    def __init__(
        self, message: str, *, hint: str = "", path: str | None = None, paths: list[str] | None = None
    ) -> None:
        super().__init__(message, hint=hint, path=path)
        self.paths = paths or []


class RefMoved(OxideError):
    """Another process moved the same branch meanwhile; what was staged is kept."""

    code = "ref_moved"
    exit_code = 6


class IntegrityError(OxideError):
    """Stored bytes are damaged or missing."""

    code = "integrity"
    exit_code = 7


class FileChanged(OxideError):
    """A file kept changing while it was read."""

    code = "file_changed"


class FileSystemError(OxideError):
    """The operating system refused."""

    code = "io"


class DiskFull(FileSystemError):
    """No space is left; nothing was changed."""

    code = "disk_full"


class QueryError(OxideError):
    """A query is not allowed or not understood."""

    code = "query"
    exit_code = 2


class QueryTimeout(QueryError):
    """A query ran longer than its limit."""

    code = "query_timeout"
    exit_code = 1


class Interrupted(OxideError):
    """Stopped on request."""

    code = "interrupted"
    exit_code = 130


class InterruptedAtTheEnd(Interrupted):
    """Stopping was asked for too late: the verb is done all the same."""


_BY_CODE: dict[str, type[OxideError]] = {
    "not_a_repository": NotARepository,
    "unsupported": Unsupported,
    "not_found": NotFound,
    "invalid": InvalidInput,
    "integrity": IntegrityError,
    "file_changed": FileChanged,
    "would_overwrite": WouldOverwrite,
    "moved": RefMoved,
    "io": FileSystemError,
    "disk_full": DiskFull,
    "interrupted": Interrupted,
}


def from_core(code: str, message: str, hint: str, path: str | None) -> OxideError:
    """The exception for a failure of the core."""
    return _BY_CODE.get(code, OxideError)(message, hint=hint, path=path)
