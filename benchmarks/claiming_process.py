"""A process that claims and completes jobs of a database that it shares with others."""

from __future__ import annotations

from benchmarks.children import answer_questions, arguments
from benchmarks.claiming import work
from stablequeue_core.storage.sqlite import SqliteStorage


def main() -> None:
    """Do as many jobs as each question says."""
    (path,) = arguments(1)
    with SqliteStorage(path) as storage:
        answer_questions("open", lambda count: work(storage.jobs, count))


if __name__ == "__main__":
    main()
