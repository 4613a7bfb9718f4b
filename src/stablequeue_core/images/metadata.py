"""How a picture was made, read from its file."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from stablequeue_core.errors import InvalidInfotext
from stablequeue_core.generation import settings_of
from stablequeue_core.images.text_chunks import COMMENT, USER_COMMENT, texts_in

_PARAMETERS = "parameters"
_SOFTWARE = "Software"
_WANTED = frozenset({_PARAMETERS, _SOFTWARE})
_COMFY_UI = frozenset({"prompt", "workflow"})


def infotext_in(path: Path) -> str:
    """The infotext that Forge or A1111 has written into a picture.

    It stands in the text ``parameters`` of a PNG, in the EXIF user comment of a JPEG or WebP, in
    the comment of a GIF; where there are two, the user comment counts, as with Forge (dfdcbab6,
    ``modules/images.py``). Only these texts are read, never a pixel; so the copy that some servers
    hide in the alpha channel is not found.

    Args:
        path: a PNG, JPEG, WebP or GIF, told by its bytes.

    Raises:
        InvalidInfotext: there is none, or it is no picture, or it cannot be read.

    Example::

        print(read_infotext(infotext_in(Path("lighthouse.png"))).settings["Seed"])
    """
    return _infotext_among(_texts(path), repr(path.name))


def infotext_in_bytes(data: bytes, name: str) -> str:
    """The same, for a picture that is no file here.

    Args:
        data: the whole picture.
        name: what to call it in a sentence.

    Raises:
        InvalidInfotext: there is none, or it is no picture.
    """
    return _infotext_among(texts_in(BytesIO(data), _WANTED), name)


def _infotext_among(texts: Mapping[str, str] | None, name: str) -> str:
    if texts is None:
        raise InvalidInfotext(f"{name} is no PNG, JPEG, WebP or GIF picture.")
    for place in (USER_COMMENT, _PARAMETERS, COMMENT):
        text = texts.get(place, "").strip()
        # Cameras and editors write there, too.
        if settings_of(text):
            return text
    raise InvalidInfotext(f"{name} {_what_it_holds(texts)}")


def _texts(path: Path) -> Mapping[str, str] | None:
    try:
        # A pipe or a device would keep us waiting.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InvalidInfotext(f"{path.name!r} is no file.")
        with path.open("rb") as file:
            return texts_in(file, _WANTED)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInfotext(f"{path.name!r} cannot be read: {reason}.") from error
    except ValueError as error:
        raise InvalidInfotext("No file can have this name.") from error


def _what_it_holds(texts: Mapping[str, str]) -> str:
    if _COMFY_UI & texts.keys():
        return (
            "was made by ComfyUI: it holds a workflow, not the infotext that Forge and A1111 "
            "write. Its prompt has to be given by hand."
        )
    if texts.get(_SOFTWARE) == "NovelAI":
        return (
            "was made by NovelAI: it holds NovelAI's own JSON, not the infotext that Forge and "
            "A1111 write. Its prompt has to be given by hand."
        )
    return (
        "does not tell how it was made. Many sites and programs remove that from pictures; look "
        "for the original file."
    )
