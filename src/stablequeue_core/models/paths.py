"""Spellings of a model file's name: taken apart, brought to one form, written for a server."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from enum import StrEnum

from attrs import frozen

_HASH_SUFFIX = re.compile(r" \[([0-9a-fA-F]{8,64})\]$")
_SHARE = re.compile(
    r"\A/{2,}(?:\?/+(?!UNC/)|(?:\?/+UNC/+)?(?!\.{1,2}/)[^/]+/+[^/]+/+(?=[^/]))", re.IGNORECASE
)
r"""``\\server\share\``, ``\\?\UNC\server\share\`` and ``\\?\``, once their slashes lean forward."""

_ABSOLUTE = re.compile(r"[A-Za-z]:[/\\]|[/\\]+[^/\\]+[/\\]+[^/\\]+[/\\]")
"""With a drive, or at least two folders deep: `/Pony/x` is how some clients write `Pony/x`."""

_DRIVE = re.compile(r"\s*(?:.:\s*)+")


class PathStyle(StrEnum):
    """Whose separators a path is written with: a server takes those of its own system only."""

    POSIX = "posix"
    WINDOWS = "windows"

    @property
    def separator(self) -> str:
        """``/``, or a backslash."""
        return "\\" if self is PathStyle.WINDOWS else "/"

    @classmethod
    def of(cls, separator: str) -> PathStyle:
        """The style with this separator.

        Example:
            >>> PathStyle.of("/").value
            'posix'
        """
        return cls.WINDOWS if separator == "\\" else cls.POSIX


@frozen(kw_only=True)
class TitleParts:
    """A title, taken apart.

    Attributes:
        folder: as it was written, without the last separator; empty where there is none.
        separator: the one behind the folder; empty where there is none.
        stem: the file's name without extension.
        extension: with its dot; empty where there is none.
        digest: the hash in brackets, in lower case; None where there is none.
    """

    folder: str
    separator: str
    stem: str
    extension: str
    digest: str | None

    @property
    def name(self) -> str:
        """The title without its hash."""
        return f"{self.folder}{self.separator}{self.stem}{self.extension}"

    @property
    def title(self) -> str:
        """All of it, joined again."""
        return f"{self.name} [{self.digest}]" if self.digest else self.name


def split_title(title: str) -> TitleParts:
    r"""A title's folder, stem, extension and hash; with either separator.

    Example:
        >>> parts = split_title(r"Pony\x.v2.safetensors [9f90c59f3a]")
        >>> parts.folder, parts.stem, parts.extension, parts.digest
        ('Pony', 'x.v2', '.safetensors', '9f90c59f3a')
    """
    name, digest = split_hash(title)
    cut = max(name.rfind("/"), name.rfind("\\")) + 1
    filename = name[cut:]
    name_alone = bare(filename)
    return TitleParts(
        folder=name[: max(cut - 1, 0)],
        separator=name[cut - 1 : cut] if cut else "",
        stem=name_alone,
        extension=filename[len(name_alone) :],
        digest=digest,
    )


def split_hash(title: str) -> tuple[str, str | None]:
    """A title's name and the hash in brackets behind it, if there is one.

    Example:
        >>> split_hash("Pony/x.safetensors [9f90c59f3a]")
        ('Pony/x.safetensors', '9f90c59f3a')
    """
    found = _HASH_SUFFIX.search(title)
    return (title[: found.start()], found.group(1).lower()) if found else (title, None)


def normalized(path: str, style: PathStyle) -> str:
    r"""Any spelling of a path, as a relative one in the words of one system.

    It stays below whatever folder it is put into: a drive, a share and a leading slash are dropped,
    ``..`` is resolved, and dropped where it would lead out. NFC; case is kept.

    Args:
        path: with separators of either kind, doubled or not, with spaces around or not.
        style: whose separators to write.

    Example:
        >>> normalized(r"C:\models\.\Pony//x.safetensors ", PathStyle.POSIX)
        'models/Pony/x.safetensors'
        >>> print(normalized("../SDXL/../Pony/x.safetensors", PathStyle.WINDOWS))
        Pony\x.safetensors
    """
    slashed = unicodedata.normalize("NFC", path).strip().replace("\\", "/")
    kept: list[str] = []
    for part in _SHARE.sub("", slashed, count=1).split("/"):
        # A drive means itself only where a path begins.
        name = part if kept else _without_drive(part)
        meaning = name.strip()
        if meaning == "..":
            del kept[-1:]
        elif meaning not in ("", "."):
            kept.append(name)
    return style.separator.join(kept).rstrip()


def comparable(path: str) -> str:
    r"""The one form in which two spellings of the same relative path are equal. Never sent.

    Forward slashes, no ``./``, no doubled slashes, NFC (macOS writes NFD). Case is kept: on POSIX
    servers two names may differ by it alone.

    Example:
        >>> comparable(r"Pony\x.safetensors")
        'Pony/x.safetensors'
    """
    slashed = path if path.isascii() else unicodedata.normalize("NFC", path)
    parts = slashed.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def tails(path: str, models_folders: Collection[str]) -> Iterator[str]:
    """What may be the relative path of a file that is named from elsewhere; longest first, folded.

    A path of some machine may end with the path that a server knows: behind any folder if it is
    absolute, else behind one that holds models. Any other path is never cut: ``SDXL/x`` is not the
    ``x`` of another folder.

    Args:
        path: in any spelling.
        models_folders: names of folders that hold models, case-folded.

    Example:
        >>> list(tails("models/Lora/styles/ink", {"lora"}))
        ['styles/ink']
    """
    parts = comparable(path).casefold().split("/")
    is_absolute = _ABSOLUTE.match(path) is not None
    for start in range(1, len(parts)):
        if is_absolute or parts[start - 1] in models_folders:
            yield "/".join(parts[start:])


def stem(path: str) -> str:
    r"""The file's name without folder and extension; with either separator.

    Example:
        >>> stem("Pony/x.v2.safetensors"), stem(r"Pony\x.v2.safetensors")
        ('x.v2', 'x.v2')
    """
    return file_stem(path.replace("\\", "/"))


def folder_of(path: str) -> str:
    r"""The folder that a path with forward slashes leads to; empty where there is none.

    A backslash is a letter of the name, as it may be on POSIX.

    Example:
        >>> folder_of("styles/ink/x.safetensors"), folder_of("x.safetensors")
        ('styles/ink', '')
    """
    return path.rpartition("/")[0]


def filename_of(path: str) -> str:
    """The file's name, with its extension; of a path with forward slashes.

    Example:
        >>> filename_of("styles/ink/x.safetensors"), filename_of("x.safetensors")
        ('x.safetensors', 'x.safetensors')
    """
    return path.rpartition("/")[2]


def file_stem(path: str) -> str:
    r"""The file's name without folder and extension; of a path with forward slashes.

    Example:
        >>> file_stem(r"styles/a\b.v1.safetensors")
        'a\\b.v1'
    """
    return bare(filename_of(path))


def bare(path: str) -> str:
    """A path with forward slashes without the extension of its file.

    Example:
        >>> bare("styles.old/x.v2.safetensors"), bare("styles.old/x"), bare(".hidden")
        ('styles.old/x.v2', 'styles.old/x', '.hidden')
    """
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


def joined(folder: str, name: str) -> str:
    """The path of a file in a folder, with a forward slash; ``folder`` may be empty.

    Example:
        >>> joined("styles/ink", "x.safetensors"), joined("", "x.safetensors")
        ('styles/ink/x.safetensors', 'x.safetensors')
    """
    return f"{folder}/{name}" if folder else name


def _without_drive(part: str) -> str:
    found = _DRIVE.match(part)
    return part[found.end() :] if found else part.lstrip()
