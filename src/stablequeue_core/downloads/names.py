r"""Names for files and folders that are safe on every system, whoever has chosen them.

A name from the net is made safe (:func:`safe_filename`); what the user says is taken as it is or
refused (:func:`checked_filename`, :func:`checked_stem`, :func:`checked_subfolder`). All know the
same rules:

- no separator of either kind, no drive, no stream (``a:b``), no character that Windows forbids;
- no control characters, nothing invisible, nothing that turns the direction of writing;
- neither hidden (``.x``) nor ending in a dot or a space, which Windows drops without a word;
- no device of Windows, with any extension: ``CON.safetensors`` is the console;
- short enough for the files that are put beside it: see :data:`LONGEST`;
- Unicode in its composed form (NFC), so that two systems write it with the same bytes.
"""

from __future__ import annotations

import re
import unicodedata

from stablequeue_core.errors import FieldProblem, InvalidDownload
from stablequeue_core.models.files.extensions import EXTENSIONS

LONGEST = 240
"""Bytes of a name in UTF-8; no name has more units in UTF-16 than that. File systems allow 255 of
the one or of the other, and the rest is for what is put beside a model, or in its place for a
while: ``<stem>.civitai.info``, ``<stem>.preview.png``, ``<stem>.<8 digits>.part``,
``<name>.rejected.99``."""

LONGEST_SUBFOLDER = 1000
"""In characters, all its parts together."""

MODEL_EXTENSIONS: frozenset[str] = frozenset().union(*EXTENSIONS.values())

_LONG_EXTENSION = max(MODEL_EXTENSIONS, key=len)

_FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')
_UPWARDS = " ./\\"
_EDGES = " ."
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³]) *(\..*)?", re.I)


def safe_filename(name: str, *, fallback: str) -> str:
    r"""A name from the net as one that is safe everywhere.

    The extension stays if it is one of a model file, in lower case. Any other counts as none: its
    dot goes (``x.exe`` → ``x_exe``), and the extension of ``fallback`` is put behind it, if there
    is one; whether that is what the file holds, its first bytes tell.

    Args:
        name: hostile until proved otherwise.
        fallback: a safe name, for when nothing is left of ``name``.

    Example:
        >>> safe_filename("../../Harbor Mix:v2.SafeTensors", fallback="model.safetensors")
        'Harbor Mix_v2.safetensors'
        >>> safe_filename("CON", fallback="model.pt"), safe_filename("x.exe", fallback="model.pt")
        ('_CON.pt', 'x_exe.pt')
        >>> safe_filename(r"..\..\ ", fallback="model.safetensors")
        'model.safetensors'
    """
    stem, extension = _split(_visible(name).rstrip(_EDGES))
    if not extension:
        stem, extension = stem.replace(".", "_"), _split(fallback)[1]
    before = None
    while stem != before:  # what is cut off may lay bare a blank, a dot or a device
        before = stem
        stem = _FORBIDDEN.sub("_", _visible(stem).lstrip(_UPWARDS)).rstrip(_EDGES)
        stem = _cut(f"_{stem}" if _DEVICE.fullmatch(stem) else stem, LONGEST - len(extension))
    return f"{stem}{extension}" if any(map(str.isalnum, stem)) else fallback


def checked_filename(text: str) -> str:
    """The name that the user wants for a model file, in its composed form (NFC).

    Raises:
        InvalidDownload: not every system can have a file of this name, or it is none of a model.
    """
    name = unicodedata.normalize("NFC", text)
    problem = _problem(name)
    if problem is None and not _split(name)[1]:
        problem = f"{name!r} is no model file by its end; let it end in .safetensors, for example."
    if problem is not None:
        raise InvalidDownload([FieldProblem("filename", problem)])
    return name


def checked_stem(text: str) -> str:
    """The same without its extension, which may be missing: whose it is, the file itself tells.

    Raises:
        InvalidDownload: not every system can have a file of this name.

    Example:
        >>> checked_stem("Harbor v2.SafeTensors"), checked_stem("Harbor v2.1")
        ('Harbor v2', 'Harbor v2.1')
    """
    return checked_filename(f"{_split(text)[0]}{_LONG_EXTENSION}").removesuffix(_LONG_EXTENSION)


def checked_subfolder(text: str) -> str:
    r"""The folder below a model folder that the user wants, with forward slashes.

    Separators of either kind are understood; empty, and ``/``, is the model folder itself.

    Raises:
        InvalidDownload: it leads out, or not every system can have a folder of this name.

    Example:
        >>> checked_subfolder("SDXL\\Pony/"), checked_subfolder("/")
        ('SDXL/Pony', '')
    """
    path = unicodedata.normalize("NFC", text).replace("\\", "/").removesuffix("/")
    if not path:
        return ""
    if len(path) > LONGEST_SUBFOLDER:
        problem = f"has more than {LONGEST_SUBFOLDER} characters; choose a shorter one."
    elif path.startswith("/"):
        problem = "begins with a separator; name a folder below the model folder."
    else:
        problem = next(filter(None, map(_problem, path.split("/"))), "")
    if problem:
        raise InvalidDownload([FieldProblem("subfolder", problem)])
    return path


def _problem(name: str) -> str | None:
    """Why no file or folder should be called so, and what to do."""
    if not name.strip():
        return "has a part that is empty; name it."
    if name in (".", ".."):
        return f"{name!r} is no name; nothing may lead out of the model folder."
    if _FORBIDDEN.search(name):
        return (
            f'{name!r} has one of < > : " / \\ | ? *, which not every system allows; leave it out.'
        )
    if name != _visible(name):
        return f"{name!r} has characters that cannot be seen; leave them out."
    if name != name.strip(_EDGES):
        return f"{name!r} begins or ends with a dot or a space; leave it out."
    if _DEVICE.fullmatch(name):
        return f"{name!r} is a device of Windows; choose another name."
    if len(name.encode()) > LONGEST:
        return f"has more than {LONGEST} bytes, and other files with longer names belong beside it."
    return None


def _split(name: str) -> tuple[str, str]:
    """Stem, and the extension in lower case if it is one of a model file."""
    stem, _, extension = name.rpartition(".")
    known = f".{extension.lower()}"
    return (stem, known) if known in MODEL_EXTENSIONS else (name, "")


def _visible(text: str) -> str:
    """What can be seen of a text, with ordinary spaces, in its composed form (NFC)."""
    return unicodedata.normalize(
        "NFC",
        "".join(
            " " if char.isspace() else char
            for char in unicodedata.normalize("NFC", text)
            if char.isspace() or not unicodedata.category(char).startswith("C")
        ),
    )


def _cut(name: str, most: int) -> str:
    return name.encode()[:most].decode(errors="ignore")
