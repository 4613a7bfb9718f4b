"""What jobs work with: the lists, the options, the model in memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from stablequeue_core.testing.forge_simulator.diary import RenderedPicture
from stablequeue_core.testing.forge_simulator.loader import Costs, Loader
from stablequeue_core.testing.forge_simulator.memory import Memory
from stablequeue_core.testing.forge_simulator.names import (
    CheckpointTable,
    LoraTable,
    ModuleTable,
)
from stablequeue_core.testing.forge_simulator.options import ForgeOptions


@define(kw_only=True)
class Studio:
    """Everything that a job reads or changes, beside the engine.

    Attributes:
        dice: for random seeds and task ids; they are the same in every run of a test.
        rendered: told of every picture.
    """

    checkpoints: CheckpointTable
    loras: LoraTable
    modules: ModuleTable
    options: ForgeOptions
    loader: Loader
    memory: Memory
    costs: Costs
    dice: random.Random
    rendered: Callable[[RenderedPicture], None]

    def set_options(self, values: Mapping[str, Any]) -> None:
        """Put options in force, as Forge understands them.

        Unknown modules are dropped. Another name of the checkpoint in force changes nothing.

        Raises:
            JobError: an option does not exist; those before it are set.
        """
        wanted = dict(values)
        if "forge_additional_modules" in wanted:
            wanted["forge_additional_modules"] = self.modules.known(
                wanted["forge_additional_modules"]
            )
        if "sd_model_checkpoint" in wanted:
            named = self.checkpoints.find(wanted["sd_model_checkpoint"])
            if named and named is self.checkpoints.find(self.options["sd_model_checkpoint"]):
                del wanted["sd_model_checkpoint"]
        self.options.set(wanted)

    def forget(self) -> None:
        """The process ends: only what is on the disk remains."""
        self.loader.unload()
        self.memory.forget()
        self.options.restart()
