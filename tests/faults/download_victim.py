"""A process that fetches what a queue of downloads holds until it is killed."""

from __future__ import annotations

import sys

from stablequeue_core import StableQueue


def main(data_dir: str, loras: str, link: str) -> None:
    with StableQueue.open(data_dir, dispatch=False, checkpoints=[], loras=[loras]) as queue:
        # After a kill this is the same download: it joins the one that is under way.
        download = queue.civitai.download(link)
        queue.downloads.start()
        queue.downloads.wait(download.id)


if __name__ == "__main__":
    main(*sys.argv[1:])
