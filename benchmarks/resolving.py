"""How fast a checkpoint's name is resolved among very many."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Sequence

from benchmarks.effort import Effort
from benchmarks.report import Figure
from benchmarks.timing import paired, seconds
from stablequeue_core.errors import NotOnServer
from stablequeue_core.models import CheckpointNames, KnownFile
from stablequeue_core.servers import ListedCheckpoint

RESOLVE_MICROSECONDS = 50.0
REFUSE_MILLISECONDS = 20.0

_MODELS = ("dreamweaver", "cyberrealisticPony", "juggernautXL", "animagine", "realvis", "flux1Dev")
_FOLDERS = ("Pony", "SDXL/Photo", "SDXL/Anime", "Flux", "SD 1.5", "Illustrious", "")


def one(effort: Effort) -> Sequence[Figure]:
    """The slowest way to say a name, against one look into a dictionary; and a refusal."""
    shelf = _Shelf(effort.pick(10_000, 200))
    rounds, repeats = effort.pick(21, 3), effort.pick(200, 20)
    slowest = max(shelf.sayings(), key=lambda wanted: _each(shelf.resolve, wanted, repeats))
    table = {checkpoint.title: checkpoint for checkpoint in shelf.listed}
    pair = paired(
        lambda: _each(shelf.resolve, slowest, repeats),
        lambda: _each(table.get, slowest.replace("\\", "/"), repeats),
        rounds,
    )
    refusals = [seconds(lambda: shelf.refused("dreamweavr_v7_pruned")) for _ in range(rounds)]
    refusal = statistics.median(refusals) * 1e3
    count = f"{len(shelf.listed):,}"
    return [
        Figure(
            name=f"resolve a name among {count}",
            unit="µs",
            ours=pair.ours,
            floor=pair.floor,
            ratio=pair.ratio,
            reach=f"≤ {RESOLVE_MICROSECONDS:.0f} µs",
            met=pair.ours <= RESOLVE_MICROSECONDS,
        ),
        Figure(
            name=f"refuse one, with all {count}",
            unit="ms",
            ours=refusal,
            reach=f"≤ {REFUSE_MILLISECONDS:.0f} ms",
            met=refusal <= REFUSE_MILLISECONDS,
        ),
    ]


class _Shelf:
    """The checkpoints of a Windows server, and how people may name one of them."""

    def __init__(self, count: int) -> None:
        self.paths = [_path(number) for number in range(count)]
        self.listed = [_listed(path) for path in self.paths]
        self._names = CheckpointNames("Laptop", self.listed, _Catalogue(self.paths[count // 2]))

    def sayings(self) -> Sequence[str]:
        """Every kind of name, for a file in the middle of the list."""
        path = self.paths[len(self.paths) // 2]
        file_name = path.rpartition("/")[2]
        digest = _sha256_of(path)
        return [
            path,
            f"{path} [{digest[:10]}]",
            path.upper(),
            path.removesuffix(".safetensors"),
            f"/home/me/forge/models/Stable-diffusion/{path}",
            rf"D:\models\{path}".replace("/", "\\"),
            file_name,
            file_name.removesuffix(".safetensors"),
            path.replace("/", "_").removesuffix(".safetensors"),
            digest,
            digest[:10],
            "81761151",
            "0123456789ab",
            "civitai:1@128078",
            "https://civitai.com/models/1/x?modelVersionId=128078",
        ]

    def resolve(self, wanted: str) -> object:
        return self._names.resolve(wanted)

    def refused(self, wanted: str) -> None:
        try:
            self._names.resolve(wanted)
        except NotOnServer:
            return
        raise AssertionError(f"{wanted} was found")


class _Catalogue:
    """Knows one file, by everything that a server does not know it by."""

    def __init__(self, path: str) -> None:
        self._files = [KnownFile(path, _sha256_of(path))]

    def of_hash(self, digest: str) -> Sequence[KnownFile]:
        return self._files if digest in ("81761151", "0123456789ab") else ()

    def of_version(self, version_id: int) -> Sequence[KnownFile]:
        return self._files if version_id == 128078 else ()


def _path(number: int) -> str:
    folder = _FOLDERS[number % len(_FOLDERS)]
    name = f"{_MODELS[number % len(_MODELS)]}_v{number}_pruned.safetensors"
    return f"{folder}/{name}" if folder else name


def _listed(path: str) -> ListedCheckpoint:
    digest = _sha256_of(path)
    name = path.replace("/", "\\")
    return ListedCheckpoint(
        title=f"{name} [{digest[:10]}]",
        model_name=path.replace("/", "_").rpartition(".")[0],
        shorthash=digest[:10],
        sha256=digest,
    )


def _sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _each(look_up: Callable[[str], object], wanted: str, repeats: int) -> float:
    """How many microseconds one look-up takes."""

    def work() -> None:
        for _ in range(repeats):
            look_up(wanted)

    return seconds(work) / repeats * 1e6
