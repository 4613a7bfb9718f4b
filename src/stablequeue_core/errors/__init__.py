"""Every error that StableQueue raises, in one family.

::

    StableQueueError
    ├── InvalidParams            the request to make a picture is wrong; lists every bad field
    ├── InvalidServer            a server's description is wrong; lists every bad field
    ├── InvalidSettings          a setting is wrong; lists every bad one
    ├── InvalidInfotext          a text or a picture that tells of no parameters
    ├── InvalidCivitaiLink       a text that names nothing at Civitai
    ├── InvalidDownload          a download is described wrongly; lists every bad field
    ├── NotFound
    │   ├── JobNotFound
    │   ├── ServerNotFound
    │   ├── ImageNotFound
    │   ├── ModelNotFound
    │   ├── PreviewNotFound
    │   ├── DownloadNotFound
    │   └── CivitaiNotFound      Civitai has no such thing, or does not show it
    │       └── NotIdentified    nobody can tell which version a file is
    ├── Conflict                 the request is sound, but the present state forbids it
    │   ├── IllegalTransition
    │   │   ├── JobNotCancellable
    │   │   └── JobNotRetryable
    │   ├── JobNotPending        it waits no more
    │   ├── JobIsPart            it does what the whole batch does
    │   ├── JobStillRunning      its server has not confirmed that it stopped
    │   ├── StaleJob             someone else changed the job first
    │   ├── IdempotencyKeyReused
    │   ├── ServerExists
    │   ├── ServerInUse
    │   ├── StaleServer          someone else changed the server first
    │   ├── AmbiguousModel       the name fits several model files
    │   ├── NoModelFolders       there is nothing to scan
    │   ├── NoFolderForKind      there is no place for a download
    │   ├── ModelFileExists      there is a file of this name already
    │   ├── IllegalDownloadTransition
    │   └── StaleDownload        someone else changed the download first
    ├── QueueClosed
    ├── InternalError            a defect of StableQueue itself
    ├── WaitTimedOut
    ├── DownloadTimedOut         it goes on; the caller had no more patience
    ├── ModelNotSupplied         a job's missing model cannot be fetched
    ├── StorageError             what remembers the queue failed
    │   ├── StorageBusy
    │   ├── StorageFull
    │   ├── StorageReadOnly
    │   ├── StorageCorrupt
    │   │   └── UnreadableJob    one job cannot be read, all others can
    │   ├── StorageTooNew
    │   ├── StorageUnreachable   the database server does not answer
    │   ├── StorageNotEmpty      a queue is not copied over another
    │   ├── StorageMoved         the queue is in another storage now
    │   └── ExtraMissing         a package that only some storages need
    ├── ImageStoreError          a picture could not be written
    │   └── DiskFull
    ├── ModelFileError           a model file, or one beside it, cannot be read or written
    │   ├── UnreadableModel      what it is instead is told by its code
    │   └── SidecarNotWritten
    ├── TransportError           HTTP did not carry our request or its answer
    │   ├── ConnectFailed        nothing was sent
    │   │   └── PrivateAddress   a link from outside leads into the user's own network
    │   ├── ConnectionLost       sent, but the answer never came: what happened is unknown
    │   ├── ReadTimedOut         the same, by our own patience
    │   ├── TransferAborted      we hung up ourselves
    │   └── AnswerTooLarge
    ├── CivitaiError             Civitai did not do what it was asked for
    │   ├── CivitaiUnavailable   try again in a while
    │   ├── CivitaiGarbled       what answers is not its API
    │   └── CivitaiRefused       it said no; asking again changes nothing
    │       ├── LoginNeeded
    │       ├── EarlyAccess
    │       ├── PaidAccess
    │       ├── GenerationOnly
    │       ├── Archived
    │       └── AccessDenied
    ├── DownloadError            a file could not be fetched
    │   ├── LinkExpired
    │   ├── StorageHostFailed    worth another try
    │   ├── TooSlow
    │   ├── WrongFile            what it is instead is told by its code
    │   ├── NotEnoughSpace
    │   └── FileNotPlaced
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
from stablequeue_core.errors.civitai import (
    AccessDenied,
    Archived,
    CivitaiError,
    CivitaiGarbled,
    CivitaiNotFound,
    CivitaiRefused,
    CivitaiUnavailable,
    EarlyAccess,
    GenerationOnly,
    InvalidCivitaiLink,
    LoginNeeded,
    NotIdentified,
    PaidAccess,
)
from stablequeue_core.errors.downloads import (
    DownloadError,
    DownloadNotFound,
    DownloadTimedOut,
    FileNotPlaced,
    IllegalDownloadTransition,
    InvalidDownload,
    LinkExpired,
    ModelFileExists,
    ModelNotSupplied,
    NoFolderForKind,
    NotEnoughSpace,
    StaleDownload,
    StorageHostFailed,
    TooSlow,
    WrongFile,
)
from stablequeue_core.errors.images import DiskFull, ImageNotFound, ImageStoreError
from stablequeue_core.errors.jobs import (
    IdempotencyKeyReused,
    IllegalTransition,
    InvalidInfotext,
    InvalidParams,
    JobIsPart,
    JobNotCancellable,
    JobNotFound,
    JobNotPending,
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
from stablequeue_core.errors.servers import (
    InvalidServer,
    ServerExists,
    ServerInUse,
    ServerNotFound,
    StaleServer,
)
from stablequeue_core.errors.storage import (
    ExtraMissing,
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageMoved,
    StorageNotEmpty,
    StorageReadOnly,
    StorageTooNew,
    StorageUnreachable,
    UnreadableJob,
)
from stablequeue_core.errors.transport import (
    AnswerTooLarge,
    ConnectFailed,
    ConnectionLost,
    PrivateAddress,
    ReadTimedOut,
    TransferAborted,
    TransportError,
)

__all__ = [
    "AccessDenied",
    "AmbiguousModel",
    "AmbiguousName",
    "AnswerLost",
    "AnswerTooLarge",
    "ApiDisabled",
    "Archived",
    "BackendError",
    "CheckpointUnreadable",
    "CivitaiError",
    "CivitaiGarbled",
    "CivitaiNotFound",
    "CivitaiRefused",
    "CivitaiUnavailable",
    "Conflict",
    "ConnectFailed",
    "ConnectionLost",
    "DiskFull",
    "DownloadError",
    "DownloadNotFound",
    "DownloadTimedOut",
    "EarlyAccess",
    "ExtraMissing",
    "FieldProblem",
    "FileNotPlaced",
    "ForeignInterrupt",
    "GarbledAnswer",
    "GenerationOnly",
    "IdempotencyKeyReused",
    "IllegalDownloadTransition",
    "IllegalTransition",
    "ImageNotFound",
    "ImageStoreError",
    "InternalError",
    "InvalidCivitaiLink",
    "InvalidDownload",
    "InvalidInfotext",
    "InvalidParams",
    "InvalidServer",
    "InvalidSettings",
    "JobIsPart",
    "JobNotCancellable",
    "JobNotFound",
    "JobNotPending",
    "JobNotRetryable",
    "JobStillRunning",
    "LinkExpired",
    "LoginNeeded",
    "ModelFileError",
    "ModelFileExists",
    "ModelNotFound",
    "ModelNotSupplied",
    "NoFolderForKind",
    "NoModelFolders",
    "NotEnoughSpace",
    "NotFound",
    "NotIdentified",
    "NotOnServer",
    "OutOfMemory",
    "PaidAccess",
    "PreviewNotFound",
    "PrivateAddress",
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
    "StaleDownload",
    "StaleJob",
    "StaleServer",
    "Stalled",
    "StorageBusy",
    "StorageCorrupt",
    "StorageError",
    "StorageFull",
    "StorageHostFailed",
    "StorageMoved",
    "StorageNotEmpty",
    "StorageReadOnly",
    "StorageTooNew",
    "StorageUnreachable",
    "TooSlow",
    "TransferAborted",
    "TransportError",
    "Unauthorized",
    "UnreadableJob",
    "UnreadableModel",
    "WaitTimedOut",
    "WrongFile",
    "WrongResult",
]
