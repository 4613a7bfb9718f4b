"""Hashes and Civitai versions: the local catalogue says which file it is, the picture proves it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.backends.forge.desk import PONY, SDXL, Desk

from stablequeue_core.errors import NotOnServer, WrongResult
from stablequeue_core.models import KnownFile
from stablequeue_core.testing.forge_simulator import SimulatedForge

SHA256 = {file.path: file.sha256 for file in SimulatedForge.with_sample_models().disk.checkpoints()}


class Catalogue:
    """A local copy of the Pony checkpoint, perhaps with another content."""

    def __init__(self, path: str = PONY, sha256: str | None = SHA256[PONY]) -> None:
        self._file = KnownFile(path, sha256)

    def of_hash(self, digest: str) -> Sequence[KnownFile]:
        known = (self._file.sha256 or "").startswith(digest) or digest in ("81761151", "0" * 12)
        return [self._file] if known else []

    def of_version(self, version_id: int) -> Sequence[KnownFile]:
        return [self._file] if version_id == 290640 else []


@pytest.mark.parametrize("separator", ["/", "\\"])
@pytest.mark.parametrize(
    "wanted",
    [
        "290640",
        "civitai:257749@290640",
        "urn:air:sdxl:checkpoint:civitai:257749@290640",
        "https://civitai.com/models/257749/pony?modelVersionId=290640",
        "81761151",
        "0" * 12,
        SHA256[PONY][:10],
        SHA256[PONY].upper(),
    ],
)
def test_a_checkpoint_that_only_our_catalogue_can_name_is_sent_and_proved(
    separator: str, wanted: str
) -> None:
    desk = Desk(SimulatedForge.with_sample_models(separator=separator), known=Catalogue())
    desk.run(checkpoint_name=SDXL)

    prepared = desk.prepare(checkpoint_name=wanted)
    generation = desk.generate(prepared)

    assert desk.painted_with == PONY.replace("/", separator)
    assert prepared.resolutions[0].startswith(f"{wanted} → {desk.painted_with} (")
    assert f"is {PONY} here: same path" in prepared.resolutions[0]
    assert generation.proof["checkpoint"]["got"] == "cyberrealisticPony_v8 [9f90c59f3a]"


def test_a_namesake_with_another_content_is_found_out_by_the_first_load() -> None:
    desk = Desk(known=Catalogue(sha256="a" * 64))

    with pytest.raises(WrongResult) as caught:
        desk.run(checkpoint_name="civitai:257749@290640")

    assert caught.value.code == "wrong_model"
    with pytest.raises(NotOnServer):
        desk.run(checkpoint_name="civitai:257749@290640")
    assert desk.jobs_sent == 1


def test_a_file_that_is_called_otherwise_on_the_server_is_found_once_it_was_loaded() -> None:
    desk = Desk(known=Catalogue("mine/renamed.safetensors"))
    with pytest.raises(NotOnServer):
        desk.run(checkpoint_name="290640")
    desk.run(checkpoint_name=PONY)
    desk.run(checkpoint_name=SDXL)

    desk.run(checkpoint_name="290640")

    assert desk.painted_with == PONY


def test_without_a_catalogue_a_version_is_unknown(desk: Desk) -> None:
    with pytest.raises(NotOnServer):
        desk.run(checkpoint_name="civitai:257749@290640")
    assert desk.jobs_sent == 0
