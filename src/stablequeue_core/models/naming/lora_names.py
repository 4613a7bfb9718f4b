"""From the path or file name of a LoRA to the name that a prompt must use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stablequeue_core.models.paths import bare, comparable, filename_of, tails
from stablequeue_core.servers import ListedLora

_LORA_FOLDERS = frozenset({"lora", "loras", "lycoris"})


class LoraPaths:
    r"""Where one server's LoRAs lie, ready to be looked up.

    A prompt names a LoRA by its file's stem: with a folder or an extension the server finds none.

    Example:
        >>> paths = LoraPaths([ListedLora(name="ink", alias="Ink", path="styles/ink.safetensors")])
        >>> [lora.name for lora in paths.fitting(r"styles\ink")]
        ['ink']
    """

    def __init__(self, listed: Iterable[ListedLora]) -> None:
        self._by_last_part: dict[str, list[tuple[str, ListedLora]]] = {}
        for lora in listed:
            path = comparable(lora.path).casefold()
            # With its extension, and without.
            for spelling in {path, bare(path)}:
                last = filename_of(spelling)
                self._by_last_part.setdefault(last, []).append((spelling, lora))

    def fitting(self, wanted: str) -> list[ListedLora]:
        """The LoRAs that ``wanted`` may mean; those of which the server tells no path never are.

        Args:
            wanted: the end of a path below the server's LoRA folder, or a path from elsewhere that
                ends with all of one; with or without extension, in any case, with either separator.
        """
        sought = comparable(wanted).casefold()
        if not sought:
            return []
        found = [lora for path, lora in self._near(sought) if f"/{path}".endswith("/" + sought)]
        for tail in tails(wanted, _LORA_FOLDERS):
            found = found or [lora for path, lora in self._near(tail) if path == tail]
        return list(dict.fromkeys(found))

    def _near(self, path: str) -> Sequence[tuple[str, ListedLora]]:
        return self._by_last_part.get(filename_of(path), ())
