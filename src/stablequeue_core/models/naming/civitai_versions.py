"""Civitai's ways to name one version of a model."""

from __future__ import annotations

from stablequeue_core.generation.civitai_names import civitai_name


def civitai_version(text: str) -> int | None:
    """The version that a Civitai resource name or address means; None for any other text.

    Digits alone are not read: they may be a name, or a hash.

    Args:
        text: ``civitai:<model>@<version>``, ``urn:air:<base>:<type>:civitai:<model>@<version>``,
            the address of a model's page with ``modelVersionId``, or of a download.

    Example:
        >>> civitai_version("https://civitai.com/models/101055/sdxl?modelVersionId=128078")
        128078
        >>> civitai_version("urn:air:sdxl:checkpoint:civitai:101055@128078")
        128078
    """
    named = civitai_name(text)
    return None if named is None else named.version_id
