"""The folders with models: which ones, and what lies in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen

from stablequeue_core.errors import FieldProblem, InvalidSettings
from stablequeue_core.models.model import ModelKind

AnyPath = str | os.PathLike[str]
Folders = AnyPath | Iterable[AnyPath]
"""One folder, or several."""

MODEL_DIRS = "STABLEQUEUE_MODEL_DIRS"
DIRS_OF: Mapping[ModelKind, str] = {
    ModelKind.CHECKPOINT: "STABLEQUEUE_CHECKPOINT_DIRS",
    ModelKind.LORA: "STABLEQUEUE_LORA_DIRS",
}
"""Variables that hold folders of one kind, separated like PATH."""


@frozen
class ModelRoot:
    """A folder whose files, and those below it, are models of one kind.

    Attributes:
        kind: what they are for.
        folder: absolute, with links resolved where it exists.
    """

    kind: ModelKind
    folder: Path

    @property
    def name(self) -> str:
        """How the store and the models call it."""
        return str(self.folder)


def model_roots(
    checkpoints: Folders | None = None,
    loras: Folders | None = None,
    model_dirs: Mapping[ModelKind | str, Folders] | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[ModelRoot, ...]:
    """The folders with models, each once: as given, else as the environment says.

    Args:
        checkpoints: folders with checkpoints; None leaves them to ``STABLEQUEUE_CHECKPOINT_DIRS``.
        loras: the same, and ``STABLEQUEUE_LORA_DIRS``.
        model_dirs: folders of other kinds, by kind; None leaves them to ``STABLEQUEUE_MODEL_DIRS``,
            which holds ``vae=/models/VAE`` and the like, separated like PATH.
        environment: instead of ``os.environ``.

    Raises:
        InvalidSettings: a kind that does not exist, or one folder for two kinds.

    Example:
        >>> [root.kind.value for root in model_roots(["a"], ["b"], {"vae": ["c"]}, {})]
        ['checkpoint', 'lora', 'vae']
    """
    environment = os.environ if environment is None else environment
    problems: list[FieldProblem] = []
    named: list[tuple[str, str, AnyPath]] = []
    for kind, given in ((ModelKind.CHECKPOINT, checkpoints), (ModelKind.LORA, loras)):
        variable = DIRS_OF[kind]
        source = variable if given is None else f"{kind.value}s"
        folders = _listed(environment.get(variable, "")) if given is None else _each(given)
        named += [(source, kind.value, folder) for folder in folders]
    if model_dirs is None:
        for text in _listed(environment.get(MODEL_DIRS, "")):
            kind_text, equals, path = text.partition("=")
            if equals and path:
                named.append((MODEL_DIRS, kind_text, path))
            else:
                problems.append(FieldProblem(MODEL_DIRS, f"{text!r} must look like vae=FOLDER."))
    else:
        for kind_given, several in model_dirs.items():
            named += [("model_dirs", str(kind_given), folder) for folder in _each(several)]
    roots: dict[Path, ModelRoot] = {}
    for source, kind_name, folder in named:
        if not os.fspath(folder).strip():
            problems.append(FieldProblem(source, "names an empty folder; leave it out instead."))
            continue
        try:
            root = ModelRoot(ModelKind(kind_name), _absolute(folder))
        except ValueError:
            known = ", ".join(ModelKind)
            problems.append(FieldProblem(source, f"{kind_name!r} is no kind of model: {known}."))
            continue
        other = roots.setdefault(root.folder, root)
        if other.kind is not root.kind:
            both = f"{other.kind} and {root.kind}"
            problems.append(FieldProblem(source, f"{folder} cannot hold both {both} files."))
    if problems:
        raise InvalidSettings(problems)
    return tuple(roots.values())


def _listed(text: str) -> list[str]:
    return [part for part in text.split(os.pathsep) if part.strip()]


def _each(folders: Folders) -> Iterable[AnyPath]:
    return [folders] if isinstance(folders, str | os.PathLike) else folders


def _absolute(folder: AnyPath) -> Path:
    return Path(folder).expanduser().resolve()
