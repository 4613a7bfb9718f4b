"""A file at Civitai: its bytes, and what is said of them."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from functools import cached_property

from attrs import field, frozen

from stablequeue_core.testing.simulated_http import Content, content_of, generated

_AUTOV1 = (0x100000, 0x110000)
_AUTOV1_LEAST_BYTES = 0x200000
_ETAG_BYTES = 64 * 1024

_WEIGHTS = frozenset({"Model", "Pruned Model", "Diffusion Model", "UNet"})


@frozen(kw_only=True)
class SimulatedFile:
    """One file of a version.

    Attributes:
        id: of the file.
        name: as the API gives it.
        content: bytes, a file on this computer, or content that is made while it is sent.
        type: ``Model``, ``VAE``, ``Config``, ``Training Data`` ...
        format: ``SafeTensor``, ``PickleTensor`` ...; None leaves it out.
        precision: ``fp16``, ``bf16`` ...; None leaves it out.
        pruning: ``full`` or ``pruned``; None leaves it out.
        primary: whether it is the one that comes unless one is chosen; None: by Civitai's rule.
        told_hashes: what the API says instead of the truth; ``{}`` before the scan.
        told_bytes: the size that the API says instead of the truth.
        blake3: the one hash that is not computed here; None leaves it out.
        sent_name: the name in the storage's ``Content-Disposition``; None: ``name``.
        is_found_by_kind: False where ``?type=...&format=...`` finds nothing, although the API
            itself names it so; ``?fileId=`` always does.
        scanned_at: as text; None before the scan.
        scan_message: of the pickle scan.
    """

    id: int
    name: str
    content: Content = field(converter=content_of)
    type: str = "Model"
    format: str | None = "SafeTensor"
    precision: str | None = None
    pruning: str | None = None
    primary: bool | None = None
    told_hashes: Mapping[str, str] | None = None
    told_bytes: float | None = None
    blake3: str | None = None
    sent_name: str | None = None
    is_found_by_kind: bool = True
    scanned_at: str | None = "2026-03-02T08:15:30.120Z"
    scan_message: str | None = "No Pickle imports"

    @cached_property
    def hashes(self) -> Mapping[str, str]:
        """By kind, as the API says them: in upper case."""
        if self.told_hashes is not None:
            return self.told_hashes
        hashes = dict(_hashes(self.content))
        if self.blake3 is not None:
            hashes["BLAKE3"] = self.blake3
        return hashes

    @cached_property
    def etag(self) -> str:
        """What the storage calls these very bytes; computed without reading all of them."""
        size = self.content.size
        middle = size // 2
        digest = hashlib.md5(f"{size} {self.content!r}".encode(), usedforsecurity=False)
        for start in (0, middle, max(0, size - _ETAG_BYTES)):
            digest.update(self.content.read(start, min(size, start + _ETAG_BYTES)))
        return f'"{digest.hexdigest()}-1"'

    @property
    def preference(self) -> float:
        """How much Civitai prefers it for the primary file."""
        points = 1000.0 if self.type in _WEIGHTS else 0.0
        points += 100 if self.format == "SafeTensor" else 0
        points += 10 if self.pruning == "pruned" else 0
        return points + (1 if self.precision == "fp16" else 0)


def _hashes(content: Content) -> Mapping[str, str]:
    size = content.size
    whole, old, tensors = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    # The scanner does this with any file, whether it has a header or not.
    data_start = 8 + int.from_bytes(content.read(0, min(8, size)), "little")
    checksum = done = 0
    for piece in content.pieces(0, size):
        whole.update(piece)
        checksum = zlib.crc32(piece, checksum)
        old.update(piece[max(0, _AUTOV1[0] - done) : max(0, _AUTOV1[1] - done)])
        tensors.update(piece[max(0, data_start - done) :])
        done += len(piece)
    sha256 = whole.hexdigest().upper()
    old_hash = {"AutoV1": old.hexdigest()[:8].upper()} if size >= _AUTOV1_LEAST_BYTES else {}
    return {
        **old_hash,
        "AutoV2": sha256[:10],
        "SHA256": sha256,
        # The scanner prints the bytes of the number in the other order than zlib does.
        "CRC32": checksum.to_bytes(4, "little").hex().upper(),
        "AutoV3": tensors.hexdigest()[:12].upper(),
    }


def generated_model(size: int, *, seed: int = 0) -> Content:
    """A safetensors file of exactly ``size`` bytes that is made while it is sent.

    Args:
        size: in bytes; a file of 4 GB takes no more memory than one of 4 MB.
        seed: other seeds make other files.

    Raises:
        ValueError: that is too small for a header.
    """
    header_bytes = 128
    data = size - header_bytes
    if data < 0:
        raise ValueError(f"{size} bytes are too few for a model; {header_bytes} are the least.")
    entries = {"w": {"dtype": "U8", "shape": [data], "data_offsets": [0, data]}}
    text = json.dumps(entries, separators=(",", ":")).encode().ljust(header_bytes - 8)
    return generated(size, seed=seed, head=struct.pack("<Q", len(text)) + text)
