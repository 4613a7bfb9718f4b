"""Storages that fail when a test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from stablequeue_core.errors import StorageError
from stablequeue_core.storage import Storage

STORES = ("jobs", "servers", "reports", "events", "costs", "downloads")


class Flaky:
    """A store of which each call may fail; then it has done nothing."""

    def __init__(self, store: Any, toss: Callable[[], None]) -> None:
        self._store = store
        self._toss = toss

    def __getattr__(self, name: str) -> Callable[..., Any]:
        do = getattr(self._store, name)

        def call(*args: Any, **given: Any) -> Any:
            self._toss()
            return do(*args, **given)

        return call


def make_flaky(storage: Storage, toss: Callable[[], None]) -> None:
    """Let ``toss`` say, by raising an error, which calls of the storage fail."""
    for name in STORES:
        setattr(storage, name, Flaky(getattr(storage, name), toss))


def is_ours() -> bool:
    """Whether a lane, a monitor or another thread of the dispatcher is calling, not the test."""
    return threading.current_thread().name.startswith("stablequeue-")


class Away:
    """A storage that is away for a while, for all threads but those of the test.

    Args:
        storage: is away while a test says so.
    """

    def __init__(self, storage: Storage) -> None:
        self._error: StorageError | None = None
        make_flaky(storage, self._toss)

    def begin(self, error: StorageError) -> None:
        """From now on every call fails with this."""
        self._error = error

    def end(self) -> None:
        """It is back."""
        self._error = None

    def _toss(self) -> None:
        if is_ours() and self._error is not None:
            raise self._error


def leave_unconfirmed(storage: Storage, name: str, error: Exception) -> None:
    """Let the jobs do what the method of this name is called for, once, and fail all the same.

    Its answer was lost. What it finds nothing to do for does not count.
    """
    do, to_raise = getattr(storage.jobs, name), [error]

    def call(*args: Any, **given: Any) -> Any:
        done = do(*args, **given)
        if done is not None and to_raise:
            raise to_raise.pop()
        return done

    replace_method(storage, name, call)


def let_fail(storage: Storage, name: str, error: Exception) -> Callable[[], int]:
    """Let each call of the jobs' method of this name do nothing but fail; how many there were."""
    calls = 0

    def fail(*_: Any, **__: Any) -> Any:
        nonlocal calls
        calls += 1
        raise error

    replace_method(storage, name, fail)
    return lambda: calls


def replace_method(storage: Storage, name: str, method: Callable[..., Any]) -> None:
    """Let the jobs do this instead of what their method of this name does."""
    jobs: Any = _WithMethod(storage.jobs, name, method)
    storage.jobs = jobs


class _WithMethod:
    """A store with a method in place of one of its own."""

    def __init__(self, store: Any, name: str, method: Callable[..., Any]) -> None:
        self._store = store
        self._name = name
        self._method = method

    def __getattr__(self, name: str) -> Any:
        return self._method if name == self._name else getattr(self._store, name)
