"""The front doors: small, sorted, and all that they promise is there."""

from __future__ import annotations

import importlib

import pytest

DOORS = [
    "stablequeue_core",
    "stablequeue_core.backends",
    "stablequeue_core.backends.forge",
    "stablequeue_core.civitai.client",
    "stablequeue_core.dispatch",
    "stablequeue_core.downloads",
    "stablequeue_core.errors",
    "stablequeue_core.generation",
    "stablequeue_core.images",
    "stablequeue_core.jobs",
    "stablequeue_core.models",
    "stablequeue_core.servers",
    "stablequeue_core.storage",
    "stablequeue_core.storage.sqlite",
    "stablequeue_core.testing.civitai_simulator",
    "stablequeue_core.testing.contracts",
    "stablequeue_core.testing.forge_simulator",
    "stablequeue_core.transport",
    "stablequeue_flask",
]


@pytest.mark.parametrize("door", DOORS)
def test_a_door_lists_what_it_shows_and_shows_what_it_lists(door: str) -> None:
    module = importlib.import_module(door)
    shown = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", "").startswith("stablequeue")
        and not isinstance(value, type(importlib))
    }

    assert shown <= set(module.__all__), "imported by the door, but not listed"
    assert all(hasattr(module, name) for name in module.__all__)


def test_the_front_door_of_the_core_shows_just_this() -> None:
    core = importlib.import_module("stablequeue_core")

    assert core.__all__ == [
        "Event",
        "EventKind",
        "Job",
        "JobPage",
        "JobStatus",
        "Progress",
        "QueueStatus",
        "Server",
        "ServerHealth",
        "ServerStatus",
        "Settings",
        "StableQueue",
        "StableQueueError",
        "Submission",
        "Subscription",
    ]
