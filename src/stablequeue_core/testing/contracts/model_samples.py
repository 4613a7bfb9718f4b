"""What may be known of a model file, and what people call such files."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from stablequeue_core.models import (
    BaseModel,
    Confidence,
    Family,
    FileFormat,
    FileProblem,
    Hashes,
    HashSource,
    ModelCard,
    ModelKind,
)

FULL: Mapping[str, Any] = {
    "kind": ModelKind.LORA,
    "format": FileFormat.SAFETENSORS,
    "base_model": BaseModel(
        family=Family.SDXL,
        name="Pony",
        candidates=("Pony", "Illustrious"),
        variant="v-pred",
        confidence=Confidence.STATED,
        source="metadata",
    ),
    "details": {"rank": 32, "dtype": "F16", "weight": 0.5, "räv": "狐"},
    "hashes": Hashes(
        sha256="9f90c59f3a" + "0" * 54,
        autov1="a1b2c3d4",
        autov3="0123456789ab",
        told="f" * 64,
        source=HashSource.FORGE_CACHE,
    ),
    "card": ModelCard(
        name="Räv 🦊",
        version="v1.0",
        description="<p>Two\nlines</p>",
        notes="",
        base_model="Pony",
        creator="someone",
        tags=("fox", "Fox", "räv"),
        trigger_words=("fox girl, 1girl", "räv"),
        negative_text="blurry",
        preferred_weight=0.8,
        nsfw=False,
        model_id=257749,
        version_id=290640,
        downloads=0,
        favorited=12,
        rating=4.97,
        sources=("civitai_info", "forge"),
    ),
    "previews": ("x.preview.png", "räv\n.mp4"),
    "has_cover": True,
    "surroundings": "0123abcd",
    "problems": (FileProblem(code="bad_sidecar", message="It is “no JSON”."),),
    "missing": True,
}
FIELDS: dict[str, dict[str, Any]] = {
    "nothing known": {},
    "everything known": dict(FULL),
    **{f"only {name}": {name: value} for name, value in FULL.items()},
    **{f"{kind} files": {"kind": kind} for kind in ModelKind},
    "no bytes": {"size": 0, "mtime_ns": 0},
    "written before 1970": {"mtime_ns": -1, "created_at": datetime(1601, 1, 1, tzinfo=UTC)},
    "absurd numbers": {
        "size": 2**63,
        "mtime_ns": 2**70,
        "card": ModelCard(model_id=2**64, version_id=2**65),
    },
    "to the microsecond": {"created_at": datetime(2025, 5, 14, 2, 34, 48, 985_001, tzinfo=UTC)},
    "told in local time": {
        "created_at": datetime(2025, 5, 14, tzinfo=timezone(timedelta(hours=5)))
    },
    "half a character": {"card": ModelCard(name="\ud83d", base_model="\ud83d", tags=("\ud83d",))},
}
NAMES = {
    "a folder": "Pony/styles/x.safetensors",
    "emoji": "🦊/räv 🦊.safetensors",
    "two lines": "a\nb.safetensors",
    "quotes": 'it\'s "a" `x`.safetensors',
    "composed": unicodedata.normalize("NFC", "räv.safetensors"),
    "decomposed": unicodedata.normalize("NFD", "räv.safetensors"),
    "very long": "x" * 288 + ".safetensors",
    "of a pattern": "100%_*[?]\\.safetensors",
    "digits": "17",
    "a hash": "x [9f90c59f3a].safetensors",
    "no Unicode": "\udce4\udcff/\udcf6.safetensors",
}
