"""The text that the server writes into each picture: the prompts, then ``Key: value`` pairs."""

from __future__ import annotations

import json
import re

# A key is never long; without that limit, a long text without a colon takes quadratic time.
_PAIR = re.compile(r'\s*(\w[\w \-/]{1,100}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_FEWEST_PAIRS = 3


def settings_of(infotext: str) -> dict[str, str]:
    r"""The ``Key: value`` pairs of an infotext's last line, as text.

    The last line counts only if it holds at least three pairs, as in the server's own reader;
    values in quotes are JSON strings and come back unquoted.

    Example:
        >>> settings_of("a cat\nSteps: 20, Sampler: Euler, Schedule type: Karras")["Sampler"]
        'Euler'
    """
    last_line = infotext.strip().rpartition("\n")[2]
    pairs = _PAIR.findall(last_line)
    if len(pairs) < _FEWEST_PAIRS:
        return {}
    return {key.strip(): _unquoted(value.strip()) for key, value in pairs}


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value
