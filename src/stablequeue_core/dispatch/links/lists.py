"""What one server has, as its lists tell: seen now and then, believed for a while."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from stablequeue_core.backends import Backend
from stablequeue_core.clock import Clock
from stablequeue_core.errors import BackendError
from stablequeue_core.generation import Requirements
from stablequeue_core.servers import Inventories, Inventory, Server
from stablequeue_core.settings import Settings

MOST_REMEMBERED = 4096
"""So many answers are remembered for one look at a server's lists."""

OLD = 10
"""Lists of a server that others send jobs to are wanted anew when they are so many times older
than one's own would be: nobody here learns of it when they are wrong."""


@define(eq=False)
class SeenLists:
    """A server's lists as they were fetched once. Any thread may ask.

    Attributes:
        inventory: the lists.
        at: when they were fetched, by the monotonic clock.
        doubts: how often the server's lists had been doubted by then.
        looked_for: what the server had looked for in its folders just before.
    """

    inventory: Inventory
    at: float
    doubts: int
    looked_for: frozenset[Requirements] = frozenset()
    _backend: Backend = field(kw_only=True)
    _missing: dict[Requirements, Sequence[BackendError]] = field(factory=dict, init=False)

    def missing(self, requirements: Requirements) -> Sequence[BackendError]:
        """What the server lacks of this; worked out once, as many jobs require the same."""
        found = self._missing.get(requirements)
        if found is None:
            found = self._backend.missing(requirements, self.inventory)
            if len(self._missing) >= MOST_REMEMBERED:
                self._missing.clear()
            self._missing[requirements] = found
        return found


class KnownLists:
    """What one server has, as far as we know. Used by its lane, but for what says otherwise.

    Args:
        server: which one.
        backend: speaks with it.
        inventories: is shown what it has.
        clock, settings: the time, and how long lists are believed.
    """

    def __init__(
        self,
        server: Server,
        backend: Backend,
        inventories: Inventories,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self.server = server
        self.backend = backend
        self._inventories = inventories
        self._clock = clock
        self._settings = settings
        self._lists: SeenLists | None = None
        self._questions: set[Requirements] = set()
        self._is_wanted = False

    @property
    def is_stale(self) -> bool:
        """Whether the server's lists are older than we believe. Any thread may ask."""
        return self._stale_in <= 0

    @property
    def stale_in(self) -> float:
        """Seconds until the server's lists are too old to be believed; 0: they are."""
        return max(0.0, self._stale_in)

    @property
    def are_known(self) -> bool:
        """Whether the lists were seen, and nobody has doubted them since. Any thread may ask."""
        return self._believed is not None

    @property
    def has_questions(self) -> bool:
        """Whether somebody wants to know what the server has. Any thread may ask."""
        return bool(self._questions) or self._is_wanted

    @property
    def _stale_in(self) -> float:
        lists = self._believed
        if lists is None:
            return 0.0
        return lists.at + self._settings.inventory_age - self._clock.monotonic()

    @property
    def _believed(self) -> SeenLists | None:
        """What was seen last; None when nothing was, or when somebody has doubted it since."""
        lists = self._lists
        is_doubted = lists and lists.doubts != self._inventories.doubts(self.server)
        return None if is_doubted else lists

    def inventory(self) -> Inventory:
        """What the server has, as it was last seen.

        Raises:
            BackendError: it was never seen, and cannot be asked now.
        """
        return self._lists.inventory if self._lists else self.look_again()

    def refresh(self, looked_for: frozenset[Requirements] = frozenset()) -> Inventory:
        """Make the server look at its folders again, and fetch its lists anew.

        Args:
            looked_for: what it does that for.

        Raises:
            BackendError: it cannot be asked now.
        """
        self.backend.refresh()
        return self.look_again(looked_for)

    def look_again(self, looked_for: frozenset[Requirements] = frozenset()) -> Inventory:
        """Fetch the server's lists anew.

        Args:
            looked_for: what the server has just looked for in its folders.

        Raises:
            BackendError: it cannot be asked now.
        """
        doubts = self._inventories.doubts(self.server)
        inventory = self.backend.inventory()
        now = self._clock.monotonic()
        self._lists = SeenLists(inventory, now, doubts, looked_for, backend=self.backend)
        self._inventories.put(self.server, inventory, doubts=doubts)
        self._is_wanted = False
        return inventory

    def forget(self) -> None:
        """The server's lists are not to be believed any more; ask before the next job."""
        self._lists = None
        self._inventories.doubt(self.server)

    def can_run(self, requirements: Requirements) -> bool:
        """Whether the server has all of this, as far as its lists tell. Any thread may ask."""
        lists = self._lists
        return lists is not None and not lists.missing(requirements)

    def lacks(self, requirements: Requirements) -> Sequence[BackendError] | None:
        """What the server lacks of this; None while its lists are not known.

        Any thread may ask.
        """
        lists = self._lists
        return lists.missing(requirements) if lists else None

    def surely_lacks(self, requirements: Requirements) -> Sequence[BackendError] | None:
        """What the server lacks of this even after it looked at its folders again for it.

        Any thread may ask. Whoever is not told has left a question: the server looks when it has
        the time, see :meth:`answer`.

        Returns:
            None while that is not known.
        """
        lists = None if self.is_stale else self._believed
        if lists is not None:
            missing = lists.missing(requirements)
            if not missing or requirements in lists.looked_for:
                return missing
        self._questions.add(requirements)
        return None

    def want(self) -> bool:
        """Whether the lists have to be fetched: they are not known, or old; see :meth:`answer`.

        Any thread may ask.
        """
        lists = self._lists
        if lists is None or self._clock.monotonic() - lists.at > OLD * self._settings.inventory_age:
            self._is_wanted = True
        return self._is_wanted

    def answer(self) -> bool:
        """Have the server look for all that somebody has asked for; whether anybody had.

        Raises:
            BackendError: it cannot be asked now.
        """
        if not self.has_questions:
            return False
        asked, self._questions = self._questions, set()
        lists = self._lists
        # What it looked for long ago has to be looked for again, so it need not be remembered.
        before = lists.looked_for if lists and not self.is_stale else frozenset()
        if asked:
            self.refresh(before | asked)
        elif self._is_wanted:
            self.look_again(before)
        self._is_wanted = False
        return True
