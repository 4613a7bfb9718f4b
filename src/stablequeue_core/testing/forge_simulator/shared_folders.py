"""Folders of this computer that a simulated server sees: what the queue fetches, it finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from stablequeue_core.models import Hashes, ModelKind
from stablequeue_core.models.files.extensions import is_model
from stablequeue_core.models.files.hashing import FileHasher
from stablequeue_core.models.files.headers import read_header
from stablequeue_core.testing.forge_simulator.files import CheckpointFile, LoraFile, ModuleFile

_KINDS: Mapping[str, ModelKind] = {
    "Stable-diffusion": ModelKind.CHECKPOINT,
    "Lora": ModelKind.LORA,
    "VAE": ModelKind.VAE,
    "text_encoder": ModelKind.VAE,
}
_MODULES = ("VAE", "text_encoder")

_Looks = tuple[int, int]
"""The size and the time of a file: as long as they stay, so do its hashes."""


class SharedFolders:
    """Real folders beside the simulated files.

    Args:
        folders: by their names below the server's ``models``: ``Stable-diffusion``, ``Lora``,
            ``VAE``, ``text_encoder``.

    Raises:
        ValueError: a server has no such folder.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        unknown = folders.keys() - _KINDS.keys()
        if unknown:
            raise ValueError(f"no folder of a server: {', '.join(sorted(unknown))}")
        self._folders = dict(folders)

    def checkpoints(self) -> list[CheckpointFile]:
        """Those that lie there at this moment."""
        return [_checkpoint(*found) for found in self._found("Stable-diffusion")]

    def loras(self) -> list[LoraFile]:
        """Those that lie there at this moment."""
        return [_lora(*found) for found in self._found("Lora")]

    def modules(self) -> list[ModuleFile]:
        """Those that lie there at this moment."""
        return [
            ModuleFile(path=f"{folder}/{path}")
            for folder in _MODULES
            for path, _, _ in self._found(folder)
        ]

    def _found(self, name: str) -> Iterator[tuple[str, Path, _Looks]]:
        folder = self._folders.get(name)
        for file in folder.rglob("*") if folder else ():
            if is_model(file.name, _KINDS[name]):
                stat = file.stat()
                looks = (stat.st_size, stat.st_mtime_ns)
                yield file.relative_to(folder or file).as_posix(), file, looks


@lru_cache(maxsize=256)
def _checkpoint(path: str, file: Path, looks: _Looks) -> CheckpointFile:
    hashes = _hashes(file)
    return CheckpointFile(path=path, sha256=hashes.sha256 or "", old_hash=hashes.autov1 or "")


@lru_cache(maxsize=256)
def _lora(path: str, file: Path, looks: _Looks) -> LoraFile:
    with file.open("rb") as opened:
        metadata = dict(read_header(opened, looks[0]).metadata)
    alias = metadata.get("ss_output_name", file.stem)
    short_hash = _hashes(file).autov3 or ""
    return LoraFile(path=path, alias=alias, metadata=metadata, short_hash=short_hash)


def _hashes(file: Path) -> Hashes:
    hashes = FileHasher(file, with_autov3=file.suffix == ".safetensors").run()
    assert hashes is not None, "nobody has stopped it"
    return hashes
