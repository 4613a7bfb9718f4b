"""Draws the lives of jobs and downloads into their pages, from the tables that the code obeys.

Run it after a change of a table::

    python docs/draw_lifecycle.py
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

from attrs import frozen

from stablequeue_core import downloads, jobs

EXPLANATION = Path(__file__).resolve().parent / "explanation"


Status = TypeVar("Status", bound=StrEnum)


@frozen
class Life(Generic[Status]):
    """A table, and where it is drawn.

    Attributes:
        name: in the marks around the drawing.
        page: it stands on.
        birth: why there is such a thing, and how it stands then.
        transitions: present status → what may follow → why it would.
    """

    name: str
    page: Path
    birth: tuple[str, Status]
    transitions: Mapping[Status, Mapping[Status, str]]

    @property
    def marks(self) -> tuple[str, str]:
        """The lines around the drawing."""
        mark = f"<!-- drawn by docs/draw_lifecycle.py: {self.name} "
        return f"{mark}begin -->", f"{mark}end -->"

    def drawing(self) -> str:
        """The table as a Mermaid diagram, in a fenced block."""
        why_born, first = self.birth
        lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first}: {why_born}"]
        for present, following in self.transitions.items():
            lines += [f"    {present} --> {next_one}: {why}" for next_one, why in following.items()]
        lines += [f"    {status} --> [*]" for status in self.transitions if _has_ended(status)]
        return "\n".join([*lines, "```"])

    def drawn_into(self, text: str) -> str:
        """The page's text with the drawing between its two marks."""
        begin, end = self.marks
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        return f"{before}{begin}\n{self.drawing()}\n{end}{after}"


def _has_ended(status: str) -> bool:
    return status in jobs.ENDED or status in downloads.ENDED


LIVES = (
    Life(
        "jobs",
        EXPLANATION / "lifecycle.md",
        ("it is submitted", jobs.JobStatus.PENDING),
        jobs.TRANSITIONS,
    ),
    Life(
        "downloads",
        EXPLANATION / "downloads.md",
        ("it is accepted", downloads.DownloadStatus.QUEUED),
        downloads.TRANSITIONS,
    ),
)

if __name__ == "__main__":
    for life in LIVES:
        drawn = life.drawn_into(life.page.read_text(encoding="utf-8"))
        life.page.write_text(drawn, encoding="utf-8")
