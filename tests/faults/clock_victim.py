"""A process whose computer's clock is wrong; it runs jobs of a shared queue until it is killed."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

from tests.faults import dispatch_victim

from stablequeue_core.clock import SystemClock


def main(hours_ahead: str, data_dir: str, database_url: str) -> None:
    ahead, right = timedelta(hours=float(hours_ahead)), SystemClock.now

    def wrong(clock: SystemClock) -> datetime:
        return right(clock) + ahead

    SystemClock.now = wrong  # type: ignore[assignment, method-assign]
    dispatch_victim.main(data_dir, database_url)


if __name__ == "__main__":
    main(*sys.argv[1:])
