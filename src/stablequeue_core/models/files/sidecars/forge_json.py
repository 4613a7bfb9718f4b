"""Writes Forge's ``<stem>.json``: what people typed in, and what Civitai says in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stablequeue_core.models.files.sidecars.json_writing import locked, read_json, write_json
from stablequeue_core.models.files.sidecars.names import FORGE_JSON


def write_forge_json(
    model_file: Path,
    changes: Mapping[str, object],
    locks: Path,
    *,
    patience: float = 10.0,
    persist: bool = True,
) -> None:
    """Change some keys of the JSON that Forge keeps beside a model, and nothing else in it.

    As Forge itself does (dfdcbab6 ``ui_extra_networks_user_metadata.py``): all other keys stay, in
    their order, and the file is UTF-8 with an indent of 4. Unlike Forge, we replace it at once, so
    that nobody ever reads half of it, and one writer waits for the other. A file that would not
    change is left alone.

    Args:
        model_file: the model; its ``<stem>.json`` is written.
        changes: new values by key; None removes the key.
        locks: a folder for lock files, the same for all processes that may write; made if it is
            not there. The model's own folder stays clean.
        patience: seconds to wait for another writer; each is done in milliseconds.
        persist: see :func:`.safe_files.replacing`.

    Raises:
        SidecarNotWritten: the file is as it was before.

    Example::

        write_forge_json(Path("loras/inkWash_v3.safetensors"),
                         {"activation text": "inkwash style", "preferred weight": 0.8},
                         Path("queue-data/locks"))
    """
    target = forge_json_of(model_file)
    with locked(model_file, locks, patience=patience):
        old = read_json(target)
        write_json(target, with_changes(old, changes), old, persist=persist)


def forge_json_of(model_file: Path) -> Path:
    """Where Forge's JSON of a model lies."""
    return model_file.with_name(f"{model_file.stem}{FORGE_JSON}")


def with_changes(old: Mapping[str, object], changes: Mapping[str, object]) -> Mapping[str, object]:
    """A JSON object with new values; None removes a key, and what is not named stays."""
    removed = {key for key, value in changes.items() if value is None}
    return {key: value for key, value in {**old, **changes}.items() if key not in removed}
