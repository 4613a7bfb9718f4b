"""Every Python block of the pages runs, in order, and prints what the page says it prints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.docs.forges import Forges
from tests.docs.pages import DOCS, PAGES, ROOT, Block, blocks_of, name_of

from stablequeue_core import StableQueue
from stablequeue_core.testing.forge_simulator import ForgeServer, SimulatedForge

README = ROOT / "README.md"
WITH_PYTHON = [page for page in PAGES if page != README and blocks_of(page, "python")]

TEN_LINES = """\
from stablequeue_core import StableQueue

with StableQueue.open("queue-data") as queue:
    queue.servers.add("Laptop", "http://127.0.0.1:7860")
    job = queue.submit("Laptop", positive_prompt="a lighthouse at dawn",
                       checkpoint_name="Pony/cyberrealisticPony_v8.safetensors", \
width=512, height=512, steps=20)
    done = queue.wait(job.id, timeout=600)
    print(done.status, done.images)
"""


def test_the_readmes_ten_lines_make_a_picture_as_they_are_printed(
    reader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is rewritten: the simulated server takes Forge's own port."""
    ten_lines = blocks_of(README, "python")[0]
    assert ten_lines.text == TEN_LINES
    forge = SimulatedForge.with_sample_models()
    server = ForgeServer(forge, port=7860)
    try:
        server.start()
    except OSError:
        pytest.skip("port 7860 is in use, perhaps by a real Forge")
    with server:
        run(ten_lines, {})
    assert capsys.readouterr().out.startswith("completed (")
    (picture,) = Path("queue-data", "images").glob("*.png")
    assert picture.stat().st_size > 0
    assert forge.rendered[0].finished


@pytest.mark.usefixtures("reader")
def test_the_rest_of_the_readme_runs(forges: Forges, capsys: pytest.CaptureFixture[str]) -> None:
    """The later blocks go on where the first one ended."""
    read(README, forges, capsys)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_a_page_runs(page: Path, forges: Forges, capsys: pytest.CaptureFixture[str]) -> None:
    """From its first block to its last, in one namespace; only the ports are others."""
    read(page, forges, capsys)


def test_there_is_python_on_every_shelf() -> None:
    """Guards the tests above against a parser that finds nothing."""
    shelves = {page.parent for page in WITH_PYTHON}
    assert {DOCS / "tutorial", DOCS / "how-to", DOCS / "reference"} <= shelves


def read(page: Path, forges: Forges, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the blocks of a page; a ``text`` block right behind one is what it prints."""
    namespace: dict[str, Any] = {"__name__": "reader"}
    opened: dict[int, StableQueue] = {}
    printed = ""
    try:
        for block in blocks_of(page):
            if block.language == "python":
                run(block, namespace, forges)
                opened |= {id(v): v for v in namespace.values() if isinstance(v, StableQueue)}
                printed = forges.printed(capsys.readouterr().out)
            elif block.language == "text" and printed:
                expect(block, printed)
                printed = ""
    finally:
        for queue in opened.values():
            queue.close(grace=0)


def run(block: Block, namespace: dict[str, Any], forges: Forges | None = None) -> None:
    """Execute a block; a traceback names its page and line."""
    source = forges.placed(block.text) if forges else block.text
    exec(compile("\n" * (block.line - 1) + source, str(block.page), "exec"), namespace)


def expect(block: Block, printed: str) -> None:
    """Compare what was printed with the page, on which ``…`` stands for anything in a line."""
    wanted = block.text.strip()
    pattern = "[^\n]*".join(re.escape(part) for part in wanted.split("…"))
    matches = re.fullmatch(pattern, printed.strip())
    assert matches, f"{block.place} says\n{wanted}\nbut this was printed:\n{printed}"
