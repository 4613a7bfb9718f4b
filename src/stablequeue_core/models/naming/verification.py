"""Whether a server has a checkpoint, and how its name was read: the answer for who asks why."""

from __future__ import annotations

from attrs import frozen

from stablequeue_core.errors import AmbiguousName, NotOnServer
from stablequeue_core.models.naming.known_files import NOTHING_KNOWN, KnownFiles
from stablequeue_core.models.naming.resolution import CheckpointNames
from stablequeue_core.models.paths import PathStyle, normalized
from stablequeue_core.servers import Inventory


@frozen(kw_only=True)
class Verification:
    """What became of a checkpoint's name on one server.

    Attributes:
        original_path: as it was asked for.
        normalized_path: the server's own name for it, which is what would be sent; where none or
            several fit, what was asked for with the server's separators.
        matched_model: the title of the one that fits; None where none or several do.
        reason: in what the names agree, or why there is no match.
        candidates: the titles of those that fit; where none does, of those that are like it.
        available_models: the titles of all that the server has.
    """

    original_path: str
    normalized_path: str
    matched_model: str | None
    reason: str
    candidates: tuple[str, ...]
    available_models: tuple[str, ...]

    @property
    def success(self) -> bool:
        """Whether exactly one fits."""
        return self.matched_model is not None


def verify(
    wanted: str, server: str, inventory: Inventory, known: KnownFiles = NOTHING_KNOWN
) -> Verification:
    r"""Look a checkpoint's name up, just as it is done before a job is sent.

    Args:
        wanted: any way to say it, see :meth:`CheckpointNames.resolve`.
        server: the alias of the server whose list this is.
        inventory: what that server has.
        known: what the local catalogue knows of hashes and Civitai versions.

    Example:
        >>> from stablequeue_core.servers import ListedCheckpoint
        >>> listed = ListedCheckpoint(title=r"Pony\x.safetensors", model_name="Pony_x")
        >>> found = verify("Pony/x", "Laptop", Inventory(checkpoints=(listed,)))
        >>> found.matched_model, found.reason
        ('Pony\\x.safetensors', 'same path without extension')
    """
    names = CheckpointNames(server, inventory.checkpoints, known)
    path, title = normalized(wanted, PathStyle.of(inventory.separator)), None
    try:
        resolution = names.resolve(wanted)
    except AmbiguousName as error:
        reason, candidates = error.message, error.details["candidates"]
    except NotOnServer as error:
        reason, candidates = error.message, names.near(wanted)
    else:
        path, title = resolution.checkpoint.name, resolution.checkpoint.title
        reason, candidates = resolution.reason, [title]
    return Verification(
        original_path=wanted,
        normalized_path=path,
        matched_model=title,
        reason=reason,
        candidates=tuple(candidates),
        available_models=tuple(checkpoint.title for checkpoint in inventory.checkpoints),
    )
