"""Every knob, with its unit, its default and why: arguments, then ``STABLEQUEUE_*``, then these."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Self, get_type_hints

from attrs import fields, frozen

from stablequeue_core.errors import FieldProblem, InvalidSettings

PREFIX = "STABLEQUEUE_"


@frozen(kw_only=True)
class Settings:
    """Every knob. Times are in seconds, sizes in bytes.

    Attributes:
        max_images: pictures in one job, batches counted.
        max_prompt_chars: length of each prompt.
        max_body_bytes: a longer HTTP request gets 413.
        max_attempts: counted failures after which a job has failed.
        backoff_base: wait before the second attempt; doubles each time, with jitter.
        backoff_cap: the longest such wait.
        lease: how long a claim lasts unless it is renewed.
        poll: how often a running job's progress, and a sleeping lane, is looked at.
        inventory_age: how long a server's lists are believed before they are fetched again.
        affinity_bound: how long a job may wait because others fit the loaded checkpoint better.
        stall_base: a running job without any progress for this long is given up ...
        stall_per_megapixel_step: ... and this much later for each megapixel-step it has to do.
        cancel_wait: how long a cancel waits for the server to confirm.
        close_grace: how long closing waits for running jobs.
        connect_timeout: until a server accepts a connection.
        answer_timeout: until a server answers anything but a picture.
        circuit_base: wait after a server was found unreachable; doubles each time ...
        circuit_cap: ... up to this.
        start_up_grace: how long a server may answer 404 everywhere before its API counts as off.
        hash_rate: bytes a second that are read, in the background, to hash model files.
    """

    max_images: int = 16
    max_prompt_chars: int = 100_000
    max_body_bytes: int = 16 * 1024 * 1024
    max_attempts: int = 4
    backoff_base: float = 2.0
    backoff_cap: float = 120.0
    lease: float = 30.0
    poll: float = 0.5
    inventory_age: float = 60.0
    affinity_bound: float = 120.0
    stall_base: float = 180.0
    stall_per_megapixel_step: float = 10.0
    cancel_wait: float = 10.0
    close_grace: float = 10.0
    connect_timeout: float = 5.0
    answer_timeout: float = 30.0
    circuit_base: float = 1.0
    circuit_cap: float = 30.0
    start_up_grace: float = 20.0
    hash_rate: float = 200e6

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, **arguments: float | None
    ) -> Self:
        """Settings from arguments (None means: not given), then the environment, then defaults.

        Args:
            environment: instead of ``os.environ``.
            arguments: named as the attributes.

        Raises:
            InvalidSettings: a variable's text is no number, or a number is not above zero.

        Example:
            >>> Settings.from_environment({"STABLEQUEUE_MAX_ATTEMPTS": "2"}).max_attempts
            2
        """
        environment = os.environ if environment is None else environment
        kinds = get_type_hints(cls)
        problems: list[FieldProblem] = []
        values: dict[str, Any] = {}
        for attribute in fields(cls):
            name = attribute.name
            variable = f"{PREFIX}{name.upper()}"
            given = arguments.pop(name, None)
            source = name if given is not None else variable
            text = given if given is not None else environment.get(variable)
            if text is None or text == "":
                continue
            try:
                number = kinds[name](text)
            except ValueError:
                problems.append(FieldProblem(source, f"{text!r} is no number."))
                continue
            # `not >` rather than `<=`, so that NaN is refused too.
            if not number > 0 or number == float("inf"):
                problems.append(FieldProblem(source, f"is {number}; it must be above zero."))
            values[name] = number
        problems += [FieldProblem(name, "is no setting.") for name in arguments]
        if problems:
            raise InvalidSettings(problems)
        return cls(**values)
