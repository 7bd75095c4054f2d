"""Settings by precedence: environment, repository, user, default. The library reads no home folder: the caller names the
user's file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from oxide.types import Person, Setting


class Settings:
    """``user_file``: a JSON file of the user's settings, or ``None``. ``environment``: usually ``os.environ``."""

    def __init__(self, user_file: Path | None = None, environment: Mapping[str, str] | None = None) -> None: ...
    def for_repository(self, control: Path) -> Settings: ...
    def get(self, key: str) -> Setting | None: ...
    """Raises :class:`oxide.errors.InvalidInput` for a key that does not exist, with a suggestion."""
    def all(self) -> list[Setting]: ...
    def set(self, key: str, value: str) -> Setting: ...
    """Write to the repository's file, or the user's when there is no repository."""
    def author(self) -> Person: ...
    """``OXIDE_USER_NAME`` / ``OXIDE_USER_EMAIL``, ``user.name`` / ``user.email``, or the system's user: never fails."""
