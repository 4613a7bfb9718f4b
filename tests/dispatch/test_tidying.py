"""Old jobs are forgotten little by little, and nothing else ever is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dispatch.tidying_world import TidyingWorld

from stablequeue_core.dispatch.upkeep.tidying import (
    JOBS_A_STEP,
    MOST_TIME,
    REST,
    SHRINK_EVERY,
    SPARED,
    Tidied,
    Tidying,
)
from stablequeue_core.errors import ImageStoreError, StorageBusy
from stablequeue_core.images.folder import FolderImageStore
from stablequeue_core.jobs import IdempotencyKey, JobStatus
from stablequeue_core.storage.memory import MemoryStorage
from stablequeue_core.testing.clock import FakeClock

DAY = 24.0


def test_without_a_setting_nothing_is_ever_forgotten(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path)
    job = world.ended(hours_ago=10_000)
    world.tell(hours_ago=20_000)
    world.sweep()
    assert world.is_known(job)
    assert len(world.storage.events.read()) == 1


def test_jobs_that_ended_long_ago_are_forgotten_and_younger_ones_stay(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=30)
    old, young = world.ended(hours_ago=31 * DAY), world.ended(hours_ago=29 * DAY)
    world.sweep()
    assert not world.is_known(old)
    assert world.is_known(young)


def test_ended_jobs_beyond_the_newest_so_many_are_forgotten(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_jobs=2)
    jobs = [world.ended(hours_ago=hours) for hours in (50, 40, 30, 20)]
    world.sweep()
    assert [world.is_known(job) for job in jobs] == [False, False, True, True]


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
def test_failed_and_cancelled_jobs_go_as_well(tmp_path: Path, status: JobStatus) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    job = world.ended(hours_ago=48, status=status)
    world.sweep()
    assert not world.is_known(job)


def test_a_job_that_has_not_ended_stays_however_old(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1, keep_jobs=1)
    waiting = world.pending(hours_ago=1000 * DAY)
    held = world.pending(hours_ago=1000 * DAY, held=True)
    running = world.pending(hours_ago=1000 * DAY, status=JobStatus.PROCESSING)
    world.sweep()
    assert all(map(world.is_known, (waiting, held, running)))


def test_a_job_with_a_part_that_is_still_made_stays(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    at = world.clock.now() - timedelta(days=3)
    whole = world.made(at, status=JobStatus.CANCELLED, pictures=0)
    part = evolve(
        world.made(at, pictures=0, part_of=whole.id), status=JobStatus.PROCESSING, ended_at=None
    )
    world.storage.jobs.add([evolve(whole, parts=(part.id,)), part])
    world.sweep()
    assert world.is_known(whole)
    assert world.is_known(part)


def test_the_last_hour_stays_for_who_repeats_a_request_with_the_same_key(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_jobs=1, keep_days=0.001)
    key = IdempotencyKey(key="order-4711", digest="d")
    at = world.clock.now() - SPARED + timedelta(seconds=REST + 1)
    (job,) = world.storage.jobs.add([world.made(at, pictures=1)], key)
    world.ended(hours_ago=0.1)
    world.sweep()
    (again,) = world.storage.jobs.add([world.made(at, pictures=1)], key)
    assert again.id == job.id


def test_pictures_stay_unless_the_setting_says_otherwise(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    world.ended(hours_ago=48, pictures=2)
    world.sweep()
    assert len(world.pictures()) == 2


def test_pictures_go_with_their_job_and_no_others(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1, keep_images=False)
    world.ended(hours_ago=48, pictures=2)
    young = world.ended(hours_ago=12, pictures=1)
    (tmp_path / "holiday.png").write_bytes(b"somebody's own")
    world.sweep()
    assert young.result is not None
    assert world.pictures() == {*young.result.images, "holiday.png"}


def test_names_that_the_job_cannot_have_given_are_left_alone(tmp_path: Path) -> None:
    """Whatever a record says: of another job, of nobody, or outside of the folder."""
    images = tmp_path / "images"
    world = TidyingWorld(images, keep_days=1, keep_images=False)
    other = world.ended(hours_ago=2, pictures=1)
    assert other.result is not None
    (tmp_path / "secret.png").write_bytes(b"x")
    (images / "holiday.png").write_bytes(b"x")
    at = world.clock.now() - timedelta(hours=48)
    job = world.made(at, pictures=1)
    assert job.result is not None
    stolen = (*job.result.images, *other.result.images, "holiday.png", "../secret.png")
    world.storage.jobs.add([evolve(job, result=evolve(job.result, images=stolen))])
    world.sweep()
    assert not world.is_known(job)
    assert world.pictures() == {*other.result.images, "holiday.png"}
    assert (tmp_path / "secret.png").exists()


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED])
def test_pictures_of_parts_go_with_the_whole(tmp_path: Path, status: JobStatus) -> None:
    """A whole that has failed may have parts that were completed: nobody else has those."""
    world = TidyingWorld(tmp_path, keep_days=1, keep_images=False)
    at = world.clock.now() - timedelta(days=3)
    whole = world.made(at, status=status, pictures=0)
    part = world.made(at, pictures=2, part_of=whole.id)
    result = part.result if status is JobStatus.COMPLETED else None
    world.storage.jobs.add([evolve(whole, parts=(part.id,), result=result), part])
    world.sweep()
    assert not world.known()
    assert not world.pictures()


def test_what_happened_before_the_oldest_known_job_is_forgotten(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=10)
    for hours in (100 * DAY, 50 * DAY, 3 * DAY):
        world.tell(hours_ago=hours)
    world.ended(hours_ago=20 * DAY)
    oldest = world.ended(hours_ago=5 * DAY)
    last = world.storage.events.last()
    world.sweep()
    assert min(event.at for event in world.storage.events.read()) >= oldest.created_at
    assert world.storage.events.last() > last


def test_one_event_tells_of_each_step(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1, keep_images=False)
    for _ in range(3):
        world.ended(hours_ago=48, pictures=2)
    world.sweep()
    (event,) = world.tidied_events()
    assert event.data == {"jobs": 3, "images": 6, "downloads": 0}


def test_a_sweep_that_finds_nothing_tells_nothing(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    world.ended(hours_ago=2)
    world.sweep()
    assert not world.storage.events.read()


def test_a_step_is_small(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    for _ in range(JOBS_A_STEP + 1):
        world.ended(hours_ago=48)
    tidying = world.tidying()
    tidying.settle()
    assert len(world.known()) == 1
    tidying.settle()
    assert not world.known()


class SlowClock(FakeClock):
    """Time that passes whenever somebody asks for the day: by a second."""

    def now(self) -> datetime:
        self.advance(1.0)
        return super().now()


def test_it_takes_a_small_share_of_the_time(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    for _ in range(2 * JOBS_A_STEP):
        world.ended(hours_ago=48)
    clock = SlowClock()
    tidying = Tidying(world.storage, world.images, clock, world.settings)
    clock.advance(REST)
    tidying.settle()
    took = clock.monotonic() - REST
    assert len(world.known()) == JOBS_A_STEP
    clock.advance(took / MOST_TIME - 1)
    tidying.settle()
    assert len(world.known()) == JOBS_A_STEP
    clock.advance(1)
    tidying.settle()
    assert not world.known()


def test_a_process_that_has_just_started_has_better_things_to_do(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    job = world.ended(hours_ago=48)
    tidying = Tidying(world.storage, world.images, world.clock, world.settings)
    tidying.settle()
    assert world.is_known(job)


def test_only_one_process_tidies_and_another_goes_on_when_it_dies(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    for _ in range(3 * JOBS_A_STEP):
        world.ended(hours_ago=48)
    first, second = world.tidying(), world.tidying()
    first.settle()
    second.settle()
    assert len(world.known()) == 2 * JOBS_A_STEP
    first.close()
    world.clock.advance(REST)
    world.sweep(second)
    assert not world.known()


class DyingImages(FolderImageStore):
    """The process dies at the n-th picture that it deletes, before or after it."""

    def __init__(self, folder: Path, at: int) -> None:
        super().__init__(folder)
        self._left = at

    def discard(self, names: Iterable[str]) -> None:
        for name in names:
            if self._left == 0:
                raise Died
            self._left -= 1
            super().discard([name])


class Died(BaseException):
    """The process is gone."""


@settings(max_examples=25, deadline=None)
@given(deaths=st.lists(st.integers(0, 5), max_size=4), steps=st.integers(0, 3))
def test_whenever_it_dies_only_what_was_to_go_is_gone(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[int], steps: int
) -> None:
    folder = tmp_path_factory.mktemp("images")
    world = TidyingWorld(folder, keep_days=1, keep_images=False)
    for _ in range(6):
        world.ended(hours_ago=48, pictures=1)
    staying = [world.ended(hours_ago=3, pictures=1) for _ in range(2)]
    for death in deaths:
        world.images = DyingImages(folder, death)
        tidying = world.tidying()
        try:
            for _ in range(steps):
                tidying.settle()
        except Died:
            pass
        tidying.close()  # As the death of a process does.
        assert all(map(world.is_known, staying))
    world.images = FolderImageStore(folder)
    world.sweep()
    assert {job.id for job in world.known()} == {job.id for job in staying}
    assert world.pictures() == {name for job in staying if job.result for name in job.result.images}


class StubbornImages(FolderImageStore):
    """Somebody has one picture open, and the system does not let it go."""

    stubborn = ""

    def discard(self, names: Iterable[str]) -> None:
        names = list(names)
        if self.stubborn in names:
            raise ImageStoreError("A picture could not be deleted: it is in use.")
        super().discard(names)


def test_a_job_whose_pictures_cannot_be_deleted_stays_and_holds_nobody_up(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1, keep_images=False)
    images = StubbornImages(tmp_path)
    world.images = images
    first, *others = (world.ended(hours_ago=48) for _ in range(3))
    assert first.result is not None
    (images.stubborn,) = first.result.images
    world.sweep()
    assert [job.id for job in world.known()] == [first.id]
    images.stubborn = ""
    world.sweep()
    assert not world.known()
    assert not any(map(world.is_known, others))


class RoomyStorage(MemoryStorage):
    """A storage that has some room to give back."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.room = 2500
        self.asked = 0

    def shrink(self) -> int:
        self.asked += 1
        given = min(self.room, 1000)
        self.room -= given
        return given


