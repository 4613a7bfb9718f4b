"""Values out of JSON that anybody may have written: each is taken only with its right type."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from stablequeue_core.models.digests import is_hash_of_nothing, is_sha256
from stablequeue_core.models.files.sidecars.html_text import plain_text

TEXT_CHARS = 300
PROSE_CHARS = 20_000
WORDS = 200

_WORDS_READ = 2000
_WORDS_CHARS = 60_000

_LARGEST_ID = 2**31 - 1
_LARGEST_COUNT = 2**63 - 1
_LARGEST_NUMBER = 1e15
_DIGITS = re.compile(r"[0-9]{1,19}")
_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_IN_BRACKETS = re.compile(r"<[^<>]*>")
_ELLIPSIS = "…"


class Fields:
    """The fields of a JSON object; of anything else, none.

    What has another type than the one asked for counts as absent, and so does empty text.

    Example:
        >>> fields = Fields({"id": "7", "name": ["x"], "trainedWords": ["fox, red fox"]})
        >>> fields.identifier("id"), fields.text("name"), fields.words("trainedWords")
        (7, None, ('fox', 'red fox'))
    """

    def __init__(self, value: object) -> None:
        self._values: Mapping[str, object] = value if isinstance(value, dict) else {}

    def has_any(self, *keys: str) -> bool:
        """Whether one of these is there at all."""
        return any(key in self._values for key in keys)

    def inner(self, key: str) -> Fields:
        """An object inside this one."""
        return Fields(self._values.get(key))

    def each(self, key: str) -> Sequence[Fields]:
        """The objects of a list."""
        value = self._values.get(key)
        return [Fields(item) for item in value] if isinstance(value, list) else []

    def text(self, *keys: str) -> str | None:
        """One line; from the first of these keys that has any."""
        for key in keys:
            if line := _line(self._values.get(key)):
                return _shortened(line, TEXT_CHARS)
        return None

    def prose(self, key: str) -> str | None:
        """Lines of text, as they were written."""
        value = self._values.get(key)
        return prose(value) if isinstance(value, str) else None

    def description(self, *keys: str) -> str | None:
        """Lines of text that may be HTML, without the tags; from the first key that has any."""
        for key in keys:
            value = self._values.get(key)
            if isinstance(value, str) and (text := prose(plain_text(value))):
                return text
        return None

    def words(self, *keys: str) -> tuple[str, ...]:
        """Words from a list or a comma list, or from a list of those; each once."""
        for key in keys:
            if found := _words(self._values.get(key)):
                return found
        return ()

    def identifier(self, *keys: str) -> int | None:
        """An id at Civitai, from the first of these keys that has one.

        Some tools write them as text, or write ``Model not found`` there.
        """
        for key in keys:
            number = _whole(self._values.get(key))
            if number is not None and 1 <= number <= _LARGEST_ID:
                return number
        return None

    def count(self, key: str) -> int | None:
        """How many of something; no more than a database can keep."""
        number = _whole(self._values.get(key))
        return number if number is not None and 0 <= number <= _LARGEST_COUNT else None

    def number(self, key: str) -> float | None:
        """A number that can be meant: neither endless nor of a size that nothing here has."""
        value = self._values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER or math.isnan(value):
            return None
        return float(value)

    def flag(self, key: str) -> bool | None:
        """True or false."""
        value = self._values.get(key)
        return value if isinstance(value, bool) else None

    def sha256(self, key: str) -> str | None:
        """A SHA-256 in lower case; never that of an empty file, which only a failure leaves."""
        value = self._values.get(key)
        digest = value.strip().lower() if isinstance(value, str) else ""
        return digest if is_sha256(digest) and not is_hash_of_nothing(digest) else None


def prose(text: str) -> str | None:
    """Text of several lines that any database and any JSON can hold; None when nothing is left."""
    lines = _harmless(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return _shortened(lines, PROSE_CHARS) or None


def _line(value: object) -> str:
    return " ".join(_harmless(value).split()) if isinstance(value, str) else ""


def _words(value: object) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in _texts(value):
        for part in _IN_BRACKETS.sub("", text[:_WORDS_CHARS]).split(","):
            if len(found) == WORDS:
                return tuple(found)
            if word := _line(part):
                found.setdefault(_shortened(word, TEXT_CHARS))
    return tuple(found)


def _texts(value: object) -> Iterable[str]:
    for item in value[:_WORDS_READ] if isinstance(value, list) else [value]:
        # Older files list a tag as an object with its name.
        text = item.get("name") if isinstance(item, dict) else item
        if isinstance(text, str):
            yield text


def _whole(value: object) -> int | None:
    if isinstance(value, str) and _DIGITS.fullmatch(digits := value.strip()):
        return int(digits)  # not of the text: strip() knows more blanks than int() does
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _harmless(text: str) -> str:
    """Without what is no character: half of a surrogate pair, control codes."""
    return _CONTROLS.sub("", _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text))


def _shortened(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1].rstrip() + _ELLIPSIS
