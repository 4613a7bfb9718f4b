"""A simulated Stable Diffusion WebUI Forge: in-process, or on a real port."""

from stablequeue_core.testing.forge_simulator.diary import RenderedPicture, SeenRequest
from stablequeue_core.testing.forge_simulator.disk import ForgeDisk
from stablequeue_core.testing.forge_simulator.faults import Fault, Faults, ScriptedFault
from stablequeue_core.testing.forge_simulator.files import (
    CheckpointFile,
    EmbeddingFile,
    LoraFile,
    ModuleFile,
)
from stablequeue_core.testing.forge_simulator.forge import SimulatedForge
from stablequeue_core.testing.forge_simulator.http_server import ForgeServer
from stablequeue_core.testing.forge_simulator.human import HumanJob
from stablequeue_core.testing.forge_simulator.memory import Memory
from stablequeue_core.testing.forge_simulator.routes import Phase
from stablequeue_core.testing.forge_simulator.sample_models import sample_disk
from stablequeue_core.testing.forge_simulator.transport import ForgeSimulator

__all__ = [
    "CheckpointFile",
    "EmbeddingFile",
    "Fault",
    "Faults",
    "ForgeDisk",
    "ForgeServer",
    "ForgeSimulator",
    "HumanJob",
    "LoraFile",
    "Memory",
    "ModuleFile",
    "Phase",
    "RenderedPicture",
    "ScriptedFault",
    "SeenRequest",
    "SimulatedForge",
    "sample_disk",
]
