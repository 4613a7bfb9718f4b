"""What has changed in a folder since it was last looked at. Decides; opens nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from attrs import field, frozen

from stablequeue_core.models.files.extensions import is_model
from stablequeue_core.models.files.found import FoundFile
from stablequeue_core.models.files.previews import preview_stem, sample_stem
from stablequeue_core.models.files.sidecars.names import in_any_case, sidecar_stem
from stablequeue_core.models.model import Model, ModelKind
from stablequeue_core.models.paths import file_stem, joined
from stablequeue_core.models.roots import ModelRoot
from stablequeue_core.models.scanning.report import ScanProblem
from stablequeue_core.models.scanning.walking import Entry, FolderListing

_UNREADABLE = frozenset({"unreadable", "sidecar_unreadable"})

READERS_VERSION = 1
"""Grows when we learn to read more out of a file, so that every file is read once more."""


def fingerprint(listing: FolderListing, kind: ModelKind) -> str:
    """A text that changes whenever a name, a size or a time in the folder does."""
    # Written by C code for the whole list: one turn of a Python loop for each file costs more than
    # asking the system for its size and time.
    text = f"{READERS_VERSION} {kind} {listing.files!r}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


@frozen(kw_only=True)
class FolderChange:
    """What has changed in one folder.

    Attributes:
        new: files that are not known here.
        changed: known files that were written since, or have to be read again for another reason,
            and what was known of them.
        resurfaced: known files that are as they were but for the files beside them, or that were
            missing; and what was known of them.
        vanished: paths of those that are not here any more.
        unchanged: how many are as they were.
        problems: names that cannot be used.
    """

    new: Sequence[FoundFile] = ()
    changed: Sequence[tuple[FoundFile, Model]] = ()
    resurfaced: Sequence[tuple[FoundFile, Model]] = ()
    vanished: Sequence[str] = ()
    unchanged: int = 0
    problems: Sequence[ScanProblem] = field(factory=tuple)


def compare(root: ModelRoot, listing: FolderListing, known: Sequence[Model]) -> FolderChange:
    """Hold a folder against what is known of it.

    Args:
        root: whose folder it is.
        listing: what is there now.
        known: what was there, missing files too.
    """
    files: list[Entry] = []
    problems: list[ScanProblem] = []
    for entry in listing.files:
        if _is_text(listing.folder + entry[0]):
            files.append(entry)
        elif is_model(entry[0], root.kind):
            problems.append(_no_text(listing.folder, entry[0]))
    before = {model.filename: model for model in known}
    beside = _by_stem(files, root.kind)
    new: list[FoundFile] = []
    changed: list[tuple[FoundFile, Model]] = []
    resurfaced: list[tuple[FoundFile, Model]] = []
    unchanged = 0
    for name, size, mtime_ns in files:
        if not is_model(name, root.kind):
            continue
        company = beside.get(in_any_case(file_stem(name)), ())
        found = FoundFile(
            root=root,
            path=joined(listing.folder, name),
            size=size,
            mtime_ns=mtime_ns,
            beside=[other for other, _, _ in company],
            surroundings=_digest(company),
        )
        model = before.pop(name, None)
        if model is None:
            new.append(found)
        elif (model.size, model.mtime_ns) != (size, mtime_ns) or _must_be_read_again(model):
            changed.append((found, model))
        elif model.missing or model.surroundings != found.surroundings:
            resurfaced.append((found, model))
        else:
            unchanged += 1
    return FolderChange(
        new=new,
        changed=changed,
        resurfaced=resurfaced,
        vanished=[model.path for model in before.values() if not model.missing],
        unchanged=unchanged,
        problems=problems,
    )


def could_not_be_read(model: Model) -> bool:
    """Whether the disk, or its rights, were in the way: they may not be the next time."""
    return any(problem.code in _UNREADABLE for problem in model.problems)


def _must_be_read_again(model: Model) -> bool:
    version, _, _ = model.surroundings.partition(":")
    return version != str(READERS_VERSION) or could_not_be_read(model)


def _is_text(path: str) -> bool:
    """Linux has names that are bytes and no text; nobody could ask for such a file in JSON."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _by_stem(files: Sequence[Entry], kind: ModelKind) -> Mapping[str, Sequence[Entry]]:
    """The files that are no models, by the stem of the model that they belong to."""
    stems = {in_any_case(file_stem(name)) for name, _, _ in files if is_model(name, kind)}
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in files:
        name = entry[0]
        if is_model(name, kind):
            continue
        # `x.civitai.json` is of `x`, but may also be Forge's of a model that is called `x.civitai`.
        whose = (sidecar_stem(name), preview_stem(name), sample_stem(name), file_stem(name))
        owner = next((s for s in map(in_any_case, filter(None, whose)) if s in stems), None)
        if owner is not None:
            found[owner].append(entry)
    return found


def _digest(company: Sequence[Entry]) -> str:
    """How the sidecars and previews look; begins with the version of whoever reads them."""
    if not company:
        return str(READERS_VERSION)
    digest = blake2b(repr(sorted(company)).encode(), digest_size=16).hexdigest()
    return f"{READERS_VERSION}:{digest}"


def _no_text(folder: str, name: str) -> ScanProblem:
    shown = joined(folder, name).encode("utf-8", "backslashreplace").decode()
    return ScanProblem(
        path=shown,
        code="name_not_unicode",
        message=f"{shown!r} has a name that is no valid Unicode; rename it.",
    )
