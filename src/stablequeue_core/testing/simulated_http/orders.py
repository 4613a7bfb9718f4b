"""Accidents on order: what is to go wrong with which of the next requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import define

T = TypeVar("T")


@define
class _Order(Generic[T]):
    fits: Callable[[str], bool]
    accident: T
    skip: int
    times: int | None


class Orders(Generic[T]):
    """The accidents that are still to come; an older order goes first. Thread-safe.

    Args:
        changed: told whenever an order comes or is used up.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._orders: list[_Order[T]] = []

    def add(
        self, fits: Callable[[str], bool], accident: T, *, times: int | None, skip: int = 0
    ) -> None:
        """Order an accident.

        Args:
            fits: whether a request, told by its path, is meant.
            accident: what is to happen.
            times: to how many requests; None to all that come.
            skip: so many of them go well before.
        """
        with self._changed:
            self._orders.append(_Order(fits, accident, skip, times))
            self._changed.notify_all()

    def take(self, path: str) -> T | None:
        """What is to happen to this request; it counts as happened."""
        if not self._orders:
            return None
        with self._changed:
            for order in self._orders:
                if not order.fits(path):
                    continue
                if order.skip:
                    order.skip -= 1
                    continue
                if order.times is not None:
                    order.times -= 1
                    if order.times <= 0:
                        self._orders.remove(order)
                self._changed.notify_all()
                return order.accident
        return None

    def clear(self) -> None:
        """Forget every order."""
        with self._changed:
            self._orders.clear()
            self._changed.notify_all()

    @property
    def pending(self) -> int:
        """How many orders have not been used up."""
        return len(self._orders)
