"""Names from the net are hostile; names of the user are taken or refused."""

from __future__ import annotations

import ntpath
import posixpath
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stablequeue_core.downloads.names import (
    LONGEST,
    MODEL_EXTENSIONS,
    checked_filename,
    checked_subfolder,
    safe_filename,
)
from stablequeue_core.errors import InvalidDownload

FALLBACK = "model-700201.safetensors"
DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"} | {
    f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"
}

nasty = st.text(
    st.one_of(st.sampled_from('./\\:*?"<>| _~\0\n\t\u202e\u200b\u0301ÅeNULCOM1'), st.characters()),
    max_size=40,
)
endings = st.sampled_from(["", ".safetensors", ".SafeTensors", ".pt", ".exe", ". ", "/", ".GGUF "])
names = st.builds(
    "{}{}{}".format,
    st.one_of(nasty, st.sampled_from(sorted(DEVICES)), st.just("x" * 300), st.just("狐" * 120)),
    nasty,
    endings,
)


@given(names)
@example("../../etc/passwd")
@example("CON")
@example(".")
def test_a_safe_name_is_safe_on_every_system(name: str) -> None:
    safe = safe_filename(name, fallback=FALLBACK)
    # never leaves its folder, on no system
    for path in (posixpath, ntpath):
        assert path.basename(safe) == safe
        assert path.dirname(path.normpath(path.join("models", safe))) == "models"
    assert ntpath.splitdrive(safe)[0] == ""
    # never a device, with any extension
    assert safe.split(".")[0].rstrip(" ").upper() not in DEVICES
    # neither hidden nor with an edge that Windows drops
    assert safe == safe.strip(" .")
    # nothing that cannot be seen, and nothing that a system forbids
    assert not any(unicodedata.category(char)[0] == "C" for char in safe)
    assert not set('<>:"/\\|?*') & set(safe)
    # always short enough, with room for what is put beside it
    stem = safe.rpartition(".")[0] or safe
    for companion in (f"{stem}.civitai.info", f"{stem}.preview.png", f"{safe}.rejected.99"):
        assert len(companion.encode()) <= 255
        assert len(companion.encode("utf-16-le")) // 2 <= 255
    assert len(safe.encode()) <= LONGEST
    # always the same bytes, and always a model
    assert unicodedata.normalize("NFC", safe) == safe
    assert safe.endswith(tuple(MODEL_EXTENSIONS))


@given(names, st.sampled_from([FALLBACK, "model.pt", "model"]))
def test_making_a_name_safe_twice_changes_nothing(name: str, fallback: str) -> None:
    safe = safe_filename(name, fallback=fallback)
    assert safe_filename(safe, fallback=fallback) == safe


@given(names)
def test_a_safe_name_is_one_that_a_user_may_choose(name: str) -> None:
    safe = safe_filename(name, fallback=FALLBACK)
    assert checked_filename(safe) == safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("harborMixXL_v20.safetensors", "harborMixXL_v20.safetensors"),
        ("Räv 🦊 (v1.0).pt", "Räv 🦊 (v1.0).pt"),
        (r"..\..\x.safetensors", "x.safetensors"),
        ("../../../etc/cron.d/x.safetensors", "etc_cron.d_x.safetensors"),
        ("a/b.safetensors", "a_b.safetensors"),
        (r"C:\Windows\x.ckpt", "C_Windows_x.ckpt"),
        (r"\\host\share\x.ckpt", "host_share_x.ckpt"),
        ("CON", "_CON.safetensors"),
        ("con.safetensors", "_con.safetensors"),
        ("Com1.v2.safetensors", "_Com1.v2.safetensors"),
        ("x.safetensors:evil.exe", "x_safetensors_evil_exe.safetensors"),
        ("x.safetensors. . ", "x.safetensors"),
        ("x\u202egnp.safetensors", "xgnp.safetensors"),
        ("x\0\x07.safetensors", "x.safetensors"),
        ("x\ny.safetensors", "x y.safetensors"),
        (".hidden.safetensors", "hidden.safetensors"),
        ("e\u0301.safetensors", "é.safetensors"),
        ("x.exe", "x_exe.safetensors"),
        ("harbor.v2", "harbor_v2.safetensors"),
        ("X.SAFETENSORS", "X.safetensors"),
        ("", FALLBACK),
        (".safetensors", FALLBACK),
        ("...", FALLBACK),
        ("///", FALLBACK),
        ("\ud800", FALLBACK),
    ],
)
def test_a_name_from_the_net_is_made_safe(name: str, safe: str) -> None:
    assert safe_filename(name, fallback=FALLBACK) == safe


def test_a_name_of_300_characters_is_cut_and_keeps_its_extension() -> None:
    safe = safe_filename("x" * 300 + ".safetensors", fallback=FALLBACK)
    assert (len(safe), safe[-13:]) == (LONGEST, "x.safetensors")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "../x.safetensors",
        "a/b.safetensors",
        "a\\b.safetensors",
        "C:x.safetensors",
        "CON.safetensors",
        "x\u202e.safetensors",
        ".x.safetensors",
        "x.safetensors ",
        "x.safetensors.",
        "x" * 240 + ".safetensors",
        "x.exe",
        "x",
        "x\ud800.safetensors",
    ],
)
def test_a_name_that_some_system_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidDownload) as caught:
        checked_filename(name)
    assert caught.value.problems[0].path == "filename"


def test_what_the_user_says_is_composed() -> None:
    assert checked_filename("Ra\u0308v.safetensors") == "Räv.safetensors"


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("", ""),
        ("/", ""),
        ("SDXL", "SDXL"),
        ("SDXL/Pony/", "SDXL/Pony"),
        ("SDXL\\Pony", "SDXL/Pony"),
        ("räv/狐 x", "räv/狐 x"),
    ],
)
def test_a_subfolder_has_forward_slashes(text: str, folder: str) -> None:
    assert checked_subfolder(text) == folder


@pytest.mark.parametrize(
    "text",
    ["..", "a/../b", "/etc", "\\\\host\\share", "C:\\x", "a//b", "a/ /b", "a/NUL/b", ".git", "a/b.",
     "a/b ", "x/" * 600, "a\0b", " "],
)  # fmt: skip
def test_a_subfolder_that_leads_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(InvalidDownload) as caught:
        checked_subfolder(text)
    assert caught.value.problems[0].path == "subfolder"


@given(st.text(max_size=60))
def test_whatever_is_accepted_as_a_subfolder_stays_below_its_root(text: str) -> None:
    try:
        folder = checked_subfolder(text)
    except InvalidDownload:
        return
    for path in (posixpath, ntpath):
        root = path.join("models", "Lora")
        assert path.normpath(path.join(root, folder)).startswith(root)
