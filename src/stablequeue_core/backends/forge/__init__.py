"""Stable Diffusion WebUI Forge, by its HTTP API.

Observed on Forge f2.0.1v1.10.1 (commit dfdcbab6); each trap is named where it is handled.
"""

from stablequeue_core.backends.forge.backend import ForgeBackend

__all__ = ["ForgeBackend"]
