"""``stablequeue servers`` warns of two names for one address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stablequeue_core import StableQueue


@pytest.mark.parametrize(
    "arguments",
    [["add", "Twin", "http://localhost:7901/"], ["set", "Tower", "--url", "http://[::1]:7901"]],
)
def test_a_second_name_for_an_address_is_warned_of_beside_the_output(
    tmp_path: Path, arguments: list[str]
) -> None:
    """In a process of its own: it is the log that says it, to who has set up none."""
    with StableQueue.open(tmp_path, dispatch=False) as queue:
        queue.servers.add("Laptop", "http://127.0.0.1:7901")
        queue.servers.add("Tower", "http://127.0.0.1:7902")
    command = [sys.executable, "-m", "stablequeue_flask.cli", "servers", *arguments]
    done = subprocess.run(
        [*command, "--data-dir", str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Server ")
    assert f"Server {arguments[1]!r} is also called 'Laptop'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
