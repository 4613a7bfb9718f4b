"""A small world of models for demonstrations and quick tests."""

from __future__ import annotations

from stablequeue_core.testing.forge_simulator.disk import ForgeDisk
from stablequeue_core.testing.forge_simulator.files import (
    CheckpointFile,
    EmbeddingFile,
    LoraFile,
    ModuleFile,
)


def _known_hash(path: str, short_hash: str) -> CheckpointFile:
    derived = CheckpointFile(path=path)
    return CheckpointFile(path=path, sha256=short_hash + derived.sha256[len(short_hash) :])


def sample_disk() -> ForgeDisk:
    """Four checkpoints, three LoRAs, a VAE with two text encoders, and an embedding.

    ``Pony/cyberrealisticPony_v8.safetensors`` has the hash 9f90c59f3a, so that its title after
    the first load is ``Pony/cyberrealisticPony_v8.safetensors [9f90c59f3a]``. The LoRA
    ``styles/watercolor_v2`` has the alias ``watercolor``.
    """
    return ForgeDisk(
        [
            _known_hash("sd_xl_base_1.0.safetensors", "31e35c80fc"),
            _known_hash("Pony/cyberrealisticPony_v8.safetensors", "9f90c59f3a"),
            CheckpointFile(path="Pony/ponyDiffusionV6XL.safetensors"),
            CheckpointFile(path="Flux/flux1-dev-fp8.safetensors", distilled=True),
            LoraFile(
                path="add-detail-xl.safetensors",
                metadata={"ss_base_model_version": "sdxl_base_v1-0", "ss_network_dim": "32"},
            ),
            LoraFile(
                path="styles/watercolor_v2.safetensors",
                alias="watercolor",
                metadata={
                    "ss_output_name": "watercolor",
                    "ss_base_model_version": "sdxl_base_v1-0",
                    "ss_tag_frequency": {"10_watercolor": {"watercolor": 10, "painting": 4}},
                },
            ),
            LoraFile(path="characters/old_sailor.safetensors"),
            ModuleFile(path="VAE/ae.safetensors"),
            ModuleFile(path="text_encoder/clip_l.safetensors"),
            ModuleFile(path="text_encoder/t5xxl_fp8_e4m3fn.safetensors"),
            EmbeddingFile(name="easynegative", vectors=8),
        ]
    )
