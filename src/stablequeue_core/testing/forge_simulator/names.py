"""By which names a simulated server knows its checkpoints, LoRAs and modules."""

from __future__ import annotations

import re
from typing import Any

from attrs import define

from stablequeue_core.testing.forge_simulator.disk import ForgeDisk
from stablequeue_core.testing.forge_simulator.files import (
    CheckpointFile,
    LoraFile,
    stem,
)

_CHECKSUM = re.compile(r"\s*\[[^]]+]\s*$")


@define(eq=False)
class Folders:
    r"""How file names look on the server's machine.

    Attributes:
        root: the folder that Forge runs in.
        separator: ``/``, or ``\`` on Windows; the two are never interchangeable.
    """

    root: str
    separator: str

    def name(self, path: str) -> str:
        """A path below a models folder, in the machine's own spelling."""
        return path.replace("/", self.separator)

    def filename(self, *parts: str) -> str:
        """The absolute path of a file below the root."""
        return self.separator.join([self.root, *(self.name(part) for part in parts)])


@define(eq=False)
class Checkpoint:
    """One entry of the server's list; its title gains a hash when it is first loaded."""

    path: str
    name: str
    filename: str
    old_hash: str
    sha256: str | None = None
    distilled: bool = False

    @property
    def stem(self) -> str:
        """What ``info.sd_model_name`` says."""
        return stem(self.path)

    @property
    def model_name(self) -> str:
        """The path with underscores for separators, without extension."""
        return self.path.replace("/", "_").rpartition(".")[0]

    @property
    def short_hash(self) -> str | None:
        """What ``info.sd_model_hash`` says."""
        return None if self.sha256 is None else self.sha256[:10]

    @property
    def title(self) -> str:
        """The name, with the short hash once that is known."""
        return self.name if self.sha256 is None else f"{self.name} [{self.short_hash}]"

    @property
    def short_title(self) -> str:
        """The stem, with the short hash once that is known."""
        return self.stem if self.sha256 is None else f"{self.stem} [{self.short_hash}]"

    def aliases(self) -> list[str]:
        """Every name that finds this checkpoint; the match is exact."""
        known = [self.old_hash, self.model_name, self.title, self.name, self.stem]
        known.append(f"{self.name} [{self.old_hash}]")
        if self.sha256 is not None:
            known += [self.sha256[:10], self.sha256, self.short_title]
        return known

    def as_json(self) -> dict[str, Any]:
        """As ``GET /sdapi/v1/sd-models`` shows it."""
        return {
            "title": self.title,
            "model_name": self.model_name,
            "hash": self.short_hash,
            "sha256": self.sha256,
            "filename": self.filename,
            "config": None,
        }


