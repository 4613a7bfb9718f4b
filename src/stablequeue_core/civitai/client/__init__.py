"""Asks Civitai: politely, patiently, and without ever showing the key to anybody else."""

from stablequeue_core.civitai.client.client import CivitaiClient

__all__ = ["CivitaiClient"]
