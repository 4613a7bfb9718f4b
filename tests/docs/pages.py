"""The pages, taken apart: what a reader may copy from them, and the tables that they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted(DOCS.rglob("*.md")),
)

_FENCE = re.compile(r"```(?P<language>\w*)")
_CODE = re.compile(r"`([^`]+)`")
_CELL_END = re.compile(r"(?<!\\)\|")


@frozen
class Block:
    """One fenced block.

    Attributes:
        page: where it stands.
        line: of its first line of text, counted from 1.
        language: what the fence says.
        text: what is inside.
        before: the prose between it and the block before it (or the top of the page).
    """

    page: Path
    line: int
    language: str
    text: str
    before: str

    @property
    def place(self) -> str:
        """Where to look for it."""
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    """The page's path inside the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a page, in order; all of them, or those in some languages."""
    blocks = list(_blocks(page))
    return [block for block in blocks if not languages or block.language in languages]


def _blocks(page: Path) -> Iterator[Block]:
    prose: list[str] = []
    inside: list[str] = []
    language: str | None = None
    indent = first = 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        stripped = line.strip()
        if language is None and (fence := _FENCE.fullmatch(stripped)):
            language, indent, first = fence["language"], line.index("`"), number + 1
        elif language is not None and stripped == "```":
            yield Block(page, first, language, "\n".join(inside) + "\n", "\n".join(prose))
            prose, inside, language = [], [], None
        elif language is not None:
            inside.append(line[indent:])
        else:
            prose.append(line)
    assert language is None, f"{name_of(page)}: the block from line {first} on has no end"


def rows_of(page: Path, first_column: str) -> list[Sequence[str]]:
    """The rows of every table of a page whose first column is called so, as cells of text."""
    rows: list[Sequence[str]] = []
    wanted = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            wanted = False
            continue
        cells = [cell.strip().replace(r"\|", "|") for cell in _CELL_END.split(line)[1:-1]]
        if cells[0] == first_column:
            wanted = True
        elif wanted and not set(cells[0]) <= set("-: "):
            rows.append(cells)
    return rows


def code_in(text: str) -> list[str]:
    """Everything between backticks."""
    return _CODE.findall(text)


def commands_of(page: Path) -> list[str]:
    """The commands of a page's ``console`` blocks: lines with a prompt, continuations joined."""
    commands = []
    for block in blocks_of(page, "console"):
        joined = block.text.replace("\\\n", " ")
        commands += [line[2:] for line in joined.splitlines() if line.startswith("$ ")]
    return commands
