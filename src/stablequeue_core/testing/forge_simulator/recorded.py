"""What a stock Forge lists, as it listed it: samplers, schedulers, upscalers, scripts, options."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

VERSION = "f2.0.1v1.10.1-previous-669-gdfdcbab6"


@cache
def recorded(name: str) -> Any:
    """The recorded list ``name``; shared by every caller, so never change it.

    Args:
        name: ``samplers``, ``schedulers``, ``upscalers``, ``scripts``, ``script_info`` or
            ``options``.
    """
    folder = resources.files("stablequeue_core.testing.forge_simulator") / "data"
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
