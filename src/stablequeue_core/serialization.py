"""Values to plain JSON and back, in one place: times, enums, frozen classes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cattrs import Converter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and ``Z``.

    Example:
        >>> to_iso(datetime(2025, 5, 14, 2, 34, 48, 985000, tzinfo=UTC))
        '2025-05-14T02:34:48.985Z'
    """
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="milliseconds")[:-6] + "Z"


def from_iso(text: str) -> datetime:
    """The moment that :func:`to_iso` wrote."""
    return datetime.fromisoformat(text)


def to_millis(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def from_millis(millis: int) -> datetime:
    """The moment that :func:`to_millis` wrote, in UTC."""
    return _EPOCH + timedelta(milliseconds=millis)


def shortened(payload: Mapping[str, Any], longest: int = 2000) -> dict[str, Any]:
    """A copy to keep for the record: texts longer than ``longest`` (pictures, mostly) are cut."""

    def short(value: Any) -> Any:
        if isinstance(value, str) and len(value) > longest:
            return f"{value[:80]}… ({len(value)} characters)"
        if isinstance(value, Mapping):
            return {key: short(item) for key, item in value.items()}
        if isinstance(value, list):
            return [short(item) for item in value]
        return value

    return {key: short(value) for key, value in payload.items()}


@cache
def converter() -> Converter:
    """The cattrs converter that writes our values as plain JSON and reads them back.

    Made on first use: importing cattrs takes longer than importing everything else of ours.
    """
    from cattrs.preconf.json import make_converter

    made = make_converter()
    made.register_unstructure_hook(datetime, to_iso)
    made.register_structure_hook(datetime, lambda text, _: from_iso(text))
    made.register_structure_hook(Any, lambda value, _: value)
    # Plain JSON already, and read by the thousand: no need to look into it.
    made.register_structure_hook_func(
        lambda kind: kind == Mapping[str, Any], lambda value, _: value
    )
    return made
