"""Every error that StableQueue raises, in one family.

::

    StableQueueError
    ├── InvalidParams            the request to make a picture is wrong; lists every bad field
    ├── InvalidServer            a server's description is wrong; lists every bad field
    ├── InvalidSettings          a setting is wrong; lists every bad one
    ├── InvalidInfotext          a text or a picture that tells of no parameters
    ├── NotFound
    │   ├── JobNotFound
    │   ├── ServerNotFound
    │   ├── ImageNotFound
    │   ├── ModelNotFound
    │   └── PreviewNotFound
    ├── Conflict                 the request is sound, but the present state forbids it
    │   ├── IllegalTransition
    │   │   ├── JobNotCancellable
    │   │   └── JobNotRetryable
    │   ├── JobStillRunning      its server has not confirmed that it stopped
    │   ├── StaleJob             someone else changed the job first
    │   ├── IdempotencyKeyReused
    │   ├── ServerExists
    │   ├── ServerInUse
    │   ├── AmbiguousModel       the name fits several model files
    │   └── NoModelFolders       there is nothing to scan
    ├── QueueClosed
    ├── InternalError            a defect of StableQueue itself
    ├── WaitTimedOut
    ├── StorageError             what remembers the queue failed
    │   ├── StorageBusy
    │   ├── StorageFull
    │   ├── StorageReadOnly
    │   ├── StorageCorrupt
    │   └── StorageTooNew
    ├── ImageStoreError          a picture could not be written
    │   └── DiskFull
    ├── ModelFileError           a model file, or one beside it, cannot be read or written
    │   ├── UnreadableModel      what it is instead is told by its code
    │   └── SidecarNotWritten
    ├── TransportError           HTTP did not carry our request or its answer
    │   ├── ConnectFailed        nothing was sent
    │   ├── ConnectionLost       sent, but the answer never came: what happened is unknown
    │   ├── ReadTimedOut         the same, by our own patience
    │   ├── TransferAborted      we hung up ourselves
    │   └── AnswerTooLarge
    └── BackendError             a server that makes pictures said no, or something else
        ├── RequestRefused       the job's own fault: running it again cannot help
        │   ├── NotOnServer      a checkpoint, LoRA, sampler ... that the server does not have
        │   ├── AmbiguousName    two of its files fit the name
        │   └── CheckpointUnreadable
        ├── ServerUnreachable    nothing ran; does not use up an attempt
        │   ├── ServerStarting
        │   ├── Unauthorized
        │   └── ApiDisabled
        ├── ServerFault          it ran and broke: worth another try
        │   ├── OutOfMemory
        │   ├── ServerPoisoned
        │   ├── GarbledAnswer
        │   └── Stalled
        ├── AnswerLost           it may or may not have run: ask before running again
        ├── WrongResult          it answered 200 with a picture nobody asked for
        └── ForeignInterrupt     somebody else pressed Interrupt

Each error carries a stable ``code`` for programs and builds its own sentence for people.
Nothing here knows of HTTP status codes; the web adapter owns that table.
"""

from stablequeue_core.errors.backends import (
    AmbiguousName,
    AnswerLost,
    ApiDisabled,
    BackendError,
    CheckpointUnreadable,
    ForeignInterrupt,
    GarbledAnswer,
    NotOnServer,
    OutOfMemory,
    RequestRefused,
    ServerFault,
    ServerPoisoned,
    ServerStarting,
    ServerUnreachable,
    Stalled,
    Unauthorized,
    WrongResult,
)
from stablequeue_core.errors.base import (
    Conflict,
    FieldProblem,
    InternalError,
    InvalidSettings,
    NotFound,
    QueueClosed,
    StableQueueError,
)
from stablequeue_core.errors.images import DiskFull, ImageNotFound, ImageStoreError
from stablequeue_core.errors.jobs import (
    IdempotencyKeyReused,
    IllegalTransition,
    InvalidInfotext,
    InvalidParams,
    JobNotCancellable,
    JobNotFound,
    JobNotRetryable,
    JobStillRunning,
    StaleJob,
    WaitTimedOut,
)
from stablequeue_core.errors.models import (
    AmbiguousModel,
    ModelFileError,
    ModelNotFound,
    NoModelFolders,
    PreviewNotFound,
    SidecarNotWritten,
    UnreadableModel,
)
from stablequeue_core.errors.servers import InvalidServer, ServerExists, ServerInUse, ServerNotFound
from stablequeue_core.errors.storage import (
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageTooNew,
)
from stablequeue_core.errors.transport import (
    AnswerTooLarge,
    ConnectFailed,
    ConnectionLost,
    ReadTimedOut,
    TransferAborted,
    TransportError,
)

__all__ = [
    "AmbiguousModel",
    "AmbiguousName",
    "AnswerLost",
    "AnswerTooLarge",
    "ApiDisabled",
    "BackendError",
    "CheckpointUnreadable",
    "Conflict",
    "ConnectFailed",
    "ConnectionLost",
    "DiskFull",
    "FieldProblem",
    "ForeignInterrupt",
    "GarbledAnswer",
    "IdempotencyKeyReused",
    "IllegalTransition",
    "ImageNotFound",
    "ImageStoreError",
    "InternalError",
    "InvalidInfotext",
    "InvalidParams",
    "InvalidServer",
    "InvalidSettings",
    "JobNotCancellable",
    "JobNotFound",
    "JobNotRetryable",
    "JobStillRunning",
    "ModelFileError",
    "ModelNotFound",
    "NoModelFolders",
    "NotFound",
    "NotOnServer",
    "OutOfMemory",
    "PreviewNotFound",
    "QueueClosed",
    "ReadTimedOut",
    "RequestRefused",
    "ServerExists",
    "ServerFault",
    "ServerInUse",
    "ServerNotFound",
    "ServerPoisoned",
    "ServerStarting",
    "ServerUnreachable",
    "SidecarNotWritten",
    "StableQueueError",
    "StaleJob",
    "Stalled",
    "StorageBusy",
    "StorageCorrupt",
    "StorageError",
    "StorageFull",
    "StorageReadOnly",
    "StorageTooNew",
    "TransferAborted",
    "TransportError",
    "Unauthorized",
    "UnreadableModel",
    "WaitTimedOut",
    "WrongResult",
]
