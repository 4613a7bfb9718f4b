"""The manual's page on sidecars says what the code does."""

from __future__ import annotations

from tests.docs.pages import DOCS, code_in, rows_of

from stablequeue_core.models.files.sidecars import TRUST, Dialect, sidecar_stem

PAGE = DOCS / "explanation" / "sidecars.md"


def test_the_order_of_trust_in_the_manual_is_the_one_in_the_code() -> None:
    told = {
        field: tuple(code_in(order))
        for fields, order in rows_of(PAGE, "Field")
        for field in code_in(fields)
    }
    assert told == {field: tuple(order) for field, order in TRUST.items()}


def test_every_dialect_in_the_manual_has_a_file_that_is_read() -> None:
    rows = {code_in(dialect)[0]: code_in(files) for dialect, files, _ in rows_of(PAGE, "Dialect")}
    assert list(rows) == list(Dialect)
    for files in rows.values():
        assert {sidecar_stem(name) for name in files} == {"inkWash_v3"}
