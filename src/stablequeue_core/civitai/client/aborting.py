"""One switch out of several, and a limit to how long a request may take in all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from stablequeue_core.errors import CivitaiUnavailable, TransferAborted
from stablequeue_core.transport import Abort


@contextmanager
def any_of(*switches: Abort | None) -> Iterator[Abort]:
    """A switch that is pulled as soon as one of these is."""
    pulled = Abort()
    with ExitStack() as until_done:
        for switch in switches:
            if switch is not None:
                until_done.enter_context(switch.reaction(pulled.pull))
        yield pulled


@contextmanager
def within(seconds: float, abort: Abort, host: str) -> Iterator[Abort]:
    """A switch that is pulled with ``abort``, and when so many seconds have passed.

    A server that sends one byte now and then never times out, and never ends.

    Raises:
        CivitaiUnavailable: what was inside came back because the time was up.
    """
    with any_of(abort) as limited:
        timer = threading.Timer(seconds, limited.pull)
        timer.daemon = True
        timer.start()
        try:
            yield limited
        except TransferAborted:
            if abort.pulled:
                raise
            raise CivitaiUnavailable(
                f"{host} had not answered in full after {seconds:g} s. Try again later.",
                {"cause": "too_slow"},
            ) from None
        finally:
            timer.cancel()
