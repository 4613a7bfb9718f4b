"""The rows of the tables: a kind of model, and how to know it."""

from __future__ import annotations

from attrs import frozen

from stablequeue_core.models.base_model import Family
from stablequeue_core.models.files.detection.families import NAMES
from stablequeue_core.models.files.detection.names import TensorNames
from stablequeue_core.models.model import ModelKind

Size = tuple[str, int, int]
"""A tensor's name, an axis, and how long it is along that."""


@frozen
class Verdict:
    """What a file's tensors say it is.

    Attributes:
        kind: what it is for.
        family: what it was made from or for.
        names: what Civitai may call that, likeliest first.
        variant: what else they tell.
    """

    kind: ModelKind
    family: Family
    names: tuple[str, ...] = ()
    variant: str | None = None


@frozen(kw_only=True)
class Row:
    """A kind of diffusion model; all of what is asked for must hold.

    Attributes:
        family: what it is.
        names: what Civitai may call it, likeliest first; None for all names of the family.
        variant: what else is known then.
        has: tensors that must be there.
        lacks: tensors that must not be there.
        begins: how the name of some tensor must begin.
        holds: what the name of some tensor must hold.
        sizes: how long tensors must be.
    """

    family: Family
    names: tuple[str, ...] | None = None
    variant: str | None = None
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    sizes: tuple[Size, ...] = ()

    def fits(self, names: TensorNames) -> bool:
        """Whether a file is of this kind."""
        return (
            all(map(names.has, self.has))
            and all(names.size(name, axis) == size for name, axis, size in self.sizes)
            and not any(map(names.has, self.lacks))
            and all(map(names.begins, self.begins))
            and all(map(names.holds, self.holds))
        )

    @property
    def verdict(self) -> Verdict:
        """What a file that fits is."""
        known = NAMES.get(self.family, ()) if self.names is None else self.names
        return Verdict(ModelKind.CHECKPOINT, self.family, known, self.variant)
