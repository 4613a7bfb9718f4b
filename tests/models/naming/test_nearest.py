"""What a refusal suggests: whoever mistyped a name finds it at the top."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stablequeue_core.models import nearest_first
from stablequeue_core.models.naming.nearest import MOST, near

MANY = [f"Pony/portrait_{number:04}.safetensors" for number in range(2000)]


class TestNearestFirst:
    """All names, ordered."""

    @pytest.mark.parametrize(
        ("wanted", "nearest"),
        [("euler", "Euler"), ("Euler A", "Euler a"), ("dpm 2m", "DPM++ 2M"), ("DDiM", "DDIM")],
    )
    def test_a_slip_of_the_pen_is_forgiven(self, wanted: str, nearest: str) -> None:
        assert nearest_first(wanted, ["LMS", "Euler", "Euler a", "DDIM", "DPM++ 2M"])[0] == nearest

    @given(st.text(max_size=10), st.lists(st.text(max_size=10)))
    def test_all_names_are_there_each_once(self, wanted: str, listed_names: list[str]) -> None:
        assert sorted(nearest_first(wanted, listed_names)) == sorted(set(listed_names))

    @given(st.lists(st.text(max_size=10), min_size=1), st.data())
    def test_a_name_is_nearest_to_itself(
        self, listed_names: list[str], data: st.DataObject
    ) -> None:
        wanted = data.draw(st.sampled_from(listed_names))
        assert nearest_first(wanted, listed_names)[0] == wanted

    @given(st.text(max_size=10), st.lists(st.text(max_size=10)))
    def test_the_order_of_the_list_makes_no_difference(
        self, wanted: str, listed_names: list[str]
    ) -> None:
        assert nearest_first(wanted, listed_names) == nearest_first(wanted, listed_names[::-1])

    @pytest.mark.parametrize(
        ("slip", "meant"),
        [
            ("dreamshaper_8.safetensor", "DreamShaper_8.safetensors"),
            ("dreamshapr_8", "DreamShaper_8.safetensors"),
            ("deramshaper8", "DreamShaper_8.safetensors"),
            ("SDXL/DreamShaper_8.safetensors", "DreamShaper_8.safetensors"),
            ("Pony/potrait_1234.safetensors", "Pony/portrait_1234.safetensors"),
            ("portrait_1234", "Pony/portrait_1234.safetensors"),
        ],
    )
    def test_a_slip_is_forgiven_among_thousands_too(self, slip: str, meant: str) -> None:
        assert meant in nearest_first(slip, [*MANY, "DreamShaper_8.safetensors"])[:3]

    def test_thousands_of_names_are_there_each_once_too(self) -> None:
        assert sorted(nearest_first("potrait", MANY + MANY)) == MANY


class TestNear:
    """Only those that are like it."""

    def test_what_is_not_like_it_is_left_out(self) -> None:
        assert near("eulr", ["DDIM", "Euler a", "Euler", "LMS"]) == ["Euler", "Euler a"]
        assert near("9f90c59f3a", ["DDIM", "LMS"]) == []

    @given(st.text(max_size=10), st.lists(st.text(max_size=10)))
    def test_they_are_the_first_of_all(self, wanted: str, names: list[str]) -> None:
        found = near(wanted, names)
        assert nearest_first(wanted, names)[: len(found)] == found

    def test_they_are_few(self) -> None:
        assert len(near("Pony/portrait", MANY)) == MOST
