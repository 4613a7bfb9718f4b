"""A child: claims and completes jobs of a PostgreSQL that it shares with others."""

from __future__ import annotations

from benchmarks.children import answer_questions, arguments
from benchmarks.claiming import work
from stablequeue_core.storage.postgres import PostgresStorage


def main() -> None:
    """Do as many jobs as each question says."""
    (url,) = arguments(1)
    with PostgresStorage(url) as storage:
        answer_questions("open", lambda count: work(storage.jobs, count))


if __name__ == "__main__":
    main()
