"""The JSON that Civitai writes between the pairs, without quotes; Forge's reader trips over it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from stablequeue_core.generation.infotext.grammar import PAIR, settings_from

RESOURCES = "Civitai resources"
METADATA = "Civitai metadata"

_OPENING = {RESOURCES: "[", METADATA: "{"}
_BRACKET = re.compile(r'[\[{]|([\]}])|"(?:\\.|[^\\"])*+(?:"|\Z)', re.DOTALL)
# NaN and Infinity are no JSON, and nobody could store them.
_DECODER = json.JSONDecoder(parse_constant=lambda name: None)


@frozen
class Line:
    """A line of pairs, with Civitai's JSON taken out.

    Attributes:
        settings: the pairs that remain.
        json: by key, what Civitai wrote; None where that was broken.
    """

    settings: Mapping[str, str] = field(factory=dict)
    json: Mapping[str, Any] = field(factory=dict)


def read_line(line: str) -> Line:
    """The pairs and the JSON of a line; broken JSON is stepped over as far as its brackets say.

    Example:
        >>> line = read_line('Steps: 9, Civitai resources: [{"weight": 0.8, "type": "lora"}]')
        >>> print(line.settings, line.json)
        {'Steps': '9'} {'Civitai resources': [{'weight': 0.8, 'type': 'lora'}]}
    """
    settings: dict[str, str] = {}
    found: dict[str, Any] = {}
    position = 0
    while pair := PAIR.search(line, position):
        key, written = pair[1], pair[2]
        # Once for each key: what was read to the end of the line is read again behind the JSON.
        if key not in found and written and written[0] == _OPENING.get(key):
            found[key], position = _json_at(line, pair.start(2))
        else:
            settings.update(settings_from(key, written))
            position = pair.end()
    return Line(settings, found)


def _json_at(line: str, start: int) -> tuple[Any, int]:
    """The value that starts there, and where it ends."""
    # Not `raw_decode`: to tell where it failed, it counts all lines before.
    end = _end_of_brackets(line, start)
    try:
        return _DECODER.decode(line[start:end]), end
    except (ValueError, RecursionError):
        return None, end


def _end_of_brackets(line: str, start: int) -> int:
    """Behind the bracket that closes the one at ``start``; the end of the line if there is none."""
    depth = 0
    for found in _BRACKET.finditer(line, start):
        if found[0][0] == '"':
            continue
        depth += -1 if found[1] else 1
        if depth == 0:
            return found.end()
    return len(line)
