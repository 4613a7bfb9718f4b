"""Draws the life of a job into ``explanation/lifecycle.md``, from the table that the code obeys.

Run it after a change of the table::

    python docs/draw_lifecycle.py
"""

from __future__ import annotations

from pathlib import Path

from stablequeue_core.jobs import ENDED, TRANSITIONS, JobStatus

PAGE = Path(__file__).resolve().parent / "explanation" / "lifecycle.md"
BEGIN = "<!-- drawn by docs/draw_lifecycle.py: begin -->"
END = "<!-- drawn by docs/draw_lifecycle.py: end -->"


def drawing() -> str:
    """The table as a Mermaid diagram, in a fenced block."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {JobStatus.PENDING}: it is submitted"]
    for present, following in TRANSITIONS.items():
        lines += [f"    {present} --> {next_one}: {why}" for next_one, why in following.items()]
    lines += [f"    {status} --> [*]" for status in TRANSITIONS if status in ENDED]
    return "\n".join([*lines, "```"])


def drawn_into(text: str) -> str:
    """The page's text with the drawing between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{drawing()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(drawn_into(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