def test_room_is_given_back_in_steps_once_an_hour(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path)
    storage = RoomyStorage(world.clock)
    world.storage = storage
    tidying = world.tidying()
    for _ in range(10):
        tidying.settle()
    assert (storage.room, storage.asked) == (0, 4)
    world.clock.advance(SHRINK_EVERY / 2)
    tidying.settle()
    assert storage.asked == 4
    world.clock.advance(SHRINK_EVERY / 2)
    tidying.settle()
    assert storage.asked == 5


def test_on_demand_all_is_done_at_once_and_counted(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1, keep_images=False)
    world.storage = RoomyStorage(world.clock)
    world.tell(hours_ago=100)
    for _ in range(2 * JOBS_A_STEP):
        world.ended(hours_ago=48)
    done = world.tidying().tidy()
    assert done == Tidied(jobs=100, images=100, events=1, bytes_freed=2500)


def test_on_demand_it_is_said_when_another_process_is_at_it(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1)
    for _ in range(2 * JOBS_A_STEP):
        world.ended(hours_ago=48)
    world.tidying().settle()
    with pytest.raises(StorageBusy, match="by a process that runs jobs"):
        world.tidying().tidy()


def test_more_days_than_there_ever_were_keep_everything(tmp_path: Path) -> None:
    world = TidyingWorld(tmp_path, keep_days=1e12)
    job = world.ended(hours_ago=48)
    world.sweep()
    assert world.is_known(job)
