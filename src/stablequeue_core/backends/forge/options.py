"""Keeps one job's options from leaking into the next.

Forge restores an overridden option after a job only if its config already named it, and we ask it
to restore nothing (a checkpoint would be switched twice). So what one job overrides stays in force
for all later ones, unless each of them says otherwise: that is what happens here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

OWN_NAME = "sd_model_checkpoint"
"""Named by each job that cares, and switching it back would cost a load."""


class OptionGuard:
    """Remembers what an option was before a job of ours first changed it.

    One guard serves one server. Safe to use from several threads.
    """

    def __init__(self, read_options: Callable[[], Mapping[str, Any]]) -> None:
        self._read_options = read_options
        self._lock = threading.Lock()
        self._before: dict[str, Any] = {}

    def complete(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """The overrides of one job, and the former values of what earlier jobs have changed."""
        with self._lock:
            new = overrides.keys() - self._before.keys() - {OWN_NAME}
            if new:
                present = self._read_options()
                self._before.update({key: present[key] for key in new if key in present})
            return {**self._before, **overrides}
