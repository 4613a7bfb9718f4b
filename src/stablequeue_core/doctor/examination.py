"""Looks at everything, and goes on with the rest where one thing is broken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from stablequeue_core.doctor.civitai_key import check_civitai_key
from stablequeue_core.doctor.clocks import check_clocks
from stablequeue_core.doctor.database import check_database
from stablequeue_core.doctor.diagnosis import Diagnosis, Finding, problem
from stablequeue_core.doctor.folders import check_folders
from stablequeue_core.doctor.jobs import check_jobs
from stablequeue_core.doctor.leftovers import check_leftovers
from stablequeue_core.doctor.pictures import check_pictures
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.doctor.process import check_process
from stablequeue_core.doctor.server_looks import ServerLook, look_at_servers
from stablequeue_core.doctor.servers import check_servers
from stablequeue_core.doctor.settings_sense import check_settings
from stablequeue_core.errors import StableQueueError

logger = logging.getLogger(__name__)

Check = Callable[[Premises], Iterable[Finding]]
CheckWithServers = Callable[[Premises, Sequence[ServerLook]], Iterable[Finding]]

CHECKS: Sequence[Check] = (
    check_process,
    check_database,
    check_folders,
    check_pictures,
    check_leftovers,
    check_settings,
    check_civitai_key,
)
CHECKS_WITH_SERVERS: Sequence[CheckWithServers] = (check_servers, check_clocks, check_jobs)


def examine(premises: Premises) -> Diagnosis:
    """Look at everything at the same time; nothing is changed. Never raises.

    The findings come in the order of the checks, whichever was done first.
    """
    with ThreadPoolExecutor(len(CHECKS) + len(CHECKS_WITH_SERVERS) + 1) as pool:
        looks = pool.submit(look_at_servers, premises)
        found: list[Future[Sequence[Finding]]] = [
            *(pool.submit(_found, check.__name__, partial(check, premises)) for check in CHECKS),
            *(
                pool.submit(_found, check.__name__, partial(_after, looks, check, premises))
                for check in CHECKS_WITH_SERVERS
            ),
        ]
        return Diagnosis(tuple(finding for each in found for finding in each.result()))


def _after(
    looks: Future[Sequence[ServerLook]], check: CheckWithServers, premises: Premises
) -> Iterable[Finding]:
    return check(premises, looks.result())


def _found(name: str, check: Callable[[], Iterable[Finding]]) -> Sequence[Finding]:
    """What a check has found; where it breaks off, that is a finding, too."""
    subject = name.removeprefix("check_").replace("_", " ")
    found: list[Finding] = []
    try:
        found.extend(check())
    except StableQueueError as error:
        found.append(problem(subject, f"It could not be examined. {error.message}", "See above."))
    except Exception as error:
        logger.exception("A check of the doctor failed.")
        found.append(
            problem(
                subject,
                f"It could not be examined ({type(error).__name__}).",
                "The log has the details; please report this.",
            )
        )
    return found
