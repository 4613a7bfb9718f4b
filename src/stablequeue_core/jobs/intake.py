"""From what a user submits to new jobs: checked, and cut into parts where that pays."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

from stablequeue_core.errors import FieldProblem, InvalidParams
from stablequeue_core.generation import GenerationRequest, parse_params
from stablequeue_core.jobs.job import Job
from stablequeue_core.jobs.limits import (
    client_problem,
    hold_problem,
    limits_in,
    not_before_problem,
    priority_problem,
)
from stablequeue_core.jobs.parts import in_parts, is_divisible, part_sizes
from stablequeue_core.jobs.targets import Targets
from stablequeue_core.serialization import from_millis, to_iso, to_millis
from stablequeue_core.servers import is_for_any
from stablequeue_core.settings import Settings


@frozen
class Submission:
    """One job of several that are submitted together.

    Attributes:
        target: alias of a server, ``auto``, or ``auto:<tag>``.
        params: as in the API document.
        priority: higher runs first; at most ``MAX_PRIORITY`` in either direction.
        client_id: on whose behalf, for fairness between clients; None: nobody's.
        not_before: it does not start earlier; a moment with its time zone.
        hold: whether it does not start until it is released.
    """

    target: str
    params: Mapping[str, Any] = field(factory=dict)
    priority: int = 0
    client_id: str | None = None
    not_before: datetime | None = None
    hold: bool = False


class Intake:
    """Makes the jobs that were submitted; keeps none of them.

    Args:
        targets: which there are.
        settings: limits, and whether big batches are split.
    """

    def __init__(self, targets: Targets, settings: Settings) -> None:
        self._targets = targets
        self._settings = settings
        self._limits = limits_in(settings)

    def jobs_of(self, submissions: Sequence[Submission], *, now: datetime) -> Sequence[Job]:
        """The jobs, each followed by its parts if it is made in parts.

        Raises:
            InvalidParams: lists every bad field of the first job that has any.
            ServerNotFound: a target is neither a server, nor ``auto``, nor a group of servers.
        """
        for target in {submission.target for submission in submissions}:
            self._targets.check(target)
        made: list[Job] = []
        for place, submission in enumerate(submissions):
            path = f"submissions[{place}]." if len(submissions) > 1 else ""
            made += self._jobs_of(submission, now, path)
        return made

    def _jobs_of(self, submission: Submission, now: datetime, path: str) -> Sequence[Job]:
        try:
            request = parse_params(submission.params, self._limits)
            _check_wishes(submission)
        except InvalidParams as error:
            raise InvalidParams(
                [FieldProblem(path + problem.path, problem.message) for problem in error.problems]
            ) from error
        job = Job(
            id=str(uuid.uuid4()),
            target=submission.target,
            params=submission.params,
            created_at=now,
            updated_at=now,
            checkpoint=request.checkpoint,
            requirements=request.requirements,
            priority=submission.priority,
            effort=request.pixel_steps,
            client_id=submission.client_id,
            not_before=_kept(submission.not_before),
            held=submission.hold,
        )
        sizes = self._part_sizes(submission.target, request)
        return in_parts(job, request, sizes) if len(sizes) > 1 else [job]

    def _part_sizes(self, target: str, request: GenerationRequest) -> Sequence[int]:
        """How many pictures each part of the job has; one that stays whole is its only part."""
        settings, pictures = self._settings, request.images
        if not settings.split_batches or pictures < 2 * settings.split_smallest:
            return (pictures,)
        if not (is_for_any(target) and is_divisible(request)):
            return (pictures,)
        servers = self._targets.count(target)
        return part_sizes(pictures, servers=servers, smallest=settings.split_smallest)


def digest_of(submissions: Sequence[Submission]) -> str:
    """A digest that is equal for equal requests, whatever the order of their keys."""
    plain = [[s.target, s.params, s.priority, *_wishes(s)] for s in submissions]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _wishes(submission: Submission) -> list[dict[str, Any]]:
    """What it says beside the rest; of one that says nothing, nothing.

    So a digest is still that of before there was anything to say: a client that asks again after
    an upgrade gets the job that it was given.
    """
    not_before = submission.not_before
    wishes = {
        "client_id": submission.client_id,
        "not_before": to_iso(not_before) if not_before else None,
        "hold": submission.hold,
    }
    said = {name: value for name, value in wishes.items() if value}
    return [said] if said else []


def _kept(moment: datetime | None) -> datetime | None:
    """The moment as it is kept: in UTC, to the millisecond."""
    return None if moment is None else from_millis(to_millis(moment))


def _check_wishes(submission: Submission) -> None:
    """Check what stands beside the parameters.

    Raises:
        InvalidParams: lists every bad field.
    """
    found = (
        priority_problem(submission.priority),
        client_problem(submission.client_id),
        not_before_problem(submission.not_before),
        hold_problem(submission.hold),
    )
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise InvalidParams(problems)
