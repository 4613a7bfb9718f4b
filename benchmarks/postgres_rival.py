"""procrastinate on the same database: what a queue for PostgreSQL that people use does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Self, TypeVar

import procrastinate
from procrastinate.jobs import Status

Result = TypeVar("Result")


class Rival:
    """Its jobs, claimed and completed as its own worker does."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
        self._task = self._app.task(name="picture")(_picture)
        self._run(self._app.open_async())
        self._run(self._app.schema_manager.apply_schema_async())
        self._worker = self._run(self._app.job_manager.register_worker())

    def add_many(self, params: dict[str, Any], count: int) -> None:
        """As many jobs in one transaction."""
        each: list[Any] = [{"params": params}] * count
        self._run(self._task.batch_defer_async(*each))

    def work(self, count: int) -> None:
        """Claim and complete so many jobs, one after the other."""
        self._run(self._work(count))

    async def _work(self, count: int) -> None:
        manager = self._app.job_manager
        for _ in range(count):
            job = await manager.fetch_job(queues=None, worker_id=self._worker)
            assert job is not None
            await manager.finish_job(job, status=Status.SUCCEEDED, delete_job=False)

    def close(self) -> None:
        """Let go of the server."""
        self._run(self._app.close_async())
        self._loop.close()

    def _run(self, work: Awaitable[Result]) -> Result:
        async def wait() -> Result:
            return await work

        return self._loop.run_until_complete(wait())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _picture(params: dict[str, Any]) -> None:
    """Never run here."""
