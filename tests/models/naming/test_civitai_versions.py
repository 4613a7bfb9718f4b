"""Civitai's ways to name one version of a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.models.naming.civitai_versions import civitai_version

PAGE = "https://civitai.com/models/101055"


@pytest.mark.parametrize(
    "text",
    [
        "civitai:101055@128078",
        "urn:air:sdxl:checkpoint:civitai:101055@128078",
        "air:sdxl:checkpoint:civitai:101055@128078",
        "URN:AIR:SDXL:Checkpoint:Civitai:101055@128078",
        "urn:air:sdxl:checkpoint:civitai:101055@128078.safetensors",
        "urn:air:sdxl:checkpoint:civitai:101055@128078:main",
        f"{PAGE}?modelVersionId=128078",
        f"{PAGE}/sd-xl?modelVersionId=128078",
        f"{PAGE}/sd-xl?dialog=x&modelVersionId=128078&y=1#gallery",
        "http://www.civitai.com/models/101055?modelVersionId=128078",
        "https://civitai.red/models/101055?modelVersionId=128078",
        "https://civitai.green/models/101055/a%20b?modelversionid=128078",
        "civitai.com/models/101055?modelVersionId=128078",
        "https://civitai.com/api/download/models/128078",
        "https://civitai.red/api/download/models/128078?type=Model&format=SafeTensor",
    ],
)
def test_a_resource_name_or_an_address_names_its_version(text: str) -> None:
    assert civitai_version(text) == 128078


@pytest.mark.parametrize(
    "text",
    [
        PAGE,
        f"{PAGE}?modelVersionId=",
        f"{PAGE}?modelVersionId=12x",
        f"{PAGE}#modelVersionId=128078",
        f"{PAGE}?notmodelVersionId=128078",
        "https://civitai.com.example.org/models/101055?modelVersionId=128078",
        "https://example.org/civitai.com/models/101055?modelVersionId=128078",
        "https://civitai.com/images/5?modelVersionId=128078",
        "https://civitai.com/api/download/models/128078.safetensors",
        "urn:air:sdxl:checkpoint:huggingface:101055@128078",
        "civitai:101055",
        "civitai:101055@latest",
        "civitai:101055@" + "9" * 19,
        "civitai/x.safetensors",
        "128078",
        "",
    ],
)
def test_any_other_text_names_none(text: str) -> None:
    assert civitai_version(text) is None


@given(st.integers(0, 10**18 - 1), st.text("civta:@0/.?=&#mod", max_size=20))
def test_nothing_behind_a_resource_name_changes_its_version(version: int, rest: str) -> None:
    assert civitai_version(f"civitai:1@{version}:{rest}") == version


@given(st.text("civta:@/.?=&#mod "))
def test_without_a_digit_there_is_no_version(text: str) -> None:
    for asked in (text, f"civitai:{text}", f"https://civitai.com/models/1{text}"):
        assert civitai_version(asked) is None
