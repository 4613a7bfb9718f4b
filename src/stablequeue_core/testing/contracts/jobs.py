"""What every store of jobs must do."""

from __future__ import annotations

from stablequeue_core.testing.contracts.jobs_claimed import ClaimingContract
from stablequeue_core.testing.contracts.jobs_kept import KeepingContract
from stablequeue_core.testing.contracts.jobs_listed import ListingContract
from stablequeue_core.testing.contracts.jobs_supplied import SupplyingContract


class JobStoreContract(KeepingContract, ListingContract, ClaimingContract, SupplyingContract):
    """The promises of :class:`~stablequeue_core.jobs.JobStore`, as tests."""
