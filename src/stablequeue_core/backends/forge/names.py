"""Every name that a server knows things by; what it does not know, it would silently replace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from stablequeue_core.errors import AmbiguousName, NotOnServer
from stablequeue_core.generation import Requirements
from stablequeue_core.models import (
    NOTHING_KNOWN,
    CheckpointNames,
    KnownFiles,
    LoraPaths,
    Resolution,
    near,
    nearest_first,
    stem,
)
from stablequeue_core.models.paths import filename_of
from stablequeue_core.servers import Inventory


class ServerNames:
    """Looks names up in one server's lists, and finds the spelling that the server honours.

    Every look-up raises :class:`~stablequeue_core.errors.NotOnServer` for a name that is not there,
    with all that are, nearest first.
    """

    def __init__(
        self, server: str, inventory: Inventory, known: KnownFiles = NOTHING_KNOWN
    ) -> None:
        self._server = server
        self._inventory = inventory
        self._checkpoints = CheckpointNames(server, inventory.checkpoints, known)
        self._modules = {**_by_unique_stem(inventory.modules), **_spellings(inventory.modules)}
        self._upscalers = _spellings(inventory.upscalers)
        self._lora_names = {lora.name for lora in inventory.loras}
        self._lora_paths = LoraPaths(inventory.loras)
        aliases = {lora.alias for lora in inventory.loras}
        # Forge forbids this one: it means that no LoRA is to be added.
        self._lora_aliases = {alias for alias in aliases if alias.lower() != "none"}
        self._loras_by_alias: dict[str, list[str]] = {}
        for lora in inventory.loras:
            self._loras_by_alias.setdefault(lora.alias.lower(), []).append(lora.name)

    def checkpoint(self, wanted: str) -> Resolution:
        """Unknown: the server would render with whatever is loaded.

        Raises:
            AmbiguousName: it fits several files.
        """
        return self._checkpoints.resolve(wanted)

    def sampler(self, wanted: str) -> tuple[str, str | None]:
        """Unknown: the server would take DPM++ 2M.

        ``DPM++ 2M Karras`` is how older servers named a sampler and its scheduler together.

        Returns:
            the sampler's name and, if ``wanted`` named one as well, the scheduler's label.
        """
        folded = wanted.casefold().strip()
        samplers = self._inventory.samplers
        if folded in samplers:
            return samplers[folded], None
        for spoken, label in self._inventory.schedulers.items():
            head = folded.removesuffix(" " + spoken)
            if head != folded and head in samplers:
                return samplers[head], label
        raise self._missing("sampler", wanted, samplers.values())

    def scheduler(self, wanted: str) -> str:
        """Unknown: the server would take Automatic."""
        label = self._inventory.schedulers.get(wanted.casefold().strip())
        if label is None:
            raise self._missing("scheduler", wanted, self._inventory.schedulers.values())
        return label

    def upscaler(self, wanted: str) -> str:
        """Unknown: the server would fail after the first pass."""
        name = _spelled(wanted, self._upscalers)
        if name is None:
            raise self._missing("upscaler", wanted, self._inventory.upscalers)
        return name

    def has_sampler(self, name: str) -> bool:
        """Whether the server lists this one."""
        return name.casefold() in self._inventory.samplers

    def module(self, wanted: str) -> str:
        """A VAE or text encoder, by its file name. Unknown: the server would drop it.

        Without its extension, too, which is how servers write it into pictures.
        """
        name = _spelled(filename_of(wanted.replace("\\", "/")), self._modules)
        if name is None:
            raise self._missing("module", wanted, self._inventory.modules)
        return name

    def lora(self, wanted: str) -> str:
        """By its name, or by an alias of its own, as it stands; else by its path or file name.

        Unknown: every LoRA of the prompt would be off.

        Returns:
            the name that the prompt must use.

        Raises:
            AmbiguousName: an alias that two share, where the server knows both by their names only;
                or a path that fits two.
        """
        if wanted in self._lora_names:
            return wanted
        sharing = self._loras_by_alias.get(wanted.lower(), [])
        if len(sharing) > 1:
            raise AmbiguousName("LoRA", wanted, sorted(sharing), self._server)
        if wanted in self._lora_aliases:
            return wanted
        fitting = sorted({lora.name for lora in self._lora_paths.fitting(wanted)})
        if len(fitting) > 1:
            raise AmbiguousName("LoRA", wanted, fitting, self._server)
        if not fitting:
            raise self._missing("LoRA", wanted, self._lora_names)
        return fitting[0]

    def missing(self, requirements: Requirements) -> list[NotOnServer | AmbiguousName]:
        """All of ``requirements`` that the server does not have; empty when it can run the job."""
        look_ups: list[tuple[Callable[[str], object], tuple[str, ...]]] = [
            (self.checkpoint, requirements.checkpoints),
            (self.lora, requirements.loras),
            (self.sampler, requirements.samplers),
            (self.scheduler, requirements.schedulers),
            (self.upscaler, requirements.upscalers),
            (self.module, requirements.modules),
        ]
        found: list[NotOnServer | AmbiguousName] = []
        for look_up, wanted in look_ups:
            for name in wanted:
                try:
                    look_up(name)
                except (NotOnServer, AmbiguousName) as error:
                    found.append(error)
        return found

    def _missing(self, kind: str, wanted: str, available: Iterable[str]) -> NotOnServer:
        names = list(available)
        close = near(wanted, names)
        everything = nearest_first(wanted, names, close)
        return NotOnServer(kind, wanted, everything, self._server, near=close)


def _spellings(names: Iterable[str]) -> dict[str, str]:
    """By its own spelling and, for those who spell it otherwise, in lower case."""
    own = {name: name for name in names}
    return {**{name.casefold(): name for name in own}, **own}


def _by_unique_stem(names: Sequence[str]) -> dict[str, str]:
    """By what comes before the extension, in lower case; not those that two share."""
    counted = Counter(stem(name).casefold() for name in names)
    return {folded: n for n in names if counted[folded := stem(n).casefold()] == 1}


def _spelled(wanted: str, spellings: dict[str, str]) -> str | None:
    return spellings.get(wanted) or spellings.get(wanted.strip().casefold())
