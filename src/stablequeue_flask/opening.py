"""Opens a queue for a command, and tells in one sentence what is wrong when that fails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from stablequeue_core import StableQueue, StableQueueError
from stablequeue_core.models import ModelKind
from stablequeue_core.models.roots import DIRS_OF, MODEL_DIRS
from stablequeue_flask.listening import CannotListen

option = partial(click.option, show_envvar=True)

_Command = TypeVar("_Command", bound=Callable[..., Any])


class _Folders(click.Path):
    """A folder that may be missing; several in a variable are separated like PATH."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """The folders of a variable; what is empty between two separators is none."""
        return [part for part in super().split_envvar_value(rv) if part.strip()]


def _folders_of_kinds(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> Mapping[ModelKind, Sequence[str]]:
    """What ``vae=DIR`` and the like mean."""
    folders: dict[ModelKind, list[str]] = defaultdict(list)
    for text in texts:
        kind, equals, folder = text.partition("=")
        if not equals or not folder or kind not in tuple(ModelKind):
            kinds = ", ".join(ModelKind)
            raise click.BadParameter(f"{text!r} must look like vae=DIR. Kinds are {kinds}.")
        folders[ModelKind(kind)].append(folder)
    return folders


def data_dir_option(command: _Command) -> _Command:
    """``--data-dir``."""
    return option(
        "--data-dir",
        type=click.Path(path_type=Path),
        default=Path("stablequeue-data"),
        envvar="STABLEQUEUE_DATA_DIR",
        help="Folder of the database and the pictures.",
    )(command)


def model_folder_options(command: _Command) -> _Command:
    """``--checkpoints``, ``--loras`` and ``--model-dir``, as :meth:`StableQueue.open` takes them.

    Click has looked into the variables already, so that none given means none.
    """
    folders = _Folders()
    for decorate in (
        option(
            "--model-dir",
            "model_dirs",
            type=folders,
            multiple=True,
            callback=_folders_of_kinds,
            metavar="KIND=DIR",
            envvar=MODEL_DIRS,
            help="A folder with models of another kind (vae, embedding, upscaler, controlnet), "
            "like vae=DIR; may be given several times.",
        ),
        option(
            "--loras",
            type=folders,
            multiple=True,
            metavar="DIR",
            envvar=DIRS_OF[ModelKind.LORA],
            help="A folder with LoRAs, and those below it; may be given several times.",
        ),
        option(
            "--checkpoints",
            type=folders,
            multiple=True,
            metavar="DIR",
            envvar=DIRS_OF[ModelKind.CHECKPOINT],
            help="A folder with checkpoints, and those below it; may be given several times.",
        ),
    ):
        command = decorate(command)
    return command


def opened(data_dir: Path, **opening: Any) -> StableQueue:
    """The queue in ``data_dir``, and a warning for each model folder that is not there."""
    try:
        queue = StableQueue.open(data_dir, **opening)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise click.ClickException(
            f"The data folder {data_dir} cannot be used: {reason}."
        ) from error
    for root in queue.models.roots:
        if not root.folder.is_dir():
            click.echo(
                f"Warning: the model folder {root.folder} is not there; is its disk mounted? "
                "Models that were found in it before are kept, as missing.",
                err=True,
            )
    return queue


@contextmanager
def told_in_one_sentence() -> Iterator[None]:
    """What goes wrong is told on one line, and makes the exit code 1."""
    try:
        yield
    except CannotListen as error:
        raise click.ClickException(str(error)) from error
    except StableQueueError as error:
        raise click.ClickException(error.message) from error
