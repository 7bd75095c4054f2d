"""Settings by precedence: environment, repository, user, default.

The library reads no home folder: the caller names the user's file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from oxide.errors import InvalidInput
from oxide.types import Person, Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from oxide.tuples import NamedTuple

PathLike = str | os.PathLike[str]


class _Known(NamedTuple):
    variable: str | None
    default: str | None
    meaning: str


KEYS: dict[str, _Known] = {
    "user.name": _Known("OXIDE_USER_NAME", None, "name of the author of commits"),
    "user.email": _Known("OXIDE_USER_EMAIL", None, "mail address of the author of commits"),
    "sql.timeout": _Known("OXIDE_SQL_TIMEOUT", "60", "seconds after which a query is stopped"),
    "sql.memory": _Known("OXIDE_SQL_MEMORY", None, "memory that a query may use"),
}


class Settings:
    """``user_file``: a JSON file of the user's settings, or ``None``. ``environment``: usually ``os.environ``."""

    def __init__(
        self,
        user_file: PathLike | None = None,
        environment: Mapping[str, str] | None = None,
        repository_file: PathLike | None = None,
    ) -> None:
        self._user_file = user_file
        self._repository_file = repository_file
        self._environment = os.environ if environment is None else environment

    def for_repository(self, control: PathLike) -> Settings:
        """The same settings with those of the repository whose control folder this is."""
        return Settings(self._user_file, self._environment, os.path.join(control, "config"))

    def get(self, key: str) -> Setting | None:
        """The effective setting, ``None`` when it is not set. Raises :class:`InvalidInput` for an unknown key."""
        known = _known(key)
        if known.variable and self._environment.get(known.variable):
            return Setting(key, self._environment[known.variable], f"environment {known.variable}")
        for origin, file in (("repository", self._repository_file), ("user", self._user_file)):
            value = _read(file).get(key)
            if value is not None:
                return Setting(key, value, f"{origin} {file}")
        return None if known.default is None else Setting(key, known.default, "default")

    def number(self, key: str) -> float | None:
        """The effective setting as a number. Raises :class:`InvalidInput` when it is none."""
        setting = self.get(key)
        if setting is None:
            return None
        try:
            return float(setting.value)
        except ValueError:
            message = f"the setting '{key}' is '{setting.value}', which is no number ({setting.origin})"
            raise InvalidInput(message, hint=f"set it: oxide config {key} 60") from None

    def all(self) -> list[Setting]:
        """Every setting that has a value, by key."""
        found = (self.get(key) for key in sorted(KEYS))
        return [setting for setting in found if setting is not None]

    def set(self, key: str, value: str) -> Setting:
        """Write to the repository's file, or to the user's when there is no repository."""
        _known(key)
        if not value.strip():
            raise InvalidInput(f"the setting '{key}' cannot be empty", hint=f"give a value: oxide config {key} VALUE")
        file = self._repository_file or self._user_file
        if file is None:
            raise InvalidInput(f"there is no file to write '{key}' to", hint="run this inside a repository")
        import json

        from oxide import _core

        values = _read(file)
        values[key] = value
        _core.make_folder(os.path.dirname(file))
        _core.write_file_atomic(os.fspath(file), (json.dumps(values, indent=2, sort_keys=True) + "\n").encode())
        return Setting(key, value, f"{'repository' if file == self._repository_file else 'user'} {file}")

    def problem(self) -> InvalidInput | None:
        """What is wrong with the repository's file."""
        try:
            _read(self._repository_file)
        except InvalidInput as error:
            return error
        return None

    def author(self) -> Person:
        """The configured author, or else the system's user: never fails."""
        name, email = self.get("user.name"), self.get("user.email")
        if name and email:
            return Person(name.value, email.value)
        user, host = _system_user(self._environment)
        return Person(name.value if name else user, email.value if email else f"{user}@{host}")


def _known(key: str) -> _Known:
    try:
        return KEYS[key]
    except KeyError:
        import difflib

        close = difflib.get_close_matches(key, KEYS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known settings: {', '.join(sorted(KEYS))}"
        raise InvalidInput(f"there is no setting '{key}'", hint=hint) from None


def _read(file: PathLike | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        with open(file, "rb") as stream:
            text = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    import json

    try:
        values = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"the settings file '{file}' is not valid JSON: {error}", hint="correct or remove it"
        ) from error
    if not isinstance(values, dict):
        raise InvalidInput(f"the settings file '{file}' holds no JSON object", hint="correct or remove it")
    return {str(key): str(value) for key, value in values.items()}


def _system_user(environment: Mapping[str, str]) -> tuple[str, str]:
    user = environment.get("USER") or environment.get("LOGNAME")
    if not user:
        import pwd

        try:
            user = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            user = f"user{os.getuid()}"
    return user, os.uname().nodename or "localhost"
