"""Which sampler and scheduler Forge really uses: unknown names are replaced, never refused."""

from __future__ import annotations

from typing import Any

from stablequeue_core.testing.forge_simulator.recorded import recorded

AUTOMATIC = "Automatic"


def _named_scheduler(name: str | None) -> dict[str, Any]:
    schedulers: list[dict[str, Any]] = recorded("schedulers")
    for scheduler in schedulers:
        if name in (scheduler["name"], scheduler["label"]):
            return scheduler
    return schedulers[0]


def _sampler(name: str) -> dict[str, Any]:
    samplers: list[dict[str, Any]] = recorded("samplers")
    return next((sampler for sampler in samplers if sampler["name"] == name), samplers[0])


def choose(sampler_name: str, scheduler_name: str | None) -> tuple[str, str]:
    """The sampler's name and the scheduler's label for what was asked.

    The match is exact and case-sensitive. An unknown sampler becomes the first of the list, an
    unknown scheduler ``Automatic``. A scheduler behind the sampler's name is split off.

    Example::

        assert choose("DPM++ 2M Karras", None)[0] == "DPM++ 2M"
        assert choose("euler a", None)[0] == "DPM++ 2M"
    """
    scheduler = _named_scheduler(scheduler_name)
    for candidate in recorded("schedulers"):
        for name in (candidate["label"], candidate["name"], *(candidate["aliases"] or [])):
            if sampler_name.endswith(f" {name}"):
                scheduler = candidate
                sampler_name = sampler_name[: -len(name) - 1]
                break
    sampler = _sampler(sampler_name)
    if sampler["options"].get("scheduler") == scheduler["name"]:
        return sampler["name"], AUTOMATIC
    return sampler["name"], scheduler["label"]


def effective_scheduler(sampler_name: str, label: str) -> str | None:
    """The scheduler that the sampling reports: the sampler's own for Automatic, or None."""
    if label != AUTOMATIC:
        return label
    own = _sampler(sampler_name)["options"].get("scheduler")
    return None if own is None else str(_named_scheduler(own)["label"])
