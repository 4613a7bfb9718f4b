"""What every store of models must do."""

from __future__ import annotations

from stablequeue_core.testing.contracts.models_found import FindingContract
from stablequeue_core.testing.contracts.models_kept import KeepingModelsContract
from stablequeue_core.testing.contracts.models_listed import ListingModelsContract
from stablequeue_core.testing.contracts.models_lost import LosingContract


class ModelStoreContract(
    KeepingModelsContract, ListingModelsContract, FindingContract, LosingContract
):
    """The promises of :class:`~stablequeue_core.models.ModelStore`, as tests."""
