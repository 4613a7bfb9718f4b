"""What a terminal is told of downloads."""

from __future__ import annotations

from typing import Any

import pytest
from tests.stablequeue_flask.test_download_bodies import download
from tests.worlds import World

from stablequeue_core.downloads import DownloadFailure, DownloadStatus
from stablequeue_flask.watching_downloads import sentences_of, watched

FAILURE = DownloadFailure(code="wrong_size", message="It is \x1b[2J shorter.")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": DownloadStatus.COMPLETED, "bytes_done": 2000}, "whole and proved (2.0 kB): "),
        ({"status": DownloadStatus.FAILED, "failure": FAILURE}, "was not fetched: It is "),
        ({"status": DownloadStatus.CANCELLED}, "was cancelled."),
        ({"status": DownloadStatus.PAUSED}, "`stablequeue downloads resume 067c2def-"),
        ({}, "is queued."),
    ],
    ids=lambda value: str(value.get("status", "queued")) if isinstance(value, dict) else "",
)
def test_every_end_is_one_sentence(fields: dict[str, Any], words: str) -> None:
    (sentence,) = sentences_of(download(**fields))
    assert sentence.startswith("inkWash_v3.safetensors ")
    assert words in sentence
    assert "\x1b" not in sentence


def test_what_did_not_work_behind_it_is_told_below() -> None:
    notes = ("The picture \x07 could not be fetched.",)
    _, note = sentences_of(download(status=DownloadStatus.COMPLETED, notes=notes))
    assert note == "  The picture � could not be fetched."


def test_files_of_one_name_are_told_apart_by_their_folders(
    harbor: World, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = [harbor.queue.civitai.download("700303", subfolder=name) for name in ("a", "b")]
    harbor.queue.downloads.start()
    ended = watched(harbor.queue, [order.id for order in orders])
    assert [each.status for each in ended] == [DownloadStatus.COMPLETED] * 2
    printed = capsys.readouterr().out
    assert "a/inkWash_v3.safetensors: completed\n" in printed
    assert "b/inkWash_v3.safetensors: completed\n" in printed


def test_a_long_name_leaves_room_for_the_rest(
    harbor: World, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "cyberrealisticPonyLightningMix_v85.safetensors"
    order = harbor.queue.civitai.download("700303", filename=name)
    harbor.queue.downloads.pause(order.id)
    assert watched(harbor.queue, [order.id])[0].status is DownloadStatus.PAUSED
    assert capsys.readouterr().out == "cyberrealist…ngMix_v85: paused\n"
