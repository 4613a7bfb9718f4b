"""Which job runs where, and what happens to it on the way."""

from stablequeue_core.dispatch.dispatcher import Dispatcher

__all__ = ["Dispatcher"]
