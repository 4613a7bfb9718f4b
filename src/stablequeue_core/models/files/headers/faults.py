"""The errors that the readers of several formats raise, worded once."""

from __future__ import annotations

from stablequeue_core.errors import UnreadableModel


def truncated(has: int, of: int, *, at_least: bool = False) -> UnreadableModel:
    """The file ends too early.

    Args:
        has: its size in bytes.
        of: how many it should have.
        at_least: its header, too, is cut off, so that it may be more.
    """
    return UnreadableModel(
        "truncated",
        f"The file is truncated: has {has} of {'at least ' if at_least else ''}{of} bytes. Its "
        "copy or download is not finished, or broke off; fetch it again.",
    )


def bad_header(code: str, what: str) -> UnreadableModel:
    """The header is there, but says what cannot be; ``what`` completes "the header"."""
    return UnreadableModel(
        code,
        f"The file's header {what}. It is damaged, or written by a faulty tool; fetch it again.",
    )


def not_recognised() -> UnreadableModel:
    """The file's first bytes are those of no format that we know."""
    return UnreadableModel(
        "unknown_format",
        "The file is neither safetensors, GGUF nor a pickle. Its name may be wrong, or its "
        "download is damaged; fetch it again.",
    )
