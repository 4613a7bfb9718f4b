"""What every store of jobs must do."""

from __future__ import annotations

from stablequeue_core.testing.contracts.jobs_claimed import ClaimingContract
from stablequeue_core.testing.contracts.jobs_fair import FairnessContract
from stablequeue_core.testing.contracts.jobs_followed import FollowingContract
from stablequeue_core.testing.contracts.jobs_kept import KeepingContract
from stablequeue_core.testing.contracts.jobs_listed import ListingContract
from stablequeue_core.testing.contracts.jobs_ordered import OrderingContract
from stablequeue_core.testing.contracts.jobs_parts import PartsContract
from stablequeue_core.testing.contracts.jobs_supplied import SupplyingContract
from stablequeue_core.testing.contracts.jobs_tidied import TidyingContract
from stablequeue_core.testing.contracts.jobs_timed import TimingContract


class JobStoreContract(
    KeepingContract,
    ListingContract,
    ClaimingContract,
    FollowingContract,
    OrderingContract,
    FairnessContract,
    PartsContract,
    SupplyingContract,
    TidyingContract,
    TimingContract,
):
    """The promises of :class:`~stablequeue_core.jobs.JobStore`, as tests."""
