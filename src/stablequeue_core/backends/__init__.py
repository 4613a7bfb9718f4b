"""The seam: who makes pictures. The adapters keep their own path."""

from stablequeue_core.backends.base import (
    Backend,
    Generation,
    MemoryReport,
    Picture,
    Prepared,
    TaskReport,
    TaskState,
)

__all__ = [
    "Backend",
    "Generation",
    "MemoryReport",
    "Picture",
    "Prepared",
    "TaskReport",
    "TaskState",
]
