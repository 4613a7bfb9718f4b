"""Generators of infotexts, of what can stand in them, and of what resembles them."""

from __future__ import annotations

from hypothesis import strategies as st

from stablequeue_core.generation import Infotext

characters = st.characters(codec="utf-8", exclude_characters="\0")

_lines = st.text(characters, max_size=20).filter(
    lambda line: "\n" not in line and not line.strip().startswith("Negative prompt:")
)
prompts = st.lists(_lines.map(str.strip), max_size=3).map(lambda lines: "\n".join(lines).strip())
"""Prompts that the format can carry."""

keys = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_ \-/]{0,15}[A-Za-z0-9_\-/]", fullmatch=True)
plain_values = st.text(characters, max_size=20) | st.sampled_from(
    ["a, b", "a: b", '"', '"a"', " a ", "[1, 2]", "\\", "\n", "x", "512x"]
)
values = plain_values.filter(lambda text: not _is_size(text))

settings = st.dictionaries(keys, values, min_size=3, max_size=8)

infotexts = st.builds(
    Infotext,
    positive_prompt=prompts,
    negative_prompt=prompts,
    settings=settings | st.builds(lambda s: {**s, "Size-1": "512", "Size-2": "768"}, settings),
    civitai_resources=st.just(()) | st.just(({"type": "lora", "note": "a ] b, Steps: 3"},)),
    civitai_metadata=st.just({}) | st.just({"nested": {"deep": ["}", 1.5, None]}}),
)

resembling = st.text(st.sampled_from('aZ1 :,"\\\n\r\t-/_x[]{}\x1c\x85é'), max_size=60)
"""Texts of the characters that mean something in the grammar."""


def _is_size(text: str) -> bool:
    width, _, height = text.partition("x")
    return width.isdecimal() and height.isdecimal()
