"""A simulated Civitai on real ports, and the commands that speak with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from click.testing import Result
from tests.stablequeue_flask.test_cli import run

from stablequeue_core.testing.civitai_simulator import GOOD_KEY, CivitaiServer


class Harbor:
    """Civitai on ports of this machine, and a shell in which it is known.

    Attributes:
        server: who answers.
        variables: what a shell has to hold so that commands find it.
    """

    def __init__(self, server: CivitaiServer) -> None:
        self.server = server
        self.variables: Mapping[str, str] = {
            "STABLEQUEUE_CIVITAI_URL": server.url,
            "STABLEQUEUE_CIVITAI_SECOND_URL": server.second_url,
            "STABLEQUEUE_ALLOW_PRIVATE_DOWNLOADS": "1",
            "STABLEQUEUE_BACKOFF_BASE": "0.05",
            "CIVITAI_API_KEY": GOOD_KEY,
        }

    def run(self, *arguments: str, **variables: str) -> Result:
        """Run a command in this process."""
        return run(*arguments, **{**self.variables, **variables})

    @property
    def environment(self) -> dict[str, str]:
        """For a command in a process of its own."""
        return {**os.environ, **self.variables}

    def content(self, file_id: int) -> bytes:
        """The bytes of one of its files."""
        file = self.server.civitai.world.file(file_id)
        assert file is not None
        return file.content.read()

    @property
    def faults(self) -> Any:
        """Accidents on order."""
        return self.server.civitai.faults