class CheckpointTable:
    """The checkpoints that the server has noticed, and their aliases.

    Where two files share an alias, the one that was registered last has it; hashing a checkpoint
    registers it again.
    """

    def __init__(self, disk: ForgeDisk, folders: Folders) -> None:
        self._disk = disk
        self._folders = folders
        self._hash_cache: dict[str, str] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look at the disk again; hashes that were computed before are remembered."""
        # Whole tables are swapped, so that a reader on another thread never sees half of one.
        entries = [self._entry(file) for file in self._disk.checkpoints()]
        self._listed = {entry.title: entry for entry in entries}
        self._aliases = {alias: entry for entry in entries for alias in entry.aliases()}

    def find(self, alias: object) -> Checkpoint | None:
        """The checkpoint that has exactly this alias."""
        return self._aliases.get(alias) if isinstance(alias, str) else None

    def nearest(self, search: str) -> Checkpoint | None:
        """The search that refiner and hires checkpoints use: part of a title is enough."""
        exact = self.find(search)
        if exact is not None:
            return exact
        for part in (search, _CHECKSUM.sub("", search)):
            found = [entry for entry in self._listed.values() if part in entry.title]
            if found:
                return min(found, key=lambda entry: len(entry.title))
        return None

    def chosen(self, option: object) -> Checkpoint | None:
        """The checkpoint for the option ``sd_model_checkpoint``: the first of all if unknown."""
        return self.find(option) or next(iter(self._listed.values()), None)

    def another_than(self, entry: Checkpoint | None) -> Checkpoint | None:
        """Any other one."""
        return next((other for other in self._listed.values() if other is not entry), None)

    def hash(self, entry: Checkpoint, sha256: str) -> None:
        """Keep the freshly computed hash: the title changes in place, the aliases grow."""
        self._hash_cache[entry.path] = sha256
        old_title = entry.title
        entry.sha256 = sha256
        self._listed = {
            entry.title if title == old_title else title: listed
            for title, listed in self._listed.items()
        }
        self._aliases = {**self._aliases, **dict.fromkeys(entry.aliases(), entry)}

    def as_json(self) -> list[dict[str, Any]]:
        """The answer of ``GET /sdapi/v1/sd-models``."""
        return [entry.as_json() for entry in self._listed.values()]

    def _entry(self, file: CheckpointFile) -> Checkpoint:
        return Checkpoint(
            path=file.path,
            name=self._folders.name(file.path),
            filename=self._folders.filename("models", "Stable-diffusion", file.path),
            old_hash=file.old_hash,
            sha256=self._hash_cache.get(file.path),
            distilled=file.distilled,
        )


class LoraTable:
    """The LoRAs that the server has noticed: found by name and by alias, never by path."""

    def __init__(self, disk: ForgeDisk, folders: Folders) -> None:
        self._disk = disk
        self._folders = folders
        self.refresh()

    def refresh(self) -> None:
        """Look at the disk again."""
        names: dict[str, LoraFile] = {}
        aliases: dict[str, LoraFile] = {}
        forbidden = {"none"}
        for file in self._disk.loras():
            name = stem(file.path)
            names[name] = file
            if file.alias in aliases:
                # Two files with one alias: only their names find them.
                forbidden.add(file.alias.lower())
            aliases[name] = file
            aliases[file.alias] = file
        self._names, self._aliases, self._forbidden = names, aliases, forbidden

    def find_all(self, names: list[str]) -> list[LoraFile] | None:
        """The LoRAs with these names; None if a single one is missing.

        An unknown name makes Forge look at its disk once more before it gives up.
        """
        found = [self._find(name) for name in names]
        if None in found:
            self.refresh()
            found = [self._find(name) for name in names]
        complete = [file for file in found if file is not None]
        return complete if len(complete) == len(names) else None

    def as_json(self) -> list[dict[str, Any]]:
        """The answer of ``GET /sdapi/v1/loras``."""
        return [
            {
                "name": name,
                "alias": file.alias,
                "path": self._folders.filename("models", "Lora", file.path),
                "metadata": dict(file.metadata),
            }
            for name, file in self._names.items()
        ]

    def _find(self, name: str) -> LoraFile | None:
        table = self._names if name.lower() in self._forbidden else self._aliases
        return table.get(name)


class ModuleTable:
    """The VAEs and text encoders that the server has noticed."""

    def __init__(self, disk: ForgeDisk, folders: Folders) -> None:
        self._disk = disk
        self._folders = folders
        self.refresh()

    def refresh(self) -> None:
        """Look at the disk again."""
        self._filenames = {
            file.path.rpartition("/")[2]: self._folders.filename("models", file.path)
            for file in self._disk.modules()
        }

    def known(self, wanted: object) -> list[str]:
        """The file names of those wanted that exist, matched by basename; others are dropped."""
        names = (
            [name for name in wanted if isinstance(name, str)] if isinstance(wanted, list) else []
        )
        found = (self._filenames.get(name.rpartition(self._folders.separator)[2]) for name in names)
        return [filename for filename in found if filename is not None]

    def label(self, filename: str) -> str:
        """How an infotext names a module."""
        return filename.rpartition(self._folders.separator)[2].rpartition(".")[0]

    def as_json(self) -> list[dict[str, Any]]:
        """The answer of ``GET /sdapi/v1/sd-modules``."""
        return [
            {"model_name": name, "filename": filename} for name, filename in self._filenames.items()
        ]
