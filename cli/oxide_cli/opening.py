"""The repository around the current folder, with the user's settings."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from oxide.repository import Repository
    from oxide.settings import Settings


def user_file() -> Path:
    """The user's settings: ``$OXIDE_CONFIG``, or ``oxide/config.json`` in ``$XDG_CONFIG_HOME`` or ``~/.config``."""
    from pathlib import Path

    return Path(_user_file())


def _user_file() -> str:
    named = os.environ.get("OXIDE_CONFIG")
    if named:
        return named
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(folder, "oxide", "config.json")


def user_settings() -> Settings:
    """Settings of the environment and the user, for a repository to add its own to."""
    from oxide.settings import Settings

    return Settings(user_file=_user_file(), environment=os.environ)


def open_repository() -> Repository:
    """The repository that the current folder is in."""
    from oxide.repository import Repository

    return Repository.open(".", settings=user_settings())


def init_repository(folder: str) -> Repository:
    """A new repository in a folder."""
    from oxide.repository import Repository

    return Repository.init(folder, settings=user_settings())
