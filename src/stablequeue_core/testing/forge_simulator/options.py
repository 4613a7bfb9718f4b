"""The server's options, with the leak that is theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stablequeue_core.testing.forge_simulator.exchange import JobError
from stablequeue_core.testing.forge_simulator.recorded import recorded


class ForgeOptions:
    """Defaults, and the values that somebody has set.

    Forge remembers what to put back after a job only for options that somebody had set before.
    An override of any other option stays in force for every later job.
    """

    def __init__(self) -> None:
        self._defaults: Mapping[str, Any] = {
            **recorded("options"),
            # The real default is none; the web UI sets the first checkpoint while it starts.
            "sd_model_checkpoint": None,
        }
        self._set: dict[str, Any] = {}
        self._saved: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """The value in force."""
        return self._set[name] if name in self._set else self._defaults[name]

    def set(self, values: Mapping[str, Any]) -> None:
        """Put ``values`` in force, one after the other.

        Raises:
            JobError: an option does not exist; those before it are set.
        """
        for name, value in values.items():
            if name not in self._defaults:
                raise JobError("KeyError", repr(name))
            self._set[name] = value

    def save(self) -> None:
        """Write what was set to the disk, leaked values included."""
        self._saved = dict(self._set)

    def restart(self) -> None:
        """Forget what was not saved."""
        self._set = dict(self._saved)

    def to_restore(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """What Forge will put back after a job with ``overrides``: only what was set before."""
        return {name: self._set[name] for name in overrides if name in self._set}

    def number(self, name: str) -> int:
        """The value in force of an option that a job needs as a whole number.

        Raises:
            JobError: somebody set it to something that is no number.
        """
        try:
            return int(self[name])
        except (TypeError, ValueError) as error:
            raise JobError("ValueError", str(error)) from error

    def as_json(self) -> dict[str, Any]:
        """The answer of ``GET /sdapi/v1/options``.

        Raises:
            JobError: a value has the wrong type; it was accepted, but cannot be shown.
        """
        shown = {}
        for name, default in self._defaults.items():
            value = self[name]
            if isinstance(default, float) and value is not None:
                try:
                    value = float(value)
                except (TypeError, ValueError):
                    raise _unshowable(name, "float_parsing", "number", value) from None
            elif isinstance(default, list) and not isinstance(value, list):
                raise _unshowable(name, "list_type", "list", value)
            elif isinstance(default, str) and not isinstance(value, str):
                raise _unshowable(name, "string_type", "string", value)
            shown[name] = value
        return shown


def _unshowable(name: str, kind: str, wanted: str, value: object) -> JobError:
    hint = ", unable to parse string as a number" if kind == "float_parsing" else ""
    problem = {
        "type": kind,
        "loc": ("response", name),
        "msg": f"Input should be a valid {wanted}{hint}",
        "input": value,
        "url": f"https://errors.pydantic.dev/2.8/v/{kind}",
    }
    return JobError("ResponseValidationError", f"1 validation errors:\n  {problem}\n")
