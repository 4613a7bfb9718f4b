"""The lists of a server: whatever stands in them, what can be used is used."""

from __future__ import annotations

from typing import Any

import pytest
from tests.backends.forge.desk import Desk, answering

from stablequeue_core.servers import ListedCheckpoint, ListedLora
from stablequeue_core.testing.forge_simulator import SimulatedForge

ODD: list[Any] = [None, 5, "text", [], {}, {"title": None}, {"title": 5}, {"name": ""}, {"name": 5}]


def test_a_stock_server_is_read_completely(desk: Desk) -> None:
    inventory = desk.backend.inventory()

    assert [c.name for c in inventory.checkpoints] == [
        "sd_xl_base_1.0.safetensors",
        "Flux/flux1-dev-fp8.safetensors",
        "Pony/cyberrealisticPony_v8.safetensors",
        "Pony/ponyDiffusionV6XL.safetensors",
    ]
    assert inventory.loras[-1] == ListedLora(
        name="watercolor_v2", alias="watercolor", path="styles/watercolor_v2.safetensors"
    )
    assert inventory.separator == "/"
    assert inventory.samplers["k_euler_a"] == "Euler a"
    assert inventory.schedulers["sgmuniform"] == "SGM Uniform"
    assert inventory.schedulers["align_your_steps"] == "Align Your Steps"
    assert {"Latent (nearest-exact)", "R-ESRGAN 4x+"} <= set(inventory.upscalers)
    assert "t5xxl_fp8_e4m3fn.safetensors" in inventory.modules


def test_odd_entries_are_passed_over() -> None:
    good = {"title": "x.safetensors", "model_name": 5, "hash": 7, "sha256": []}
    desk = Desk(transport=answering("/sd-models", [*ODD, good, *ODD]))
    assert desk.backend.inventory().checkpoints == (
        ListedCheckpoint(title="x.safetensors", model_name=""),
    )
    desk = Desk(transport=answering("/loras", [*ODD, {"name": "ink", "alias": 5, "path": None}]))
    assert desk.backend.inventory().loras == (ListedLora(name="ink", alias="ink"),)


@pytest.mark.parametrize(
    "route", ["/sd-models", "/loras", "/samplers", "/schedulers", "/upscalers", "/sd-modules"]
)
@pytest.mark.parametrize("body", [None, {}, 5, "text", ODD])
def test_a_list_that_is_none_is_empty(route: str, body: Any) -> None:
    inventory = Desk(transport=answering(route, body)).backend.inventory()
    read = [
        inventory.checkpoints,
        inventory.loras,
        inventory.samplers,
        inventory.schedulers,
        inventory.upscalers[6:],
        inventory.modules,
    ]
    assert [len(one) for one in read].count(0) == 1


def test_an_alias_never_hides_the_name_of_another() -> None:
    listed = [
        {"name": "Euler", "aliases": ["k_euler"]},
        {"name": "Other", "aliases": ["Euler", 5, None]},
    ]
    assert Desk(transport=answering("/samplers", listed)).backend.inventory().samplers == {
        "k_euler": "Euler",
        "euler": "Euler",
        "other": "Other",
    }


def test_a_scheduler_may_lack_its_label_or_its_name() -> None:
    listed = [{"name": "one"}, {"label": "Two", "aliases": "three"}]
    assert Desk(transport=answering("/schedulers", listed)).backend.inventory().schedulers == {
        "one": "one",
        "two": "Two",
    }


@pytest.mark.parametrize("route", ["/sd-modules", "/latent-upscale-modes"])
def test_a_route_that_other_builds_lack_is_no_error(route: str) -> None:
    desk = Desk(transport=answering(route, {"detail": "Not Found"}, status=404))
    assert "Latent" in desk.backend.inventory().upscalers


@pytest.mark.parametrize(
    ("entries", "separator"),
    [
        ([{"title": "x", "filename": r"C:\forge\models\Stable-diffusion\x"}], "\\"),
        ([{"title": "x", "filename": "D:/forge/x"}], "\\"),
        ([{"title": "x", "filename": r"\\nas\models\x"}], "\\"),
        ([{"title": "x", "filename": "/srv/models/x"}], "/"),
        ([{"title": r"odd\name", "filename": r"/srv/models/odd\name"}], "/"),
        ([{"title": r"Pony\x"}, {"title": "y"}], "\\"),
        ([{"title": "Pony/x"}, {"title": r"odd\name"}], "/"),
        ([{"title": "x"}], "/"),
        ([], "/"),
    ],
)
def test_the_servers_separator_is_told_by_its_file_names_or_else_by_its_titles(
    entries: list[dict[str, str]], separator: str
) -> None:
    desk = Desk(transport=answering("/sd-models", entries))
    assert desk.backend.inventory().separator == separator


@pytest.mark.parametrize(
    ("listed", "below"),
    [
        (["/srv/models/Lora/ink.pt", "/srv/models/Lora/a/b.pt"], ["ink.pt", "a/b.pt"]),
        (["/srv/models/Lora/a/ink.pt", "/srv/models/Lora/a/b.pt"], ["a/ink.pt", "a/b.pt"]),
        (["/srv/models/Lora/a/lora/b.pt", "/srv/models/Lora/b.pt"], ["a/lora/b.pt", "b.pt"]),
        ([r"C:\forge\models\Lora\a\ink.pt"], [r"a\ink.pt"]),
        (["/mnt/networks/a/ink.pt", "/mnt/networks/b.pt"], ["a/ink.pt", "b.pt"]),
        (["/home/lora/ink.pt", "/mnt/b.pt"], ["home/lora/ink.pt", "mnt/b.pt"]),
        (["ink.pt"], ["ink.pt"]),
    ],
)
def test_the_path_of_a_lora_begins_below_the_servers_lora_folder(
    listed: list[str], below: list[str]
) -> None:
    entries = [{"name": str(place), "path": path} for place, path in enumerate(listed)]
    desk = Desk(transport=answering("/loras", entries))
    assert [lora.path for lora in desk.backend.inventory().loras] == below


def test_a_windows_server_is_known_by_its_lists() -> None:
    inventory = Desk(SimulatedForge.with_sample_models(separator="\\")).backend.inventory()
    assert inventory.separator == "\\"
    assert inventory.loras[-1].path == r"styles\watercolor_v2.safetensors"
