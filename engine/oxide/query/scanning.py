"""The characters of the text form, read from left to right."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from oxide.errors import QueryError

OPERATORS = ("!=", ">=", "<=", ":", "=", ">", "<", "~")
_NAME = re.compile(r'[^\s:=<>!~(),"]+')
_BARE = re.compile(r"(?:\\.|[^\s(),\"\\])+")
_OPERATOR = re.compile("|".join(map(re.escape, OPERATORS)))
_MORE = re.compile("[!=<>:~]+")
_BLANK = re.compile(r"\s*")
_ESCAPED = re.compile(r'\\(["\\])')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class Word(NamedTuple):
    """A value as it stands: a bare one may be a number, true, false, null or a range."""

    text: str
    is_quoted: bool
    json: Any = None
    is_json: bool = False


class Scanner:
    """A text and how far it was read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.skip()

    def skip(self) -> None:
        """Pass blanks."""
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self.text)

    def looks_at(self, part: str) -> bool:
        """Whether these characters come next."""
        return self.text.startswith(part, self.at)

    def looks_at_word(self, word: str) -> bool:
        """Whether this word comes next, and ends there."""
        end = self.at + len(word)
        return self.looks_at(word) and (end >= len(self.text) or self.text[end] in " \t\r\n()")

    def take(self, part: str) -> bool:
        """Pass these characters, and blanks behind them, if they come next."""
        if not self.looks_at(part):
            return False
        self.at += len(part)
        self.skip()
        return True

    def take_word(self, word: str) -> bool:
        """Pass a word if it comes next."""
        return self.looks_at_word(word) and self.take(word)

    def expect(self, part: str, why: str) -> None:
        """Pass these characters. Raises QueryError when others come."""
        if not self.take(part):
            raise self.error(f"{part} is missing {why}", f"add {part}")

    def name(self) -> tuple[str, bool]:
        """A name, and whether it was quoted; blanks behind it are not passed."""
        if self.looks_at('"'):
            return self.quoted(), True
        self._refuse_single_quotes()
        match = _NAME.match(self.text, self.at)
        if match is None:
            found = "nothing" if self.is_done else f"'{self.text[self.at]}'"
            is_operator = _OPERATOR.match(self.text, self.at) is not None
            hint = "without blanks around it, as in width>=640" if is_operator else 'as in label:cat or "two words"'
            raise self.error(f"a term should stand here, not {found}", hint)
        self.at = match.end()
        return match.group(), False

    def operator(self) -> str | None:
        """An operator, where one comes next."""
        match = _OPERATOR.match(self.text, self.at)
        if match is None:
            return None
        more = _MORE.match(self.text, match.end())
        if more is not None:
            found = match.group() + more.group()
            hint = f'there are {" ".join(OPERATORS)}; a value that begins so needs quotes: "{more.group()}..."'
            raise self.error(f"'{found}' is no operator", hint)
        self.at = match.end()
        return match.group()

    def quoted(self) -> str:
        """A text in quotes."""
        match = _QUOTED.match(self.text, self.at)
        if match is None:
            raise self.error("the quotes are not closed", 'close them with "')
        self.at = match.end()
        return _ESCAPED.sub(r"\1", match.group(1))

    def value(self) -> Word:
        """A value behind an operator."""
        if self.looks_at('"'):
            return Word(self.quoted(), True)
        if self.looks_at("{") or self.looks_at("["):
            return self._json()
        self._refuse_single_quotes()
        match = _BARE.match(self.text, self.at)
        if match is None:
            raise self.error("a value is missing", 'as in label:cat, without a blank; an empty text is ""')
        self.at = match.end()
        return Word(match.group(), False)

    def _refuse_single_quotes(self) -> None:
        if self.looks_at("'"):
            raise self.error("a text cannot begin with '", 'texts are in double quotes: "two words"')

    def _json(self) -> Word:
        try:
            value, end = json.JSONDecoder().raw_decode(self.text, self.at)
        except RecursionError:
            raise self.error("the value is nested too deeply", "make it flatter") from None
        except json.JSONDecodeError as error:
            raise self.error(f"the value is no JSON: {error.msg}", "put a text in quotes") from None
        text, self.at = self.text[self.at : end], end
        return Word(text, False, value, True)

    def error(self, message: str, hint: str, at: int | None = None) -> QueryError:
        """A failure with its place, counted from 1."""
        return QueryError(f"at character {(self.at if at is None else at) + 1}: {message}", hint=hint)


def quoted(text: str) -> str:
    """A text in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
