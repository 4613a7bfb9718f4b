"""What is done before a job runs: for one that has failed before, and for a server short of memory.

What is to be done for a job is decided in ``remedies.py``; here it is done.
"""

from __future__ import annotations

import logging

from attrs import frozen

from stablequeue_core.backends import MemoryReport
from stablequeue_core.dispatch.links.link import Link
from stablequeue_core.dispatch.links.monitor import Run
from stablequeue_core.dispatch.running.remedies import treatment_of
from stablequeue_core.errors import BackendError
from stablequeue_core.generation import GenerationRequest
from stablequeue_core.settings import Settings

logger = logging.getLogger(__name__)


@frozen(kw_only=True)
class Treated:
    """A job, ready to run.

    Attributes:
        request: what is asked of the server now.
        remedy: what was done, for the ledger; None: nothing.
        has_unloaded: whether the server has no model in its memory now.
        complaint: what is still wrong with the server, for people; None: nothing.
    """

    request: GenerationRequest
    remedy: str | None = None
    has_unloaded: bool = False
    complaint: str | None = None


def treat(run: Run, link: Link, request: GenerationRequest, settings: Settings) -> Treated:
    """Do what is to be done before the job runs.

    A server that cannot unload, or does not tell of its memory, runs the job as it is.

    Args:
        run: the job, and who speaks with its server.
        link: what is known of that server.
        request: what the job asks for.
        settings: how much memory shall be left.
    """
    planned = treatment_of(run.job, request)
    smaller = request.in_smaller_batches(planned.halvings)
    is_short = _is_switch(request, link) and _is_short(_memory(run), settings)
    done = ["elsewhere"] if planned.elsewhere else []
    complaint = None
    has_unloaded = (planned.unload or is_short) and _unload(run)
    if has_unloaded:
        done.append("after unloading" if planned.unload else "after unloading, for want of memory")
    if is_short:
        memory = _memory(run)
        complaint = _complaint(memory, link, settings) if _is_short(memory, settings) else None
    if smaller.batch_size != request.batch_size:
        done.append(f"in batches of {smaller.batch_size}")
    return Treated(
        request=smaller,
        remedy=", ".join(done) or None,
        has_unloaded=has_unloaded,
        complaint=complaint,
    )


def _is_switch(request: GenerationRequest, link: Link) -> bool:
    """Whether the server has to load another checkpoint: that is when its memory grows."""
    return request.checkpoint is not None and not link.is_loaded(request.checkpoint)


def _memory(run: Run) -> MemoryReport | None:
    try:
        return run.backend.memory()
    except BackendError as error:
        logger.info("Job %s: how much memory is left is not known: %s", run.job.id, error.message)
        return None


def _is_short(memory: MemoryReport | None, settings: Settings) -> bool:
    return (
        memory is not None
        and memory.ram_free is not None
        and memory.ram_free < settings.memory_reserve
    )


def _unload(run: Run) -> bool:
    try:
        return run.backend.unload(run.abort)
    except BackendError as error:
        logger.info("Job %s: its server did not unload: %s", run.job.id, error.message)
        return False


def _complaint(memory: MemoryReport | None, link: Link, settings: Settings) -> str:
    left = (memory.ram_free or 0) / 1e9 if memory else 0.0
    return (
        f"Server {link.server.alias!r} is short of memory: {left:.1f} GB are left, even after it "
        f"was asked to unload its model; `memory_reserve` is {settings.memory_reserve / 1e9:.1f} "
        "GB. Restart it before its system kills it."
    )
