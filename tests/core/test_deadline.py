"""Several things share a time until which they may take."""

from __future__ import annotations

import threading
import time

from stablequeue_core.deadline import Deadline


def test_all_who_are_waited_for_share_one_deadline() -> None:
    end = threading.Event()
    threads = [threading.Thread(target=end.wait, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    began, deadline = time.monotonic(), Deadline(0.1)
    assert not any(deadline.join(thread) for thread in threads)
    assert time.monotonic() - began < 1.0
    assert deadline.left == 0
    end.set()
    assert all(Deadline(10).join(thread) for thread in threads)


def test_a_thread_that_was_never_started_has_ended() -> None:
    assert Deadline(0).join(threading.Thread())


def test_what_never_comes_back_is_left_alone() -> None:
    end = threading.Event()
    assert not Deadline(0.01).see_to(end.wait)
    end.set()
    assert Deadline(10).see_to(end.wait)
