"""Paths as people, programs and hostile clients write them."""

from __future__ import annotations

from hypothesis import strategies as st

names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=["Cc"]), min_size=1
).filter(lambda name: name not in (".", ".."))
"""Names of files and folders that any system may have."""

relative_paths = st.lists(names, min_size=1, max_size=4).map("/".join)
"""Tidy paths with forward slashes."""

any_text = st.text(st.sampled_from("aÉé./\\[] ")) | st.text()
"""Anything at all."""

_PARTS = (
    *("Pony", "SDXL 1.0", "x.safetensors", "x [v2].safetensors", "モデル", "e\u0301", "\u00e9"),
    *("\u212a:", "C:", "d:", "9:", "C:x", "::", " C: ", "UNC", "?", "..", ".", " ..", ". ", ""),
    *(" ", "...", "~", "CON", "a:b", "\u0301", "\n", "\u2003"),
)
_SLASHES = ("/", "\\", "//", "\\\\", "/./", "\\..\\")

wild_paths = st.lists(st.sampled_from(_PARTS + _SLASHES) | names, max_size=9).map("".join)
"""Drives, shares, dots and slashes of both kinds, where they belong and where they do not."""
