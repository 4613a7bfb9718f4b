"""Jobs as they are in real life: a kilobyte of parameters, and what a server answers to it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from stablequeue_core.jobs import Job, JobResult, Lease

ALIAS = "Forge-1"
CHECKPOINT = "sd_xl_base_1.0.safetensors"
KILOBYTE = 1024

_TITLE = f"{CHECKPOINT} [31e35c80fc]"
_START = datetime(2025, 5, 14, 2, 34, 48, tzinfo=UTC)


def params() -> dict[str, Any]:
    """Parameters that are a kilobyte of JSON."""
    return padded(
        {
            "positive_prompt": "a lighthouse at dawn, ",
            "negative_prompt": "blurry, low quality, watermark",
            "checkpoint_name": CHECKPOINT,
            "sampler_name": "Euler a",
            "width": 1024,
            "height": 1024,
            "steps": 28,
            "cfg_scale": 6.5,
            "seed": -1,
        },
        KILOBYTE,
    )


def padded(given: Mapping[str, Any], size: int) -> dict[str, Any]:
    """The same parameters with a prompt so long that their JSON has ``size`` bytes."""
    missing = size - len(as_json(given))
    words = "volumetric light, " * (missing // 18 + 1)
    return {**given, "positive_prompt": given["positive_prompt"] + words[:missing]}


def as_json(value: object) -> str:
    """As short as JSON can be."""
    return json.dumps(value, separators=(",", ":"))


def small_params(**fields: Any) -> dict[str, Any]:
    """A picture that costs a simulated server next to nothing."""
    return {
        "positive_prompt": "a lighthouse at dawn",
        "checkpoint_name": CHECKPOINT,
        "width": 64,
        "height": 64,
        "steps": 1,
        **fields,
    }


def result(job_id: str) -> JobResult:
    """What a completed job has to show."""
    prompt, seed = "a lighthouse at dawn", 1366886533
    return JobResult(
        images=(f"{job_id[:8]}_1747190088985_00000-{seed}.png",),
        info="Job completed and images saved by StableQueue.",
        generation_info={
            "prompt": prompt,
            "all_prompts": [prompt],
            "negative_prompt": "blurry",
            "seed": seed,
            "all_seeds": [seed],
            "subseed": 3589547840,
            "all_subseeds": [3589547840],
            "width": 1024,
            "height": 1024,
            "sampler_name": "Euler a",
            "cfg_scale": 6.5,
            "steps": 28,
            "batch_size": 1,
            "sd_model_name": "sd_xl_base_1.0",
            "sd_model_hash": "31e35c80fc",
            "extra_generation_params": {},
            "infotexts": [f"{prompt}\nSteps: 28, Sampler: Euler a, Seed: {seed}, Size: 1024x1024"],
            "styles": [],
            "job_timestamp": "20250514023448",
            "clip_skip": 1,
            "version": "f2.0.1v1.10.1-previous-669-gdfdcbab6",
        },
        proof={
            "checkpoint": {"asked": _TITLE, "got": "sd_xl_base_1.0 [31e35c80fc]"},
            "sampler": {"asked": "Euler a", "got": "Euler a"},
            "resolved": [f"{CHECKPOINT} → {CHECKPOINT} (same path)"],
        },
    )


def sent() -> dict[str, Any]:
    """What was sent to the server for it."""
    return {
        "prompt": "a lighthouse at dawn",
        "negative_prompt": "blurry",
        "width": 1024,
        "height": 1024,
        "steps": 28,
        "cfg_scale": 6.5,
        "seed": 1366886533,
        "subseed": 3589547840,
        "override_settings": {"sd_model_checkpoint": _TITLE},
        "override_settings_restore_afterwards": False,
        "sampler_name": "Euler a",
        "scheduler": "Automatic",
    }


def pending(count: int, params: Mapping[str, Any]) -> list[Job]:
    """Jobs that wait, as the store is given them."""
    return [
        Job(
            id=str(uuid.uuid4()),
            target=ALIAS,
            params=params,
            created_at=_START,
            updated_at=_START,
            checkpoint=CHECKPOINT,
        )
        for _ in range(count)
    ]


def begun(job: Job, now: datetime) -> Job:
    """The job, claimed."""
    return job.begin(
        server=ALIAS,
        lease=Lease(worker="bench:1:00000000", until=now + timedelta(seconds=30)),
        task_id=str(uuid.uuid4()),
        seed=1366886533,
        subseed=3589547840,
        now=now,
    )


def completed(first: int, count: int) -> Iterator[Job]:
    """Jobs that were completed, one each second; numbered so that their times grow."""
    given = small_params()
    for number in range(first, first + count):
        now = _START + timedelta(seconds=number)
        job = Job(
            id=str(uuid.uuid4()),
            target=ALIAS,
            params=given,
            created_at=now,
            updated_at=now,
            checkpoint=CHECKPOINT,
        )
        yield begun(job, now).complete(result(job.id), sent=sent(), now=now)
