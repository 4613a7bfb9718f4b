"""Heals a server that lost its model.

When a checkpoint fails to load, Forge keeps no model in memory but believes that the former one is
still there, and fails every job for it. Only loading something else makes it load again: another
checkpoint. (Other modules would do too, but wrong ones may make a sound checkpoint fail as well.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stablequeue_core.backends.base import Prepared
from stablequeue_core.servers import Inventory, ListedCheckpoint

_CHECKPOINTS = 3
"""So many other checkpoints are tried before a server without a model is given up."""


def cures(prepared: Prepared, inventory: Inventory) -> Iterator[Mapping[str, Any]]:
    """Small requests that make the server load something else, the likeliest to succeed first.

    Args:
        prepared: the job that failed.
        inventory: what the server has.
    """
    asked = prepared.asked.get("checkpoint")
    wanted = asked.name if isinstance(asked, ListedCheckpoint) else None
    others = [c for c in inventory.checkpoints if c.name != wanted]
    # What was hashed was loaded once, so it is sound; a broken file would poison it anew.
    others.sort(key=lambda checkpoint: checkpoint.shorthash is None)
    for other in others[:_CHECKPOINTS]:
        yield _small({"sd_model_checkpoint": other.name})


def _small(overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "prompt": "",
        "steps": 1,
        "width": 64,
        "height": 64,
        "cfg_scale": 1,
        "override_settings": dict(overrides),
        # A job that names no checkpoint must not get the one that healed the server.
        "override_settings_restore_afterwards": True,
    }
