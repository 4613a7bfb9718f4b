"""Opens a queue for a command, and tells in one sentence what is wrong when that fails."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from stablequeue_core import Settings, StableQueue, StableQueueError
from stablequeue_core.models import ModelKind
from stablequeue_core.models.roots import DIRS_OF, MODEL_DIRS, ModelRoot
from stablequeue_flask.listening import CannotListen
from stablequeue_flask.plain_text import printable

DATABASE_URL = "STABLEQUEUE_DATABASE_URL"
DATA_DIR = Path("stablequeue-data")
"""Where a queue is that nobody has named a folder for."""

option = partial(click.option, show_envvar=True)

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Folders(click.Path):
    """A folder that may be missing; several in a variable are separated like PATH."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """The folders of a variable; what is empty between two separators is none."""
        return [part for part in super().split_envvar_value(rv) if part.strip()]


_folder_option = partial(option, type=_Folders(), multiple=True)


def _folders_of_kinds(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> Mapping[str, Sequence[str]]:
    """The folders of ``vae=DIR`` and the like, by kind; whether that exists is told later."""
    folders: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        kind, _, folder = text.partition("=")
        if not kind or not folder:
            raise click.BadParameter(f"{text!r} must look like vae=DIR.")
        folders[kind].append(folder)
    return folders


def data_dir_option(command: _Command) -> _Command:
    """``--data-dir``."""
    return option(
        "--data-dir",
        type=click.Path(path_type=Path),
        default=DATA_DIR,
        envvar="STABLEQUEUE_DATA_DIR",
        help="Folder of the database and the pictures.",
    )(command)


def database_option(command: _Command) -> _Command:
    """``--database-url``."""
    return option(
        "--database-url",
        metavar="URL",
        envvar=DATABASE_URL,
        help="A PostgreSQL that remembers the queue, as postgresql://user@host/database; without "
        "it, a file in the data folder does. A password is better kept in the variable: other "
        "users of the machine can read the command line.",
    )(command)


def model_folder_options(command: _Command) -> _Command:
    """``--checkpoints``, ``--loras`` and ``--model-dir``, as :meth:`StableQueue.open` takes them.

    Click has looked into the variables already, so that none given means none.
    """
    command = _folder_option(
        "--model-dir",
        "model_dirs",
        callback=_folders_of_kinds,
        metavar="KIND=DIR",
        envvar=MODEL_DIRS,
        help="A folder with models of another kind (vae, embedding, upscaler, controlnet), "
        "like vae=DIR; may be given several times.",
    )(command)
    # The one that is added last is listed first.
    for name, kind, files in (
        ("--loras", ModelKind.LORA, "LoRAs"),
        ("--checkpoints", ModelKind.CHECKPOINT, "checkpoints"),
    ):
        command = _folder_option(
            name,
            metavar="DIR",
            envvar=DIRS_OF[kind],
            help=f"A folder with {files}, and those below it; may be given several times.",
        )(command)
    return command


class _Lines(logging.Formatter):
    """Writes what happened on one line; servers, whose words it repeats, may be strangers."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(map(printable, super().formatException(ei).split("\n")))


def log_to_stderr() -> None:
    """Tell what happens, for who looks at the terminal or the service's log."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def opened(data_dir: Path, **opening: Any) -> StableQueue:
    """The queue in ``data_dir``."""
    try:
        return StableQueue.open(data_dir, **opening)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise click.ClickException(
            f"The data folder {data_dir} cannot be used: {reason}."
        ) from error


def opened_to_look(
    data_dir: Path, database_url: str | None = None, settings: Settings | None = None
) -> StableQueue:
    """The same, for who asks what is known: nothing is scanned, and models of all folders count.

    Where there is no queue, none is made, and where there is no folder for its pictures, none is.
    """
    from stablequeue_core.assembly import IMAGES
    from stablequeue_core.assembly.storages import DATABASE

    is_elsewhere = database_url or os.environ.get(DATABASE_URL)
    nothing_new: dict[str, Any] = {"checkpoints": (), "loras": (), "model_dirs": {}}
    if is_elsewhere and not data_dir.expanduser().exists():
        from stablequeue_flask.absent_images import AbsentImages

        nothing_new["images"] = AbsentImages(data_dir / IMAGES)
    if not is_elsewhere and not (data_dir / DATABASE).exists():
        raise click.ClickException(
            f"There is no queue in {data_dir}. Name its folder with --data-dir; "
            "`stablequeue serve` starts a new one."
        )
    return opened(
        data_dir, dispatch=False, database_url=database_url, settings=settings, **nothing_new
    )


def warn_of_folders(roots: Sequence[ModelRoot]) -> None:
    """Tell which model folders are not there, before their scan says so in the log."""
    for root in roots:
        if os.path.isdir(root.folder):
            continue
        if os.path.exists(root.folder):
            what = "is a file, not a folder; name the folder that it lies in."
        else:
            what = (
                "is not there; is its disk mounted? Models that were found in it before are kept, "
                "as missing."
            )
        click.echo(f"Warning: the model folder {root.folder} {what}", err=True)


@contextmanager
def told_in_one_sentence() -> Iterator[None]:
    """What goes wrong is told on one line, and makes the exit code 1."""
    try:
        yield
    except CannotListen as error:
        raise click.ClickException(str(error)) from error
    except StableQueueError as error:
        raise click.ClickException(printable(error.message)) from error
