"""Shows in a terminal how far downloads are, and says of each what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from stablequeue_core import StableQueue
from stablequeue_core.clock import SystemClock
from stablequeue_core.downloads import Download, DownloadStatus
from stablequeue_core.downloads.progress import DownloadProgress, Meter
from stablequeue_core.models.paths import file_stem
from stablequeue_core.quantities import size_text
from stablequeue_flask.bars import Bars, Line
from stablequeue_flask.download_bodies import fraction_of
from stablequeue_flask.plain_text import printable

DRAWN_EVERY = 0.1
LABEL_WIDTH = 22


def watched(queue: StableQueue, download_ids: Sequence[str]) -> list[Download]:
    """The downloads, when nothing more happens to any of them; until then, one bar for each.

    A paused one is one to which nothing more happens.
    """
    bars = Bars()
    labels = _labels([queue.downloads.get(download_id) for download_id in download_ids])
    # Measured here, for another process may be the one that fetches.
    meters = {download_id: Meter(SystemClock()) for download_id in download_ids}
    while True:
        downloads = [queue.downloads.get(download_id) for download_id in download_ids]
        for download in downloads:
            seen = queue.downloads.progress(download.id)
            meters[download.id].put(seen.bytes_done, seen.total)
        bars.draw({labels[each.id]: _line(each, meters[each.id].read()) for each in downloads})
        if all(each.status.ended or each.status is DownloadStatus.PAUSED for each in downloads):
            return downloads
        time.sleep(DRAWN_EVERY)


def sentences_of(download: Download) -> Iterator[str]:
    """What became of it, and what did not work after its file was there."""
    name = printable(download.filename)
    match download.status:
        case DownloadStatus.COMPLETED:
            size = size_text(download.bytes_done)
            yield f"{name} is there, whole and proved ({size}): {printable(str(download.file))}"
        case DownloadStatus.FAILED:
            why = download.failure.message if download.failure else "Nobody says why."
            yield f"{name} was not fetched: {printable(why)}"
        case DownloadStatus.CANCELLED:
            yield f"{name} was cancelled."
        case DownloadStatus.PAUSED:
            yield f"{name} is paused; `stablequeue downloads resume {download.id}` lets it go on."
        case _:
            yield f"{name} is {download.status.value}."
    for note in download.notes:
        yield f"  {printable(note)}"


def time_text(seconds: float) -> str:
    """So long, for people.

    Example:
        >>> time_text(42.4), time_text(125), time_text(3725)
        ('0:42', '2:05', '1:02:05')
    """
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def _labels(downloads: Sequence[Download]) -> Mapping[str, str]:
    """What each is called in its line, by its id: short, so that there is room for the rest."""
    short = {each.id: _shortened(printable(file_stem(each.filename))) for each in downloads}
    if len(set(short.values())) == len(short):
        return short
    return {each.id: printable(each.path) for each in downloads}


def _shortened(name: str) -> str:
    """Without its middle, if it is long: versions stand at the end.

    Example:
        >>> _shortened("cyberrealisticPonyLightning_v85")
        'cyberrealist…tning_v85'
    """
    return name if len(name) <= LABEL_WIDTH else f"{name[: LABEL_WIDTH - 10]}…{name[-9:]}"


def _line(download: Download, progress: DownloadProgress) -> Line:
    fraction = fraction_of(download, progress) or 0.0
    if download.status is not DownloadStatus.DOWNLOADING:
        why = download.waiting_reason if download.status is DownloadStatus.QUEUED else None
        return Line(fraction, printable(why) if why else download.status.value)
    # What comes first is seen on narrow terminals, too.
    parts = []
    if progress.bytes_per_second is not None:
        parts.append(f"{size_text(progress.bytes_per_second)}/s")
    if progress.seconds_left is not None:
        parts.append(f"{time_text(progress.seconds_left)} left")
    whole = "" if progress.total is None else f" of {size_text(progress.total)}"
    parts.append(f"({size_text(progress.bytes_done)}{whole})")
    return Line(fraction, "fetching", " ".join(parts))
