"""A child: runs the jobs that other processes submit to the same PostgreSQL."""

from __future__ import annotations

from benchmarks.children import answer_questions, arguments
from benchmarks.dispatching import introduce
from stablequeue_core import StableQueue


def main() -> None:
    """Say that the server was found well, and work until nobody asks any more."""
    folder, database, url = arguments(3)
    with StableQueue.open(folder, database_url=database) as queue:
        introduce(queue, [url])
        answer_questions("well")


if __name__ == "__main__":
    main()
