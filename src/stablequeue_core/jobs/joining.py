"""What becomes of a job that is made in parts, as its parts stand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from stablequeue_core.jobs.job import Job, JobFailure, JobResult
from stablequeue_core.jobs.lifecycle import JobStatus

COUNTED_LISTS = (
    "all_prompts",
    "all_negative_prompts",
    "all_seeds",
    "all_subseeds",
    "infotexts",
)
"""What the server's answer says of each picture; all else is the same for all of them."""

_BROKEN = frozenset({JobStatus.FAILED, JobStatus.CANCELLED})


def is_stopping(whole: Job, parts: Sequence[Job]) -> bool:
    """Whether nothing more is to be made: its user wants that, or a part will not come."""
    is_one_missing = len(parts) < len(whole.parts)
    return whole.cancel_requested or is_one_missing or any(part.status in _BROKEN for part in parts)


def part_in_step(part: Job, whole: Job, *, stopping: bool, now: datetime) -> Job:
    """The part as it has to stand beside the others; itself when it does."""
    if part.status.ended:
        return part
    if stopping:
        if part.status is JobStatus.PENDING:
            return part.cancel(now=now)
        return part if part.cancel_requested else part.request_cancel(now=now)
    if part.status is JobStatus.PENDING and part.held is not whole.held:
        return part.hold(now=now) if whole.held else part.release(now=now)
    return part


def whole_in_step(whole: Job, parts: Sequence[Job], *, now: datetime) -> Job:
    """The whole as it has to stand, by its parts; itself when it does.

    Args:
        whole: a job that has not ended.
        parts: all of them that there are, in the order of their pictures.
        now: the time.
    """
    if is_stopping(whole, parts) and all(part.status.ended for part in parts):
        return _stopped(whole, parts, now)
    under_way = {JobStatus.PROCESSING, JobStatus.COMPLETED} & {part.status for part in parts}
    if whole.status is JobStatus.PENDING:
        return whole.begin_in_parts(now=now) if under_way else whole
    if all(part.status is JobStatus.COMPLETED for part in parts):
        return whole.complete(joined(parts), sent=None, now=now)
    return whole if under_way else whole.rest_in_parts(now=now)


def joined(parts: Sequence[Job]) -> JobResult:
    """One result of those of all parts, as if a single server had made all pictures.

    Where all parts were shown to be what was asked for, ``proof`` is that of the first; the proof
    of each, and which server made it, stands in its ``parts``.
    """
    results = [part.result for part in parts if part.result is not None]
    first = results[0]
    answers = [result.generation_info for result in results]
    return JobResult(
        images=tuple(chain.from_iterable(result.images for result in results)),
        info=_sentence(results, parts),
        generation_info={**answers[0], **_lists_of_all(answers)},
        proof={
            **first.proof,
            "parts": [
                {"job": part.id, "server": part.server, **part.result.proof}
                for part in parts
                if part.result is not None
            ],
        },
        ignored_params=first.ignored_params,
    )


def _lists_of_all(answers: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """For each list that every answer has, one list of what all of them say."""
    return {
        name: list(chain.from_iterable(answer[name] for answer in answers))
        for name in COUNTED_LISTS
        if all(isinstance(answer.get(name), list) for answer in answers)
    }


def _sentence(results: Sequence[JobResult], parts: Sequence[Job]) -> str:
    servers = {part.server for part in parts if part.server}
    told = f"{results[0].info} It was made in {len(parts)} parts, on {_named(servers)}."
    models = {_model(result) for result in results}
    if len(models) > 1:
        # One name may mean different files on different servers; each part is what it proves.
        told += f" Not all servers have the same checkpoint file: {_named(models)}."
    return told


def _model(result: JobResult) -> str:
    """The checkpoint that made the pictures, as the proof has it; it may say anything."""
    checkpoint = result.proof.get("checkpoint")
    return str(checkpoint.get("got") if isinstance(checkpoint, Mapping) else checkpoint)


def _named(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(repr, names)))


def _stopped(whole: Job, parts: Sequence[Job], now: datetime) -> Job:
    failed = next((part for part in parts if part.status is JobStatus.FAILED), None)
    if whole.cancel_requested or failed is None or failed.failure is None:
        return whole.cancel(now=now)
    failure = failed.failure
    place = parts.index(failed) + 1
    made = sum(part.status is JobStatus.COMPLETED for part in parts)
    return whole.fail(
        JobFailure(
            code=failure.code,
            message=f"Part {place} of {len(whole.parts)} has failed: {failure.message}",
            details={
                **failure.details,
                "part": {
                    "job": failed.id,
                    "first_picture": failed.first_picture,
                    "server": failed.server,
                    "attempts": len(failed.attempts),
                },
                "parts_completed": made,
            },
        ),
        now=now,
    )
