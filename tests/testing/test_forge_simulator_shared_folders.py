"""A simulated server that sees real folders: it notices what is new as late as any other."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.testing.forge_client import Client

from stablequeue_core.testing.forge_simulator import ForgeDisk, LoraFile, SimulatedForge
from stablequeue_core.testing.model_files import sdxl_checkpoint, sdxl_lora, vae


def test_what_lies_there_is_listed_beside_what_is_simulated(tmp_path: Path) -> None:
    file = sdxl_checkpoint().write(tmp_path / "models" / "Pony" / "x.safetensors")
    sdxl_lora(output_name="inky").write(tmp_path / "loras" / "ink.safetensors")
    vae().write(tmp_path / "vae" / "ae.safetensors")
    (tmp_path / "loras" / "ink.a1b2c3d4.part").write_bytes(b"half")
    folders = {
        "Stable-diffusion": tmp_path / "models",
        "Lora": tmp_path / "loras",
        "VAE": tmp_path / "vae",
    }
    disk = ForgeDisk([LoraFile(path="its_own.safetensors")], folders=folders)
    assert [checkpoint.path for checkpoint in disk.checkpoints()] == ["Pony/x.safetensors"]
    assert disk.checkpoints()[0].sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert disk.checkpoint("Pony/x.safetensors") == disk.checkpoints()[0]
    assert [lora.path for lora in disk.loras()] == ["ink.safetensors", "its_own.safetensors"]
    assert [lora.alias for lora in disk.loras()] == ["inky", "its_own"]
    assert [module.path for module in disk.modules()] == ["VAE/ae.safetensors"]


def test_a_server_notices_a_new_file_when_it_is_told_to_look(tmp_path: Path) -> None:
    forge = SimulatedForge(ForgeDisk(folders={"Lora": tmp_path}))
    client = Client(forge)
    sdxl_lora().write(tmp_path / "ink.safetensors")
    assert client.get("loras") == []
    client.post("refresh-loras")
    assert [lora["name"] for lora in client.get("loras")] == ["ink"]


def test_a_file_that_has_changed_has_another_hash(tmp_path: Path) -> None:
    disk = ForgeDisk(folders={"Lora": tmp_path})
    hashes = set()
    for fill in (b"a", b"bc"):
        file = sdxl_lora(rank=len(fill)).write(tmp_path / "ink.safetensors", fill=fill)
        hashes.add(disk.loras()[0].short_hash)
    file.unlink()
    assert len(hashes) == 2
    assert disk.loras() == []


def test_a_folder_that_no_server_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hypernetworks"):
        ForgeDisk(folders={"hypernetworks": tmp_path})
