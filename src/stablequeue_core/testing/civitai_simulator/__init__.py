"""A simulated Civitai: its API, the storage of its files, the host of its pictures.

Make one, put into it what the test is about, and talk to it: in-process with
:class:`CivitaiSimulator`, which answers at the real addresses, or over HTTP with
:class:`CivitaiServer`, which has a port for each host.

Example:
    >>> from stablequeue_core.transport import Request
    >>> civitai = SimulatedCivitai.with_sample_models()
    >>> transport = CivitaiSimulator(civitai)
    >>> url = "https://civitai.com/api/v1/model-versions/700201"
    >>> transport.send(Request(method="GET", url=url)).json()["model"]["name"]
    'Harbor Mix XL'

The world (``civitai.world``), to be changed at any time::

    civitai.world.add(
        SimulatedModel(
            id=7,
            name="Fox",
            type="LORA",
            versions=[
                SimulatedVersion(
                    id=70,
                    files=[SimulatedFile(id=700, name="fox.safetensors", content=b"...")],
                    pictures=[SimulatedPicture(id=701, content=png, is_film=False)],
                )
            ],
        ),
        SimulatedImage(picture=SimulatedPicture(id=51, content=png), meta={"prompt": "a fox"}),
        SimulatedAccount(key="a key"),
    )
    civitai.world.remove_image(51)     # from now on its neighbour is answered in its place

``content`` is bytes, a ``Path``, or :func:`generated_model`, which makes gigabytes while they are
sent. Hashes are computed unless ``told_hashes`` says others. For the samples that
``with_sample_models()`` brings, see :mod:`.sample_world`.

Accidents (``civitai.faults``), see :class:`Fault` for all of them::

    civitai.faults.next("storage", Fault.RESET, after=100_000)
    civitai.faults.next("download", Fault.TOO_MANY_DOWNLOADS, times=3)
    civitai.faults.next("/api/v1/images", Fault.EDGE_ERROR, status=522)
    civitai.faults.next("storage", Fault.SLOW_DRIP, pause=lambda: clock.advance(1))
    civitai.expire_links()             # every link that was handed out is dead

What happened: ``civitai.requests`` (with ``method``, ``url``, ``host``, ``path``, ``query``,
``headers``, ``body``, ``place``), ``civitai.counts["GET /api/v1/me"]``, ``civitai.leaks`` (what
carried a key to a host that is none of the API's: must be empty), ``civitai.wait_until(...)``.

A queue that needs Civitai and image servers gets both through one transport::

    CivitaiSimulator(civitai, elsewhere=ForgeSimulator({"http://laptop:7860": forge}))
"""

from stablequeue_core.testing.civitai_simulator.accounts import SimulatedAccount
from stablequeue_core.testing.civitai_simulator.civitai import SimulatedCivitai
from stablequeue_core.testing.civitai_simulator.exchange import Origins, Place
from stablequeue_core.testing.civitai_simulator.faults import Fault, Faults, ScriptedFault
from stablequeue_core.testing.civitai_simulator.files import SimulatedFile, generated_model
from stablequeue_core.testing.civitai_simulator.http_server import CivitaiServer
from stablequeue_core.testing.civitai_simulator.models import SimulatedModel, SimulatedVersion
from stablequeue_core.testing.civitai_simulator.pictures import SimulatedImage, SimulatedPicture
from stablequeue_core.testing.civitai_simulator.sample_world import (
    BANNED_KEY,
    GOOD_KEY,
    RICH_KEY,
)
from stablequeue_core.testing.civitai_simulator.transport import CivitaiSimulator
from stablequeue_core.testing.civitai_simulator.visits import SeenRequest
from stablequeue_core.testing.civitai_simulator.world import CivitaiWorld

__all__ = [
    "BANNED_KEY",
    "GOOD_KEY",
    "RICH_KEY",
    "CivitaiServer",
    "CivitaiSimulator",
    "CivitaiWorld",
    "Fault",
    "Faults",
    "Origins",
    "Place",
    "ScriptedFault",
    "SeenRequest",
    "SimulatedAccount",
    "SimulatedCivitai",
    "SimulatedFile",
    "SimulatedImage",
    "SimulatedModel",
    "SimulatedPicture",
    "SimulatedVersion",
    "generated_model",
]
