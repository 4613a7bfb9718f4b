"""The doctor: looks at everything that a queue stands on, and says what to do."""

from stablequeue_core.doctor.diagnosis import Diagnosis, Finding, Verdict
from stablequeue_core.doctor.examination import examine
from stablequeue_core.doctor.premises import Premises

__all__ = [
    "Diagnosis",
    "Finding",
    "Premises",
    "Verdict",
    "examine",
]
